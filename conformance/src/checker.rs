//! A run: many clients against one presentation.

use crate::Expect;
use crate::board::Board;
use crate::clients;
use crate::exchange::Client;
use crate::playlist::{self, Multivariant};
use crate::presentation::resolve;
use crate::report::Report;
use crate::rule::RuleId;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How a run goes.
#[derive(Debug, Clone)]
pub struct Config {
    /// URL of the multivariant playlist.
    pub master_url: String,
    /// Number of clients beside the two that watch and audit each rendition.
    pub clients: usize,
    /// How long to check; ends earlier when the stream does.
    pub duration: Duration,
    /// How long the multivariant playlist may take to appear.
    pub start_within: Duration,
    /// Verify TLS certificates (off for self-signed ones of tests).
    pub verify_tls: bool,
    /// Stop as soon as this rule is broken.
    pub stop_at: Option<RuleId>,
    /// What to expect of the origin.
    pub expect: Expect,
}

impl Config {
    /// Twenty clients for ten minutes.
    pub fn new(master_url: impl Into<String>) -> Self {
        Self {
            master_url: master_url.into(),
            clients: 20,
            duration: Duration::from_secs(600),
            start_within: Duration::from_secs(30),
            verify_tls: true,
            stop_at: None,
            expect: Expect::default(),
        }
    }
}

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The HTTP client could not be made.
    #[error("cannot make an HTTP client")]
    Client(#[source] reqwest::Error),
    /// There is no multivariant playlist to begin with.
    #[error("no multivariant playlist at {url} after {waited:?}: {last}")]
    NoMaster {
        /// The URL asked for.
        url: String,
        /// How long it was asked for.
        waited: Duration,
        /// The last answer.
        last: String,
    },
    /// What is there is no multivariant playlist.
    #[error("the multivariant playlist cannot be read")]
    Master(#[from] playlist::Error),
}

/// The checker.
#[derive(Debug)]
pub struct Checker;

impl Checker {
    /// Checks a presentation until it ends or the time is over.
    ///
    /// # Errors
    /// [`Error`] if there is nothing to check; broken rules are in the report.
    pub async fn run(config: Config) -> Result<Report, Error> {
        let http = http(config.verify_tls).map_err(Error::Client)?;
        let text = first_master(&http, &config).await?;
        let master = Multivariant::parse(&text)?;
        let playlists = master.media_playlists().into_iter().map(|uri| resolve(&config.master_url, uri)).collect();
        let board = Arc::new(Board::new(config.expect.clone(), config.master_url.clone(), playlists, config.stop_at));

        let mut background = JoinSet::new();
        let heart = Arc::clone(&board);
        background.spawn(async move { heart.beat().await });
        let mut players = JoinSet::new();
        for index in 0..board.renditions() {
            let client = || Client::new(http.clone(), Arc::clone(&board));
            background.spawn(clients::removed::run(client(), index));
            players.spawn(clients::watcher::run(client(), index));
            players.spawn(clients::auditor::run(client(), index));
        }
        for number in 0..config.clients {
            // Every client has its own connections.
            let http = self::http(config.verify_tls).map_err(Error::Client)?;
            let client = Client::new(http, Arc::clone(&board));
            clients::spawn(&mut players, client, number, config.verify_tls);
        }

        let deadline = Instant::now() + config.duration;
        loop {
            let tick = tokio::time::sleep(Duration::from_millis(20));
            tokio::select! {
                done = players.join_next() => match done {
                    None => break,
                    Some(Ok(())) => {}
                    Some(Err(error)) => {
                        board.broken(RuleId::Transport, "checker", format!("a client died: {error}"));
                    }
                },
                () = tick => {}
            }
            if Instant::now() >= deadline || board.ledger().stopped() {
                break;
            }
        }
        players.abort_all();
        background.abort_all();
        Ok(board.report())
    }
}

/// A client with connections of its own; HTTP/2 if TLS agrees on it.
pub(crate) fn http(verify_tls: bool) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .gzip(false)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .danger_accept_invalid_certs(!verify_tls)
        .tcp_nodelay(true)
        .connect_timeout(Duration::from_secs(5))
        .build()
}

async fn first_master(http: &reqwest::Client, config: &Config) -> Result<String, Error> {
    let began = Instant::now();
    let mut last = String::from("never asked");
    while began.elapsed() < config.start_within {
        match http.get(&config.master_url).send().await {
            Ok(response) if response.status().is_success() => match response.text().await {
                Ok(text) => return Ok(text),
                Err(error) => last = error.to_string(),
            },
            Ok(response) => last = response.status().to_string(),
            Err(error) => last = error.to_string(),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(Error::NoMaster { url: config.master_url.clone(), waited: began.elapsed(), last })
}
