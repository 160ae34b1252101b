//! Lists of videos: narrowed, ordered and paged. Two queries each, both over an index that holds all columns that lists are
//! narrowed by, so that a hundred thousand videos are a pass over some megabytes. Searches begin with the index of texts.

use sqlx::any::AnyArguments;
use sqlx::{Arguments as _, AssertSqlSafe, Row as _};

use super::videos::{SELECT, Videos, video};
use super::{Error, Result};
use crate::domain::{AccountId, ChannelId, Privacy, Timestamp, UserId, Video, VideoState};

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
    /// Only of channels with one of these names, which are local; empty: any.
    pub channel_names: Vec<String>,
    /// Only from this host; empty is this instance.
    pub host: Option<String>,
    /// Only of these categories; empty: any.
    pub categories: Vec<i64>,
    /// Only of these licences; empty: any.
    pub licences: Vec<i64>,
    /// Only of these languages; empty: any. `_unknown` are those that name none.
    pub languages: Vec<String>,
    /// With at least one of these tags; empty: any.
    pub tags: Vec<String>,
    /// With all of these tags.
    pub all_tags: Vec<String>,
    /// With (without) an HLS presentation.
    pub has_hls: Option<bool>,
    /// With (without) plain files.
    pub has_web_videos: Option<bool>,
    /// Without what this user watched.
    pub not_watched_by: Option<UserId>,
    /// Published at this time or later.
    pub published_from: Option<Timestamp>,
    /// Published at this time or earlier.
    pub published_until: Option<Timestamp>,
    /// At least so long, in seconds.
    pub min_duration_s: Option<i64>,
    /// At most so long, in seconds.
    pub max_duration_s: Option<i64>,
    /// Title or a tag contains this.
    pub search: Option<String>,
    /// Order.
    pub sort: Sort,
    /// Rows skipped.
    pub start: i64,
    /// Most rows.
    pub count: i64,
    /// Nobody wants to know how many there are in all.
    pub skip_count: bool,
}

/// PeerTube's name for videos without a language.
const NO_LANGUAGE: &str = "_unknown";
/// Characters in a row that the indexes of texts are made of.
const INDEXED: usize = 3;

/// The order of a list, as PeerTube's `sort` names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// `-publishedAt`
    #[default]
    NewestPublished,
    /// `publishedAt`
    OldestPublished,
    /// `-originallyPublishedAt`
    NewestOriginally,
    /// `originallyPublishedAt`
    OldestOriginally,
    /// `-createdAt`
    NewestCreated,
    /// `createdAt`
    OldestCreated,
    /// `-updatedAt`
    NewestUpdated,
    /// `updatedAt`
    OldestUpdated,
    /// `name`
    Name,
    /// `-name`
    NameReversed,
    /// `-duration`
    Longest,
    /// `duration`
    Shortest,
    /// `-views`
    MostViewed,
    /// `views`
    LeastViewed,
    /// `-likes`
    MostLiked,
    /// `likes`
    LeastLiked,
    /// `-trending`: most views of late.
    Trending,
    /// `-hot` and `-best`: esteem against age.
    Hot,
}

impl Sort {
    /// From PeerTube's name; `None` when there is no such order.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "-publishedAt" | "-match" => Self::NewestPublished,
            "publishedAt" | "match" => Self::OldestPublished,
            "-originallyPublishedAt" => Self::NewestOriginally,
            "originallyPublishedAt" => Self::OldestOriginally,
            "-createdAt" => Self::NewestCreated,
            "createdAt" => Self::OldestCreated,
            "-updatedAt" => Self::NewestUpdated,
            "updatedAt" => Self::OldestUpdated,
            "name" => Self::Name,
            "-name" => Self::NameReversed,
            "-duration" => Self::Longest,
            "duration" => Self::Shortest,
            "-views" => Self::MostViewed,
            "views" => Self::LeastViewed,
            "-likes" => Self::MostLiked,
            "likes" => Self::LeastLiked,
            "-trending" | "trending" => Self::Trending,
            "-hot" | "hot" | "-best" | "best" => Self::Hot,
            _ => return None,
        })
    }

    fn sql(self) -> &'static str {
        match self {
            Self::NewestPublished => "v.published_at DESC, v.id DESC",
            Self::OldestPublished => "v.published_at, v.id",
            Self::NewestOriginally => "COALESCE(v.originally_published_at, v.published_at) DESC, v.id DESC",
            Self::OldestOriginally => "COALESCE(v.originally_published_at, v.published_at), v.id",
            Self::NewestCreated => "v.created_at DESC, v.id DESC",
            Self::OldestCreated => "v.created_at, v.id",
            Self::NewestUpdated => "v.updated_at DESC, v.id DESC",
            Self::OldestUpdated => "v.updated_at, v.id",
            Self::Name => "LOWER(v.name), v.id",
            Self::NameReversed => "LOWER(v.name) DESC, v.id DESC",
            Self::Longest => "v.duration_ms DESC, v.id DESC",
            Self::Shortest => "v.duration_ms, v.id",
            Self::MostViewed => "v.views DESC, v.id DESC",
            Self::LeastViewed => "v.views, v.id",
            Self::MostLiked => "v.likes DESC, v.id DESC",
            Self::LeastLiked => "v.likes, v.id",
            Self::Trending => "v.trending DESC, v.id DESC",
            Self::Hot => "v.hot DESC, v.id DESC",
        }
    }
}

