//! Puts peers on a broadcast: for load tests, and to see what liars do to a swarm.

use std::{
    collections::BTreeMap,
    time::{Duration, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use p2p_peer::driver::{Config, Evil, Peer};

const HELP: &str = "shoal-peers: native peers on a broadcast

  shoal-peers TOKEN_URL [key=value ...]

  TOKEN_URL   https://host/api/shoal/v1/swarms/{uuid}/token
  count=N     so many peers (1)
  seconds=N   for so long (60)
  every=N     a line of numbers every N seconds (0: at the end only)
  stagger=N   milliseconds between joins (100)
  latency=N   milliseconds behind the edge (2000)
  upload=0|1  whether they send anything to others (1)
  bind=A:P    where UDP is bound (0.0.0.0:0)
  evil=WHAT   wrong-bytes, wrong-length, flood, lying-have or accuse

Prints one JSON object a line: a peer's numbers, or of all together; of evil peers also what they did to whom.";

/// How often evil peers are asked what they did.
const ASK: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let Some(url) = args.next().filter(|url| url.contains("://")) else {
        println!("{HELP}");
        return Ok(());
    };
    let mut config = Config::default();
    let (mut count, mut seconds, mut every, mut stagger) = (1u32, 60u64, 0u64, 100u64);
    for setting in args {
        let (key, value) = setting.split_once('=').with_context(|| format!("{setting} is not key=value"))?;
        match key {
            "count" => count = value.parse()?,
            "seconds" => seconds = value.parse()?,
            "every" => every = value.parse()?,
            "stagger" => stagger = value.parse()?,
            "latency" => config.latency_ms = value.parse()?,
            "upload" => config.upload = value != "0",
            "bind" => config.bind = value.to_owned(),
            "evil" => config.evil = Some(Evil::from_name(value).with_context(|| format!("{value} is no way to be evil"))?),
            _ => bail!("no setting is called {key}"),
        }
    }
    let mut peers = Vec::new();
    for _ in 0..count {
        peers.push(Peer::join(&url, config.clone()).await?);
        tokio::time::sleep(Duration::from_millis(stagger)).await;
    }
    let mut passed = 0;
    while passed < seconds {
        let step = if every == 0 { seconds } else { every.min(seconds - passed) };
        watch(&mut peers, Duration::from_secs(step)).await;
        passed += step;
        println!("{}", serde_json::json!({"seconds": passed, "peers": count, "all": sum(&peers)?}));
    }
    for peer in peers {
        println!("{}", serde_json::json!({"peer": peer.id(), "stats": peer.stats()}));
        peer.leave().await;
    }
    Ok(())
}

/// Lets time pass, and prints what evil peers do meanwhile.
async fn watch(peers: &mut [Peer], duration: Duration) {
    let end = tokio::time::Instant::now() + duration;
    while tokio::time::Instant::now() < end {
        tokio::time::sleep_until(end.min(tokio::time::Instant::now() + ASK)).await;
        for peer in &mut *peers {
            for lie in peer.lies() {
                let at_ms = lie.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
                println!("{}", serde_json::json!({"liar": peer.id(), "to": lie.peer, "at_ms": at_ms, "evil": lie.evil.name()}));
            }
        }
    }
}

/// The numbers of all peers, added up by name.
fn sum(peers: &[Peer]) -> serde_json::Result<BTreeMap<String, u64>> {
    let mut all = BTreeMap::new();
    for peer in peers {
        let serde_json::Value::Object(stats) = serde_json::to_value(peer.stats())? else { continue };
        for (name, value) in stats {
            *all.entry(name).or_default() += value.as_u64().unwrap_or_else(|| value.as_bool().map_or(0, u64::from));
        }
    }
    Ok(all)
}
