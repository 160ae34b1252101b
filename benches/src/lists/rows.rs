//! The rows of an instance as it is after some years: written into the database beside the server, in its own tables.

use anyhow::Context as _;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};
use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Rows of one statement: some hundred kB of text.
const BATCH: u64 = 500;
/// Statements of one transaction.
const BATCHES_PER_TRANSACTION: u64 = 20;
/// Row ids of what is made here begin behind what the server made for itself.
const FIRST: u64 = 1000;
/// Channels, each of an account of its own; the second half is on other instances.
const CHANNELS: u64 = 1000;
const WORDS: usize = 3000;
const TAGS: usize = 4000;
/// Tags of a video, at most.
const MOST_TAGS: u64 = 4;
/// How old the oldest video is.
const AGE: Duration = Duration::from_secs(6 * 365 * 86_400);
/// Views fall with the rank of a video, as everywhere: a handful has nearly all of them.
const MOST_VIEWS: f64 = 2_000_000.0;
/// What 10 % of the videos have at least; most have next to none.
const STEEPNESS: f64 = 0.9;
/// Milliseconds that weigh as much as one unit of `-hot`, and units of a power of ten of esteem: as the server ranks.
const HOT_MS: i64 = 47;
const HOT_POWER: f64 = 1e6;
/// Languages, and how many of a hundred videos have one; the rest name none.
pub(super) const LANGUAGES: [(&str, u64); 7] = [("en", 38), ("fr", 24), ("de", 12), ("es", 6), ("it", 4), ("ja", 3), ("pt", 3)];

/// Luck that is the same every time (splitmix64).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`, which is not 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// One of `count`, the first ones more often than the last: by the square of luck.
    fn favourite(&mut self, count: usize) -> usize {
        let share = self.share();
        ((share * share) * count as f64) as usize
    }

    /// In so many of a hundred cases.
    fn percent(&mut self, of_hundred: u64) -> bool {
        self.below(100) < of_hundred
    }
}

/// What there is, for those who ask.
pub(super) struct Catalogue {
    pub(super) videos: u64,
    words: Vec<String>,
    tags: Vec<String>,
}

impl Catalogue {
    fn new(videos: u64, dice: &mut Dice) -> Self {
        let words = (0..WORDS).map(|_| word(dice)).collect();
        let tags = (0..TAGS).map(|_| word(dice)).collect();
        Self { videos, words, tags }
    }

    /// A word of titles.
    pub(super) fn word(&self, dice: &mut Dice) -> &str {
        &self.words[dice.favourite(WORDS)]
    }

    /// A tag.
    pub(super) fn tag(&self, dice: &mut Dice) -> &str {
        &self.tags[dice.favourite(TAGS)]
    }

    /// The name of a channel of this instance.
    pub(super) fn channel(&self, dice: &mut Dice) -> String {
        format!("channel{}", dice.below(CHANNELS / 2))
    }

    /// The name of an account of this instance.
    pub(super) fn account(&self, dice: &mut Dice) -> String {
        format!("account{}", dice.below(CHANNELS / 2))
    }
}

/// Two to four syllables: letters only, so that nothing has to be escaped.
fn word(dice: &mut Dice) -> String {
    const HEADS: [&str; 16] = ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "st", "tr", "ch"];
    const HEARTS: [&str; 8] = ["a", "e", "i", "o", "u", "ai", "ou", "ea"];
    let mut text = String::new();
    for _ in 0..2 + dice.below(3) {
        text.push_str(HEADS[dice.below(16) as usize]);
        text.push_str(HEARTS[dice.below(8) as usize]);
    }
    text
}