impl Videos<'_> {
    /// A page of the videos that pass `filter`, and how many pass in all (with `skip_count` only how many are known to).
    pub async fn list(&mut self, filter: &VideoFilter) -> Result<(i64, Vec<Video>)> {
        if filter.search.is_some() && filter.count > 0 && !filter.skip_count {
            return self.found(filter).await;
        }
        let videos = if filter.count > 0 { self.page(filter).await? } else { Vec::new() };
        if filter.skip_count {
            return Ok((filter.start + i64::try_from(videos.len()).unwrap_or(0), videos));
        }
        Ok((self.total(filter).await?, videos))
    }

    async fn total(&mut self, filter: &VideoFilter) -> Result<i64> {
        let conditions = Conditions::of(filter)?;
        let sql = format!("SELECT COUNT(*) AS total FROM videos v {}", conditions.sql());
        let row = sqlx::query_with(AssertSqlSafe(sql), conditions.arguments).fetch_one(&mut *self.0).await?;
        Ok(row.try_get("total")?)
    }

    /// Page and total of a search at once: either needs all that is found, and finding is what it costs.
    async fn found(&mut self, filter: &VideoFilter) -> Result<(i64, Vec<Video>)> {
        let mut conditions = Conditions::of(filter)?;
        let limit = conditions.bind(filter.count)?;
        let offset = conditions.bind(filter.start)?;
        let (where_clause, order) = (conditions.sql(), filter.sort.sql());
        let sql =
            format!("SELECT v.id, COUNT(*) OVER () AS total FROM videos v {where_clause} ORDER BY {order} LIMIT {limit} OFFSET {offset}");
        let rows = sqlx::query_with(AssertSqlSafe(sql), conditions.arguments).fetch_all(&mut *self.0).await?;
        let Some(first) = rows.first() else {
            // Nothing is found, or all of it was skipped.
            let total = if filter.start > 0 { self.total(filter).await? } else { 0 };
            return Ok((total, Vec::new()));
        };
        let total: i64 = first.try_get("total")?;
        let ids = rows.iter().map(|row| row.try_get("id")).collect::<sqlx::Result<Vec<i64>>>()?;
        let mut page = Conditions::default();
        page.one_of("v.id", ids)?;
        let sql = format!("{SELECT} {} ORDER BY {order}", page.sql());
        let rows = sqlx::query_with(AssertSqlSafe(sql), page.arguments).fetch_all(&mut *self.0).await?;
        Ok((total, rows.iter().map(video).collect::<Result<_>>()?))
    }

    /// The page alone. Its ids are found first, so that nothing is joined for rows that are skipped.
    async fn page(&mut self, filter: &VideoFilter) -> Result<Vec<Video>> {
        let mut conditions = Conditions::of(filter)?;
        let limit = conditions.bind(filter.count)?;
        let offset = conditions.bind(filter.start)?;
        let (where_clause, order) = (conditions.sql(), filter.sort.sql());
        let sql = format!(
            "{SELECT} WHERE v.id IN (SELECT v.id FROM videos v {where_clause} ORDER BY {order} LIMIT {limit} OFFSET {offset}) ORDER BY {order}"
        );
        let rows = sqlx::query_with(AssertSqlSafe(sql), conditions.arguments).fetch_all(&mut *self.0).await?;
        rows.iter().map(video).collect()
    }
}

/// A WHERE clause over `videos v` under construction, with its arguments.
#[derive(Default)]
pub(super) struct Conditions {
    parts: Vec<String>,
    pub(super) arguments: AnyArguments,
}

