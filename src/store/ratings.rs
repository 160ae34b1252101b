use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::Result;
use super::videos::Videos;
use crate::domain::{AccountId, Rating, Timestamp, Video, VideoId};

/// Ratings of account $1 (only $2, or 0) of videos that a user may watch, as `http::extract::may_watch` has it: their own; what is public,
/// unlisted or internal, and published, waiting for its live or over. All of them if $3 is 1.
const SHOWN: &str = "FROM video_rates r JOIN videos v ON v.id = r.video_id JOIN channels c ON c.id = v.channel_id
    WHERE r.account_id = $1 AND ($2 = 0 OR r.rating = $2)
        AND ($3 = 1 OR c.account_id = $1 OR (v.privacy IN (1, 2, 4) AND v.state IN (1, 4, 5)))";

/// What accounts think of videos.
pub struct Ratings<'c>(pub(super) &'c mut AnyConnection);

impl Ratings<'_> {
    /// What this account thinks of this video.
    pub async fn of(&mut self, account_id: AccountId, video_id: VideoId) -> Result<Option<Rating>> {
        let row = sqlx::query("SELECT rating FROM video_rates WHERE account_id = $1 AND video_id = $2")
            .bind(account_id.0)
            .bind(video_id.0)
            .fetch_optional(&mut *self.0)
            .await?;
        let code = row.map(|row| row.try_get("rating")).transpose()?;
        Ok(code.and_then(Rating::from_code))
    }

    /// Notes what this account thinks of this video (`None`: nothing any more), and sums it up.
    pub async fn rate(&mut self, account_id: AccountId, video_id: VideoId, rating: Option<Rating>) -> Result<()> {
        match rating {
            Some(rating) => {
                sqlx::query(
                    "INSERT INTO video_rates (account_id, video_id, rating, updated_at) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (account_id, video_id) DO UPDATE SET rating = excluded.rating, updated_at = excluded.updated_at",
                )
                .bind(account_id.0)
                .bind(video_id.0)
                .bind(rating.code())
                .bind(Timestamp::now().as_millis())
                .execute(&mut *self.0)
                .await?;
            }
            None => {
                sqlx::query("DELETE FROM video_rates WHERE account_id = $1 AND video_id = $2")
                    .bind(account_id.0)
                    .bind(video_id.0)
                    .execute(&mut *self.0)
                    .await?;
            }
        }
        sqlx::query(
            "UPDATE videos SET likes = (SELECT COUNT(*) FROM video_rates r WHERE r.video_id = $1 AND r.rating = 1),
                dislikes = (SELECT COUNT(*) FROM video_rates r WHERE r.video_id = $1 AND r.rating = -1) WHERE id = $1",
        )
        .bind(video_id.0)
        .execute(&mut *self.0)
        .await?;
        Videos(&mut *self.0).rank(video_id).await
    }

    /// A page of what this account rated, last first, and how many there are; `only` likes or dislikes. Videos that were
    /// taken back since are not among them, not even their titles, unless the account may `see_all`.
    pub async fn of_account(
        &mut self,
        account_id: AccountId,
        see_all: bool,
        only: Option<Rating>,
        start: i64,
        count: i64,
    ) -> Result<(i64, Vec<(Rating, Video)>)> {
        // 0 stands for both.
        let only = only.map_or(0, Rating::code);
        let total = sqlx::query(AssertSqlSafe(format!("SELECT COUNT(*) AS total {SHOWN}")))
            .bind(account_id.0)
            .bind(only)
            .bind(i64::from(see_all))
            .fetch_one(&mut *self.0)
            .await?
            .try_get("total")?;
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT r.video_id AS video_id, r.rating AS rating {SHOWN} ORDER BY r.updated_at DESC, r.video_id DESC LIMIT $4 OFFSET $5"
        )))
        .bind(account_id.0)
        .bind(only)
        .bind(i64::from(see_all))
        .bind(count)
        .bind(start)
        .fetch_all(&mut *self.0)
        .await?;
        let mut rated = Vec::with_capacity(rows.len());
        for row in &rows {
            let id = VideoId(row.try_get("video_id")?);
            let rating = Rating::from_code(row.try_get("rating")?).ok_or(super::Error::Corrupt("video_rates.rating"))?;
            if let Some(video) = Videos(&mut *self.0).by_id(id).await? {
                rated.push((rating, video));
            }
        }
        Ok((total, rated))
    }
}
