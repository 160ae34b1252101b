//! The configuration: the only reader of the configuration file and the environment.
//!
//! A TOML file, over it the variables of [`VARIABLES`]. An unknown key is an error; the default
//! round-trips.

mod people;
mod rate_limits;
mod storage;
mod swarm;
mod transcoding;
mod videos;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::domain::Role;

pub use people::{Security, Signup, Smtp, User};
pub use rate_limits::RateLimits;
pub use storage::{Delivery, Storage, StorageKind};
pub use swarm::{Policy, Stun, StunListen, Swarm};
pub use transcoding::Transcoding;
pub use videos::Videos;

/// A configuration that cannot be used; the text names the key or variable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("configuration file {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML, has an unknown key or a value of the wrong kind.
    #[error("configuration file {path}: {source}")]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A variable's text is not of its kind.
    #[error("{variable} (`{key}`): {reason}")]
    Variable {
        /// The variable.
        variable: &'static str,
        /// The key it sets.
        key: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A value contradicts another, or is out of range.
    #[error("`{key}`: {reason}")]
    Invalid {
        /// The key.
        key: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// `postgres://...`, or `sqlite://FILE`; empty: a SQLite file in `data_dir`.
    pub database_url: String,
    /// How the instance presents itself.
    pub instance: Instance,
    /// Pages, API and media.
    pub http: Http,
    /// The same with TLS and HTTP/2.
    pub https: Tls,
    /// Where encoders publish.
    pub rtmp: Rtmp,
    /// The same with TLS.
    pub rtmps: Tls,
    /// What broadcasts are like.
    pub live: Live,
    /// What becomes of uploaded files.
    pub transcoding: Transcoding,
    /// Where files are kept.
    pub storage: Storage,
    /// Viewers that pass the stream on.
    pub swarm: Swarm,
    /// Address discovery for peers.
    pub stun: Stun,
    /// Prometheus.
    pub metrics: Metrics,
    /// What users may bring.
    pub videos: Videos,
    /// How much one address may ask.
    pub rate_limits: RateLimits,
    /// Other instances.
    pub federation: Federation,
    /// Who may join.
    pub signup: Signup,
    /// What new users get.
    pub user: User,
    /// How letters go out.
    pub smtp: Smtp,
    /// Password of user `root` at the first start; only from `SHOAL_ROOT_PASSWORD`.
    #[serde(skip)]
    pub root_password: Option<Secret>,
    /// This program, for work that runs in a process of its own; set by the command line. Without it that work is done
    /// in this process.
    #[serde(skip)]
    pub program: Option<PathBuf>,
}

/// How the instance presents itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Instance {
    /// Its name in pages and in the API.
    pub name: String,
    /// One sentence.
    pub short_description: String,
}

/// Pages, API and media.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How the world reaches it: scheme and authority, without a path.
    pub public_url: String,
    /// Addresses or networks (`10.0.0.0/8`) whose `X-Forwarded-For` and `X-Forwarded-Proto` count.
    pub trusted_proxies: Vec<Network>,
    /// Connections served at once; further ones wait in the kernel's queue.
    pub max_connections: usize,
}

/// A listener with TLS; off without `listen`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Where to listen; absent: off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// PEM file: the certificate and its chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// PEM file: the private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

/// Where encoders publish.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rtmp {
    /// Where to listen.
    pub listen: SocketAddr,
    /// What streamers are told, without the `/live`; empty: the host of `http.public_url` and the listening port.
    pub public_url: String,
}

/// What broadcasts are like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Live {
    /// Nominal length of a part, 100 to 1000 ms.
    pub part_duration_ms: u32,
    /// How far back viewers can seek in a running live, in seconds.
    pub dvr_window_s: u32,
    /// How long a broadcast waits for a publisher whose connection was lost, in seconds.
    pub grace_lost_s: u32,
    /// How long a broadcast waits after its publisher stopped it cleanly, in seconds.
    pub grace_stopped_s: u32,
    /// Broadcasts at once on this instance.
    pub max_lives: u32,
    /// Lives that one user may have, waiting or running.
    pub max_user_lives: u32,
    /// Who may go live.
    pub publishers: Publishers,
    /// A broadcast ends after so many seconds; 0: never.
    pub max_duration_s: u32,
    /// Streamers may ask for a replay.
    pub allow_replay: bool,
    /// Recording stops when the disk has less than this free.
    pub min_free_disk_bytes: u64,
    /// Renditions made besides the source's; empty: passthrough only.
    pub ladder: Vec<Rendition>,
}

