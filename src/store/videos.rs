use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::channels::channel;
use super::{Error, Result, flag, maybe_timestamp, timestamp};
use crate::domain::{ChannelId, CommentsPolicy, Privacy, Schedule, Timestamp, Video, VideoId, VideoState, hotness};

/// Milliseconds of a day, for the per-day counts.
const DAY_MS: i64 = 86_400_000;

/// Videos.
pub struct Videos<'c>(pub(super) &'c mut AnyConnection);

/// A video to be; what is not named here has its default.
#[derive(Clone, Debug)]
pub struct NewVideo {
    /// The public id.
    pub uuid: Uuid,
    /// Where it belongs.
    pub channel_id: ChannelId,
    /// Title, checked.
    pub name: String,
    /// Markdown.
    pub description: Option<String>,
    /// How to support its makers.
    pub support: Option<String>,
    /// Vocabulary id.
    pub category: Option<i64>,
    /// Vocabulary id.
    pub licence: Option<i64>,
    /// Vocabulary id.
    pub language: Option<String>,
    /// Who may see it.
    pub privacy: Privacy,
    /// Not safe for work.
    pub nsfw: bool,
    /// Where it stands.
    pub state: VideoState,
    /// A live.
    pub is_live: bool,
    /// Length in milliseconds.
    pub duration_ms: i64,
    /// Width over height.
    pub aspect_ratio: Option<f64>,
    /// Who may comment.
    pub comments_policy: CommentsPolicy,
    /// Viewers may download.
    pub download_enabled: bool,
    /// Checked.
    pub tags: Vec<String>,
}

impl NewVideo {
    /// A live that has not begun, open to everybody.
    pub fn live(uuid: Uuid, channel_id: ChannelId, name: String) -> Self {
        Self {
            uuid,
            channel_id,
            name,
            description: None,
            support: None,
            category: None,
            licence: None,
            language: None,
            privacy: Privacy::Public,
            nsfw: false,
            state: VideoState::WaitingForLive,
            is_live: true,
            duration_ms: 0,
            aspect_ratio: None,
            comments_policy: CommentsPolicy::Enabled,
            download_enabled: true,
            tags: Vec::new(),
        }
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT v.id AS v_id, v.uuid, v.name, v.description, v.support, v.category, v.licence, v.language, v.privacy, v.nsfw, v.state,
                v.is_live, v.remote, v.url, v.duration_ms, v.aspect_ratio, v.views, v.likes, v.dislikes, v.thumbnail, v.preview,
                v.comments_policy, v.download_enabled, v.wait_transcoding, v.created_at, v.updated_at, v.published_at,
                v.originally_published_at, v.input_file_updated_at,
                sc.update_at AS sc_update_at, sc.privacy AS sc_privacy,
                c.id AS c_id, c.display_name AS c_display_name, c.description AS c_description, c.support AS c_support,
                ca.id AS ca_id, ca.name AS ca_name, ca.host AS ca_host, ca.url AS ca_url, ca.followers_count AS ca_followers_count,
                ca.following_count AS ca_following_count, ca.created_at AS ca_created_at, ca.updated_at AS ca_updated_at, ca.images AS ca_images,
                a.id AS a_id, a.display_name AS a_display_name, a.description AS a_description, u.id AS a_user_id,
                aa.id AS aa_id, aa.name AS aa_name, aa.host AS aa_host, aa.url AS aa_url, aa.followers_count AS aa_followers_count,
                aa.following_count AS aa_following_count, aa.created_at AS aa_created_at, aa.updated_at AS aa_updated_at, aa.images AS aa_images
             FROM videos v JOIN channels c ON c.id = v.channel_id JOIN actors ca ON ca.id = c.actor_id
             JOIN accounts a ON a.id = c.account_id JOIN actors aa ON aa.id = a.actor_id LEFT JOIN users u ON u.account_id = a.id
             LEFT JOIN video_schedules sc ON sc.video_id = v.id ",
            $rest
        )
    };
}

/// A video's columns and where they come from; a WHERE clause may follow.
pub(super) const SELECT: &str = select!("");

