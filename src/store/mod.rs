//! The database: the only SQL. SQLite by default, PostgreSQL for larger instances; every query is
//! one text for both (integers and booleans as 64-bit integers, times in milliseconds, `$1`).
//!
//! SQLite has one writer: [`Store::write`] hands out the single writing connection with
//! `BEGIN IMMEDIATE`, so that writers queue here and never meet `SQLITE_BUSY`; readers have
//! connections of their own (WAL).

mod accounts;
mod captions;
mod census;
mod channels;
mod chapters;
mod exports;
mod files;
mod history;
mod imports;
mod jobs;
mod lives;
mod media;
mod one_time;
mod passwords;
mod playlists;
mod ratings;
mod registrations;
mod sessions;
mod settings;
mod sources;
mod stats;
mod tokens;
mod uploads;
mod users;
mod video_list;
mod videos;

use std::path::Path;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions, AnyRow};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{Any, AnyConnection, AnyPool, Executor as _, Row as _, Transaction};

pub use accounts::{Accounts, NewActor};
pub use captions::Captions;
pub use census::{Census, RegistrationCounts};
pub use channels::{Channels, NewChannel};
pub use chapters::Chapters;
pub use exports::Exports;
pub use files::{Files, NewFile};
pub use history::History;
pub use imports::Imports;
pub use jobs::{ClaimedJob, Class, JobCounts, JobFilter, JobRow, Jobs};
pub use lives::Lives;
pub use media::{MediaRows, RemoteFile, Stored};
pub use one_time::{Holder, OneTime, Purpose};
pub use passwords::{KeptPassword, Passwords};
pub use playlists::Playlists;
pub use ratings::Ratings;
pub use registrations::{NewRegistration, RegistrationFilter, RegistrationSort, Registrations};
pub use sessions::Sessions;
pub use settings::Settings;
pub use sources::{Schedules, Source, Sources};
pub use stats::{Overall, RETENTION_BUCKETS, SLOT_MS, Stats, Watch};
pub use tokens::{NewToken, SessionSort, Token, Tokens, Visit};
pub use uploads::{Upload, Uploads};
pub use users::{NewUser, UserFilter, UserSort, Users};
pub use video_list::{Sort, VideoFilter};
pub use videos::{NewVideo, Videos};

use crate::domain::Timestamp;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Connections that read: enough that a slow list does not hold up a page, few enough that SQLite's
/// page caches (2 MB each) stay small.
const READERS: u32 = 4;
/// Connections to PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 16;
/// A request that cannot have a connection by then fails instead of piling up.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// A failure of the database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A row with that unique value exists already; the caller's fault.
    #[error("already exists")]
    Conflict,
    /// A stored value that the domain does not know; ours.
    #[error("stored {0} is not understood")]
    Corrupt(&'static str),
    /// The schema could not be brought up to date.
    #[error("migration: {0}")]
    Migrate(#[from] MigrateError),
    /// Anything else the database says.
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) if database.is_unique_violation() => Self::Conflict,
            _ => Self::Database(error),
        }
    }
}

/// What store calls return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file of ours.
    Sqlite,
    /// A server.
    Postgres,
}

/// The database; cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    readers: AnyPool,
    writer: AnyPool,
    backend: Backend,
}

impl Store {
    /// Connects to `url` (empty: `shoal.sqlite` in `data_dir`) and brings the schema up to date.
    pub async fn open(url: &str, data_dir: &Path) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let store = if url.starts_with("postgres") {
            let pool = AnyPoolOptions::new()
                .max_connections(POSTGRES_CONNECTIONS)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .connect_with(parse_url(url)?)
                .await?;
            POSTGRES.run(&pool).await?;
            Self { readers: pool.clone(), writer: pool, backend: Backend::Postgres }
        } else {
            let url = if url.is_empty() { sqlite_url(&data_dir.join("shoal.sqlite")) } else { with_creation(url) };
            let writer = sqlite_pool(&url, 1).await?;
            SQLITE.run(&writer).await?;
            Self { readers: sqlite_pool(&url, READERS).await?, writer, backend: Backend::Sqlite }
        };
        Ok(store)
    }

    /// Which database it is.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// A consistent view of the database for reading.
    pub async fn read(&self) -> Result<Tx> {
        Ok(Tx { inner: self.readers.begin().await? })
    }

    /// A transaction that may write; nothing happened until [`Tx::commit`].
    pub async fn write(&self) -> Result<Tx> {
        let inner = match self.backend {
            Backend::Sqlite => self.writer.begin_with("BEGIN IMMEDIATE").await?,
            Backend::Postgres => self.writer.begin().await?,
        };
        Ok(Tx { inner })
    }

    /// As [`Store::write`].
    pub async fn begin(&self) -> Result<Tx> {
        self.write().await
    }

    /// Answers only if the database does.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }

    /// Closes all connections; SQLite writes its log back.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// A transaction: rooms for each aggregate. Dropped without [`Tx::commit`] it never happened.
