//! Swarms of running broadcasts: joins the segmenter's windows to the tracker and to the streams that roots take.
//!
//! A swarm looks at its broadcast's renditions as any reader does, so it never holds up a part. Manifests are made only
//! while somebody wants them.

mod keys;
mod part;
mod plain;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use media::MediaTime;
use p2p_peer::wire::{Place, SwarmId};
use p2p_tracker::clock::unix_now_s;
use p2p_tracker::protocol::Counts;
use p2p_tracker::{InfoHash, Kind, Limits, Offload, Summary, Tokens, Tracker, topology};
use rand::Rng as _;
use segmenter::growth::Growth;
use segmenter::rendition::{Group, Rendition};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::status::Sharing;
use super::{MULTIVARIANT, WHOLE_MULTIVARIANT};
use crate::app::App;
use crate::config::Policy;
use crate::metrics::Metrics;
use crate::store::{self, Store};
pub use keys::Keys;
pub use part::Part;

/// Manifests and slices kept for those who join: as long as peers keep theirs.
const KEPT: MediaTime = MediaTime::from_secs(4);
/// A part may last a tenth of a second, so that this is never fewer than [`KEPT`]; and many empty ones cost nothing.
const MAX_KEPT: usize = 64;
/// Parts that a root may be behind before it is let go: over ten seconds of three renditions.
const FEED: usize = 192;
/// Streams of a small swarm: each of its peers may become a root when it finds no parent...
const MAX_STREAMS: usize = 256;
/// ...and one more for so many peers: a hundredth of them are roots of each of eight stripes.
const PEERS_PER_STREAM: u64 = 8;
/// Who asked for a token joins within this, or asks again.
const INVITED: Duration = Duration::from_secs(30);
/// How often a swarm looks whether anybody is there, and for new renditions.
const TICK: Duration = Duration::from_secs(1);
/// How long peers of an ended broadcast may still find each other, to play it to its end.
const END_LINGER: Duration = Duration::from_secs(15);
/// How long a token opens the swarm; pages ask again before.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);
/// Up to this rate four stripes are enough.
const FEW_STRIPES_BPS: u64 = 3_000_000;
/// Info hashes registered for other players of one broadcast: theirs change when the announced bandwidth does.
const MAX_PLAIN: usize = 256;

/// All swarms; cheap to clone.
#[derive(Clone)]
pub struct Swarms(Arc<Inner>);

struct Inner {
    keys: Keys,
    tracker: Tracker,
    running: Mutex<HashMap<Uuid, Arc<Swarm>>>,
    /// How many broadcasts opened a swarm for other players: of one video the next may begin before the last is closed.
    plain: Mutex<HashMap<InfoHash, usize>>,
}

impl Swarms {
    /// No swarms yet; reads or makes the instance's keys.
    pub async fn new(store: &Store) -> store::Result<Self> {
        let keys = Keys::load(store).await?;
        let tokens = Tokens::new(keys.token_key());
        let tracker = Tracker::new(tokens, Limits::default(), rand::rng().random(), Instant::now(), unix_now_s());
        Ok(Self(Arc::new(Inner { keys, tracker, running: Mutex::default(), plain: Mutex::default() })))
    }

    /// Where peers meet.
    pub fn tracker(&self) -> &Tracker {
        &self.0.tracker
    }

    /// The instance's secrets.
    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// The swarm of a video's running broadcast.
    pub fn find(&self, video: Uuid) -> Option<Arc<Swarm>> {
        self.running().get(&video).filter(|swarm| !swarm.closing.load(Ordering::Relaxed)).cloned()
    }

    /// Opens the swarm of a broadcast that begins, or goes on after a restart; `None` where nobody is to share.
    pub(super) fn open(&self, app: &App, video: Uuid, prefix: &str, group: Group) -> Option<Arc<Swarm>> {
        if app.config.swarm.policy == Policy::Off {
            return None;
        }
        let swarm = self.make(video, prefix, group);
        self.running().insert(video, swarm.clone());
        tokio::spawn(run(self.clone(), app.clone(), swarm.clone()));
        Some(swarm)
    }

