use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::{Error, Result, timestamp};
use crate::domain::{Import, ImportId, ImportState, Timestamp, UserId, VideoId};

/// Videos whose files are fetched from elsewhere.
pub struct Imports<'c>(pub(super) &'c mut AnyConnection);

impl Imports<'_> {
    /// Adds one that is to be done.
    pub async fn create(&mut self, user_id: UserId, video_id: VideoId, target_url: &str) -> Result<ImportId> {
        let now = Timestamp::now().as_millis();
        let row = sqlx::query(
            "INSERT INTO video_imports (user_id, video_id, target_url, state, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        )
        .bind(user_id.0)
        .bind(video_id.0)
        .bind(target_url)
        .bind(ImportState::Pending.code())
        .bind(now)
        .bind(now)
        .fetch_one(&mut *self.0)
        .await?;
        Ok(ImportId(row.try_get("id")?))
    }

    /// By row id.
    pub async fn by_id(&mut self, id: ImportId) -> Result<Option<Import>> {
        let row = sqlx::query("SELECT * FROM video_imports WHERE id = $1").bind(id.0).fetch_optional(&mut *self.0).await?;
        row.as_ref().map(import).transpose()
    }

    /// A page of a user's imports, last first unless `oldest_first`, and how many there are; `only` those of this address or video.
    pub async fn of_user(
        &mut self,
        user_id: UserId,
        only: (Option<&str>, Option<VideoId>),
        oldest_first: bool,
        start: i64,
        count: i64,
    ) -> Result<(i64, Vec<Import>)> {
        // An empty address and video 0 stand for any.
        let (url, video) = (only.0.unwrap_or(""), only.1.map_or(0, |id| id.0));
        let total = sqlx::query(
            "SELECT COUNT(*) AS total FROM video_imports WHERE user_id = $1 AND ($2 = '' OR target_url = $2) AND ($3 = 0 OR video_id = $3)",
        )
        .bind(user_id.0)
        .bind(url)
        .bind(video)
        .fetch_one(&mut *self.0)
        .await?
        .try_get("total")?;
        let sql = if oldest_first {
            "SELECT * FROM video_imports WHERE user_id = $1 AND ($2 = '' OR target_url = $2) AND ($3 = 0 OR video_id = $3)
             ORDER BY id LIMIT $4 OFFSET $5"
        } else {
            "SELECT * FROM video_imports WHERE user_id = $1 AND ($2 = '' OR target_url = $2) AND ($3 = 0 OR video_id = $3)
             ORDER BY id DESC LIMIT $4 OFFSET $5"
        };
        let rows = sqlx::query(sql).bind(user_id.0).bind(url).bind(video).bind(count).bind(start).fetch_all(&mut *self.0).await?;
        Ok((total, rows.iter().map(import).collect::<Result<_>>()?))
    }

    /// Whether [`Imports::claim`] would find one.
    pub async fn any_claimable(&mut self) -> Result<bool> {
        let row = sqlx::query(
            "SELECT i.id FROM video_imports i WHERE i.state = $1 AND NOT EXISTS
             (SELECT 1 FROM video_imports r WHERE r.user_id = i.user_id AND r.state = $2) LIMIT 1",
        )
        .bind(ImportState::Pending.code())
        .bind(ImportState::Processing.code())
        .fetch_optional(&mut *self.0)
        .await?;
        Ok(row.is_some())
    }

    /// Takes one that waits; it is being fetched from then on. Of each user one at a time, and each user in turn: the oldest of the
    /// user whose id comes after `last`, whose turn it was before.
    pub async fn claim(&mut self, last: UserId) -> Result<Option<Import>> {
        let row = sqlx::query(
            "UPDATE video_imports SET state = $1, updated_at = $2 WHERE state = $3 AND id =
             (SELECT i.id FROM video_imports i WHERE i.state = $3 AND NOT EXISTS
                (SELECT 1 FROM video_imports r WHERE r.user_id = i.user_id AND r.state = $1)
              ORDER BY CASE WHEN i.user_id > $4 THEN 0 ELSE 1 END, i.user_id, i.id LIMIT 1) RETURNING *",
        )
        .bind(ImportState::Processing.code())
        .bind(Timestamp::now().as_millis())
        .bind(ImportState::Pending.code())
        .bind(last.0)
        .fetch_optional(&mut *self.0)
        .await?;
        row.as_ref().map(import).transpose()
    }

    /// What was being fetched when the server died waits again.
    pub async fn recover(&mut self) -> Result<()> {
        sqlx::query("UPDATE video_imports SET state = $1 WHERE state = $2")
            .bind(ImportState::Pending.code())
            .bind(ImportState::Processing.code())
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// How many of a user are not over.
    pub async fn open_of(&mut self, user_id: UserId) -> Result<i64> {
        let row = sqlx::query("SELECT COUNT(*) AS total FROM video_imports WHERE user_id = $1 AND state IN ($2, $3)")
            .bind(user_id.0)
            .bind(ImportState::Pending.code())
            .bind(ImportState::Processing.code())
            .fetch_one(&mut *self.0)
            .await?;
        Ok(row.try_get("total")?)
    }

    /// Moves an import on, unless it is over. False when it is, or is gone.
    pub async fn set_state(&mut self, id: ImportId, state: ImportState, error: Option<&str>) -> Result<bool> {
        let result = sqlx::query("UPDATE video_imports SET state = $1, error = $2, updated_at = $3 WHERE id = $4 AND state IN ($5, $6)")
            .bind(state.code())
            .bind(error)
            .bind(Timestamp::now().as_millis())
            .bind(id.0)
            .bind(ImportState::Pending.code())
            .bind(ImportState::Processing.code())
            .execute(&mut *self.0)
            .await?;
        Ok(result.rows_affected() > 0)
    }

    /// Begins a failed one again. False when it did not fail.
    pub async fn retry(&mut self, id: ImportId) -> Result<bool> {
        let result = sqlx::query("UPDATE video_imports SET state = $1, error = NULL, updated_at = $2 WHERE id = $3 AND state = $4")
            .bind(ImportState::Pending.code())
            .bind(Timestamp::now().as_millis())
            .bind(id.0)
            .bind(ImportState::Failed.code())
            .execute(&mut *self.0)
            .await?;
        Ok(result.rows_affected() > 0)
    }

    /// Forgets one.
    pub async fn delete(&mut self, id: ImportId) -> Result<()> {
        sqlx::query("DELETE FROM video_imports WHERE id = $1").bind(id.0).execute(&mut *self.0).await?;
        Ok(())
    }
}

fn import(row: &AnyRow) -> Result<Import> {
    Ok(Import {
        id: ImportId(row.try_get("id")?),
        user_id: UserId(row.try_get("user_id")?),
        video_id: row.try_get::<Option<i64>, _>("video_id")?.map(VideoId),
        target_url: row.try_get("target_url")?,
        state: ImportState::from_code(row.try_get("state")?).ok_or(Error::Corrupt("video_imports.state"))?,
        error: row.try_get("error")?,
        created_at: timestamp(row, "created_at")?,
        updated_at: timestamp(row, "updated_at")?,
    })
}
