//! From units to playlists and to disk: the packagers, windows and recording of one broadcast.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use media::{MediaTime, Tracks, Unit};
use segmenter::Output;
use segmenter::journal::{Recorder, Recording as Journal, Rotation};
use segmenter::name::Names;
use segmenter::packager::{self, Clock, Packager, Resume, Role, Terms};
use segmenter::rendition::{Group, RenditionWriter};
use segmenter::window::{self, Window};
use segmenter_gst::{Ladder, LadderOptions, LadderOutput, Rung};
use tokio::sync::mpsc;

use super::recorder::{Note, Open, Recording, Written};
use crate::allowance::Share;
use crate::app::App;

/// Name of the rendition that carries what the publisher sends.
pub(super) const SOURCE: &str = "source";
/// Name of the rendition that carries only its sound.
pub(super) const AUDIO: &str = "audio";
/// Run files of a recording that is not kept are this long, so that old ones can go.
pub(super) const ROTATION: MediaTime = MediaTime::from_secs(60);

/// Names of the renditions recorded in `folder`, in the order in which players are offered them.
pub(super) fn recorded_renditions(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut ranked: Vec<_> = names.filter_map(|name| Some((Lane::kind(&name)?, name))).collect();
    ranked.sort();
    ranked.into_iter().map(|(_, name)| name).collect()
}

/// How a pipeline is to work.
pub(super) struct Settings {
    prefix: String,
    folder: PathBuf,
    keep: bool,
    part: MediaTime,
    dvr_window: Duration,
    keyframe_interval_hint: Option<MediaTime>,
    min_free_bytes: u64,
    allowance: Option<Arc<Share>>,
    rungs: Vec<Rung>,
    clock: Clock,
    app: App,
}

impl Settings {
    /// `folder` takes the recording; `keep` it whole, or only what viewers can still seek to.
    pub fn new(app: &App, prefix: &str, folder: PathBuf, keep: bool, keyframe_interval_hint_ms: Option<i64>) -> Self {
        let live = &app.config.live;
        let mut rungs: Vec<_> = live.ladder.iter().map(|r| Rung { height: r.height, bitrate_kbps: r.bitrate_kbps }).collect();
        rungs.sort_by_key(|rung| std::cmp::Reverse(rung.height));
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            prefix: prefix.to_owned(),
            folder,
            keep,
            part: MediaTime::from_millis(live.part_duration_ms.into()),
            dvr_window: Duration::from_secs(live.dvr_window_s.into()),
            keyframe_interval_hint: keyframe_interval_hint_ms.map(MediaTime::from_millis),
            min_free_bytes: live.min_free_disk_bytes,
            allowance: None,
            rungs,
            clock: Clock { instant: Instant::now(), unix_nanos: MediaTime::from_duration(unix).as_nanos() },
            app: app.clone(),
        }
    }

    /// A recording that is kept takes no more of the source than its owner may have.
    pub fn within(self, allowance: Option<Share>) -> Self {
        let allowance = allowance.filter(|_| self.keep).map(Arc::new);
        Self { allowance, ..self }
    }

    fn names(&self, rendition: &str) -> Names {
        // Prefixes are hex and rendition names are ours: letters and digits.
        Names::new(&self.prefix, rendition).expect("prefix and rendition are letters and digits")
    }

    fn rotation(&self) -> Rotation {
        if self.keep { Rotation::Never } else { Rotation::Every(ROTATION) }
    }

    fn config(&self, role: Role, resume: Option<Resume>) -> packager::Config {
        packager::Config { role, part: self.part, clock: self.clock, resume, keyframe_interval_hint: self.keyframe_interval_hint }
    }

    fn window(&self, rendition: &str) -> window::Config {
        window::Config::new(self.names(rendition), self.dvr_window)
    }
}

/// A rendition that was recorded before the server stopped.
pub(super) struct Recovered {
    pub recorder: Recorder,
    pub journal: Journal,
}

