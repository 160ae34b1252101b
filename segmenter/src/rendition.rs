//! Renditions as readers share them: one owner writes, any number of readers poll immutable snapshots and
//! are woken together, once per change.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::watch;

use crate::Output;
use crate::multivariant::{self, Variant};
use crate::playlist::{self, Report, Skip};
use crate::reload::{self, Decision, Invalid, Reload};
use crate::sha256;
use crate::window::{Lookup, Object, Stored, View, Window};

/// Resources never change under their names, which carry a prefix random per session.
const OBJECT_MAX_AGE: Duration = Duration::from_secs(3600);
/// Answers to blocking requests stay valid this many target durations (appendix B.1).
const BLOCKING_MAX_AGE: u32 = 6;
/// The same for a held request that ends in 404.
const BLOCKING_MISSING_MAX_AGE: u32 = 4;
/// Bits of a packed place that hold the part: a segment has far fewer parts than 2^20.
const PART_BITS: u32 = 20;
/// Parts of one rendition after which the multivariant playlist no longer waits for the others: the first may come
/// some frames later, or never.
const PARTS_WAITED: usize = 3;
const NO_PLACE: u64 = u64::MAX;

/// Where a rendition is, for the reports of the others; one word, so that readers never see half a change.
#[derive(Debug)]
struct Place {
    uri: String,
    packed: AtomicU64,
}

impl Place {
    fn report(&self) -> Option<Report> {
        let packed = self.packed.load(Ordering::Acquire);
        let (last_msn, last_part) = (packed >> PART_BITS, packed & ((1 << PART_BITS) - 1));
        (packed != NO_PLACE).then(|| Report { uri: self.uri.clone(), last_msn, last_part })
    }
}

/// The renditions of one broadcast, in the order of the multivariant playlist. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct Group(Arc<GroupInner>);

#[derive(Debug, Default)]
struct GroupInner {
    places: Arc<ArcSwap<Vec<Arc<Place>>>>,
    renditions: ArcSwap<Vec<Rendition>>,
    /// Versions of the segment lists, and their hashes as text.
    hashes: Mutex<(Vec<u64>, Bytes)>,
}

impl Group {
    /// A group without renditions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rendition at the end; one of the same name is replaced. Best first, audio alone last: players
    /// begin with the first they can play.
    pub fn open(&self, mut window: Window) -> (RenditionWriter, Rendition) {
        let name = window.names().rendition().to_owned();
        let place = Arc::new(Place { uri: format!("{name}.m3u8"), packed: AtomicU64::new(NO_PLACE) });
        let first = Version::new(window.view());
        let inner = Inner {
            name: name.clone(),
            current: ArcSwap::from_pointee(first),
            version: watch::Sender::new(0),
            place: place.clone(),
            places: self.0.places.clone(),
        };
        let rendition = Rendition(Arc::new(inner));
        self.0.places.rcu(|places| {
            let others = places.iter().filter(|other| other.uri != place.uri);
            others.cloned().chain([place.clone()]).collect::<Vec<_>>()
        });
        self.0.renditions.rcu(|renditions| {
            let others = renditions.iter().filter(|other| other.name() != name);
            others.cloned().chain([rendition.clone()]).collect::<Vec<_>>()
        });
        let mut writer = RenditionWriter { window, rendition: rendition.clone() };
        writer.publish();
        (writer, rendition)
    }

    /// The renditions, in order.
    pub fn renditions(&self) -> Vec<Rendition> {
        self.0.renditions.load().as_ref().clone()
    }

    /// The rendition of this name.
    pub fn rendition(&self, name: &str) -> Option<Rendition> {
        self.0.renditions.load().iter().find(|rendition| rendition.name() == name).cloned()
    }

    /// The rendition that names its resources like this.
    pub fn owner(&self, name: &str) -> Option<Rendition> {
        self.0.renditions.load().iter().find(|rendition| rendition.names(name)).cloned()
    }