impl Conditions {
    fn of(filter: &VideoFilter) -> Result<Self> {
        let mut this = Self::default();
        this.one_of("v.state", filter.states.iter().map(|state| state.code()))?;
        this.one_of("v.privacy", filter.privacies.iter().map(|privacy| privacy.code()))?;
        this.one_of("v.is_live", filter.is_live.map(i64::from))?;
        this.one_of("v.remote", filter.is_local.map(|local| i64::from(!local)))?;
        this.one_of("v.nsfw", filter.nsfw.map(i64::from))?;
        this.one_of("v.channel_id", filter.channel.map(|id| id.0))?;
        this.one_of("v.category", filter.categories.iter().copied())?;
        this.one_of("v.licence", filter.licences.iter().copied())?;
        this.of_languages(&filter.languages)?;
        if let Some(account) = filter.account {
            let account = this.bind(account.0)?;
            this.parts.push(format!("v.channel_id IN (SELECT c.id FROM channels c WHERE c.account_id = {account})"));
        }
        if let Some(host) = &filter.host {
            let host = this.bind(host.clone())?;
            this.parts
                .push(format!("v.channel_id IN (SELECT c.id FROM channels c JOIN actors h ON h.id = c.actor_id WHERE h.host = {host})"));
        }
        if !filter.channel_names.is_empty() {
            let names = this.list(filter.channel_names.iter().cloned())?;
            this.parts.push(format!(
                "v.channel_id IN (SELECT c.id FROM channels c JOIN actors h ON h.id = c.actor_id WHERE h.host = '' AND h.name IN ({names}))"
            ));
        }
        if !filter.tags.is_empty() {
            this.tagged(&filter.tags)?;
        }
        for tag in &filter.all_tags {
            this.tagged(std::slice::from_ref(tag))?;
        }
        for (wanted, having) in [
            (filter.has_hls, "(SELECT p.video_id FROM streaming_playlists p)"),
            (filter.has_web_videos, "(SELECT f.video_id FROM video_files f WHERE f.playlist_id IS NULL)"),
        ] {
            match wanted {
                Some(true) => this.parts.push(format!("v.id IN {having}")),
                Some(false) => this.parts.push(format!("v.id NOT IN {having}")),
                None => {}
            }
        }
        if let Some(user) = filter.not_watched_by {
            let user = this.bind(user.0)?;
            this.parts.push(format!("v.id NOT IN (SELECT w.video_id FROM user_video_history w WHERE w.user_id = {user})"));
        }
        this.compare("v.published_at >=", filter.published_from.map(Timestamp::as_millis))?;
        this.compare("v.published_at <=", filter.published_until.map(Timestamp::as_millis))?;
        this.compare("v.duration_ms >=", filter.min_duration_s.map(|seconds| seconds.saturating_mul(1000)))?;
        this.compare("v.duration_ms <=", filter.max_duration_s.map(|seconds| seconds.saturating_mul(1000)))?;
        if let Some(text) = &filter.search {
            this.searched(text)?;
        }
        Ok(this)
    }

    /// Title or tag contains `text`. What would be a wildcard stands for any character in the index, whose LIKE knows no
    /// escape; where there is one, the title has to hold it as it is.
    ///
    /// What is found is put together first: PostgreSQL, which plans a prepared query without knowing the text, would otherwise
    /// look at the text of one video after the other in the order of the list, and for a rare word at that of all.
    fn searched(&mut self, text: &str) -> Result<()> {
        let text = text.to_lowercase();
        let wild = |c: char| matches!(c, '%' | '_' | '\\');
        let pattern = self.bind(format!("%{}%", text.replace(wild, "_")))?;
        // Shorter texts are in no index: PostgreSQL would read all of its own for nothing, unless it is kept from it.
        let column = if text.chars().count() < INDEXED { "(s.text || '')" } else { "s.text" };
        self.parts.push(format!(
            "v.id IN (WITH found AS MATERIALIZED (SELECT s.rowid AS id FROM video_search s WHERE {column} LIKE {pattern}) SELECT f.id FROM found f)"
        ));
        if text.contains(wild) {
            let mut exact = String::from("%");
            for c in text.chars() {
                if wild(c) {
                    exact.push('\\');
                }
                exact.push(c);
            }
            exact.push('%');
            let exact = self.bind(exact)?;
            self.parts.push(format!("LOWER(v.name) LIKE {exact} ESCAPE '\\'"));
        }
        Ok(())
    }

    fn of_languages(&mut self, languages: &[String]) -> Result<()> {
        let known: Vec<_> = languages.iter().filter(|language| *language != NO_LANGUAGE).cloned().collect();
        let with_none = known.len() < languages.len();
        let list = self.list(known)?;
        match (list.is_empty(), with_none) {
            (true, false) => {}
            (true, true) => self.parts.push("v.language IS NULL".to_owned()),
            (false, false) => self.parts.push(format!("v.language IN ({list})")),
            (false, true) => self.parts.push(format!("(v.language IS NULL OR v.language IN ({list}))")),
        }
        Ok(())
    }