/// The stream in numbers, for the owner's page.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    pub bitrate_bps: u64,
    pub frame_rate: Option<f64>,
    pub keyframe_interval_ms: Option<u64>,
    pub longest_keyframe_interval_ms: Option<u64>,
    pub b_frames: Option<u32>,
    pub holes: u64,
    pub picture: Option<(u32, u32)>,
    pub codecs: Option<String>,
}

/// What a rendition carries; in the order in which players are offered them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// What the publisher sends.
    Source,
    /// A lower picture of this height, the highest first.
    Rung(std::cmp::Reverse<u32>),
    /// Sound alone.
    Audio,
}

struct Lane {
    kind: Kind,
    packager: Packager,
    writer: RenditionWriter,
    batch: Vec<Output>,
    /// Sound that waits for the transcoded picture it belongs to.
    sound: VecDeque<Unit>,
}

/// Packets of sound that wait for a picture: 10 s. A transcoder that is further behind has lost them.
const MAX_SOUND: usize = 512;

impl Lane {
    /// Keeps a packet until the picture has come as far: it would otherwise end up in the segment before its own.
    fn hold(&mut self, unit: &Unit) {
        if self.sound.len() == MAX_SOUND {
            self.sound.pop_front();
        }
        self.sound.push_back(unit.clone());
    }

    /// Lets go of the sound before `dts`.
    fn release(&mut self, now: Instant, dts: MediaTime) {
        while self.sound.front().is_some_and(|unit| unit.dts < dts) {
            if let Some(unit) = self.sound.pop_front() {
                self.packager.handle_unit(now, unit);
            }
        }
    }

    fn name(kind: Kind) -> String {
        match kind {
            Kind::Source => SOURCE.to_owned(),
            Kind::Rung(height) => format!("{}p", height.0),
            Kind::Audio => AUDIO.to_owned(),
        }
    }

    /// The inverse of [`Lane::name`].
    fn kind(name: &str) -> Option<Kind> {
        match name {
            SOURCE => Some(Kind::Source),
            AUDIO => Some(Kind::Audio),
            name => Some(Kind::Rung(std::cmp::Reverse(name.strip_suffix('p')?.parse().ok()?))),
        }
    }
}

/// Something that others finished for a pipeline.
pub(super) enum Aside {
    /// Segments are on disk.
    Written(Written),
    /// The ladder put something out.
    Ladder(Option<LadderOutput>),
}

pub(super) struct Pipeline {
    settings: Settings,
    group: Group,
    /// The leader first.
    lanes: Vec<Lane>,
    recording: Recording,
    ladder: Option<(Ladder, mpsc::Receiver<LadderOutput>)>,
    tracks: Tracks,
    picture: Option<(u32, u32)>,
    codecs: Option<String>,
    oldest: Vec<Option<u64>>,
    init: Option<Bytes>,
    keyframe: Option<Bytes>,
}

impl Pipeline {
    /// For a broadcast that begins.
    pub fn new(settings: Settings) -> Self {
        let mut pipeline = Self::empty(settings);
        let role = Role::Leader { mirror: true };
        let packager = Packager::new(pipeline.settings.config(role, None));
        pipeline.open(Kind::Source, packager);
        pipeline
    }

    /// For a broadcast that goes on after a restart; `recovered` in the order of [`recorded_renditions`], the source first.
    pub fn resume(settings: Settings, recovered: Vec<Recovered>) -> Option<Self> {
        let now = Instant::now();
        let mut pipeline = Self::empty(settings);
        for Recovered { recorder, journal } in recovered {
            let kind = Lane::kind(&journal.rendition)?;
            // A rendition whose first part was not there yet cannot go on; the others can.
            let (Some(terms), Some(resume)) = (terms_of(&journal), resume_of(&journal)) else { continue };
            let role = if kind == Kind::Source { Role::Leader { mirror: true } } else { Role::Follower { terms } };
            if let Some(init) = journal.inits.last().filter(|_| kind == Kind::Source) {
                pipeline.picture = init.video.map(|video| (video.width, video.height));
                pipeline.codecs = Some(init.codecs.clone());
            }
            let packager = Packager::new(pipeline.settings.config(role, Some(resume)));
            let window = Window::restore(pipeline.settings.window(&journal.rendition), now, &journal);
            let (writer, _) = pipeline.group.open(window);
            let index = pipeline.push(kind, packager, writer);
            pipeline.recording.note(Note::Open(index, Open::Recovered(Box::new(recorder))));
        }
        if pipeline.lanes.first().is_none_or(|lane| lane.kind != Kind::Source) {
            return None;
        }
        pipeline.flush(now);
        Some(pipeline)
    }