    /// Looks a resource name up in all renditions.
    pub fn poll_object(&self, now: Instant, name: &str, since: Instant) -> ObjectPoll {
        let renditions = self.0.renditions.load();
        let owner = renditions.iter().find(|rendition| rendition.names(name));
        owner.map_or(ObjectPoll::Missing { max_age: Duration::ZERO }, |owner| owner.poll_object(now, name, since))
    }

    /// The multivariant playlist, once every rendition has a part, or one has several. `bitrate_hint`: what the encoder says it sends
    /// in all, in bits per second; used until enough was measured.
    pub fn multivariant(&self, bitrate_hint: Option<u64>) -> Option<String> {
        self.variants(bitrate_hint).map(|variants| multivariant::render(&variants))
    }

    /// What [`Group::multivariant`] lists.
    pub fn variants(&self, bitrate_hint: Option<u64>) -> Option<Vec<Variant>> {
        let snapshots: Vec<_> = self.0.renditions.load().iter().map(|r| (r.0.place.uri.clone(), r.0.current.load_full())).collect();
        let mut hint = bitrate_hint;
        let variants = snapshots.iter().filter_map(|(uri, version)| {
            let picture = version.view.init().is_some_and(|init| init.video.is_some());
            Variant::of_view(uri, &version.view, if picture { hint.take() } else { None })
        });
        let variants: Vec<_> = variants.collect();
        // A player reads this once: a rendition whose first part is a moment behind must not be missing for ever.
        let complete = variants.len() == snapshots.len();
        let settled = snapshots.iter().any(|(_, version)| {
            let open = version.view.open.as_ref().map_or(0, |open| open.parts.len());
            // The gaps that stand before the first segment have no parts.
            let listed: usize = version.view.listed.iter().map(|segment| segment.parts.len()).sum();
            open + listed >= PARTS_WAITED
        });
        (!variants.is_empty() && (complete || settled)).then_some(variants)
    }

    /// `segments-sha256.json` over all renditions; holds every segment of any playlist handed out before.
    pub fn segments_sha256(&self) -> Bytes {
        let versions: Vec<_> = self.0.renditions.load().iter().map(|r| r.0.current.load_full()).collect();
        let key: Vec<u64> = versions.iter().map(|version| version.view.segments_version()).collect();
        let mut cached = self.0.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.1.is_empty() || cached.0 != key {
            let text = sha256::render(versions.iter().map(|version| &version.view));
            *cached = (key, text.into());
        }
        cached.1.clone()
    }
}

/// One version of a rendition; its texts are rendered when first asked for.
#[derive(Debug)]
struct Version {
    view: View,
    bodies: [OnceLock<Arc<Body>>; 3],
}

impl Version {
    fn new(view: View) -> Self {
        Self { view, bodies: Default::default() }
    }
}

/// A playlist's text, shared by all who asked for the same version.
#[derive(Debug)]
pub struct Body {
    plain: Bytes,
    gzip: OnceLock<Bytes>,
}

impl Body {
    /// The text.
    pub fn plain(&self) -> Bytes {
        self.plain.clone()
    }

    /// The text compressed with gzip, once for all readers.
    pub fn gzip(&self) -> Bytes {
        let compress = || {
            let mut encoder = GzEncoder::new(Vec::with_capacity(self.plain.len() / 4), Compression::fast());
            // Writing to a `Vec` cannot fail.
            let _ = encoder.write_all(&self.plain);
            encoder.finish().unwrap_or_default().into()
        };
        self.gzip.get_or_init(compress).clone()
    }
}

/// The answer to a playlist request at one moment.
#[derive(Clone, Debug)]
pub enum PlaylistPoll {
    /// 200.
    Ready(Playlist),
    /// Ask again when [`Rendition::version`] changes, and at `deadline`.
    Wait {
        /// When the answer becomes 503.
        deadline: Instant,
    },
    /// 400.
    Invalid {
        /// Why.
        reason: Invalid,
        /// Cache-Control.
        max_age: Duration,
    },
    /// 503; not to be cached.
    Unavailable,
}