    fn make(&self, video: Uuid, prefix: &str, group: Group) -> Arc<Swarm> {
        Arc::new(Swarm {
            id: self.0.keys.swarm_id(prefix),
            video,
            group,
            stripes: OnceLock::new(),
            tracker: self.0.tracker.clone(),
            counted: Counted::default(),
            kept: Mutex::default(),
            feed: broadcast::channel(FEED).0,
            streams: AtomicUsize::new(0),
            invited: Mutex::new(None),
            demand: watch::Sender::new(false),
            closing: AtomicBool::new(false),
            closed: CancellationToken::new(),
        })
    }

    /// Opens swarms for players of other makers under what they compute now; notes them in `opened`.
    fn open_plain(&self, app: &App, swarm: &Swarm, opened: &mut BTreeSet<InfoHash>) {
        // Before the server listens its addresses are not known.
        let (Some(variants), Some(http)) = (swarm.group.variants(None), app.addrs().http) else { return };
        let mut bases = vec![app.public_url()];
        if !app.has_public_url() {
            // Viewers come by the names of this machine.
            bases.push(format!("http://127.0.0.1:{}", http.port()));
        }
        for base in bases {
            let folder = format!("{base}/static/streaming-playlists/hls/{}", swarm.video);
            let hashes = [MULTIVARIANT, WHOLE_MULTIVARIANT].map(|name| plain::info_hashes(&format!("{folder}/{name}"), &variants));
            for hash in hashes.into_iter().flatten() {
                if opened.len() < MAX_PLAIN && opened.insert(hash) {
                    *self.plain().entry(hash).or_default() += 1;
                    self.0.tracker.register(Instant::now(), hash, Kind::Plain);
                }
            }
        }
    }

    fn close_plain(&self, hash: InfoHash) {
        let mut plain = self.plain();
        if let Some(count) = plain.get_mut(&hash) {
            *count -= 1;
            if *count == 0 {
                plain.remove(&hash);
                self.0.tracker.remove(Instant::now(), &hash);
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Swarm>>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn plain(&self) -> MutexGuard<'_, HashMap<InfoHash, usize>> {
        self.0.plain.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The swarm of one broadcast.
pub struct Swarm {
    id: SwarmId,
    video: Uuid,
    group: Group,
    stripes: OnceLock<u8>,
    tracker: Tracker,
    counted: Counted,
    /// The newest parts, by rendition.
    kept: Mutex<Vec<VecDeque<Arc<Part>>>>,
    feed: broadcast::Sender<Arc<Part>>,
    streams: AtomicUsize,
    /// When a token was last asked for.
    invited: Mutex<Option<Instant>>,
    demand: watch::Sender<bool>,
    closing: AtomicBool,
    closed: CancellationToken,
}

/// What a swarm's peers reported, as far as it is in the metrics.
#[derive(Debug, Default)]
pub(crate) struct Counted(Mutex<Offload>);

impl Counted {
    /// Adds what was reported since the last time to the metrics.
    pub fn count(&self, metrics: &Metrics, offload: Offload) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        metrics.viewer_http_bytes.add(offload.http_bytes.saturating_sub(counted.http_bytes));
        metrics.viewer_p2p_bytes.add(offload.p2p_bytes.saturating_sub(counted.p2p_bytes));
        *counted = offload;
    }
}

/// What somebody needs to join.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// The swarm.
    pub swarm: SwarmId,
    /// Opens it.
    pub token: String,
    /// For so long.
    pub expires_in: Duration,
    /// The public key of its manifests.
    pub key: [u8; 32],
    /// How many.
    pub stripes: u8,
    /// Their names; elsewhere they are named by their index.
    pub renditions: Vec<String>,
}

/// The index, among renditions of these `names`, of the one that is named by its index or its name.
pub(crate) fn rendition_index<'a>(text: &str, mut names: impl ExactSizeIterator<Item = &'a str>) -> Option<usize> {
    match text.parse::<usize>() {
        Ok(index) => Some(index).filter(|index| *index < names.len()),
        Err(_) => names.position(|name| name == text),
    }
}

impl Swarms {
    /// Invites somebody who may watch.
    pub fn invite(&self, swarm: &Swarm) -> Invitation {
        swarm.want();
        let renditions = swarm.group.renditions().iter().map(|rendition| rendition.name().to_owned()).collect();
        self.invitation(swarm.id, swarm.stripes(), renditions)
    }