pub struct Tx {
    inner: Transaction<'static, Any>,
}

impl Tx {
    /// Makes everything done through it last.
    pub async fn commit(self) -> Result<()> {
        Ok(self.inner.commit().await?)
    }

    /// As [`Tx::commit`], and `then` if it succeeds: to its end, whether or not anybody still waits for it. A commit that is no longer
    /// waited for happens all the same, so what it calls for has to. `then` is dropped if it fails.
    pub async fn commit_then(self, then: impl FnOnce() + Send + 'static) -> Result<()> {
        let work = tokio::spawn(async move {
            self.commit().await?;
            then();
            Ok::<_, Error>(())
        });
        work.await.map_err(|error| Error::Database(sqlx::Error::Io(error.into())))?
    }

    fn connection(&mut self) -> &mut AnyConnection {
        &mut self.inner
    }

    /// Accounts and their actors.
    pub fn accounts(&mut self) -> Accounts<'_> {
        Accounts(self.connection())
    }

    /// Channels.
    pub fn channels(&mut self) -> Channels<'_> {
        Channels(self.connection())
    }

    /// People who log in.
    pub fn users(&mut self) -> Users<'_> {
        Users(self.connection())
    }

    /// What they log in with.
    pub fn tokens(&mut self) -> Tokens<'_> {
        Tokens(self.connection())
    }

    /// People who would like to have an account.
    pub fn registrations(&mut self) -> Registrations<'_> {
        Registrations(self.connection())
    }

    /// What can be used once.
    pub fn one_time(&mut self) -> OneTime<'_> {
        OneTime(self.connection())
    }

    /// Archives of what users have here.
    pub fn exports(&mut self) -> Exports<'_> {
        Exports(self.connection())
    }

    /// Videos.
    pub fn videos(&mut self) -> Videos<'_> {
        Videos(self.connection())
    }

    /// Captions of videos.
    pub fn captions(&mut self) -> Captions<'_> {
        Captions(self.connection())
    }

    /// Chapters of videos.
    pub fn chapters(&mut self) -> Chapters<'_> {
        Chapters(self.connection())
    }

    /// What users watched.
    pub fn history(&mut self) -> History<'_> {
        History(self.connection())
    }

    /// Videos whose files are fetched from elsewhere.
    pub fn imports(&mut self) -> Imports<'_> {
        Imports(self.connection())
    }

    /// Passwords of videos.
    pub fn passwords(&mut self) -> Passwords<'_> {
        Passwords(self.connection())
    }

    /// What accounts think of videos.
    pub fn ratings(&mut self) -> Ratings<'_> {
        Ratings(self.connection())
    }

    /// Changes of privacy to come.
    pub fn schedules(&mut self) -> Schedules<'_> {
        Schedules(self.connection())
    }

    /// Files that were uploaded or imported.
    pub fn sources(&mut self) -> Sources<'_> {
        Sources(self.connection())
    }

    /// How videos were watched.
    pub fn stats(&mut self) -> Stats<'_> {
        Stats(self.connection())
    }

    /// Uploads in parts.
    pub fn uploads(&mut self) -> Uploads<'_> {
        Uploads(self.connection())
    }

    /// The live side of videos.
    pub fn lives(&mut self) -> Lives<'_> {
        Lives(self.connection())
    }

    /// Broadcasts of lives.
    pub fn sessions(&mut self) -> Sessions<'_> {
        Sessions(self.connection())
    }

    /// HLS presentations.
    pub fn playlists(&mut self) -> Playlists<'_> {
        Playlists(self.connection())
    }

    /// Whole files.
    pub fn files(&mut self) -> Files<'_> {
        Files(self.connection())
    }

    /// Where the files of videos are.
    pub fn media(&mut self) -> MediaRows<'_> {
        MediaRows(self.connection())
    }

    /// Durable work.
    pub fn jobs(&mut self) -> Jobs<'_> {
        Jobs(self.connection())
    }

    /// How many there are of everything.
    pub fn census(&mut self) -> Census<'_> {
        Census(self.connection())
    }

    /// Small facts of the instance.
    pub fn settings(&mut self) -> Settings<'_> {
        Settings(self.connection())
    }
}