/// A playlist to answer with.
#[derive(Clone, Debug)]
pub struct Playlist {
    /// Its text.
    pub body: Arc<Body>,
    /// Cache-Control (appendix B.1).
    pub max_age: Duration,
}

/// The answer to a request for a segment, part or initialisation section at one moment.
#[derive(Clone, Debug)]
pub enum ObjectPoll {
    /// 200 (or 206): all bytes are there.
    Ready {
        /// The bytes.
        object: Object,
        /// Cache-Control; the bytes are immutable.
        max_age: Duration,
    },
    /// The hinted part: ask again when [`Rendition::version`] changes, and at `deadline`.
    Wait {
        /// When the answer becomes 503.
        deadline: Instant,
    },
    /// 404.
    Missing {
        /// Cache-Control; zero: not to be cached.
        max_age: Duration,
    },
    /// 503; not to be cached.
    Unavailable,
}

/// A rendition as readers see it. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Rendition(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    current: ArcSwap<Version>,
    version: watch::Sender<u64>,
    place: Arc<Place>,
    places: Arc<ArcSwap<Vec<Arc<Place>>>>,
}

impl Rendition {
    /// Its name; the playlist is `{name}.m3u8`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Changes once per published version. Subscribe before polling, so that no change falls in between.
    pub fn version(&self) -> watch::Receiver<u64> {
        self.0.version.subscribe()
    }

    /// ENDLIST is in the playlist.
    pub fn ended(&self) -> bool {
        self.0.current.load().view.ended
    }

    /// At least one part is listed.
    pub fn is_listable(&self) -> bool {
        self.0.current.load().view.is_listable()
    }

    /// The window as last published.
    pub fn view(&self) -> View {
        self.0.current.load().view.clone()
    }

    /// `video/mp4`, or `audio/mp4` if there is no picture.
    pub fn content_type(&self) -> &'static str {
        let version = self.0.current.load();
        let audio_only = version.view.init().is_some_and(|init| init.video.is_none());
        if audio_only { "audio/mp4" } else { "video/mp4" }
    }

    fn names(&self, name: &str) -> bool {
        self.0.current.load().view.config.names.parse(name).is_some()
    }

    /// Answers a playlist request that began at `since`.
    pub fn poll_playlist(&self, now: Instant, request: &Reload, since: Instant) -> PlaylistPoll {
        let version = self.0.current.load();
        let view = &version.view;
        let target = view.target().to_duration();
        match reload::decide(view, request, now, since) {
            Decision::Ready => {
                let max_age = if request.is_blocking() || view.ended { target * BLOCKING_MAX_AGE } else { target / 2 };
                PlaylistPoll::Ready(Playlist { body: self.body(&version, request.skip), max_age })
            }
            Decision::Wait { deadline } => PlaylistPoll::Wait { deadline },
            Decision::Invalid(reason) => PlaylistPoll::Invalid { reason, max_age: target },
            Decision::Unavailable => PlaylistPoll::Unavailable,
        }
    }

    /// The playlist in whole segments ([`playlist::render_whole`]), once there is one.
    pub fn whole_playlist(&self) -> Option<String> {
        playlist::render_whole(&self.0.current.load().view)
    }

    fn body(&self, version: &Version, skip: Skip) -> Arc<Body> {
        let skip = if playlist::skips(&version.view) { skip } else { Skip::No };
        let render = || {
            let places = self.0.places.load();
            let others = places.iter().filter(|place| place.uri != self.0.place.uri);
            let reports: Vec<Report> = others.filter_map(|place| place.report()).collect();
            let plain = playlist::render(&version.view, skip, &reports).into();
            Arc::new(Body { plain, gzip: OnceLock::new() })
        };
        version.bodies[skip as usize].get_or_init(render).clone()
    }

    /// Answers a request for a resource by its name that began at `since`.
    pub fn poll_object(&self, now: Instant, name: &str, since: Instant) -> ObjectPoll {
        let version = self.0.current.load();
        let view = &version.view;
        let target = view.target().to_duration();
        let Some(resource) = view.config.names.parse(name) else {
            return ObjectPoll::Missing { max_age: target };
        };
        match view.look_up(resource) {
            Lookup::Found(object) => ObjectPoll::Ready { object, max_age: OBJECT_MAX_AGE },
            Lookup::Hinted => {
                let deadline = since + reload::patience(view);
                if now < deadline { ObjectPoll::Wait { deadline } } else { ObjectPoll::Unavailable }
            }
            Lookup::Later => ObjectPoll::Missing { max_age: Duration::ZERO },
            Lookup::Missing if now > since => ObjectPoll::Missing { max_age: target * BLOCKING_MISSING_MAX_AGE },
            Lookup::Missing => ObjectPoll::Missing { max_age: target },
        }
    }

    /// As [`Rendition::poll_playlist`], waiting; never longer than three target durations.
    pub async fn playlist(&self, request: &Reload) -> PlaylistPoll {
        let since = Instant::now();
        let mut version = self.version();
        loop {
            version.borrow_and_update();
            match self.poll_playlist(Instant::now(), request, since) {
                PlaylistPoll::Wait { deadline } => changed(&mut version, deadline).await,
                answer => return answer,
            }
        }
    }

    /// As [`Rendition::poll_object`], waiting for the hinted part; never longer than three target durations.
    pub async fn object(&self, name: &str) -> ObjectPoll {
        let since = Instant::now();
        if let answer @ (ObjectPoll::Ready { .. } | ObjectPoll::Missing { .. }) = self.poll_object(since, name, since) {
            return answer;
        }
        let mut version = self.version();
        loop {
            version.borrow_and_update();
            match self.poll_object(Instant::now(), name, since) {
                ObjectPoll::Wait { deadline } => changed(&mut version, deadline).await,
                answer => return answer,
            }
        }
    }
}

