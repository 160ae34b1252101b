use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{AnyConnection, Arguments as _, AssertSqlSafe, Row as _};
use uuid::Uuid;

use super::channels::channel;
use super::{Error, Result, flag, maybe_timestamp, timestamp};
use crate::domain::{AccountId, ChannelId, CommentsPolicy, Privacy, Timestamp, Video, VideoId, VideoState};

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

/// Which videos a list holds.
#[derive(Clone, Debug, Default)]
pub struct VideoFilter {
    /// Only these privacies; empty: any.
    pub privacies: Vec<Privacy>,
    /// Only these states; empty: any.
    pub states: Vec<VideoState>,
    /// Only (no) lives.
    pub is_live: Option<bool>,
    /// Only local (remote) ones.
    pub is_local: Option<bool>,
    /// Only (no) adult content.
    pub nsfw: Option<bool>,
    /// Only of this account.
    pub account: Option<AccountId>,
    /// Only of this channel.
    pub channel: Option<ChannelId>,
    /// Only of these categories; empty: any.
    pub categories: Vec<i64>,
    /// Only of these licences; empty: any.
    pub licences: Vec<i64>,
    /// Only of these languages; empty: any.
    pub languages: Vec<String>,
    /// With at least one of these tags; empty: any.
    pub tags: Vec<String>,
    /// Title or description contains this.
    pub search: Option<String>,
    /// Order.
    pub sort: Sort,
    /// Rows skipped.
    pub start: i64,
    /// Most rows.
    pub count: i64,
}

/// The order of a list, as PeerTube's `sort` names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// `-publishedAt`, also what an unknown name means.
    #[default]
    NewestPublished,
    /// `publishedAt`
    OldestPublished,
    /// `-createdAt`
    NewestCreated,
    /// `createdAt`
    OldestCreated,
    /// `-updatedAt`
    NewestUpdated,
    /// `name`
    Name,
    /// `-name`
    NameReversed,
    /// `-duration`
    Longest,
    /// `duration`
    Shortest,
    /// `-views`, `-trending`, `-hot`, `-best`
    MostViewed,
    /// `views`
    LeastViewed,
    /// `-likes`
    MostLiked,
}

impl Sort {
    /// From PeerTube's name; `None` when there is no such order.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "-publishedAt" | "-originallyPublishedAt" => Self::NewestPublished,
            "publishedAt" | "originallyPublishedAt" => Self::OldestPublished,
            "-createdAt" => Self::NewestCreated,
            "createdAt" => Self::OldestCreated,
            "-updatedAt" => Self::NewestUpdated,
            "name" => Self::Name,
            "-name" => Self::NameReversed,
            "-duration" => Self::Longest,
            "duration" => Self::Shortest,
            "-views" | "-trending" | "-hot" | "-best" | "-match" => Self::MostViewed,
            "views" => Self::LeastViewed,
            "-likes" => Self::MostLiked,
            _ => return None,
        })
    }

    fn sql(self) -> &'static str {
        match self {
            Self::NewestPublished => "v.published_at DESC, v.id DESC",
            Self::OldestPublished => "v.published_at, v.id",
            Self::NewestCreated => "v.created_at DESC, v.id DESC",
            Self::OldestCreated => "v.created_at, v.id",
            Self::NewestUpdated => "v.updated_at DESC, v.id DESC",
            Self::Name => "LOWER(v.name), v.id",
            Self::NameReversed => "LOWER(v.name) DESC, v.id DESC",
            Self::Longest => "v.duration_ms DESC, v.id DESC",
            Self::Shortest => "v.duration_ms, v.id",
            Self::MostViewed => "v.views DESC, v.id DESC",
            Self::LeastViewed => "v.views, v.id",
            Self::MostLiked => "v.likes DESC, v.id DESC",
        }
    }
}

