use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::{Error, Result, flag, timestamp};
use crate::domain::{Export, ExportId, ExportState, Timestamp, UserId};

/// Archives of what users have here.
pub struct Exports<'c>(pub(super) &'c mut AnyConnection);

impl Exports<'_> {
    /// By row id.
    pub async fn by_id(&mut self, id: ExportId) -> Result<Option<Export>> {
        let row = sqlx::query("SELECT * FROM user_exports WHERE id = $1").bind(id.0).fetch_optional(&mut *self.0).await?;
        row.as_ref().map(export).transpose()
    }

    /// By its file's name.
    pub async fn by_file(&mut self, file: &str) -> Result<Option<Export>> {
        let row = sqlx::query("SELECT * FROM user_exports WHERE file = $1").bind(file).fetch_optional(&mut *self.0).await?;
        row.as_ref().map(export).transpose()
    }

    /// All of a user, newest first.
    pub async fn of_user(&mut self, user_id: UserId) -> Result<Vec<Export>> {
        let rows =
            sqlx::query("SELECT * FROM user_exports WHERE user_id = $1 ORDER BY id DESC").bind(user_id.0).fetch_all(&mut *self.0).await?;
        rows.iter().map(export).collect()
    }

    /// Adds one that is to be written.
    pub async fn create(&mut self, user_id: UserId, with_video_files: bool, file: &str) -> Result<ExportId> {
        let now = Timestamp::now().as_millis();
        let row = sqlx::query(
            "INSERT INTO user_exports (user_id, state, with_video_files, file, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        )
        .bind(user_id.0)
        .bind(ExportState::Pending.code())
        .bind(i64::from(with_video_files))
        .bind(file)
        .bind(now)
        .bind(now)
        .fetch_one(&mut *self.0)
        .await?;
        Ok(ExportId(row.try_get("id")?))
    }

    /// Moves it to another state. False when it is gone.
    pub async fn set_state(&mut self, id: ExportId, state: ExportState, size_bytes: i64, error: Option<&str>) -> Result<bool> {
        let result = sqlx::query("UPDATE user_exports SET state = $1, size_bytes = $2, error = $3, updated_at = $4 WHERE id = $5")
            .bind(state.code())
            .bind(size_bytes)
            .bind(error)
            .bind(Timestamp::now().as_millis())
            .bind(id.0)
            .execute(&mut *self.0)
            .await?;
        Ok(result.rows_affected() > 0)
    }

    /// Forgets it; the file is the caller's. False when it was gone.
    pub async fn delete(&mut self, id: ExportId) -> Result<bool> {
        let result = sqlx::query("DELETE FROM user_exports WHERE id = $1").bind(id.0).execute(&mut *self.0).await?;
        Ok(result.rows_affected() > 0)
    }
}

fn export(row: &AnyRow) -> Result<Export> {
    Ok(Export {
        id: ExportId(row.try_get("id")?),
        user_id: UserId(row.try_get("user_id")?),
        state: ExportState::from_code(row.try_get("state")?).ok_or(Error::Corrupt("user_exports.state"))?,
        with_video_files: flag(row, "with_video_files")?,
        file: row.try_get("file")?,
        size_bytes: row.try_get("size_bytes")?,
        created_at: timestamp(row, "created_at")?,
    })
}