impl Videos<'_> {
    /// By row id.
    pub async fn by_id(&mut self, id: VideoId) -> Result<Option<Video>> {
        let row = sqlx::query(select!("WHERE v.id = $1")).bind(id.0).fetch_optional(&mut *self.0).await?;
        row.as_ref().map(video).transpose()
    }

    /// By public id.
    pub async fn by_uuid(&mut self, uuid: Uuid) -> Result<Option<Video>> {
        let row = sqlx::query(select!("WHERE v.uuid = $1")).bind(uuid.to_string()).fetch_optional(&mut *self.0).await?;
        row.as_ref().map(video).transpose()
    }

    /// Adds a video with its tags.
    pub async fn create(&mut self, new: &NewVideo) -> Result<VideoId> {
        let now = Timestamp::now().as_millis();
        let row = sqlx::query(
            "INSERT INTO videos (uuid, channel_id, name, description, support, category, licence, language, privacy, nsfw, state, is_live,
                duration_ms, aspect_ratio, comments_policy, download_enabled, created_at, updated_at, published_at, hot)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, CAST($14 AS DOUBLE PRECISION) / 10000, $15, $16, $17, $18, $19, $20) RETURNING id",
        )
        .bind(new.uuid.to_string())
        .bind(new.channel_id.0)
        .bind(&new.name)
        .bind(&new.description)
        .bind(&new.support)
        .bind(new.category)
        .bind(new.licence)
        .bind(&new.language)
        .bind(new.privacy.code())
        .bind(i64::from(new.nsfw))
        .bind(new.state.code())
        .bind(i64::from(new.is_live))
        .bind(new.duration_ms)
        .bind(ten_thousandths(new.aspect_ratio))
        .bind(new.comments_policy.code())
        .bind(i64::from(new.download_enabled))
        .bind(now)
        .bind(now)
        .bind(now)
        .bind(hotness(0, 0, 0, Timestamp::from_millis(now)))
        .fetch_one(&mut *self.0)
        .await?;
        let id = VideoId(row.try_get("id")?);
        // Makes it findable too.
        self.set_tags(id, &new.tags).await?;
        Ok(id)
    }

    /// Writes back what people and the live room may change; notes the time.
    pub async fn update(&mut self, video: &Video) -> Result<()> {
        sqlx::query(
            "UPDATE videos SET channel_id = $1, name = $2, description = $3, support = $4, category = $5, licence = $6, language = $7,
                privacy = $8, nsfw = $9, state = $10, is_live = $11, duration_ms = $12, aspect_ratio = CAST($13 AS DOUBLE PRECISION) / 10000, thumbnail = $14, preview = $15,
                comments_policy = $16, download_enabled = $17, wait_transcoding = $18, published_at = $19,
                originally_published_at = $20, input_file_updated_at = $21, hot = $22, updated_at = $23 WHERE id = $24",
        )
        .bind(video.channel.id.0)
        .bind(&video.name)
        .bind(&video.description)
        .bind(&video.support)
        .bind(video.category)
        .bind(video.licence)
        .bind(&video.language)
        .bind(video.privacy.code())
        .bind(i64::from(video.nsfw))
        .bind(video.state.code())
        .bind(i64::from(video.is_live))
        .bind(video.duration_ms)
        .bind(ten_thousandths(video.aspect_ratio))
        .bind(&video.thumbnail)
        .bind(&video.preview)
        .bind(video.comments_policy.code())
        .bind(i64::from(video.download_enabled))
        .bind(i64::from(video.wait_transcoding))
        .bind(video.published_at.as_millis())
        .bind(video.originally_published_at.map(Timestamp::as_millis))
        .bind(video.input_file_updated_at.map(Timestamp::as_millis))
        .bind(hotness(video.views, video.likes, video.dislikes, video.published_at))
        .bind(Timestamp::now().as_millis())
        .bind(video.id.0)
        .execute(&mut *self.0)
        .await?;
        self.make_findable(video.id).await
    }

    /// Moves a video to another state; nothing else changes. False when the video is gone.
    pub async fn set_state(&mut self, id: VideoId, state: VideoState) -> Result<bool> {
        let result = sqlx::query("UPDATE videos SET state = $1, updated_at = $2 WHERE id = $3")
            .bind(state.code())
            .bind(Timestamp::now().as_millis())
            .bind(id.0)
            .execute(&mut *self.0)
            .await?;
        Ok(result.rows_affected() > 0)
    }

    /// Notes that a live went on the air at `at`, with this picture shape. False when the video is gone.
    pub async fn went_live(&mut self, id: VideoId, at: Timestamp, aspect_ratio: Option<f64>) -> Result<bool> {
        let result = sqlx::query(
            "UPDATE videos SET state = $1, published_at = $2, updated_at = $2, aspect_ratio = COALESCE(CAST($3 AS DOUBLE PRECISION) / 10000, aspect_ratio),
                hot = $4 WHERE id = $5",
        )
        .bind(VideoState::Published.code())
        .bind(at.as_millis())
        .bind(ten_thousandths(aspect_ratio))
        // What was thought of its earlier broadcasts counts again with the next view.
        .bind(hotness(0, 0, 0, at))
        .bind(id.0)
        .execute(&mut *self.0)
        .await?;
        Ok(result.rows_affected() > 0)
    }

    /// Sets the pictures shown before playing: file names below the thumbnails' folder.
    pub async fn set_pictures(&mut self, id: VideoId, thumbnail: &str, preview: &str) -> Result<()> {
        sqlx::query("UPDATE videos SET thumbnail = $1, preview = $2 WHERE id = $3")
            .bind(thumbnail)
            .bind(preview)
            .bind(id.0)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Removes a video with everything that hangs on it. False when it was gone.
    pub async fn delete(&mut self, id: VideoId) -> Result<bool> {
        let result = sqlx::query("DELETE FROM videos WHERE id = $1").bind(id.0).execute(&mut *self.0).await?;
        Ok(result.rows_affected() > 0)
    }

    /// A video's tags in their order.
    pub async fn tags(&mut self, id: VideoId) -> Result<Vec<String>> {
        let rows =
            sqlx::query("SELECT tag FROM video_tags WHERE video_id = $1 ORDER BY position").bind(id.0).fetch_all(&mut *self.0).await?;
        Ok(rows.iter().map(|row| row.try_get("tag")).collect::<sqlx::Result<_>>()?)
    }

    /// Replaces a video's tags.
    pub async fn set_tags(&mut self, id: VideoId, tags: &[String]) -> Result<()> {
        sqlx::query("DELETE FROM video_tags WHERE video_id = $1").bind(id.0).execute(&mut *self.0).await?;
        for (position, tag) in (0_i64..).zip(tags) {
            sqlx::query("INSERT INTO video_tags (video_id, position, tag) VALUES ($1, $2, $3)")
                .bind(id.0)
                .bind(position)
                .bind(tag)
                .execute(&mut *self.0)
                .await?;
        }
        self.make_findable(id).await
    }

    /// Brings what lists are searched in up to date with title and tags.
    async fn make_findable(&mut self, id: VideoId) -> Result<()> {
        let row = sqlx::query("SELECT name FROM videos WHERE id = $1").bind(id.0).fetch_optional(&mut *self.0).await?;
        let Some(row) = row else { return Ok(()) };
        let mut text: String = row.try_get("name")?;
        for tag in self.tags(id).await? {
            text.push('\n');
            text.push_str(&tag);
        }
        sqlx::query("DELETE FROM video_search WHERE rowid = $1").bind(id.0).execute(&mut *self.0).await?;
        sqlx::query("INSERT INTO video_search (rowid, text) VALUES ($1, $2)")
            .bind(id.0)
            .bind(text.to_lowercase())
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Adds `views` counted until `at`; a video that is gone counts nothing.
    pub async fn add_views(&mut self, uuid: Uuid, views: i64, at: Timestamp) -> Result<()> {
        let row = sqlx::query("UPDATE videos SET views = views + $1, trending = trending + $1 WHERE uuid = $2 RETURNING id")
            .bind(views)
            .bind(uuid.to_string())
            .fetch_optional(&mut *self.0)
            .await?;
        let Some(row) = row else { return Ok(()) };
        let id: i64 = row.try_get("id")?;
        sqlx::query(
            "INSERT INTO video_views (video_id, day, views) VALUES ($1, $2, $3)
             ON CONFLICT (video_id, day) DO UPDATE SET views = video_views.views + excluded.views",
        )
        .bind(id)
        .bind(at.as_millis().div_euclid(DAY_MS))
        .bind(views)
        .execute(&mut *self.0)
        .await?;
        self.rank(VideoId(id)).await
    }

    /// Works out anew where a video stands in `-hot`, after its views or likes changed.
    pub(super) async fn rank(&mut self, id: VideoId) -> Result<()> {
        let row = sqlx::query("SELECT views, likes, dislikes, published_at FROM videos WHERE id = $1")
            .bind(id.0)
            .fetch_optional(&mut *self.0)
            .await?;
        let Some(row) = row else { return Ok(()) };
        let hot = hotness(row.try_get("views")?, row.try_get("likes")?, row.try_get("dislikes")?, timestamp(&row, "published_at")?);
        sqlx::query("UPDATE videos SET hot = $1 WHERE id = $2").bind(hot).bind(id.0).execute(&mut *self.0).await?;
        Ok(())
    }

    /// Counts the views of the last `days` anew, for `-trending`: old ones fall out.
    pub async fn refresh_trending(&mut self, days: i64, now: Timestamp) -> Result<()> {
        let first = now.as_millis().div_euclid(DAY_MS) - days + 1;
        sqlx::query(
            "UPDATE videos SET trending = (SELECT CAST(COALESCE(SUM(w.views), 0) AS BIGINT) FROM video_views w
                WHERE w.video_id = videos.id AND w.day >= $1) WHERE trending > 0",
        )
        .bind(first)
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// Whether there is such a video.
    pub async fn exists(&mut self, uuid: Uuid) -> Result<bool> {
        let row = sqlx::query("SELECT id FROM videos WHERE uuid = $1").bind(uuid.to_string()).fetch_optional(&mut *self.0).await?;
        Ok(row.is_some())
    }

    /// How many local videos there are, and their views.
    pub async fn totals(&mut self) -> Result<(i64, i64)> {
        let row = sqlx::query("SELECT COUNT(*) AS total, CAST(COALESCE(SUM(views), 0) AS BIGINT) AS views FROM videos WHERE remote = 0")
            .fetch_one(&mut *self.0)
            .await?;
        Ok((row.try_get("total")?, row.try_get("views")?))
    }
}

/// Fractions travel as whole numbers: sqlx's Any gives a NULL float another type than a float, and
/// PostgreSQL then refuses one of the two in a prepared statement.
fn ten_thousandths(ratio: Option<f64>) -> Option<i64> {
    ratio.map(|ratio| (ratio * 10_000.0).round() as i64)
}

/// Reads a video from the columns of [`SELECT`].
pub(super) fn video(row: &AnyRow) -> Result<Video> {
    let uuid: String = row.try_get("uuid")?;
    Ok(Video {
        id: VideoId(row.try_get("v_id")?),
        uuid: Uuid::parse_str(&uuid).map_err(|_| Error::Corrupt("videos.uuid"))?,
        channel: channel(row)?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        support: row.try_get("support")?,
        category: row.try_get("category")?,
        licence: row.try_get("licence")?,
        language: row.try_get("language")?,
        privacy: Privacy::from_code(row.try_get("privacy")?).ok_or(Error::Corrupt("videos.privacy"))?,
        nsfw: flag(row, "nsfw")?,
        state: VideoState::from_code(row.try_get("state")?).ok_or(Error::Corrupt("videos.state"))?,
        is_live: flag(row, "is_live")?,
        remote: flag(row, "remote")?,
        url: row.try_get("url")?,
        duration_ms: row.try_get("duration_ms")?,
        aspect_ratio: row.try_get("aspect_ratio")?,
        views: row.try_get("views")?,
        likes: row.try_get("likes")?,
        dislikes: row.try_get("dislikes")?,
        thumbnail: row.try_get("thumbnail")?,
        preview: row.try_get("preview")?,
        comments_policy: CommentsPolicy::from_code(row.try_get("comments_policy")?).ok_or(Error::Corrupt("videos.comments_policy"))?,
        download_enabled: flag(row, "download_enabled")?,
        wait_transcoding: flag(row, "wait_transcoding")?,
        created_at: timestamp(row, "created_at")?,
        updated_at: timestamp(row, "updated_at")?,
        published_at: timestamp(row, "published_at")?,
        originally_published_at: maybe_timestamp(row, "originally_published_at")?,
        input_file_updated_at: maybe_timestamp(row, "input_file_updated_at")?,
        schedule: match (maybe_timestamp(row, "sc_update_at")?, row.try_get::<Option<i64>, _>("sc_privacy")?.and_then(Privacy::from_code)) {
            (Some(update_at), Some(privacy)) => Some(Schedule { update_at, privacy }),
            _ => None,
        },
    })
}
