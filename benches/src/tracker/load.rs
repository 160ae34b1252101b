//! What is asked of a tracker, from a thread of its own on the second core.

use anyhow::Context as _;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::LocalSet;

use super::peer::Peer;
use crate::process;

/// Offers of one announce, and bytes of a session description (with server-reflexive candidates).
const OFFERS: usize = 5;
const SDP_BYTES: usize = 1200;
/// Of so many offers...
const OFFERS_HEARD: u64 = 5;
/// ... so many are answered: peers have enough connections, or are gone.
const OFFERS_ANSWERED: u64 = 2;
/// Joins at once.
const JOINING: usize = 64;
/// Until what the last joiners set in motion has come to rest.
const SETTLED: Duration = Duration::from_secs(5);
/// A join takes no longer.
const JOIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the tracker is, and how it behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub address: SocketAddr,
    pub path: &'static str,
    /// Sends a response for each answer too.
    pub answers_are_answered: bool,
}

/// What happened during a measurement.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Exchanged {
    pub responses: u64,
    pub offers: u64,
    pub answers: u64,
    pub failures: u64,
    pub cpu: Duration,
    pub wall: Duration,
}

impl Exchanged {
    pub(crate) fn useful(&self) -> u64 {
        self.responses + self.offers + self.answers
    }
}

/// Many peers that came and stay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Joins {
    pub joined: usize,
    pub cpu: Duration,
    pub wall: Duration,
    pub rss_before: u64,
    pub rss_after: u64,
}

impl Joins {
    pub(crate) fn bytes_per_peer(&self) -> f64 {
        (self.rss_after as f64 - self.rss_before as f64) / self.joined as f64
    }
}

/// An info hash as text: what a swarm is called is no part of the load.
pub(crate) fn info_hash(swarm: usize) -> String {
    format!("bench swarm {swarm:08}")
}

#[derive(Default)]
struct Counters {
    responses: Cell<u64>,
    offers: Cell<u64>,
    answers: Cell<u64>,
    failures: Cell<u64>,
    made: Cell<u64>,
    broken: RefCell<Option<anyhow::Error>>,
}

impl Counters {
    fn exchanged(&self) -> Exchanged {
        Exchanged {
            responses: self.responses.get(),
            offers: self.offers.get(),
            answers: self.answers.get(),
            failures: self.failures.get(),
            ..Exchanged::default()
        }
    }
}

fn add(counter: &Cell<u64>, count: u64) -> u64 {
    counter.set(counter.get() + count);
    counter.get()
}

#[derive(Deserialize)]
struct Heard<'a> {
    info_hash: Option<&'a str>,
    peer_id: Option<&'a str>,
    offer_id: Option<&'a str>,
    offer: Option<IgnoredAny>,
    answer: Option<IgnoredAny>,
    interval: Option<u32>,
}

fn sdp() -> String {
    r"a=candidate:1 1 udp 2113937151 192.168.178.20 50000 typ host generation 0\r\n".chars().cycle().take(SDP_BYTES - 1).collect::<String>()
        + "n"
}

fn announce(text: &mut String, swarm: usize, peer_id: &str, sdp: &str, counters: &Counters) {
    text.clear();
    let hash = info_hash(swarm);
    let _ = write!(
        text,
        r#"{{"action":"announce","info_hash":"{hash}","peer_id":"{peer_id}","uploaded":0,"downloaded":0,"left":1000,"event":"started","numwant":{OFFERS},"offers":["#
    );
    for number in 0..OFFERS {
        let comma = if number > 0 { "," } else { "" };
        let id = add(&counters.made, 1);
        let _ = write!(text, r#"{comma}{{"offer_id":"{id:020}","offer":{{"type":"offer","sdp":"{sdp}"}}}}"#);
    }
    text.push_str("]}");
}

/// Runs `work` on a thread on the second core.
async fn apart<T: Send + 'static, F: Future<Output = anyhow::Result<T>> + 'static>(
    work: impl FnOnce() -> F + Send + 'static,
) -> anyhow::Result<T> {
    let thread = move || {
        let mut cores = rustix::thread::CpuSet::new();
        cores.set(1);
        rustix::thread::sched_setaffinity(None, &cores).context("a second core is needed")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(LocalSet::new().run_until(work()))
    };
    tokio::task::spawn_blocking(move || std::thread::spawn(thread).join()).await?.map_err(|_| anyhow::anyhow!("the load panicked"))?
}

/// Peers that announce as fast as they are answered, each in all swarms.
pub(crate) async fn exchange(
    target: Target,
    pid: u32,
    swarms: usize,
    connections: usize,
    warm_up: Duration,
    window: Duration,
) -> anyhow::Result<Exchanged> {
    apart(move || async move {
        let counters = Rc::new(Counters::default());
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..connections {
            let peer = Peer::connect(target.address, target.path).await?;
            let counters = counters.clone();
            tasks.spawn_local(async move {
                if let Err(error) = talk(peer, number, target, swarms, &counters).await {
                    counters.broken.borrow_mut().get_or_insert(error);
                }
            });
        }
        tokio::time::sleep(warm_up).await;
        let look = || (counters.exchanged(), process::usage(pid).cpu, Instant::now());
        let before = look();
        tokio::time::sleep(window).await;
        let after = look();
        tasks.abort_all();
        if let Some(error) = counters.broken.borrow_mut().take() {
            return Err(error);
        }
        Ok(Exchanged {
            responses: after.0.responses - before.0.responses,
            offers: after.0.offers - before.0.offers,
            answers: after.0.answers - before.0.answers,
            failures: after.0.failures - before.0.failures,
            cpu: after.1 - before.1,
            wall: after.2 - before.2,
        })
    })
    .await
}

async fn talk(mut peer: Peer, number: usize, target: Target, swarms: usize, counters: &Counters) -> anyhow::Result<()> {
    let (sdp, peer_id, mut text) = (sdp(), format!("-SH0100-{number:012}"), String::new());
    let (mut swarm, mut heard_offers) = (number, 0);
    // Responses that are still to come. Those to answers may stay away a while: on either tracker one announce is on its way.
    let mut awaited: u64 = 1;
    let slack = if target.answers_are_answered { OFFERS_ANSWERED } else { 0 };
    announce(&mut text, swarm % swarms, &peer_id, &sdp, counters);
    peer.say(&text);
    peer.flush().await?;
    loop {
        peer.hear(|peer, message| {
            let Ok(heard) = serde_json::from_str::<Heard<'_>>(message) else {
                add(&counters.failures, 1);
                return;
            };
            match heard {
                Heard { offer: Some(_), info_hash: Some(hash), peer_id: Some(from), offer_id: Some(id), .. } => {
                    add(&counters.offers, 1);
                    heard_offers += 1;
                    if heard_offers % OFFERS_HEARD < OFFERS_ANSWERED {
                        text.clear();
                        let _ = write!(
                            text,
                            r#"{{"action":"announce","info_hash":"{hash}","peer_id":"{peer_id}","to_peer_id":"{from}","offer_id":"{id}","answer":{{"type":"answer","sdp":"{sdp}"}}}}"#
                        );
                        peer.say(&text);
                        awaited += u64::from(target.answers_are_answered);
                    }
                }
                Heard { answer: Some(_), .. } => {
                    add(&counters.answers, 1);
                }
                Heard { interval: Some(_), .. } => {
                    awaited = awaited.saturating_sub(1);
                    if awaited <= slack {
                        add(&counters.responses, 1);
                        // One after the other, each peer in its own order.
                        swarm += 1 + number % 7;
                        announce(&mut text, swarm % swarms, &peer_id, &sdp, counters);
                        peer.say(&text);
                        awaited += 1;
                    }
                }
                _ => {
                    add(&counters.failures, 1);
                }
            }
        })
        .await?;
    }
}