/// Writes so many videos with all that lists look at.
pub(super) async fn fill(url: &str, videos: u64) -> anyhow::Result<Catalogue> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await?;
    let mut dice = Dice::new(videos);
    let catalogue = Catalogue::new(videos, &mut dice);
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    begin(&mut connection).await?;
    write(&mut connection, channels(now)).await?;
    let mut batch = 0;
    for first in (0..videos).step_by(BATCH as usize) {
        let rows = Rows::of(first..(first + BATCH).min(videos), &catalogue, &mut dice, now);
        for sql in [rows.videos, rows.tags, rows.search, rows.playlists] {
            write(&mut connection, sql).await?;
        }
        batch += 1;
        if batch % BATCHES_PER_TRANSACTION == 0 {
            write(&mut connection, "COMMIT".to_owned()).await?;
            begin(&mut connection).await?;
        }
    }
    write(&mut connection, "COMMIT".to_owned()).await?;
    if url.starts_with("postgres") {
        // As its autovacuum does within minutes; SQLite has nothing of the kind, and is asked as it is.
        write(&mut connection, "VACUUM ANALYZE".to_owned()).await?;
    } else {
        write(&mut connection, "PRAGMA wal_checkpoint(TRUNCATE)".to_owned()).await?;
    }
    connection.close().await?;
    Ok(catalogue)
}

async fn begin(connection: &mut AnyConnection) -> anyhow::Result<()> {
    write(connection, "BEGIN".to_owned()).await
}

async fn write(connection: &mut AnyConnection, sql: String) -> anyhow::Result<()> {
    let start: String = sql.chars().take(80).collect();
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.with_context(|| start)?;
    Ok(())
}

/// Accounts and their channels. Actors of accounts have odd ids, those of channels even ones.
fn channels(now: i64) -> String {
    let (mut actors, mut accounts, mut channels) = (String::new(), String::new(), String::new());
    for index in 0..CHANNELS {
        let id = FIRST + index;
        let (of_account, of_channel) = (FIRST + 2 * index + 1, FIRST + 2 * index + 2);
        let host = if index < CHANNELS / 2 { String::new() } else { format!("tube{}.example", index % 50) };
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(
            actors,
            "{comma}({of_account}, 'account', 'account{index}', '{host}', {now}, {now}), ({of_channel}, 'channel', 'channel{index}', '{host}', {now}, {now})"
        );
        let _ = write!(accounts, "{comma}({id}, {of_account}, 'Account {index}')");
        let _ = write!(channels, "{comma}({id}, {of_channel}, {id}, 'Channel {index}')");
    }
    format!(
        "INSERT INTO actors (id, kind, name, host, created_at, updated_at) VALUES {actors};
         INSERT INTO accounts (id, actor_id, display_name) VALUES {accounts};
         INSERT INTO channels (id, actor_id, account_id, display_name) VALUES {channels}"
    )
}

/// The statements of a batch.
struct Rows {
    videos: String,
    tags: String,
    search: String,
    playlists: String,
}

