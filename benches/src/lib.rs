//! Measurements of a running Shoal: load generators that know it only by its
//! ports, and the tables they fill. `make bench` and `make soak` run them.
//!
//! Each measurement starts a server of its own in a temporary directory,
//! prints its rows and writes them to `target/bench/NAME.json` and `.md`.

mod check;
mod everything;
mod flv;
mod glass;
mod hostile;
mod idle;
mod lists;
mod lives;
mod memory;
mod nginx;
mod page;
mod parts;
/// The same that tests have: a server in a temporary folder, on a Unix socket.
#[path = "../../tests/support/postgres.rs"]
mod postgres;
mod process;
mod publisher;
mod server;
mod start;
mod table;
mod tracker;
mod transcode;
mod waiters;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// Measures a Shoal of its own.
#[derive(Debug, Parser)]
#[command(name = "shoal bench")]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every measurement may be told.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// The server's binary; default: `shoal` beside this program.
    #[arg(long, global = true)]
    shoal: Option<PathBuf>,
    /// Where results and prepared streams go.
    #[arg(long, global = true, default_value = "target/bench")]
    out: PathBuf,
    /// Seconds to measure for; each measurement has its default.
    #[arg(long, global = true)]
    seconds: Option<u64>,
}

impl Common {
    fn duration(&self, default_seconds: u64) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or(default_seconds))
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Players that wait for the next part, all at once.
    Waiters {
        /// How many.
        #[arg(long, default_value_t = 5000)]
        players: usize,
    },
    /// CPU and memory of passthrough lives, beside nginx with its RTMP module.
    Lives {
        /// How many lives at once, in turn.
        #[arg(long, value_delimiter = ',', default_value = "1,10,50")]
        counts: Vec<usize>,
        /// Leave nginx out.
        #[arg(long)]
        alone: bool,
    },
    /// Parts and playlists per second.
    Parts {
        /// Connections that ask without pause.
        #[arg(long, default_value_t = 64)]
        connections: usize,
    },
    /// Memory of ten lives over a long time.
    Memory {
        /// How many lives.
        #[arg(long, default_value_t = 10)]
        lives: usize,
    },
    /// Memory of a server with everything switched on that has nothing to do.
    Idle,
    /// Lists of videos on a large instance, on SQLite and on PostgreSQL.
    Lists {
        /// How many videos it has.
        #[arg(long, default_value_t = 100_000)]
        videos: u64,
        /// Requests of each kind.
        #[arg(long, default_value_t = 40)]
        times: usize,
    },
    /// An upload into two renditions, beside ffmpeg's x264.
    Transcode {
        /// How often, in turns with ffmpeg.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
    },
    /// From publish to playlist.
    Start {
        /// How often.
        #[arg(long, default_value_t = 10)]
        times: usize,
    },
    /// An open page, from publish to picture: when its live begins, and when the encoder comes back.
    Page {
        /// How often a live begins.
        #[arg(long, default_value_t = 5)]
        begins: usize,
        /// How often the encoder goes and comes back.
        #[arg(long, default_value_t = 3)]
        returns: usize,
    },
    /// Glass to glass in a browser, by the clock in the test picture.
    Glass {
        /// What publishes.
        #[arg(long, value_enum, default_value = "zerolatency")]
        preset: glass::Preset,
        /// Opens the page this many times, spread over the keyframe interval.
        #[arg(long, default_value_t = 1)]
        joins: usize,
    },
    /// Damaged RTMP sessions and half-open ones beside a good publisher.
    Hostile {
        /// Damaged sessions.
        #[arg(long, default_value_t = 100_000)]
        sessions: u64,
        /// The first seed; each session has the next one.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// The swarm's tracker beside aquatic_ws.
    Tracker {
        /// Connections that talk as fast as they can, in turn.
        #[arg(long, value_delimiter = ',', default_value = "24,200")]
        connections: Vec<usize>,
        /// Peers that come and stay.
        #[arg(long, default_value_t = 10_000)]
        idle: usize,
    },
    /// The conformance checker on a live that is interrupted and ends.
    Check {
        /// Clients of the checker.
        #[arg(long, default_value_t = 20)]
        clients: usize,
    },
}

/// Runs the measurement that the arguments name, as `shoal bench` does.
///
/// # Errors
/// If a server cannot be started or measured; a bound that is not met is no
/// error but stands in the table, and in the exit status of the program.
pub async fn run(args: Vec<String>) -> anyhow::Result<()> {
    let arguments = Arguments::parse_from(std::iter::once("shoal bench".to_owned()).chain(args));
    let common = arguments.common;
    process::raise_open_files()?;
    let table = match arguments.command {
        Command::Waiters { players } => waiters::run(&common, players).await?,
        Command::Lives { counts, alone } => lives::run(&common, &counts, alone).await?,
        Command::Parts { connections } => parts::run(&common, connections).await?,
        Command::Memory { lives } => memory::run(&common, lives).await?,
        Command::Idle => idle::run(&common).await?,
        Command::Lists { videos, times } => lists::run(&common, videos, times).await?,
        Command::Transcode { rounds } => transcode::run(&common, rounds).await?,
        Command::Start { times } => start::run(&common, times).await?,
        Command::Page { begins, returns } => page::run(&common, begins, returns).await?,
        Command::Glass { preset, joins } => glass::run(&common, preset, joins).await?,
        Command::Hostile { sessions, seed } => hostile::run(&common, sessions, seed).await?,
        Command::Tracker { connections, idle } => tracker::run(&common, &connections, idle).await?,
        Command::Check { clients } => check::run(&common, clients).await?,
    };
    table.publish(&common.out)?;
    anyhow::ensure!(table.met(), "{}: a bound is not met", table.name);
    Ok(())
}