/// What peers that come announce.
#[derive(Clone, Debug)]
pub(crate) enum Announces {
    /// Offers, in so many plain swarms.
    Plain { swarms: usize },
    /// That they take part in a broadcast's swarm.
    Broadcast { info_hash: String, token: String },
}

impl Announces {
    fn write(&self, text: &mut String, number: usize, sdp: &str, counters: &Counters) {
        let peer_id = format!("-SH0100-{number:012}");
        match self {
            Self::Plain { swarms } => announce(text, number % swarms, &peer_id, sdp, counters),
            Self::Broadcast { info_hash, token } => {
                let shoal = json!({ "version": 1, "rendition": 0, "slots": 4, "upload": true });
                let message =
                    json!({ "action": "announce", "info_hash": info_hash, "peer_id": peer_id, "left": 0, "token": token, "shoal": shoal });
                *text = message.to_string();
            }
        }
    }
}

/// Peers that come, announce once, and stay.
pub(crate) async fn join(target: Target, pid: u32, announces: Announces, peers: usize) -> anyhow::Result<Joins> {
    apart(move || async move {
        let announces = Rc::new(announces);
        let counters = Rc::new(Counters::default());
        let before = process::usage(pid);
        let began = Instant::now();
        let next = Rc::new(Cell::new(0));
        let joined = Rc::new(Cell::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..JOINING {
            let (counters, next, joined, announces) = (counters.clone(), next.clone(), joined.clone(), announces.clone());
            tasks.spawn_local(async move {
                let (sdp, mut text) = (sdp(), String::new());
                while next.get() < peers {
                    let number = next.replace(next.get() + 1);
                    announces.write(&mut text, number, &sdp, &counters);
                    let peer = tokio::time::timeout(JOIN_TIMEOUT, enter(target, &text)).await;
                    match peer.map_err(anyhow::Error::from).and_then(|peer| peer) {
                        Ok(peer) => {
                            joined.set(joined.get() + 1);
                            // Reads what comes until the measurement ends.
                            tokio::task::spawn_local(stay(peer));
                        }
                        Err(error) => {
                            counters.broken.borrow_mut().get_or_insert(error);
                        }
                    }
                }
            });
        }
        while tasks.join_next().await.is_some() {}
        let wall = began.elapsed();
        let cpu = process::usage(pid).cpu - before.cpu;
        if let Some(error) = counters.broken.borrow_mut().take() {
            return Err(error);
        }
        tokio::time::sleep(SETTLED).await;
        Ok(Joins { joined: joined.get(), cpu, wall, rss_before: before.rss, rss_after: process::usage(pid).rss })
    })
    .await
}

async fn enter(target: Target, text: &str) -> anyhow::Result<Peer> {
    let mut peer = Peer::connect(target.address, target.path).await?;
    peer.say(text);
    peer.flush().await?;
    let mut answered = false;
    while !answered {
        peer.hear(|_, message| answered |= message.contains("\"interval\"")).await?;
    }
    Ok(peer)
}

async fn stay(mut peer: Peer) {
    loop {
        peer.rest();
        if peer.hear(|_, _| ()).await.is_err() {
            return;
        }
    }
}