/// Who may go live. Lives that run are not ended when this changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Publishers {
    /// Every user.
    #[default]
    Users,
    /// Moderators and administrators.
    Moderators,
    /// Administrators.
    Administrators,
    /// Nobody.
    Nobody,
}

impl Publishers {
    /// Whether a user of this role may.
    pub fn include(self, role: Role) -> bool {
        match self {
            Self::Users => true,
            Self::Moderators => role.moderates(),
            Self::Administrators => role == Role::Administrator,
            Self::Nobody => false,
        }
    }
}

/// One rung of the ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rendition {
    /// Picture height in lines.
    pub height: u32,
    /// Video bitrate in 1000 bits per second.
    pub bitrate_kbps: u32,
}

/// Prometheus.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Where `/metrics` listens; absent: off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
}

/// Other instances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Federation {
    /// Speak ActivityPub.
    pub enabled: bool,
    /// Fetch plain http, private addresses, and those that this server or its public host has too: only for tests.
    pub allow_private_addresses: bool,
}

/// A text that `Debug` hides.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// An address, or a network in CIDR form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Reads `192.0.2.1` or `10.0.0.0/8`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(most);
        (prefix <= most).then_some(Self { address, prefix })
    }

    /// Whether `address` lies in it; an IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                net.to_bits() & mask == ip.to_bits() & mask
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                net.to_bits() & mask == ip.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl Serialize for Network {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}/{}", self.address, self.prefix))
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("{text:?} is neither an address nor a network")))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: "./data".into(),
            database_url: String::new(),
            instance: Instance::default(),
            http: Http::default(),
            https: Tls::default(),
            rtmp: Rtmp::default(),
            rtmps: Tls::default(),
            live: Live::default(),
            transcoding: Transcoding::default(),
            storage: Storage::default(),
            swarm: Swarm::default(),
            stun: Stun::default(),
            metrics: Metrics::default(),
            videos: Videos::default(),
            rate_limits: RateLimits::default(),
            federation: Federation::default(),
            signup: Signup::default(),
            user: User::default(),
            smtp: Smtp::default(),
            root_password: None,
            program: None,
        }
    }
}

impl Default for Instance {
    fn default() -> Self {
        Self { name: "Shoal".into(), short_description: "Live streams about a second behind life.".into() }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9000)),
            public_url: "http://localhost:9000".into(),
            trusted_proxies: Vec::new(),
            max_connections: 20_000,
        }
    }
}

impl Default for Rtmp {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 1935)), public_url: String::new() }
    }
}

impl Default for Live {
    fn default() -> Self {
        Self {
            part_duration_ms: 200,
            dvr_window_s: 600,
            grace_lost_s: 60,
            grace_stopped_s: 15,
            max_lives: 200,
            max_user_lives: 200,
            publishers: Publishers::default(),
            max_duration_s: 0,
            allow_replay: true,
            min_free_disk_bytes: 1 << 30,
            ladder: Vec::new(),
        }
    }
}

impl Default for Federation {
    fn default() -> Self {
        Self { enabled: true, allow_private_addresses: false }
    }
}

/// What a variable's text becomes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Text,
    /// Text; empty or `off` removes the key.
    Optional,
    Flag,
    Number,
    Decimal,
    List,
}

