//! Composition and lifecycle: everything is started here, in order, and stopped in reverse.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::Serialize;
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::allowance::Allowances;
use crate::blobs::{self, Blobs};
use crate::config::{self, Config, StunListen};
use crate::events::Bus;
use crate::fetch::Fetcher;
use crate::http::{self, auth::Auth, hub::Hub, media_access::MediaAccess, socket_io, video_tokens::VideoTokens, viewers::Viewers};
use crate::images::Images;
use crate::jobs::{self, Wake};
use crate::live::Live;
use crate::live::swarm::Swarms;
use crate::mail::{self, Mailer};
use crate::metrics::Metrics;
use crate::store::{self, Store};
use crate::uploads::{self, Uploads};
use crate::{tls, vod};

/// Running broadcasts have this long to end cleanly; with the rest below the promised 10 s.
const STOP_LIVES: Duration = Duration::from_secs(6);
/// Open requests and jobs have this long after that.
const STOP_TASKS: Duration = Duration::from_secs(2);
/// And the database.
const STOP_STORE: Duration = Duration::from_secs(1);

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A folder or file that is needed.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another server has it.
    #[error("{0} is in use by another running server")]
    Locked(PathBuf),
    /// An address that is taken or not ours.
    #[error("`{key}` = {address}: {source}")]
    Listen {
        /// The configuration's key.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A certificate that cannot be used.
    #[error("`{key}`: {source}")]
    Tls {
        /// The configuration's section.
        key: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The live room did not start.
    #[error("rtmp: {0}")]
    Live(#[source] io::Error),
    /// The client for what users name by address.
    #[error("fetching: {0}")]
    Fetch(#[source] reqwest::Error),
    /// Letters cannot go out as configured.
    #[error("smtp: {0}")]
    Mail(#[from] mail::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Object storage.
    #[error("storage: {0}")]
    Blobs(#[from] blobs::Error),
    /// The first user could not be made.
    #[error("password: {0}")]
    Password(String),
}

/// Addresses in use, as `data_dir/addresses.json` tells them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Addrs {
    /// Pages, API and media.
    pub http: Option<SocketAddr>,
    /// The same with TLS.
    pub https: Option<SocketAddr>,
    /// Publishers.
    pub rtmp: Option<SocketAddr>,
    /// The same with TLS.
    pub rtmps: Option<SocketAddr>,
    /// Prometheus.
    pub metrics: Option<SocketAddr>,
    /// STUN, by UDP.
    pub stun: Option<SocketAddr>,
    /// How the world reaches the pages.
    pub public_url: String,
    /// What streamers type into OBS.
    pub rtmp_url: String,
}

/// What every room needs; cheap to clone.
#[derive(Clone)]
pub struct App {
    /// As loaded.
    pub config: Arc<Config>,
    /// The database.
    pub store: Store,
    /// Facts that may be lost.
    pub events: Bus,
    /// Running broadcasts.
    pub live: Live,
    /// Their swarms.
    pub swarms: Swarms,
    /// Swarms of finished videos.
    pub vod: vod::Swarms,
    /// Object storage, if there is any.
    pub blobs: Blobs,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Who watches.
    pub viewers: Viewers,
    /// Sockets of open pages.
    pub hub: Hub,
    /// Sockets of PeerTube's clients.
    pub socket_io: socket_io::Sockets,
    /// Wakes the job runner after a commit.
    pub jobs: Wake,
    /// Logins.
    pub auth: Auth,
    /// Sends letters.
    pub mailer: Mailer,
    /// Makes avatars and banners.
    pub images: Images,
    /// Who may fetch media.
    pub media_access: MediaAccess,
    /// What opens the media of videos that are not open.
    pub video_tokens: VideoTokens,
    /// Uploads on their way.
    pub uploads: Uploads,
    /// What users may still have, of all that comes in.
    pub allowances: Allowances,
    /// Fetches what users name by address.
    pub fetcher: Fetcher,
    /// Cancelled when the server stops serving.
    pub stop: CancellationToken,
    addrs: Arc<OnceLock<Addrs>>,
}

impl App {
    /// Starts everything; ready when it returns.
    pub async fn start(config: Config) -> Result<Running, Error> {
        let lock = prepare_data_dir(&config.data_dir)?;
        let store = Store::open(&config.database_url, &config.data_dir).await?;
        let first_login = crate::users::ensure_root(&store, config.root_password.as_ref()).await.map_err(|error| match error {
            crate::users::Error::Store(error) => Error::Store(error),
            error => Error::Password(error.to_string()),
        })?;
        jobs::recover(&store).await?;
        let stop = CancellationToken::new();
        let events = Bus::new();
        let auth = Auth::new(&store, config.signup.requires_email_verification).await?;
        let mailer = Mailer::new(&config)?;
        let video_tokens = VideoTokens::load(&store).await?;
        let fetcher = Fetcher::new(config.federation.allow_private_addresses, config.public_host()).map_err(Error::Fetch)?;
        let swarms = Swarms::new(&store).await?;
        let metrics: Arc<Metrics> = Arc::default();
        let blobs = Blobs::open(&config, metrics.clone())?;
        let app = Self {
            viewers: Viewers::new(events.clone()),
            config: Arc::new(config),
            store,
            events,
            live: Live::default(),
            vod: vod::Swarms::new(swarms.clone()),
            swarms,
            blobs,
            metrics,
            hub: Hub::default(),
            socket_io: socket_io::Sockets::default(),
            jobs: Wake::default(),
            auth,
            mailer,
            images: Images::default(),
            media_access: MediaAccess::default(),
            video_tokens,
            uploads: Uploads::default(),
            allowances: Allowances::default(),
            fetcher,
            stop: stop.clone(),
            addrs: Arc::default(),
        };
        match app.listen(first_login, lock).await {
            Ok(running) => Ok(running),
            Err(error) => {
                stop.cancel();
                app.store.close().await;
                Err(error)
            }
        }
    }

    async fn listen(&self, first_login: Option<FirstLogin>, lock: File) -> Result<Running, Error> {
        let config = &self.config;
        let http_listener = bind("http.listen", config.http.listen).await?;
        let https_config = tls::server_config(&config.https, &[b"h2", b"http/1.1"], self.stop.clone())
            .map_err(|source| Error::Tls { key: "https", source })?;
        let https_listener = match (config.https.listen, https_config) {
            (Some(address), Some(tls)) => Some((bind("https.listen", address).await?, tls)),
            _ => None,
        };
        let metrics_listener = match config.metrics.listen {
            Some(address) => Some(bind("metrics.listen", address).await?),
            None => None,
        };
        let stun_socket = match config.stun.listen.address(config.is_local()) {
            Some(address) => {
                Some(bind_stun(address, config.stun.listen).map_err(|source| Error::Listen { key: "stun.listen", address, source })?)
            }
            None => None,
        };
        let listening = self.live.start(self).await.map_err(Error::Live)?;

        let http = http_listener.local_addr().ok();
        let public_url = self.public_url_for(http);
        let addrs = Addrs {
            http,
            https: https_listener.as_ref().and_then(|(listener, _)| listener.local_addr().ok()),
            rtmp: listening.rtmp,
            rtmps: listening.rtmps,
            metrics: metrics_listener.as_ref().and_then(|listener| listener.local_addr().ok()),
            stun: stun_socket.as_ref().and_then(|socket| socket.local_addr().ok()),
            rtmp_url: config.rtmp_url(listening.rtmp.map_or(config.rtmp.listen.port(), |address| address.port())),
            public_url,
        };
        let addrs = self.addrs.get_or_init(|| addrs).clone();

        let mut tasks = JoinSet::new();
        let router = http::router(self.clone());
        tasks.spawn(http::serve::run(self.clone(), http_listener, None, router.clone()));
        if let Some((listener, tls)) = https_listener {
            tasks.spawn(http::serve::run(self.clone(), listener, Some(tls), router));
        }
        if let Some(listener) = metrics_listener {
            tasks.spawn(http::serve::run(self.clone(), listener, None, http::metrics_router(self.clone())));
        }
        if let Some(socket) = stun_socket {
            let stop = self.stop.clone();
            tasks.spawn(async move {
                let _ = stop.run_until_cancelled(p2p_tracker::stun::serve(socket)).await;
            });
        }
        tasks.spawn(jobs::run(self.clone(), jobs::registry()));
        let (swarms, app, stop) = (self.vod.clone(), self.clone(), self.stop.clone());
        tasks.spawn(async move {
            let _ = stop.run_until_cancelled(swarms.run(app)).await;
        });
        let (app, stop) = (self.clone(), self.stop.clone());
        tasks.spawn(async move {
            let _ = stop.run_until_cancelled(vod::enqueue_missing(app)).await;
        });
        let (app, stop) = (self.clone(), self.stop.clone());
        tasks.spawn(async move {
            let _ = stop.run_until_cancelled(vod::imports::run(app)).await;
        });
        let (app, stop) = (self.clone(), self.stop.clone());
        tasks.spawn(async move {
            let _ = stop.run_until_cancelled(uploads::run(app)).await;
        });
        tasks.spawn(self.viewers.clone().run(self.clone()));
        tasks.spawn(self.hub.clone().run(self.clone()));
        tasks.spawn(self.socket_io.clone().run(self.clone()));
        let (tracker, stop) = (self.swarms.tracker().clone(), self.stop.clone());
        tasks.spawn(async move {
            let _ = stop.run_until_cancelled(p2p_tracker::clock::run(tracker)).await;
        });

        write_addresses(&config.data_dir, &addrs)?;
        tracing::info!(
            http = ?addrs.http, https = ?addrs.https, rtmp = ?addrs.rtmp, rtmps = ?addrs.rtmps, metrics = ?addrs.metrics,
            stun = ?addrs.stun, "app.ready"
        );
        Ok(Running { addrs, app: self.clone(), first_login, tasks, _lock: lock })
    }

    /// Addresses in use.
    pub fn addrs(&self) -> Addrs {
        self.addrs.get().cloned().unwrap_or_default()
    }

    /// How the world reaches the pages: scheme and authority.
    pub fn public_url(&self) -> String {
        match self.addrs.get() {
            Some(addrs) => addrs.public_url.clone(),
            None => self.config.http.public_url.clone(),
        }
    }

    /// The public address was chosen, not left at its default.
    pub fn has_public_url(&self) -> bool {
        self.config.http.public_url != config::Http::default().public_url
    }

    fn public_url_for(&self, http: Option<SocketAddr>) -> String {
        match http {
            // The default names the default port; another port in use is the one to name.
            Some(address) if !self.has_public_url() => format!("http://localhost:{}", address.port()),
            _ => self.config.http.public_url.clone(),
        }
    }
}

/// The login that the first start made.
#[derive(Clone, Debug)]
pub struct FirstLogin {
    /// Login name.
    pub username: String,
    /// The generated password; `None` when the administrator chose it.
    pub password: Option<config::Secret>,
}

/// A server that runs.
pub struct Running {
    /// Where it listens.
    pub addrs: Addrs,
    /// What its rooms share; tests look inside.
    pub app: App,
    /// Set when this start made the first user.
    pub first_login: Option<FirstLogin>,
    tasks: JoinSet<()>,
    _lock: File,
}

impl Running {
    /// Stops taking publishers, ends lives cleanly, answers what is open, closes the database. Within 10 s.
    pub async fn stop(mut self) {
        tracing::info!("app.stop");
        if timeout(STOP_LIVES, self.app.live.stop()).await.is_err() {
            tracing::warn!("app.stop: broadcasts did not end in time");
        }
        self.app.stop.cancel();
        let finished = timeout(STOP_TASKS, async { while self.tasks.join_next().await.is_some() {} }).await;
        if finished.is_err() {
            tracing::debug!("app.stop: requests or jobs cut off");
        }
        self.tasks.shutdown().await;
        let _ = timeout(STOP_STORE, self.app.store.close()).await;
    }
}

fn prepare_data_dir(data_dir: &Path) -> Result<File, Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::File { path, source }
    };
    std::fs::create_dir_all(data_dir).map_err(failed(data_dir))?;
    let path = data_dir.join("lock");
    let lock = File::create(&path).map_err(failed(&path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::Locked(data_dir.to_owned())),
        Err(std::fs::TryLockError::Error(source)) => Err(Error::File { path, source }),
    }
}

async fn bind(key: &'static str, address: SocketAddr) -> Result<TcpListener, Error> {
    http::serve::bind(address).map_err(|source| Error::Listen { key, address, source })
}

/// By default on all addresses; of IPv4 alone where the machine has no IPv6.
fn bind_stun(address: SocketAddr, listen: StunListen) -> io::Result<UdpSocket> {
    match p2p_tracker::stun::bind(address) {
        Err(_) if listen == StunListen::Auto => p2p_tracker::stun::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()))),
        bound => bound,
    }
}

/// Writes the addresses so that a reader sees all of them or none.
fn write_addresses(data_dir: &Path, addrs: &Addrs) -> Result<(), Error> {
    let path = data_dir.join("addresses.json");
    let partial = data_dir.join("addresses.json.part");
    let text = serde_json::to_string_pretty(addrs).map_err(io::Error::other);
    text.and_then(|text| std::fs::write(&partial, text + "\n"))
        .and_then(|()| std::fs::rename(&partial, &path))
        .map_err(|source| Error::File { path, source })
}
