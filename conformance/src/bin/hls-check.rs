//! Checks a Low-Latency HLS origin from outside.

use clap::Parser;
use conformance::{Checker, Config};
use std::process::ExitCode;
use std::time::Duration;

/// Plays a low-latency stream with many clients and names every broken rule.
#[derive(Debug, Parser)]
#[command(name = "hls-check", version)]
struct Arguments {
    /// URL of the multivariant playlist.
    #[arg(long)]
    url: String,
    /// Number of clients.
    #[arg(long, default_value_t = 20)]
    clients: usize,
    /// How long to check; ends earlier when the stream does.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// How long to wait for the multivariant playlist.
    #[arg(long, default_value_t = 30)]
    start_within: u64,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Do not verify TLS certificates.
    #[arg(long)]
    insecure: bool,
    /// Do not expect segments-sha256.json.
    #[arg(long)]
    no_sha256: bool,
    /// The origin's clock is another: do not hold dates against this one.
    #[arg(long)]
    other_clock: bool,
    /// Milliseconds added to every bound between updates.
    #[arg(long, default_value_t = 250)]
    cadence_slack: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut config = Config::new(arguments.url);
    config.clients = arguments.clients;
    config.duration = Duration::from_secs(arguments.seconds);
    config.start_within = Duration::from_secs(arguments.start_within);
    config.verify_tls = !arguments.insecure;
    config.expect.sha256 = !arguments.no_sha256;
    config.expect.same_clock = !arguments.other_clock;
    config.expect.cadence_slack = Duration::from_millis(arguments.cadence_slack);
    let report = Checker::run(config).await?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
    }
    Ok(if report.passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