/// Each key that has a variable.
const VARIABLES: &[(&str, &str, Kind)] = &[
    ("data_dir", "SHOAL_DATA_DIR", Kind::Text),
    ("database_url", "SHOAL_DATABASE_URL", Kind::Text),
    ("instance.name", "SHOAL_INSTANCE_NAME", Kind::Text),
    ("instance.short_description", "SHOAL_INSTANCE_SHORT_DESCRIPTION", Kind::Text),
    ("http.listen", "SHOAL_HTTP_LISTEN", Kind::Text),
    ("http.public_url", "SHOAL_PUBLIC_URL", Kind::Text),
    ("http.trusted_proxies", "SHOAL_HTTP_TRUSTED_PROXIES", Kind::List),
    ("http.max_connections", "SHOAL_HTTP_MAX_CONNECTIONS", Kind::Number),
    ("https.listen", "SHOAL_HTTPS_LISTEN", Kind::Optional),
    ("https.certificate", "SHOAL_HTTPS_CERTIFICATE", Kind::Optional),
    ("https.key", "SHOAL_HTTPS_KEY", Kind::Optional),
    ("rtmp.listen", "SHOAL_RTMP_LISTEN", Kind::Text),
    ("rtmp.public_url", "SHOAL_RTMP_PUBLIC_URL", Kind::Text),
    ("rtmps.listen", "SHOAL_RTMPS_LISTEN", Kind::Optional),
    ("rtmps.certificate", "SHOAL_RTMPS_CERTIFICATE", Kind::Optional),
    ("rtmps.key", "SHOAL_RTMPS_KEY", Kind::Optional),
    ("live.part_duration_ms", "SHOAL_LIVE_PART_DURATION_MS", Kind::Number),
    ("live.dvr_window_s", "SHOAL_LIVE_DVR_WINDOW_S", Kind::Number),
    ("live.grace_lost_s", "SHOAL_LIVE_GRACE_LOST_S", Kind::Number),
    ("live.grace_stopped_s", "SHOAL_LIVE_GRACE_STOPPED_S", Kind::Number),
    ("live.max_lives", "SHOAL_LIVE_MAX_LIVES", Kind::Number),
    ("live.max_user_lives", "SHOAL_LIVE_MAX_USER_LIVES", Kind::Number),
    ("live.publishers", "SHOAL_LIVE_PUBLISHERS", Kind::Text),
    ("live.max_duration_s", "SHOAL_LIVE_MAX_DURATION_S", Kind::Number),
    ("live.allow_replay", "SHOAL_LIVE_ALLOW_REPLAY", Kind::Flag),
    ("live.min_free_disk_bytes", "SHOAL_LIVE_MIN_FREE_DISK_BYTES", Kind::Number),
    ("transcoding.enabled", "SHOAL_TRANSCODING_ENABLED", Kind::Flag),
    ("transcoding.concurrency", "SHOAL_TRANSCODING_CONCURRENCY", Kind::Number),
    ("transcoding.threads", "SHOAL_TRANSCODING_THREADS", Kind::Number),
    ("transcoding.niceness", "SHOAL_TRANSCODING_NICENESS", Kind::Number),
    ("transcoding.memory_mb", "SHOAL_TRANSCODING_MEMORY_MB", Kind::Number),
    ("transcoding.min_free_disk_bytes", "SHOAL_TRANSCODING_MIN_FREE_DISK_BYTES", Kind::Number),
    ("transcoding.max_duration_s", "SHOAL_TRANSCODING_MAX_DURATION_S", Kind::Number),
    ("transcoding.keep_resolution", "SHOAL_TRANSCODING_KEEP_RESOLUTION", Kind::Flag),
    ("transcoding.passthrough", "SHOAL_TRANSCODING_PASSTHROUGH", Kind::Flag),
    ("transcoding.hardware", "SHOAL_TRANSCODING_HARDWARE", Kind::Flag),
    ("transcoding.audio_only", "SHOAL_TRANSCODING_AUDIO_ONLY", Kind::Flag),
    ("transcoding.mp4", "SHOAL_TRANSCODING_MP4", Kind::Flag),
    ("transcoding.keep_original", "SHOAL_TRANSCODING_KEEP_ORIGINAL", Kind::Flag),
    ("storage.kind", "SHOAL_STORAGE_KIND", Kind::Text),
    ("storage.delivery", "SHOAL_STORAGE_DELIVERY", Kind::Text),
    ("storage.address_lifetime_s", "SHOAL_STORAGE_ADDRESS_LIFETIME_S", Kind::Number),
    ("storage.bucket", "SHOAL_STORAGE_BUCKET", Kind::Optional),
    ("storage.endpoint", "SHOAL_STORAGE_ENDPOINT", Kind::Optional),
    ("storage.region", "SHOAL_STORAGE_REGION", Kind::Text),
    ("storage.prefix", "SHOAL_STORAGE_PREFIX", Kind::Text),
    ("storage.path_style", "SHOAL_STORAGE_PATH_STYLE", Kind::Flag),
    ("storage.access_key_id", "SHOAL_STORAGE_ACCESS_KEY_ID", Kind::Optional),
    ("storage.secret_access_key", "SHOAL_STORAGE_SECRET_ACCESS_KEY", Kind::Optional),
    ("swarm.policy", "SHOAL_SWARM_POLICY", Kind::Text),
    ("swarm.minimum_viewers", "SHOAL_SWARM_MINIMUM_VIEWERS", Kind::Number),
    ("swarm.delay_s", "SHOAL_SWARM_DELAY_S", Kind::Number),
    ("swarm.uplink_ceiling", "SHOAL_SWARM_UPLINK_CEILING", Kind::Decimal),
    ("swarm.third_party", "SHOAL_SWARM_THIRD_PARTY", Kind::Flag),
    ("stun.listen", "SHOAL_STUN_LISTEN", Kind::Text),
    ("metrics.listen", "SHOAL_METRICS_LISTEN", Kind::Optional),
    ("videos.max_file_bytes", "SHOAL_VIDEOS_MAX_FILE_BYTES", Kind::Number),
    ("videos.import_enabled", "SHOAL_VIDEOS_IMPORT_ENABLED", Kind::Flag),
    ("rate_limits.api_requests", "SHOAL_RATE_LIMITS_API_REQUESTS", Kind::Number),
    ("rate_limits.api_window_s", "SHOAL_RATE_LIMITS_API_WINDOW_S", Kind::Number),
    ("federation.enabled", "SHOAL_FEDERATION_ENABLED", Kind::Flag),
    ("federation.allow_private_addresses", "SHOAL_FEDERATION_ALLOW_PRIVATE_ADDRESSES", Kind::Flag),
    ("signup.enabled", "SHOAL_SIGNUP_ENABLED", Kind::Flag),
    ("signup.requires_approval", "SHOAL_SIGNUP_REQUIRES_APPROVAL", Kind::Flag),
    ("signup.requires_email_verification", "SHOAL_SIGNUP_REQUIRES_EMAIL_VERIFICATION", Kind::Flag),
    ("signup.limit", "SHOAL_SIGNUP_LIMIT", Kind::Number),
    ("signup.minimum_age", "SHOAL_SIGNUP_MINIMUM_AGE", Kind::Number),
    ("user.video_quota_bytes", "SHOAL_USER_VIDEO_QUOTA_BYTES", Kind::Number),
    ("user.video_quota_daily_bytes", "SHOAL_USER_VIDEO_QUOTA_DAILY_BYTES", Kind::Number),
    ("user.max_channels", "SHOAL_USER_MAX_CHANNELS", Kind::Number),
    ("smtp.host", "SHOAL_SMTP_HOST", Kind::Text),
    ("smtp.port", "SHOAL_SMTP_PORT", Kind::Number),
    ("smtp.security", "SHOAL_SMTP_SECURITY", Kind::Text),
    ("smtp.username", "SHOAL_SMTP_USERNAME", Kind::Text),
    ("smtp.password", "SHOAL_SMTP_PASSWORD", Kind::Text),
    ("smtp.from", "SHOAL_SMTP_FROM", Kind::Text),
];