impl Rows {
    fn of(range: std::ops::Range<u64>, catalogue: &Catalogue, dice: &mut Dice, now: i64) -> Self {
        let mut rows = Self {
            videos: "INSERT INTO videos (id, uuid, channel_id, name, description, category, licence, language, privacy, nsfw, state, is_live, remote, url,
                duration_ms, aspect_ratio, views, likes, dislikes, thumbnail, preview, created_at, updated_at, published_at, trending, hot) VALUES "
                .to_owned(),
            tags: "INSERT INTO video_tags (video_id, position, tag) VALUES ".to_owned(),
            search: "INSERT INTO video_search (rowid, text) VALUES ".to_owned(),
            playlists: "INSERT INTO streaming_playlists (video_id, playlist, created_at) VALUES ".to_owned(),
        };
        let start = range.start;
        for index in range {
            if index > start {
                for sql in [&mut rows.videos, &mut rows.tags, &mut rows.search, &mut rows.playlists] {
                    sql.push_str(", ");
                }
            }
            rows.add(index, catalogue, dice, now);
        }
        rows
    }

    fn add(&mut self, index: u64, catalogue: &Catalogue, dice: &mut Dice, now: i64) {
        let id = FIRST + index;
        let channel = dice.favourite(CHANNELS as usize) as u64;
        // Favourites are spread over both halves.
        let channel = if dice.percent(30) { CHANNELS - 1 - channel % (CHANNELS / 2) } else { channel % (CHANNELS / 2) };
        let remote = u8::from(channel >= CHANNELS / 2);
        let is_live = dice.percent(3);
        // Waiting for a live, ended, and being transcoded; nearly everything else can be watched.
        let state = match dice.below(1000) {
            _ if is_live => [1, 4, 5][dice.below(3) as usize],
            0..5 => 2,
            _ => 1,
        };
        let privacy = match dice.below(100) {
            0..84 => 1,
            84..92 => 2,
            92..97 => 3,
            _ => 4,
        };
        let views = views(dice);
        let likes = (views as f64 * 0.03 * dice.share()) as i64;
        let dislikes = (likes as f64 * 0.1 * dice.share()) as i64;
        // Instances grow: there is more of late than of old.
        let age = dice.share() * dice.share();
        let published = now - (AGE.as_millis() as f64 * age) as i64;
        let trending = if age < 0.05 || dice.percent(5) { views / 50 } else { 0 };
        let esteem = (3 * (likes - dislikes)) as f64 + views as f64 / 3.0;
        let hot = (HOT_POWER * esteem.max(1.0).log10()).round() as i64 + published / HOT_MS;
        let category = if dice.percent(90) { (1 + dice.below(18)).to_string() } else { "NULL".to_owned() };
        let licence = if dice.percent(60) { (1 + dice.below(7)).to_string() } else { "NULL".to_owned() };
        let language = language(dice);
        let nsfw = u8::from(dice.percent(4));
        let duration_ms = if is_live { 0 } else { 15_000 + dice.below(3_600_000) };
        let uuid = format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            dice.below(1 << 32),
            dice.below(1 << 16),
            dice.below(1 << 12),
            dice.below(1 << 12),
            id
        );
        let url = if remote == 1 { format!("'https://tube{}.example/videos/watch/{uuid}'", channel % 50) } else { "NULL".to_owned() };
        let name = sentence(catalogue, dice, 3, 4);
        let description = sentence(catalogue, dice, 20, 60);
        let is_live = u8::from(is_live);
        let _ = write!(
            self.videos,
            "({id}, '{uuid}', {}, '{name}', '{description}', {category}, {licence}, {language}, {privacy}, {nsfw}, {state}, {is_live}, {remote}, {url}, \
             {duration_ms}, 1.7778, {views}, {likes}, {dislikes}, '{uuid}.jpg', '{uuid}.jpg', {published}, {published}, {published}, {trending}, {hot})",
            FIRST + channel
        );
        let mut text = name.to_lowercase();
        for position in 0..1 + dice.below(MOST_TAGS) {
            let tag = catalogue.tag(dice);
            let comma = if position == 0 { "" } else { ", " };
            let _ = write!(self.tags, "{comma}({id}, {position}, '{tag}')");
            let _ = write!(text, "\n{tag}");
        }
        let _ = write!(self.search, "({id}, '{text}')");
        let _ = write!(self.playlists, "({id}, '{uuid}-master.m3u8', {published})");
    }
}

/// By a power law.
fn views(dice: &mut Dice) -> i64 {
    let rank = 1.0 + dice.share() * 100_000.0;
    (MOST_VIEWS / rank.powf(1.0 / STEEPNESS)) as i64
}

fn language(dice: &mut Dice) -> String {
    let mut luck = dice.below(100);
    for (code, of_hundred) in LANGUAGES {
        if luck < of_hundred {
            return format!("'{code}'");
        }
        luck -= of_hundred;
    }
    "NULL".to_owned()
}

/// At least `least` words and up to `more`.
fn sentence(catalogue: &Catalogue, dice: &mut Dice, least: u64, more: u64) -> String {
    let count = least + dice.below(more);
    let words: Vec<&str> = (0..count).map(|_| catalogue.word(dice)).collect();
    let mut text = words.join(" ");
    // The first letter is ASCII.
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luck_is_the_same_every_time() {
        let (mut one, mut other) = (Dice::new(7), Dice::new(7));
        assert!((0..100).all(|_| one.below(1000) == other.below(1000)));
        assert!((0..1000).all(|_| (0.0..1.0).contains(&one.share()) && one.favourite(10) < 10));
    }

    #[test]
    fn rows_are_plain_text() {
        let mut dice = Dice::new(1);
        let catalogue = Catalogue::new(10, &mut dice);
        let rows = Rows::of(0..10, &catalogue, &mut dice, 1_800_000_000_000);
        assert_eq!(rows.playlists.matches("-master.m3u8").count(), 10);
        assert!(!rows.videos.contains("''") && !rows.tags.contains(", ,"), "{}", rows.tags);
        assert!(catalogue.words.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()) && word.len() >= 2));
    }
}