    fn empty(settings: Settings) -> Self {
        let recording = Recording::start(settings.folder.clone(), settings.min_free_bytes, settings.allowance.clone());
        Self {
            settings,
            group: Group::new(),
            lanes: Vec::new(),
            recording,
            ladder: None,
            tracks: Tracks::default(),
            picture: None,
            codecs: None,
            oldest: Vec::new(),
            init: None,
            keyframe: None,
        }
    }

    fn open(&mut self, kind: Kind, packager: Packager) {
        let name = Lane::name(kind);
        let (writer, _) = self.group.open(Window::new(self.settings.window(&name)));
        let index = self.push(kind, packager, writer);
        let names = self.settings.names(&name);
        let folder = self.settings.folder.join(&name);
        self.recording.note(Note::Open(index, Open::Create { folder, names, rotation: self.settings.rotation() }));
    }

    fn push(&mut self, kind: Kind, packager: Packager, writer: RenditionWriter) -> usize {
        self.lanes.push(Lane { kind, packager, writer, batch: Vec::new(), sound: VecDeque::new() });
        self.oldest.push(None);
        self.lanes.len() - 1
    }

    /// What viewers see.
    pub fn group(&self) -> Group {
        self.group.clone()
    }

    /// The publisher's parameters.
    pub fn handle_tracks(&mut self, now: Instant, tracks: &Tracks) {
        let picture_changed = self.tracks.video != tracks.video;
        self.tracks = tracks.clone();
        self.lanes[0].packager.handle_tracks(now, tracks);
        self.pass_tracks(now);
        if picture_changed && self.lanes.len() > 1 {
            self.start_ladder();
        }
        self.drain(now);
    }

    /// The publisher's next unit.
    pub fn handle_unit(&mut self, now: Instant, unit: Unit) {
        self.lanes[0].packager.handle_unit(now, unit);
        self.drain(now);
    }

    /// The publisher is gone.
    pub fn handle_interruption(&mut self, now: Instant) {
        self.lanes[0].packager.handle_interruption(now);
        self.drain(now);
    }

    /// A publisher is back.
    pub fn handle_resume(&mut self, now: Instant) {
        self.lanes[0].packager.handle_resume(now);
        self.drain(now);
    }

    /// The broadcast is over.
    pub fn handle_end(&mut self, now: Instant) {
        self.lanes[0].packager.handle_end(now);
        self.drain(now);
        self.flush(now);
        for lane in &mut self.lanes {
            lane.writer.end(now);
        }
        self.recording.note(Note::Finish);
    }