/// The names of all variables that are read; some hold secrets.
pub fn variables() -> impl Iterator<Item = &'static str> {
    VARIABLES.iter().map(|&(_, name, _)| name).chain([ROOT_PASSWORD])
}

/// Holds the root password of the first start.
const ROOT_PASSWORD: &str = "SHOAL_ROOT_PASSWORD";

impl Config {
    /// Reads `path` (absent: the defaults) and the environment.
    pub fn load(path: Option<&Path>) -> Result<Self, Error> {
        let text = match path {
            Some(path) => std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?,
            None => String::new(),
        };
        Self::parse(&text, path.unwrap_or(Path::new("(none)")), |name| std::env::var(name).ok())
    }

    /// Reads a file's text and variables from `variable`; checks the result.
    pub fn parse(text: &str, path: &Path, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let parse_error = |source: toml::de::Error| Error::Parse { path: path.to_owned(), source: Box::new(source) };
        // Once as it is, so that a mistake is reported with its line.
        let _: Self = toml::from_str(text).map_err(parse_error)?;
        let mut table: toml::Table = toml::from_str(text).map_err(parse_error)?;
        for &(key, name, kind) in VARIABLES {
            let Some(text) = variable(name) else { continue };
            let value = to_value(&text, kind).map_err(|reason| Error::Variable { variable: name, key, reason })?;
            set(&mut table, key, value);
            // Each alone, so that a mistake is reported with its variable.
            table.clone().try_into::<Self>().map_err(|error| Error::Variable {
                variable: name,
                key,
                reason: error.message().to_owned(),
            })?;
        }
        let mut config: Self = table.try_into().map_err(parse_error)?;
        config.root_password = variable(ROOT_PASSWORD).filter(|text| !text.is_empty()).map(Secret::new);
        config.check()?;
        Ok(config)
    }