    /// An invitation into any swarm of this instance.
    pub(crate) fn invitation(&self, swarm: SwarmId, stripes: u8, renditions: Vec<String>) -> Invitation {
        let expires_s = unix_now_s() + TOKEN_LIFETIME.as_secs();
        Invitation {
            swarm,
            token: self.0.tracker.tokens().issue(&InfoHash(swarm.0), expires_s),
            expires_in: TOKEN_LIFETIME,
            key: self.0.keys.signing().verifying_key().to_bytes(),
            stripes,
            renditions,
        }
    }

    /// Whether this token opens `swarm` now.
    pub fn admits(&self, swarm: &Swarm, token: &str) -> bool {
        self.admits_to(swarm.id, token)
    }

    /// As [`Swarms::admits`], of any swarm of this instance.
    pub(crate) fn admits_to(&self, swarm: SwarmId, token: &str) -> bool {
        self.0.tracker.tokens().check(&InfoHash(swarm.0), token, unix_now_s())
    }
}

impl Swarm {
    /// Its id, which is the info hash at the tracker.
    pub fn id(&self) -> SwarmId {
        self.id
    }

    fn info_hash(&self) -> InfoHash {
        InfoHash(self.id.0)
    }

    /// Bits per second of what the publisher sends, once that is known.
    fn rate(&self) -> Option<u64> {
        self.group.renditions().first().and_then(|source| source.view().average_bitrate())
    }

    /// How many stripes a part has; fixed when somebody first asks, and the swarm open from then on.
    pub fn stripes(&self) -> u8 {
        *self.stripes.get_or_init(|| {
            let stripes = if self.rate().unwrap_or(0) <= FEW_STRIPES_BPS { 4 } else { 8 };
            let config = topology::Config { stripes, ..topology::Config::default() };
            self.tracker.register(Instant::now(), self.info_hash(), Kind::Shoal(config));
            stripes
        })
    }

    /// How its peers share.
    pub fn sharing(&self) -> Sharing {
        let Summary { counts, offload } = self.tracker.summary(&self.info_hash()).unwrap_or_default();
        Sharing::new(u64::from(counts.complete) + u64::from(counts.incomplete), offload.http_bytes, offload.p2p_bytes)
    }

    /// The index of a rendition that is named by its index or its name.
    pub fn rendition(&self, text: &str) -> Option<u8> {
        let renditions = self.group.renditions();
        let index = rendition_index(text, renditions.iter().map(Rendition::name))?;
        u8::try_from(index).ok()
    }

    /// Somebody is about to join.
    fn want(&self) {
        *self.invited.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.demand.send_if_modified(|demand| !std::mem::replace(demand, true));
    }

    /// Nobody joins any more; those who are there may play to the end. `now`: the broadcast stops without one.
    pub(super) fn close(self: &Arc<Self>, now: bool) {
        self.closing.store(true, Ordering::Relaxed);
        if now {
            self.closed.cancel();
            return;
        }
        let swarm = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(END_LINGER).await;
            swarm.closed.cancel();
        });
    }

    fn kept(&self) -> MutexGuard<'_, Vec<VecDeque<Arc<Part>>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a part to everybody who waits for it.
    fn publish(&self, part: Part) {
        let part = Arc::new(part);
        {
            let mut kept = self.kept();
            let index = usize::from(part.rendition);
            if kept.len() <= index {
                kept.resize_with(index + 1, VecDeque::new);
            }
            let kept = &mut kept[index];
            kept.push_back(part.clone());
            let mut span = kept.iter().fold(MediaTime::ZERO, |sum, part| sum + part.duration);
            while kept.len() > MAX_KEPT || kept.front().is_some_and(|oldest| span - oldest.duration >= KEPT) {
                span -= kept.pop_front().map_or(MediaTime::ZERO, |part| part.duration);
            }
            // Under the lock, so that a stream that begins misses none and gets none twice.
            let _ = self.feed.send(part.clone());
        }
        self.tracker.handle_manifest(&self.info_hash(), &part.manifest);
    }

    /// What a root takes: the parts of a rendition from `from` on, as far as they are kept, and all that follow; without
    /// `from` only the latter. `wanted`: a bit for each stripe. `None`: there are too many already.
    pub fn stream(self: &Arc<Self>, rendition: u8, wanted: u32, from: Option<Place>) -> Option<Stripes> {
        // Given back when the stream is dropped.
        let open = Open(self.clone());
        let room = usize::try_from(self.sharing().peers / PEERS_PER_STREAM).unwrap_or(usize::MAX).saturating_add(MAX_STREAMS);
        if self.streams.fetch_add(1, Ordering::Relaxed) >= room {
            return None;
        }
        self.want();
        let kept = self.kept();
        let kept_parts = kept.get(usize::from(rendition)).into_iter().flatten();
        let backlog = kept_parts.filter(|part| from.is_some_and(|from| part.place >= from)).cloned().collect();
        let feed = self.feed.subscribe();
        drop(kept);
        let from = from.unwrap_or(Place(0));
        Some(Stripes { open, rendition, wanted, from, backlog, feed, ended: false })
    }
}