    fn tagged(&mut self, tags: &[String]) -> Result<()> {
        let list = self.list(tags.iter().map(|tag| tag.to_lowercase()))?;
        self.parts.push(format!("v.id IN (SELECT t.video_id FROM video_tags t WHERE LOWER(t.tag) IN ({list}))"));
        Ok(())
    }

    fn compare(&mut self, left: &str, right: Option<i64>) -> Result<()> {
        if let Some(right) = right {
            let right = self.bind(right)?;
            self.parts.push(format!("{left} {right}"));
        }
        Ok(())
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

    /// One value is compared by `=`, which lets both databases read an index in order.
    fn one_of<'q, T>(&mut self, column: &str, values: impl IntoIterator<Item = T>) -> Result<()>
    where
        T: sqlx::Encode<'q, sqlx::Any> + sqlx::Type<sqlx::Any> + 'q,
    {
        let list = self.list(values)?;
        match (list.is_empty(), list.contains(',')) {
            (true, _) => {}
            (false, false) => self.parts.push(format!("{column} = {list}")),
            (false, true) => self.parts.push(format!("{column} IN ({list})")),
        }
        Ok(())
    }

    fn sql(&self) -> String {
        if self.parts.is_empty() { String::new() } else { format!("WHERE {}", self.parts.join(" AND ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_has_a_name() {
        for name in ["publishedAt", "originallyPublishedAt", "createdAt", "updatedAt", "name", "duration", "views", "likes"] {
            let (up, down) = (Sort::parse(name), Sort::parse(&format!("-{name}")));
            assert!(up.is_some() && down.is_some() && up != down, "{name}");
        }
        for name in ["-trending", "-hot", "-best", "-match"] {
            assert!(Sort::parse(name).is_some(), "{name}");
        }
        assert_eq!(Sort::parse("id; DROP TABLE videos"), None);
    }

    #[tokio::test]
    async fn every_order_is_read_from_an_index() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = crate::store::Store::open("", folder.path()).await.expect("a store");
        let mut tx = store.read().await.expect("the store");
        for name in
            ["publishedAt", "originallyPublishedAt", "createdAt", "updatedAt", "name", "duration", "views", "likes", "trending", "hot"]
        {
            for name in [name.to_owned(), format!("-{name}")] {
                let filter = VideoFilter {
                    states: vec![VideoState::Published],
                    privacies: vec![Privacy::Public],
                    nsfw: Some(false),
                    ..VideoFilter::default()
                };
                let conditions = Conditions::of(&filter).expect("good");
                let order = Sort::parse(&name).expect("an order").sql();
                let sql = format!("EXPLAIN QUERY PLAN SELECT v.id FROM videos v {} ORDER BY {order} LIMIT 25", conditions.sql());
                let rows = sqlx::query_with(AssertSqlSafe(sql), conditions.arguments).fetch_all(&mut *tx.videos().0).await.expect("a plan");
                let plan = rows.iter().map(|row| row.try_get("detail").expect("text")).collect::<Vec<String>>().join("; ");
                assert!(plan.contains("INDEX videos_by_") && !plan.contains("TEMP B-TREE"), "{name}: {plan}");
            }
        }
    }

    #[test]
    fn what_is_found_is_put_together_before_it_is_ordered() {
        let sql = |text: &str| {
            let filter = VideoFilter { search: Some(text.to_owned()), ..VideoFilter::default() };
            Conditions::of(&filter).expect("good").sql()
        };
        assert_eq!(
            sql("abc"),
            "WHERE v.id IN (WITH found AS MATERIALIZED (SELECT s.rowid AS id FROM video_search s WHERE s.text LIKE $1) SELECT f.id FROM found f)"
        );
        assert!(sql("東京").contains("WHERE (s.text || '') LIKE $1)"), "{}", sql("東京"));
        assert!(!sql("東京都").contains("||"));
    }

    #[test]
    fn conditions_hold_only_places_for_values() {
        let filter = VideoFilter {
            states: vec![VideoState::Published],
            privacies: vec![Privacy::Public, Privacy::Internal],
            languages: vec!["en".into(), NO_LANGUAGE.into()],
            tags: vec!["A".into()],
            all_tags: vec!["b".into(), "c".into()],
            search: Some("50%'--".into()),
            ..VideoFilter::default()
        };
        let conditions = Conditions::of(&filter).expect("good");
        assert_eq!(conditions.arguments.len(), 9);
        let sql = conditions.sql();
        assert!(sql.starts_with("WHERE v.state = $1 AND v.privacy IN ($2, $3) AND (v.language IS NULL OR v.language IN ($4))"), "{sql}");
        assert!(!sql.contains("50") && !sql.contains("--"), "{sql}");
        assert_eq!(Conditions::of(&VideoFilter::default()).expect("good").sql(), "");
    }
}