    /// As a TOML file.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("every field of the configuration has a TOML form")
    }

    fn check(&mut self) -> Result<(), Error> {
        let invalid = |key: &'static str, reason: &str| Error::Invalid { key, reason: reason.to_owned() };
        while self.http.public_url.ends_with('/') {
            self.http.public_url.pop();
        }
        let authority = self.http.public_url.strip_prefix("https://").or_else(|| self.http.public_url.strip_prefix("http://"));
        if !authority.is_some_and(is_authority) {
            return Err(invalid("http.public_url", "must be http:// or https:// and a host, without a path"));
        }
        if !self.rtmp.public_url.is_empty() && !["rtmp://", "rtmps://"].iter().any(|scheme| self.rtmp.public_url.starts_with(scheme)) {
            return Err(invalid("rtmp.public_url", "must begin with rtmp:// or rtmps://"));
        }
        for (tls, key) in [(&self.https, "https"), (&self.rtmps, "rtmps")] {
            if tls.listen.is_some() && tls.certificate.is_none() {
                let key = if key == "https" { "https.certificate" } else { "rtmps.certificate" };
                return Err(invalid(key, "is needed to listen with TLS"));
            }
            if tls.listen.is_some() && tls.key.is_none() {
                let key = if key == "https" { "https.key" } else { "rtmps.key" };
                return Err(invalid(key, "is needed to listen with TLS"));
            }
        }
        if !self.database_url.is_empty()
            && !["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| self.database_url.starts_with(scheme))
        {
            return Err(invalid("database_url", "must begin with sqlite: or postgres:"));
        }
        if !(100..=1000).contains(&self.live.part_duration_ms) {
            return Err(invalid("live.part_duration_ms", "must lie between 100 and 1000"));
        }
        if self.live.dvr_window_s > 86_400 {
            return Err(invalid("live.dvr_window_s", "must not exceed a day (86400)"));
        }
        if self.live.ladder.len() > 8 {
            return Err(invalid("live.ladder", "has at most 8 renditions"));
        }
        for rendition in &self.live.ladder {
            if !(90..=4320).contains(&rendition.height) || !(50..=100_000).contains(&rendition.bitrate_kbps) {
                return Err(invalid("live.ladder", "needs a height of 90 to 4320 and a bitrate_kbps of 50 to 100000"));
            }
        }
        if self.http.max_connections == 0 {
            return Err(invalid("http.max_connections", "must be at least 1"));
        }
        self.transcoding.check()?;
        self.storage.check()?;
        self.rate_limits.check()?;
        self.user.check()?;
        self.smtp.check()?;
        self.swarm.check()
    }

    /// Host and, if any, port of the public address: how other servers and handles name this one.
    pub fn public_authority(&self) -> &str {
        self.http.public_url.split_once("://").map_or("localhost", |(_, rest)| rest)
    }

    /// Host of the public address without its port.
    pub fn public_host(&self) -> &str {
        let authority = self.public_authority();
        match authority.strip_prefix('[').and_then(|rest| rest.find(']')) {
            // An IPv6 literal keeps its brackets.
            Some(end) => &authority[..end + 2],
            None => authority.split(':').next().unwrap_or(authority),
        }
    }

    /// The public address is this machine's own.
    pub fn is_local(&self) -> bool {
        let host = self.public_host().trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// What streamers type into OBS as the server; `port` is where RTMP really listens.
    pub fn rtmp_url(&self, port: u16) -> String {
        if !self.rtmp.public_url.is_empty() {
            let base = self.rtmp.public_url.trim_end_matches('/');
            return if base.ends_with("/live") { base.to_owned() } else { format!("{base}/live") };
        }
        format!("rtmp://{}:{port}/live", self.public_host())
    }

    /// The same with TLS.
    pub fn rtmps_url(&self, port: u16) -> String {
        format!("rtmps://{}:{port}/live", self.public_host())
    }
}

fn is_authority(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '_'))
}