async fn changed(version: &mut watch::Receiver<u64>, deadline: Instant) {
    // Either way the caller polls again; at the deadline that answers 503.
    let _ = tokio::time::timeout_at(deadline.into(), version.changed()).await;
}

/// The one who writes a rendition.
#[derive(Debug)]
pub struct RenditionWriter {
    window: Window,
    rendition: Rendition,
}

impl RenditionWriter {
    /// Takes all that one step of the packager put out, then publishes it as one version.
    pub fn handle_outputs(&mut self, now: Instant, outputs: impl IntoIterator<Item = Output>) {
        let mut outputs = outputs.into_iter().peekable();
        if outputs.peek().is_none() {
            return;
        }
        for output in outputs {
            self.window.handle_output(now, output);
        }
        self.publish();
    }

    /// Segments have reached the recording. Readers are not woken: no text changes by it, except where a
    /// window without room in memory becomes shorter.
    pub fn handle_stored(&mut self, now: Instant, stored: impl IntoIterator<Item = Stored>) {
        for stored in stored {
            self.window.handle_stored(now, stored);
        }
        let view = self.window.view();
        self.rendition.0.current.store(Arc::new(Version::new(view)));
    }

    /// The broadcast is over: EXT-X-ENDLIST.
    pub fn end(&mut self, now: Instant) {
        self.window.handle_end(now);
        self.publish();
    }

    /// No segment below is served any more; the recording may drop it unless it is kept.
    pub fn oldest_needed(&self) -> Option<u64> {
        self.window.oldest_needed()
    }

    /// The rendition it writes.
    pub fn rendition(&self) -> &Rendition {
        &self.rendition
    }

    fn publish(&mut self) {
        let view = self.window.view();
        let inner = &self.rendition.0;
        if let Some((msn, part)) = view.last_part() {
            let part = part.min((1 << PART_BITS) - 1);
            inner.place.packed.store((msn << PART_BITS) | part, Ordering::Release);
        }
        inner.current.store(Arc::new(Version::new(view)));
        inner.version.send_modify(|version| *version += 1);
    }
}
