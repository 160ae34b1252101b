//! Checks a Low-Latency HLS origin from outside.

use clap::Parser;
use conformance::proxy::{self, Proxy};
use conformance::{Checker, Config, RuleId};
use futures_util::{StreamExt, stream};
use std::process::ExitCode;
use std::time::Duration;

/// Plays a low-latency stream with many clients and names every broken rule.
#[derive(Debug, Parser)]
#[command(name = "hls-check", version)]
struct Arguments {
    /// URL of the multivariant playlist.
    #[arg(long, required_unless_present = "prove")]
    url: Option<String>,
    /// Check the checker: break each rule once and see that it is named.
    #[arg(long)]
    prove: bool,
    /// Break this rule on the way from the origin.
    #[arg(long, value_parser = rule)]
    broken: Option<RuleId>,
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
    let Some(url) = arguments.url.as_deref().filter(|_| !arguments.prove) else {
        return prove().await;
    };
    let through = match arguments.broken {
        Some(rule) => Some(Proxy::start(url, Some(rule)).await?),
        None => None,
    };
    let url = through.as_ref().map_or(url.to_owned(), Proxy::master_url);
    let mut config = Config::new(url);
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
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn rule(name: &str) -> Result<RuleId, String> {
    let found = RuleId::ALL.iter().find(|rule| rule.name() == name);
    found.copied().ok_or_else(|| {
        let names: Vec<_> = RuleId::ALL.iter().map(|rule| rule.name()).collect();
        format!("rules are {}", names.join(", "))
    })
}

/// Proofs at a time.
const AT_ONCE: usize = 8;

async fn prove() -> anyhow::Result<ExitCode> {
    let untouched = proxy::prove(None).await?;
    println!("nothing broken: {untouched}\n");
    let mut silent = 0;
    let mut proofs = stream::iter(RuleId::ALL).map(|&rule| async move { (rule, proxy::prove(Some(rule)).await) }).buffered(AT_ONCE);
    while let Some((rule, report)) = proofs.next().await {
        let named = report?.names(rule);
        silent += u32::from(!named);
        let verdict = if named { "named" } else { "MISSED" };
        println!("{verdict:7} {:26} {}", rule.name(), rule.text());
    }
    println!("{} rules broken, {silent} missed", RuleId::ALL.len());
    Ok(if silent == 0 && untouched.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