fn to_value(text: &str, kind: Kind) -> Result<Option<toml::Value>, String> {
    let text = text.trim();
    Ok(Some(match kind {
        Kind::Text => toml::Value::String(text.to_owned()),
        Kind::Optional if text.is_empty() || text == "off" => return Ok(None),
        Kind::Optional => toml::Value::String(text.to_owned()),
        Kind::Flag => toml::Value::Boolean(match text {
            "1" | "true" | "on" | "yes" => true,
            "0" | "false" | "off" | "no" => false,
            _ => return Err(format!("{text:?} is neither on nor off")),
        }),
        Kind::Number => toml::Value::Integer(text.parse().map_err(|_| format!("{text:?} is not a whole number"))?),
        Kind::Decimal => {
            let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
            toml::Value::Float(number.ok_or_else(|| format!("{text:?} is not a number"))?)
        }
        Kind::List => toml::Value::Array(
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| toml::Value::String(part.to_owned())).collect(),
        ),
    }))
}

fn set(table: &mut toml::Table, key: &str, value: Option<toml::Value>) {
    let (table, key) = match key.split_once('.') {
        Some((section, key)) => {
            let section = table.entry(section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            match section {
                toml::Value::Table(section) => (section, key),
                // The file was checked before: a section is a table.
                _ => return,
            }
        }
        None => (table, key),
    };
    match value {
        Some(value) => table.insert(key.to_owned(), value),
        None => table.remove(key),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Config, Error> {
        Config::parse(text, Path::new("shoal.toml"), |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_default_round_trips() {
        let text = Config::default().to_toml();
        assert_eq!(parse(&text, &[]).expect("own output"), Config::default());
        assert_eq!(parse("", &[]).expect("empty"), Config::default());
    }

    #[test]
    fn unknown_keys_are_errors_with_their_name() {
        let error = parse("[http]\nlisten_on = \"127.0.0.1:1\"", &[]).expect_err("unknown key").to_string();
        assert!(error.contains("listen_on") && error.contains("shoal.toml"), "{error}");
        assert!(parse("nonsense = 1", &[]).is_err());
    }

    #[test]
    fn variables_win_over_the_file() {
        let config = parse(
            "[http]\nlisten = \"127.0.0.1:1\"",
            &[
                ("SHOAL_HTTP_LISTEN", "0.0.0.0:80"),
                ("SHOAL_HTTP_TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
                ("SHOAL_FEDERATION_ENABLED", "off"),
                ("SHOAL_METRICS_LISTEN", "off"),
                ("SHOAL_ROOT_PASSWORD", "open sesame"),
                ("SHOAL_PUBLIC_URL", "https://tv.example/"),
            ],
        )
        .expect("good");
        assert_eq!(config.http.listen.port(), 80);
        assert_eq!(config.http.trusted_proxies.len(), 2);
        assert!(!config.federation.enabled);
        assert_eq!(config.metrics.listen, None);
        assert_eq!(config.http.public_url, "https://tv.example");
        assert!(!config.is_local());
        assert!(!format!("{config:?}").contains("sesame"), "the password must not reach a log");
    }

    #[test]
    fn errors_name_the_variable_and_the_key() {
        for (name, value, key) in [
            ("SHOAL_HTTP_LISTEN", "localhost", "http.listen"),
            ("SHOAL_LIVE_MAX_LIVES", "many", "live.max_lives"),
            ("SHOAL_FEDERATION_ENABLED", "maybe", "federation.enabled"),
            ("SHOAL_HTTP_TRUSTED_PROXIES", "10.0.0.0/64", "http.trusted_proxies"),
        ] {
            let error = parse("", &[(name, value)]).expect_err(name).to_string();
            assert!(error.contains(name) && error.contains(key), "{error}");
        }
        for (text, key) in [
            ("[live]\npart_duration_ms = 5", "live.part_duration_ms"),
            ("[rate_limits]\napi_window_s = 0", "rate_limits.api_window_s"),
            ("[http]\npublic_url = \"tv.example\"", "http.public_url"),
            ("[https]\nlisten = \"0.0.0.0:443\"", "https.certificate"),
            ("database_url = \"mysql://x\"", "database_url"),
        ] {
            let error = parse(text, &[]).expect_err(key).to_string();
            assert!(error.contains(key), "{error}");
        }
    }

    #[test]
    fn every_variable_names_a_key_that_exists() {
        for &(key, name, kind) in VARIABLES {
            let value = match (kind, key) {
                (Kind::Number, "live.part_duration_ms") => "250",
                (Kind::Number, "storage.address_lifetime_s") => "70",
                (Kind::Number | Kind::Decimal, _) => "7",
                (_, "swarm.policy") => "opt-in",
                (_, "live.publishers") => "moderators",
                (Kind::Flag, "transcoding.audio_only" | "transcoding.keep_original") => "yes",
                (_, "storage.kind") => "s3",
                (_, "storage.delivery") => "proxy",
                (_, "storage.endpoint") => "https://s3.example",
                (_, "signup.enabled" | "signup.requires_email_verification") => "yes",
                (_, "smtp.security") => "starttls",
                (_, "smtp.from") => "tv@mail.example",
                (Kind::Flag, _) => "no",
                (Kind::List, _) => "127.0.0.1",
                (_, "http.public_url") => "http://tv.example",
                (_, "rtmp.public_url") => "rtmp://tv.example",
                (_, "database_url") => "sqlite://x",
                (_, key) if key.ends_with("listen") => "127.0.0.1:0",
                _ => "text",
            };
            let both = [
                (name, value),
                ("SHOAL_HTTPS_CERTIFICATE", "c"),
                ("SHOAL_HTTPS_KEY", "k"),
                ("SHOAL_RTMPS_CERTIFICATE", "c"),
                ("SHOAL_RTMPS_KEY", "k"),
                ("SHOAL_STORAGE_BUCKET", "media"),
                ("SHOAL_STORAGE_ACCESS_KEY_ID", "k"),
                ("SHOAL_STORAGE_SECRET_ACCESS_KEY", "s"),
            ];
            let config = parse("", &both).unwrap_or_else(|error| panic!("{name}: {error}"));
            if !key.starts_with("federation.allow") {
                assert_ne!(config, Config::default(), "{name} has no effect");
            }
        }
    }

    #[test]
    fn derives_what_streamers_type() {
        let mut config = Config::default();
        assert_eq!(config.rtmp_url(1935), "rtmp://localhost:1935/live");
        config.http.public_url = "https://tv.example:8443".into();
        assert_eq!(config.rtmp_url(1936), "rtmp://tv.example:1936/live");
        assert_eq!(config.public_authority(), "tv.example:8443");
        config.http.public_url = "http://[2001:db8::1]:9000".into();
        assert_eq!(config.rtmp_url(1935), "rtmp://[2001:db8::1]:1935/live");
        config.rtmp.public_url = "rtmp://in.example/".into();
        assert_eq!(config.rtmp_url(1), "rtmp://in.example/live");
    }

    #[test]
    fn networks() {
        let network = Network::parse("10.1.0.0/16").expect("good");
        assert!(network.contains("10.1.2.3".parse().expect("good")));
        assert!(network.contains("::ffff:10.1.2.3".parse().expect("good")));
        assert!(!network.contains("10.2.0.1".parse().expect("good")));
        assert!(Network::parse("0.0.0.0/0").expect("good").contains("192.0.2.1".parse().expect("good")));
        assert!(Network::parse("::/0").expect("good").contains("2001:db8::1".parse().expect("good")));
        assert!(Network::parse("::1/129").is_none());
    }
}