/// A stream of stripes; ends with the broadcast, or when its reader is too slow.
pub struct Stripes {
    open: Open,
    rendition: u8,
    wanted: u32,
    from: Place,
    backlog: VecDeque<Arc<Part>>,
    feed: broadcast::Receiver<Arc<Part>>,
    ended: bool,
}

/// Counts as a stream of its swarm.
struct Open(Arc<Swarm>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Stripes {
    /// The next part's frames.
    pub async fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let part = match self.backlog.pop_front() {
            Some(part) => part,
            None => self.following().await?,
        };
        self.ended = part.last;
        Some(part.frames(self.wanted))
    }

    async fn following(&mut self) -> Option<Arc<Part>> {
        loop {
            let part = tokio::select! {
                biased;
                part = self.feed.recv() => part,
                () = self.open.0.closed.cancelled() => return None,
            };
            match part {
                Ok(part) if part.rendition == self.rendition && part.place >= self.from => return Some(part),
                Ok(_) => {}
                Err(RecvError::Lagged(missed)) => {
                    tracing::debug!(missed, "swarm.stripes: too slow");
                    return None;
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

/// Runs a swarm until it is closed.
async fn run(swarms: Swarms, app: App, swarm: Arc<Swarm>) {
    let mut plain = BTreeSet::new();
    let mut followers = JoinSet::new();
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = swarm.closed.cancelled() => break,
            () = app.stop.cancelled() => break,
        }
        for (index, rendition) in (0u8..).zip(swarm.group.renditions()).skip(followers.len()) {
            followers.spawn(follow(swarms.clone(), swarm.clone(), index, rendition));
        }
        if swarm.rate().is_some() {
            // Open from now on: after a restart peers come back with the tokens they have.
            swarm.stripes();
        }
        if app.config.swarm.third_party && !swarm.closing.load(Ordering::Relaxed) {
            swarms.open_plain(&app, &swarm, &mut plain);
        }
        let summary = swarm.tracker.summary(&swarm.info_hash()).unwrap_or_default();
        swarm.counted.count(&app.metrics, summary.offload);
        let invited = swarm.invited.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|at| at.elapsed() < INVITED);
        let wanted = invited || swarm.streams.load(Ordering::Relaxed) > 0 || summary.counts != Counts::default();
        swarm.demand.send_if_modified(|demand| std::mem::replace(demand, wanted) != wanted);
        if !wanted {
            swarm.kept().clear();
        }
    }
    followers.shutdown().await;
    swarm.closed.cancel();
    if let Some(summary) = swarm.tracker.remove(Instant::now(), &swarm.info_hash()) {
        swarm.counted.count(&app.metrics, summary.offload);
    }
    for hash in plain {
        swarms.close_plain(hash);
    }
    let mut running = swarms.running();
    if running.get(&swarm.video).is_some_and(|other| Arc::ptr_eq(other, &swarm)) {
        running.remove(&swarm.video);
    }
}

/// Makes the manifests of one rendition while somebody wants them.
async fn follow(swarms: Swarms, swarm: Arc<Swarm>, index: u8, rendition: Rendition) {
    let mut demand = swarm.demand.subscribe();
    let mut version = rendition.version();
    while demand.wait_for(|wanted| *wanted).await.is_ok() {
        let mut growth = Growth::within(&rendition.view(), KEPT);
        while *demand.borrow_and_update() {
            version.borrow_and_update();
            for grown in growth.poll(&rendition.view()) {
                if let Some(part) = Part::sign(swarms.0.keys.signing(), swarm.id, swarm.stripes(), index, grown) {
                    swarm.publish(part);
                }
            }
            // Either may end the wait; a swarm that is gone ends this task.
            tokio::select! {
                _ = version.changed() => {}
                _ = demand.changed() => {}
            }
        }
    }
}