macro_rules! from {
    () => {
        " FROM videos v JOIN channels c ON c.id = v.channel_id JOIN actors ca ON ca.id = c.actor_id
          JOIN accounts a ON a.id = c.account_id JOIN actors aa ON aa.id = a.actor_id LEFT JOIN users u ON u.account_id = a.id "
    };
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT v.id AS v_id, v.uuid, v.name, v.description, v.support, v.category, v.licence, v.language, v.privacy, v.nsfw, v.state,
                v.is_live, v.remote, v.url, v.duration_ms, v.aspect_ratio, v.views, v.likes, v.dislikes, v.thumbnail, v.preview,
                v.comments_policy, v.download_enabled, v.wait_transcoding, v.created_at, v.updated_at, v.published_at,
                v.originally_published_at,
                c.id AS c_id, c.display_name AS c_display_name, c.description AS c_description, c.support AS c_support,
                ca.id AS ca_id, ca.name AS ca_name, ca.host AS ca_host, ca.url AS ca_url, ca.followers_count AS ca_followers_count,
                ca.following_count AS ca_following_count, ca.created_at AS ca_created_at, ca.updated_at AS ca_updated_at, ca.images AS ca_images,
                a.id AS a_id, a.display_name AS a_display_name, a.description AS a_description, u.id AS a_user_id,
                aa.id AS aa_id, aa.name AS aa_name, aa.host AS aa_host, aa.url AS aa_url, aa.followers_count AS aa_followers_count,
                aa.following_count AS aa_following_count, aa.created_at AS aa_created_at, aa.updated_at AS aa_updated_at, aa.images AS aa_images",
            from!(),
            $rest
        )
    };
}

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

    /// A page of the videos that pass `filter`, and how many pass in all.
    pub async fn list(&mut self, filter: &VideoFilter) -> Result<(i64, Vec<Video>)> {
        let conditions = Conditions::of(filter)?;
        let where_clause = conditions.sql();
        let total = sqlx::query_with(AssertSqlSafe(format!("SELECT COUNT(*) AS total{}{where_clause}", from!())), conditions.arguments)
            .fetch_one(&mut *self.0)
            .await?
            .try_get("total")?;
        let mut conditions = Conditions::of(filter)?;
        let limit = conditions.bind(filter.count)?;
        let offset = conditions.bind(filter.start)?;
        let sql = format!("{}{where_clause} ORDER BY {} LIMIT {limit} OFFSET {offset}", select!(""), filter.sort.sql());
        let rows = sqlx::query_with(AssertSqlSafe(sql), conditions.arguments).fetch_all(&mut *self.0).await?;
        Ok((total, rows.iter().map(video).collect::<Result<_>>()?))
    }

    /// Adds a video with its tags.
    pub async fn create(&mut self, new: &NewVideo) -> Result<VideoId> {
        let now = Timestamp::now().as_millis();
        let row = sqlx::query(
            "INSERT INTO videos (uuid, channel_id, name, description, support, category, licence, language, privacy, nsfw, state, is_live,
                duration_ms, aspect_ratio, comments_policy, download_enabled, created_at, updated_at, published_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, CAST($14 AS DOUBLE PRECISION) / 10000, $15, $16, $17, $18, $19) RETURNING id",
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
        .fetch_one(&mut *self.0)
        .await?;
        let id = VideoId(row.try_get("id")?);
        self.set_tags(id, &new.tags).await?;
        Ok(id)
    }

    /// Writes back what people and the live room may change; notes the time.
    pub async fn update(&mut self, video: &Video) -> Result<()> {
        sqlx::query(
            "UPDATE videos SET channel_id = $1, name = $2, description = $3, support = $4, category = $5, licence = $6, language = $7,
                privacy = $8, nsfw = $9, state = $10, is_live = $11, duration_ms = $12, aspect_ratio = CAST($13 AS DOUBLE PRECISION) / 10000, thumbnail = $14, preview = $15,
                comments_policy = $16, download_enabled = $17, wait_transcoding = $18, published_at = $19,
                originally_published_at = $20, updated_at = $21 WHERE id = $22",
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
        .bind(Timestamp::now().as_millis())
        .bind(video.id.0)
        .execute(&mut *self.0)
        .await?;
        Ok(())
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
            "UPDATE videos SET state = $1, published_at = $2, updated_at = $2, aspect_ratio = COALESCE(CAST($3 AS DOUBLE PRECISION) / 10000, aspect_ratio) WHERE id = $4",
        )
        .bind(VideoState::Published.code())
        .bind(at.as_millis())
        .bind(ten_thousandths(aspect_ratio))
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
        Ok(())
    }

    /// Adds `views` counted until `at`; a video that is gone counts nothing.
    pub async fn add_views(&mut self, uuid: Uuid, views: i64, at: Timestamp) -> Result<()> {
        let row = sqlx::query("UPDATE videos SET views = views + $1 WHERE uuid = $2 RETURNING id")
            .bind(views)
            .bind(uuid.to_string())
            .fetch_optional(&mut *self.0)
            .await?;
        let Some(row) = row else { return Ok(()) };
        sqlx::query(
            "INSERT INTO video_views (video_id, day, views) VALUES ($1, $2, $3)
             ON CONFLICT (video_id, day) DO UPDATE SET views = video_views.views + excluded.views",
        )
        .bind(row.try_get::<i64, _>("id")?)
        .bind(at.as_millis().div_euclid(DAY_MS))
        .bind(views)
        .execute(&mut *self.0)
        .await?;
        Ok(())
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

/// A WHERE clause under construction with its arguments.
struct Conditions {
    parts: Vec<String>,
    arguments: AnyArguments,
}

impl Conditions {
    fn of(filter: &VideoFilter) -> Result<Self> {
        let mut this = Self { parts: Vec::new(), arguments: AnyArguments::default() };
        this.one_of("v.privacy", filter.privacies.iter().map(|privacy| privacy.code()))?;
        this.one_of("v.state", filter.states.iter().map(|state| state.code()))?;
        this.one_of("v.is_live", filter.is_live.map(i64::from))?;
        this.one_of("v.remote", filter.is_local.map(|local| i64::from(!local)))?;
        this.one_of("v.nsfw", filter.nsfw.map(i64::from))?;
        this.one_of("c.account_id", filter.account.map(|id| id.0))?;
        this.one_of("v.channel_id", filter.channel.map(|id| id.0))?;
        this.one_of("v.category", filter.categories.iter().copied())?;
        this.one_of("v.licence", filter.licences.iter().copied())?;
        this.one_of("v.language", filter.languages.iter().cloned())?;
        if !filter.tags.is_empty() {
            let list = this.list(filter.tags.iter().map(|tag| tag.to_lowercase()))?;
            this.parts.push(format!("EXISTS (SELECT 1 FROM video_tags t WHERE t.video_id = v.id AND LOWER(t.tag) IN ({list}))"));
        }
        if let Some(text) = &filter.search {
            let mut pattern = String::from("%");
            for c in text.to_lowercase().chars() {
                if matches!(c, '%' | '_' | '\\') {
                    pattern.push('\\');
                }
                pattern.push(c);
            }
            pattern.push('%');
            let name = this.bind(pattern)?;
            this.parts
                .push(format!("(LOWER(v.name) LIKE {name} ESCAPE '\\' OR LOWER(COALESCE(v.description, '')) LIKE {name} ESCAPE '\\')"));
        }
        Ok(this)
    }

    fn bind<'q, T>(&mut self, value: T) -> Result<String>
    where
        T: sqlx::Encode<'q, sqlx::Any> + sqlx::Type<sqlx::Any> + 'q,
    {
        self.arguments.add(value).map_err(|error| Error::Database(sqlx::Error::Encode(error)))?;
        Ok(format!("${}", self.arguments.len()))
    }

    fn list<'q, T>(&mut self, values: impl IntoIterator<Item = T>) -> Result<String>
    where
        T: sqlx::Encode<'q, sqlx::Any> + sqlx::Type<sqlx::Any> + 'q,
    {
        let names = values.into_iter().map(|value| self.bind(value)).collect::<Result<Vec<_>>>()?;
        Ok(names.join(", "))
    }

    fn one_of<'q, T>(&mut self, column: &str, values: impl IntoIterator<Item = T>) -> Result<()>
    where
        T: sqlx::Encode<'q, sqlx::Any> + sqlx::Type<sqlx::Any> + 'q,
    {
        let list = self.list(values)?;
        if !list.is_empty() {
            self.parts.push(format!("{column} IN ({list})"));
        }
        Ok(())
    }

    fn sql(&self) -> String {
        if self.parts.is_empty() { String::new() } else { format!("WHERE {}", self.parts.join(" AND ")) }
    }
}

fn video(row: &AnyRow) -> Result<Video> {
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
    })
}