async fn sqlite_pool(url: &str, connections: u32) -> Result<AnyPool> {
    Ok(AnyPoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(|connection, _| {
            Box::pin(async move {
                // WAL: readers never wait for the writer; NORMAL loses no consistency with it.
                connection
                    .execute(
                        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000;",
                    )
                    .await?;
                Ok(())
            })
        })
        .connect_with(parse_url(url)?)
        .await?)
}

fn parse_url(url: &str) -> Result<AnyConnectOptions> {
    url.parse().map_err(Error::Database)
}

/// The URL of a SQLite file that is made when missing.
fn sqlite_url(path: &Path) -> String {
    let mut url = String::from("sqlite://");
    for c in path.to_string_lossy().chars() {
        match c {
            '%' => url.push_str("%25"),
            '?' => url.push_str("%3F"),
            '#' => url.push_str("%23"),
            c => url.push(c),
        }
    }
    with_creation(&url)
}

fn with_creation(url: &str) -> String {
    if url.contains("mode=") {
        url.to_owned()
    } else if url.contains('?') {
        format!("{url}&mode=rwc")
    } else {
        format!("{url}?mode=rwc")
    }
}

/// A pattern for `LIKE` with `\` as its escape that finds `text` in small letters anywhere.
fn like_pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

fn flag(row: &AnyRow, column: &str) -> sqlx::Result<bool> {
    Ok(row.try_get::<i64, _>(column)? != 0)
}

fn timestamp(row: &AnyRow, column: &str) -> sqlx::Result<Timestamp> {
    Ok(Timestamp::from_millis(row.try_get(column)?))
}

fn maybe_timestamp(row: &AnyRow, column: &str) -> sqlx::Result<Option<Timestamp>> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp::from_millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Column names and kinds with what may differ between the databases taken out, and what a file says is only its own.
    fn normal(ddl: &str) -> String {
        let (mut shared, mut own) = (String::new(), false);
        for line in ddl.lines() {
            own = (own || line.starts_with("-- Only here")) && line != "-- In both again.";
            if !own {
                shared.push_str(line);
                shared.push('\n');
            }
        }
        shared
            .replace("INTEGER PRIMARY KEY AUTOINCREMENT", "ID")
            .replace("BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", "ID")
            .replace("BIGINT", "INTEGER")
            .replace("DOUBLE PRECISION", "REAL")
    }

    #[test]
    fn migrations_of_both_databases_are_in_step() {
        let sqlite: Vec<_> = SQLITE.iter().collect();
        let postgres: Vec<_> = POSTGRES.iter().collect();
        assert_eq!(sqlite.len(), postgres.len());
        assert!(!sqlite.is_empty());
        for (left, right) in sqlite.iter().zip(&postgres) {
            assert_eq!(left.version, right.version);
            assert_eq!(left.description, right.description);
            assert_eq!(normal(left.sql.as_str()), normal(right.sql.as_str()), "migration {}", left.version);
        }
    }

    #[test]
    fn wildcards_are_plain_characters() {
        assert_eq!(like_pattern("A_b%\\"), "%a\\_b\\%\\\\%");
    }

    #[test]
    fn file_names_survive_the_url() {
        assert_eq!(sqlite_url(Path::new("/a b/50%?.db")), "sqlite:///a b/50%25%3F.db?mode=rwc");
        assert_eq!(with_creation("sqlite://x?cache=shared"), "sqlite://x?cache=shared&mode=rwc");
    }
}
