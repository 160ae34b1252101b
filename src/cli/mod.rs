//! The command line.

mod admin;
mod demo;
mod greeting;
mod publish;

use std::io::IsTerminal as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::app::App;
use crate::config::Config;

/// A live streaming engine with an embedded video platform.
#[derive(Debug, Parser)]
#[command(name = "shoal", version)]
struct Arguments {
    /// Configuration file (TOML).
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve {
        /// With a live that shows a test picture.
        #[arg(long)]
        demo: bool,
    },
    /// Publish a test picture or a file to an RTMP server.
    Publish(publish::Publish),
    /// Administer users; the server need not run.
    #[command(subcommand)]
    Admin(admin::Admin),
    /// Show or check the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the API's description (OpenAPI, JSON).
    Openapi,
    /// What the server does in processes of their own.
    #[command(subcommand, hide = true)]
    Media(crate::live::studio::Task),
    /// Measure (see docs/benchmarks.md).
    #[command(disable_help_flag = true)]
    Bench {
        /// What the benchmarks are given.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print the configuration in use, defaults included.
    Print,
    /// Say whether the configuration is good.
    Check,
}

/// Runs what the arguments ask for.
pub fn run() -> Result<()> {
    let arguments = Arguments::parse();
    let config = || Config::load(arguments.config.as_deref());
    match arguments.command {
        Command::Serve { demo } => {
            start_log();
            let mut config = config()?;
            config.program = std::env::current_exe().ok();
            runtime()?.block_on(serve(config, demo))
        }
        Command::Publish(publish) => {
            start_log();
            runtime()?.block_on(publish::run(publish))
        }
        Command::Bench { arguments } => {
            start_log();
            runtime()?.block_on(bench::run(arguments))
        }
        Command::Admin(command) => runtime()?.block_on(admin::run(config()?, command)),
        Command::Config(ConfigCommand::Print) => {
            print!("{}", config()?.to_toml());
            Ok(())
        }
        Command::Config(ConfigCommand::Check) => {
            config()?;
            println!("The configuration is good.");
            Ok(())
        }
        Command::Media(task) => runtime()?.block_on(crate::live::studio::run(task)),
        Command::Openapi => {
            println!("{}", crate::http::openapi::document_json());
            Ok(())
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")
}

/// Logs go to standard error: standard output has the greeting. `SHOAL_LOG` sets the level or
/// filters; JSON when not a terminal.
fn start_log() {
    let filter = EnvFilter::try_from_env("SHOAL_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started =
        if std::io::stderr().is_terminal() { log.with_target(false).try_init() } else { log.json().flatten_event(true).try_init() };
    // Fails only when a log was started before: that one is used.
    drop(started);
}

/// Somebody wants the program to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn serve(config: Config, demo: bool) -> Result<()> {
    // Before anything is made, so that a signal during the start is not lost.
    let mut signals = Signals::new()?;
    let running = App::start(config).await?;
    greeting::print(&running);
    let publisher = if demo { Some(demo::start(&running.app).await?) } else { None };
    signals.wait().await;
    drop(publisher);
    running.stop().await;
    Ok(())
}