    /// Time passes.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.lanes[0].packager.handle_timeout(now);
        self.drain(now);
    }

    /// When [`Pipeline::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.lanes[0].packager.poll_timeout()
    }

    /// What the disk and the ladder have finished. Cancel-safe.
    pub async fn aside(&mut self) -> Aside {
        let ladder = async {
            match &mut self.ladder {
                Some((_, outputs)) => outputs.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(written) = self.recording.written.recv() => Aside::Written(written),
            output = ladder => Aside::Ladder(output),
        }
    }

    /// Takes what [`Pipeline::aside`] gave.
    pub fn handle_aside(&mut self, now: Instant, aside: Aside) {
        match aside {
            Aside::Written(written) => self.handle_written(now, written),
            Aside::Ladder(output) => {
                if output.is_none() {
                    tracing::warn!("live.ladder: gone, the source goes on");
                    self.ladder = None;
                }
                let mut next = output;
                while let Some(output) = next {
                    self.handle_ladder(now, output);
                    next = self.ladder.as_mut().and_then(|(_, outputs)| outputs.try_recv().ok());
                }
                self.drain(now);
                self.flush(now);
            }
        }
    }

    /// Lets go of the memory of segments that are on disk, and of the disk of segments that nobody may ask for any more.
    fn handle_written(&mut self, now: Instant, (index, stored): Written) {
        let Some(lane) = self.lanes.get_mut(index) else { return };
        lane.writer.handle_stored(now, stored);
        let oldest = lane.writer.oldest_needed();
        if !self.settings.keep && oldest != self.oldest[index] {
            self.oldest[index] = oldest;
            if let Some(oldest) = oldest {
                self.recording.note(Note::Forget(index, oldest));
            }
        }
    }

    fn handle_ladder(&mut self, now: Instant, output: LadderOutput) {
        let rungs = &self.settings.rungs;
        let kind = |rung: usize| rungs.get(rung).map(|rung| Kind::Rung(std::cmp::Reverse(rung.height)));
        match output {
            LadderOutput::Track { rung, video } => {
                let (kind, audio) = (kind(rung), self.tracks.audio.clone());
                if let Some(lane) = self.lanes.iter_mut().find(|lane| Some(lane.kind) == kind) {
                    lane.packager.handle_tracks(now, &Tracks { video: Some(video), audio });
                }
            }
            LadderOutput::Unit { rung, unit } => {
                let kind = kind(rung);
                if let Some(lane) = self.lanes.iter_mut().find(|lane| Some(lane.kind) == kind) {
                    lane.release(now, unit.dts);
                    lane.packager.handle_unit(now, unit);
                }
            }
            LadderOutput::Failed(error) => {
                tracing::warn!(%error, "live.ladder: lower renditions ended, the source goes on");
                self.ladder = None;
            }
            _ => {}
        }
    }

    /// Transcodes the publisher's present picture for the rungs that have a rendition.
    fn start_ladder(&mut self) {
        self.ladder = None;
        let Some(video) = &self.tracks.video else { return };
        if !self.lanes.iter().any(|lane| matches!(lane.kind, Kind::Rung(_))) {
            return;
        }
        match Ladder::start(video, &self.settings.rungs, LadderOptions::default()) {
            Ok(ladder) => self.ladder = Some(ladder),
            Err(error) => tracing::warn!(%error, "live.ladder: only the source can be watched"),
        }
    }

    /// Something can be played.
    pub fn is_listable(&self) -> bool {
        self.lanes[0].writer.rendition().is_listable()
    }

    /// Nothing more is kept on disk.
    pub fn recording_stopped(&self) -> bool {
        self.recording.stopped()
    }

    /// Nothing more is kept on disk, as its owner may not have more.
    pub fn exceeded_quota(&self) -> bool {
        self.recording.exceeded_quota()
    }

    /// What the recording takes of what its owner may have.
    pub fn allowance(&self) -> Option<Arc<Share>> {
        self.settings.allowance.clone()
    }

    /// The stream in numbers.
    pub fn health(&self) -> Health {
        let health = self.lanes[0].packager.health();
        let millis = |time: MediaTime| u64::try_from(time.as_millis()).unwrap_or(0);
        Health {
            bitrate_bps: health.video_bitrate + health.audio_bitrate,
            frame_rate: health.frame_rate,
            keyframe_interval_ms: health.keyframe_interval.map(millis),
            longest_keyframe_interval_ms: health.longest_keyframe_interval.map(millis),
            b_frames: self.picture.map(|_| health.b_frames),
            holes: health.video_holes,
            picture: self.picture,
            codecs: self.codecs.clone(),
        }
    }

    /// The initialisation and the newest part that begins with a keyframe, if there is a picture.
    pub fn picture_source(&self) -> Option<(Bytes, Bytes)> {
        Some((self.init.clone()?, self.keyframe.clone()?))
    }

    /// Waits until everything is on disk.
    pub async fn close(self) {
        self.recording.close().await;
    }

    /// The leader's outputs go to its own batch, and its units and cuts to the followers, in order.
    fn drain(&mut self, now: Instant) {
        while let Some(output) = self.lanes[0].packager.poll_output() {
            match output {
                Output::Unit(unit) => self.follow(now, &unit),
                Output::Cut(cut) => {
                    for lane in &mut self.lanes[1..] {
                        lane.packager.handle_cut(now, cut);
                    }
                }
                Output::Started { target_duration, part_target } => {
                    self.lanes[0].batch.push(output);
                    self.open_followers(now, Terms { target_duration, part_target });
                }
                Output::Init(ref init) => {
                    self.picture = init.video.map(|video| (video.width, video.height));
                    self.codecs = Some(init.codecs.clone());
                    self.init = init.video.is_some().then(|| init.bytes.clone());
                    self.keyframe = None;
                    self.lanes[0].batch.push(output);
                }
                Output::Part(ref part) => {
                    if part.index == 0 && part.independent {
                        self.keyframe = Some(part.bytes.clone());
                    }
                    self.lanes[0].batch.push(output);
                }
                output => self.lanes[0].batch.push(output),
            }
        }
        for lane in &mut self.lanes[1..] {
            while let Some(output) = lane.packager.poll_output() {
                lane.batch.push(output);
            }
        }
    }

    fn follow(&mut self, now: Instant, unit: &Unit) {
        match unit.kind {
            media::Kind::Audio => {
                for lane in &mut self.lanes[1..] {
                    match lane.kind {
                        Kind::Rung(_) => lane.hold(unit),
                        _ => lane.packager.handle_unit(now, unit.clone()),
                    }
                }
            }
            media::Kind::Video => {
                if let Some((ladder, _)) = &mut self.ladder {
                    ladder.push(unit);
                }
            }
        }
    }

    /// The first parameters decide which renditions there are; they stay for the whole broadcast.
    fn open_followers(&mut self, now: Instant, terms: Terms) {
        if self.lanes.len() > 1 {
            return;
        }
        let Some(video) = &self.tracks.video else { return };
        let lower = self.settings.rungs.iter().filter(|rung| rung.height < video.height.min(video.width));
        let mut kinds: Vec<_> = lower.map(|rung| Kind::Rung(std::cmp::Reverse(rung.height))).collect();
        if self.tracks.audio.is_some() {
            kinds.push(Kind::Audio);
        }
        for kind in kinds {
            let packager = Packager::new(self.settings.config(Role::Follower { terms }, None));
            self.open(kind, packager);
        }
        self.pass_tracks(now);
        self.start_ladder();
    }

    /// Rungs hear of a changed picture from the ladder; of changed sound with it.
    fn pass_tracks(&mut self, now: Instant) {
        let sound = Tracks { video: None, audio: self.tracks.audio.clone() };
        for lane in self.lanes.iter_mut().filter(|lane| lane.kind == Kind::Audio && sound.audio.is_some()) {
            lane.packager.handle_tracks(now, &sound);
        }
    }

    /// Publishes what has come together, once per rendition, and hands it to the disk.
    pub fn flush(&mut self, now: Instant) {
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            if lane.batch.is_empty() {
                continue;
            }
            let batch = std::mem::take(&mut lane.batch);
            lane.writer.handle_outputs(now, batch.iter().cloned());
            if index == 0 {
                let available = Instant::now();
                let parts = batch.iter().filter_map(|output| if let Output::Part(part) = output { Some(part) } else { None });
                for part in parts.filter(|part| !part.gap) {
                    self.settings.app.metrics.part_delay.observe(available.saturating_duration_since(part.newest_arrival));
                }
            }
            self.recording.note(Note::Append(index, batch));
        }
    }
}

fn terms_of(journal: &Journal) -> Option<Terms> {
    journal.started.map(|(target_duration, part_target)| Terms { target_duration, part_target })
}

/// Where a recording goes on.
fn resume_of(journal: &Journal) -> Option<Resume> {
    Some(Resume {
        msn: journal.next_msn()?,
        part_number: journal.next_part()?,
        init_number: journal.next_init(),
        position: journal.end(),
        wall_clock: MediaTime::from_millis(journal.end_date_time()?).as_nanos(),
        terms: terms_of(journal)?,
    })
}
