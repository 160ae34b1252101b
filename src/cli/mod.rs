//! The command line.

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
use crate::domain::{Place, Role};
use crate::store::Store;
use crate::users;

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
    Admin(Admin),
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
enum Admin {
    /// Add a user with an account and a channel.
    CreateUser {
        /// Login name: a-z, 0-9, . and _
        username: String,
        /// E-mail address.
        #[arg(long, default_value = "")]
        email: String,
        /// What they may do.
        #[arg(long, value_enum, default_value = "user")]
        role: RoleArgument,
        /// The password; generated and printed when absent.
        #[arg(long)]
        password: Option<String>,
    },
    /// Set a new password and end all sessions of a user.
    ResetPassword {
        /// Login name.
        username: String,
        /// The password; generated and printed when absent.
        #[arg(long)]
        password: Option<String>,
    },
    /// Enqueue the move of all finished videos' files; the server does it when it runs.
    MoveMedia {
        /// Where they are to be.
        #[arg(long, value_enum)]
        to: PlaceArgument,
    },
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum PlaceArgument {
    Disk,
    S3,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum RoleArgument {
    Administrator,
    Moderator,
    User,
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
        Command::Admin(command) => runtime()?.block_on(administer(config()?, command)),
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

async fn administer(config: Config, command: Admin) -> Result<()> {
    std::fs::create_dir_all(&config.data_dir).with_context(|| config.data_dir.display().to_string())?;
    let store = Store::open(&config.database_url, &config.data_dir).await?;
    let generated = match &command {
        Admin::CreateUser { password: None, .. } | Admin::ResetPassword { password: None, .. } => Some(users::generate_password()),
        _ => None,
    };
    let username = match command {
        Admin::CreateUser { username, email, role, password } => {
            let role = match role {
                RoleArgument::Administrator => Role::Administrator,
                RoleArgument::Moderator => Role::Moderator,
                RoleArgument::User => Role::User,
            };
            let password = password.or_else(|| generated.clone()).unwrap_or_default();
            users::create_user(&store, &username, &email, role, &password).await?;
            username
        }
        Admin::ResetPassword { username, password } => {
            let password = password.or_else(|| generated.clone()).unwrap_or_default();
            users::reset_password(&store, &username, &password).await?;
            username
        }
        Admin::MoveMedia { to } => {
            let to = match to {
                PlaceArgument::Disk => Place::Disk,
                PlaceArgument::S3 => Place::ObjectStorage,
            };
            anyhow::ensure!(config.storage.bucket.is_some(), "no object storage is configured (storage.bucket)");
            let videos = crate::vod::enqueue_moves(&store, to).await?;
            println!("{videos} videos will be moved.");
            store.close().await;
            return Ok(());
        }
    };
    match generated {
        Some(password) => println!("{username} can log in with the password {password}"),
        None => println!("{username} can log in."),
    }
    store.close().await;
    Ok(())
}
