//! The actor of one broadcast: takes units from its publisher, feeds the pipeline, and decides when it begins,
//! is interrupted, goes on and ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ingest::{End, Event, Liveness, Metadata, Rejection, UnitReader};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep_until;

use super::advice;
use super::clerk::{Clerk, Note, Subject};
use super::pipeline::Pipeline;
use super::status::{State, Status};
use super::thumbnail;
use crate::allowance::Share;
use crate::app::App;
use crate::domain::{LiveError, LiveSession, SessionId, Timestamp};
use crate::events;

/// A publisher without media for this long may be replaced by another one with the same key.
const STALE: Duration = Duration::from_secs(3);
/// A publisher that was let in must be there by then, or another one may come.
const RESERVED: Duration = Duration::from_secs(5);
/// How often the owner's page hears how the stream is.
const HEALTH: Duration = Duration::from_secs(1);
/// How often cards and link previews get a new picture.
const PICTURE: Duration = Duration::from_secs(120);
/// Units taken in one go before others on this thread get their turn.
const BATCH: usize = 64;

/// What others ask of a broadcast.
pub(super) enum Command {
    /// May another publisher come in?
    Offer { reply: oneshot::Sender<Result<(), Rejection>> },
    /// Here it is.
    Publish { reader: UnitReader, encoder: Option<String> },
    /// Its owner or a moderator ends it; answered when viewers have been told.
    End { reply: oneshot::Sender<()> },
    /// The server stops; answered when everything is on disk.
    Stop,
}

/// Why a broadcast is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// For good.
    Ended,
    /// It may go on when the server is back.
    Suspended,
}

/// What is left of a broadcast for whoever cleans up behind it.
pub(super) struct Remains {
    pub outcome: Outcome,
    pub session: Option<LiveSession>,
    /// Something was played.
    pub played: bool,
    /// What the recording took, until its replay is a video.
    pub allowance: Option<Arc<Share>>,
    /// Answered when the end is known everywhere.
    pub waiting: Vec<oneshot::Sender<()>>,
}

struct Publisher {
    reader: UnitReader,
    liveness: Liveness,
    metadata: Metadata,
    encoder: Option<String>,
}

/// How long it waits for a publisher.
#[derive(Clone, Copy)]
struct Grace {
    until: Instant,
    ends_at: Timestamp,
}

pub(super) struct Broadcast {
    app: App,
    subject: Arc<Subject>,
    pipeline: Pipeline,
    clerk: Clerk,
    status: watch::Sender<Status>,
    publisher: Option<Publisher>,
    reserved_until: Option<Instant>,
    grace: Option<Grace>,
    on_air: bool,
    waiting: Vec<oneshot::Sender<()>>,
    next_health: Instant,
    next_picture: Instant,
    dropped_groups: u64,
    error: Option<LiveError>,
    /// It is as long as lives may be by then.
    longest_until: Option<Instant>,
    ended: Option<Outcome>,
}

impl Broadcast {
    /// A broadcast that waits a moment for its first publisher; `session` if it already has a row.
    pub fn new(app: App, subject: Arc<Subject>, pipeline: Pipeline, status: watch::Sender<Status>, session: Option<SessionId>) -> Self {
        let longest_until = longest_until(&app, &subject);
        let clerk = Clerk::start(app.clone(), subject.clone(), session);
        Self {
            app,
            subject,
            pipeline,
            clerk,
            status,
            publisher: None,
            reserved_until: Some(Instant::now() + RESERVED),
            grace: None,
            on_air: false,
            waiting: Vec::new(),
            next_health: Instant::now() + HEALTH,
            next_picture: Instant::now(),
            dropped_groups: 0,
            error: None,
            longest_until,
            ended: None,
        }
    }

    /// A broadcast that ran when the server stopped: it waits until `ends_at` for its publisher.
    pub fn resumed(
        app: App,
        subject: Arc<Subject>,
        pipeline: Pipeline,
        status: watch::Sender<Status>,
        session: SessionId,
        ends_at: Timestamp,
    ) -> Self {
        let mut broadcast = Self::new(app, subject, pipeline, status, Some(session));
        broadcast.on_air = true;
        broadcast.reserved_until = None;
        let left = ends_at.as_millis() - Timestamp::now().as_millis();
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        broadcast.grace = Some(Grace { until: Instant::now() + left, ends_at });
        broadcast.clerk.note(Note::Interrupted { grace_ends_at: ends_at });
        broadcast.pipeline.handle_interruption(Instant::now());
        broadcast.tell_status(State::Interrupted);
        broadcast
    }

    /// Until it is over.
    pub async fn run(mut self, commands: &mut mpsc::Receiver<Command>) -> Remains {
        while self.ended.is_none() {
            let now = Instant::now();
            let timer = [self.pipeline.poll_timeout(), self.gives_up(), self.reserved_until, self.longest_until, Some(self.next_health)]
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(now + HEALTH);
            // In no fixed order: a publisher that floods us must not starve the others.
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.handle_command(command),
                    None => self.ended = Some(Outcome::Suspended),
                },
                event = next_event(&mut self.publisher) => self.handle_events(event),
                aside = self.pipeline.aside() => self.pipeline.handle_aside(Instant::now(), aside),
                () = sleep_until(timer.into()) => self.handle_timeout(Instant::now()),
            }
        }
        self.close().await
    }

    fn handle_command(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Offer { reply } => {
                let answer = self.admit(now);
                if answer.is_ok() {
                    self.reserved_until = Some(now + RESERVED);
                }
                let _ = reply.send(answer);
            }
            Command::Publish { reader, encoder } => self.publish(now, reader, encoder),
            Command::End { reply } => {
                self.waiting.push(reply);
                self.dismiss(Rejection::Ended);
                self.ended = Some(Outcome::Ended);
            }
            Command::Stop => {
                self.dismiss(Rejection::ShuttingDown);
                self.ended = Some(if self.on_air { Outcome::Suspended } else { Outcome::Ended });
            }
        }
    }

    /// A second publisher replaces a stale one, never a healthy one.
    fn admit(&self, now: Instant) -> Result<(), Rejection> {
        if self.reserved_until.is_some_and(|until| now < until) {
            return Err(Rejection::Busy);
        }
        match &self.publisher {
            Some(publisher) if now.saturating_duration_since(publisher.liveness.last_media()) < STALE => Err(Rejection::Busy),
            _ => Ok(()),
        }
    }

    fn publish(&mut self, now: Instant, reader: UnitReader, encoder: Option<String>) {
        self.reserved_until = None;
        if self.publisher.is_some() {
            self.dismiss(Rejection::Replaced);
            self.pipeline.handle_interruption(now);
        }
        self.publisher = Some(Publisher { liveness: reader.liveness(), reader, metadata: Metadata::default(), encoder });
    }

    fn dismiss(&mut self, rejection: Rejection) {
        if let Some(publisher) = self.publisher.take() {
            self.count_drops(&publisher);
            publisher.reader.close(rejection);
        }
    }

    fn handle_events(&mut self, first: Event) {
        let now = Instant::now();
        let mut event = Some(first);
        for _ in 0..BATCH {
            match event {
                Some(event) => self.handle_event(now, event),
                None => break,
            }
            event = self.publisher.as_mut().and_then(|publisher| publisher.reader.try_next());
        }
        if let Some(event) = event {
            self.handle_event(now, event);
        }
        self.pipeline.flush(now);
        self.notice_start();
    }

    fn handle_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::Tracks(tracks) => {
                self.resume(now);
                self.pipeline.handle_tracks(now, &tracks);
            }
            Event::Unit(unit) => {
                self.app.metrics.ingest_bytes.add(unit.data.len() as u64);
                self.pipeline.handle_unit(now, unit);
            }
            Event::Metadata(metadata) => {
                if let Some(publisher) = &mut self.publisher {
                    publisher.metadata = metadata;
                }
            }
            Event::End(end) => self.lose(now, &end),
        }
    }

    /// The publisher is back, or there for the first time.
    fn resume(&mut self, now: Instant) {
        if self.grace.take().is_some() {
            self.pipeline.handle_resume(now);
            self.clerk.note(Note::Resumed);
            self.tell_status(State::Live);
        }
    }

    fn lose(&mut self, now: Instant, end: &End) {
        if let Some(publisher) = self.publisher.take() {
            self.count_drops(&publisher);
        }
        let config = &self.app.config.live;
        let grace = match end {
            End::Clean => Duration::from_secs(config.grace_stopped_s.into()),
            End::Lost(_) => Duration::from_secs(config.grace_lost_s.into()),
            End::Refused(_) => Duration::from_secs(config.grace_lost_s.into()),
        };
        match end {
            End::Clean => tracing::info!(video = %self.subject.video.uuid, "live.publisher stopped"),
            End::Lost(reason) => tracing::info!(video = %self.subject.video.uuid, reason, "live.publisher lost"),
            End::Refused(reason) => tracing::info!(video = %self.subject.video.uuid, reason, "live.publisher refused"),
        }
        if !self.on_air {
            // Nobody has seen anything yet: nothing to wait for, but for one who was just let in.
            if matches!(end, End::Refused(_)) {
                self.error = Some(LiveError::InvalidInput);
            }
            self.ended = self.reserved_until.is_none().then_some(Outcome::Ended);
            return;
        }
        if self.grace.is_some() {
            return;
        }
        let ends_at = Timestamp::now().plus(grace);
        self.grace = Some(Grace { until: now + grace, ends_at });
        self.pipeline.handle_interruption(now);
        self.clerk.note(Note::Interrupted { grace_ends_at: ends_at });
        self.tell_status(State::Interrupted);
    }

    fn count_drops(&mut self, publisher: &Publisher) {
        let dropped = publisher.reader.dropped_groups();
        self.dropped_groups += dropped;
        self.app.metrics.dropped_groups.add(dropped);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.pipeline.handle_timeout(now);
        self.pipeline.flush(now);
        self.notice_start();
        if self.reserved_until.is_some_and(|until| until <= now) {
            self.reserved_until = None;
        }
        if self.gives_up().is_some_and(|until| until <= now) {
            self.ended = Some(Outcome::Ended);
        }
        if self.longest_until.is_some_and(|until| until <= now) {
            tracing::info!(video = %self.subject.video.uuid, "live.end: as long as lives may be");
            self.error = Some(LiveError::DurationExceeded);
            self.dismiss(Rejection::Limit("The broadcast is as long as this server allows.".into()));
            self.ended = Some(Outcome::Ended);
        }
        if !self.on_air && self.publisher.is_none() && self.reserved_until.is_none() {
            self.ended = Some(Outcome::Ended);
        }
        if self.next_health <= now {
            self.next_health = now + HEALTH;
            if self.on_air && self.publisher.is_some() {
                // One who is back but has sent nothing yet changes nothing for viewers.
                self.tell_status(if self.grace.is_some() { State::Interrupted } else { State::Live });
                self.refresh_picture(now);
            }
        }
    }

    /// When the wait for a publisher is over; one who is there or on the way may still take up the broadcast.
    fn gives_up(&self) -> Option<Instant> {
        let nobody = self.publisher.is_none() && self.reserved_until.is_none();
        self.grace.filter(|_| nobody).map(|grace| grace.until)
    }

    fn refresh_picture(&mut self, now: Instant) {
        if now < self.next_picture {
            return;
        }
        let Some((init, part)) = self.pipeline.picture_source() else { return };
        // While others are being made: at the next look.
        let Some(permit) = thumbnail::permit(&self.app) else { return };
        self.next_picture = now + PICTURE;
        let (app, subject) = (self.app.clone(), self.subject.clone());
        tokio::spawn(async move { thumbnail::make(&app, &subject.video, init, part, permit).await });
    }

    /// With the first part the live is on the air.
    fn notice_start(&mut self) {
        if self.on_air || !self.pipeline.is_listable() {
            return;
        }
        self.on_air = true;
        let health = self.pipeline.health();
        let aspect_ratio = health.picture.map(|(width, height)| f64::from(width) / f64::from(height.max(1)));
        self.clerk.note(Note::WentLive { aspect_ratio });
        tracing::info!(video = %self.subject.video.uuid, "live.start");
        self.tell_status(State::Live);
    }

    fn tell_status(&mut self, state: State) {
        let status = self.status_now(state);
        let video = self.subject.video.uuid;
        self.app.events.publish(events::Event::BroadcastHealth { video, status: Box::new(status.clone()) });
        self.status.send_replace(status);
    }

    fn status_now(&self, state: State) -> Status {
        let health = self.pipeline.health();
        let publisher = self.publisher.as_ref();
        let mut status = Status {
            state,
            started_at: Some(self.subject.started_at),
            bitrate_bps: Some(health.bitrate_bps),
            fps: health.frame_rate,
            keyframe_interval_ms: health.keyframe_interval_ms,
            b_frames: health.b_frames,
            dropped_groups: self.dropped_groups + publisher.map_or(0, |publisher| publisher.reader.dropped_groups()),
            holes: health.holes,
            width: health.picture.map(|(width, _)| width),
            height: health.picture.map(|(_, height)| height),
            codecs: health.codecs,
            encoder: publisher.and_then(|publisher| publisher.metadata.encoder.clone().or_else(|| publisher.encoder.clone())),
            recording_stopped: self.pipeline.recording_stopped(),
            swarm: self.app.swarms.find(self.subject.video.uuid).map(|swarm| swarm.sharing()),
            advice: Vec::new(),
        };
        status.advice = advice::advise(&status);
        status
    }

    async fn close(mut self) -> Remains {
        let now = Instant::now();
        let outcome = self.ended.unwrap_or(Outcome::Suspended);
        let mut grace_ends_at = self.grace.map(|grace| grace.ends_at);
        if outcome == Outcome::Suspended && grace_ends_at.is_none() {
            let grace = Duration::from_secs(self.app.config.live.grace_lost_s.into());
            grace_ends_at = Some(Timestamp::now().plus(grace));
        }
        match outcome {
            Outcome::Ended => {
                self.pipeline.handle_end(now);
                let longest = self.pipeline.health().longest_keyframe_interval_ms.and_then(|ms| i64::try_from(ms).ok());
                let error = self.error.or(self.pipeline.exceeded_quota().then_some(LiveError::QuotaExceeded));
                self.clerk.note(Note::Ended { error, longest_keyframe_interval_ms: longest });
            }
            Outcome::Suspended => {
                self.pipeline.handle_interruption(now);
                if let Some(grace_ends_at) = grace_ends_at {
                    self.clerk.note(Note::Interrupted { grace_ends_at });
                }
            }
        }
        self.pipeline.flush(now);
        self.tell_status(if outcome == Outcome::Ended { State::Ended } else { State::Interrupted });
        let allowance = self.pipeline.allowance();
        self.pipeline.close().await;
        let session = self.clerk.close().await;
        Remains { outcome, session, played: self.on_air, allowance, waiting: self.waiting }
    }
}

/// When a broadcast is as long as it may be, whatever the server went through meanwhile.
fn longest_until(app: &App, subject: &Subject) -> Option<Instant> {
    let longest = Duration::from_secs(app.config.live.max_duration_s.into());
    let age = Timestamp::now().as_millis() - subject.started_at.as_millis();
    let age = Duration::from_millis(u64::try_from(age).unwrap_or(0));
    (!longest.is_zero()).then(|| Instant::now() + longest.saturating_sub(age))
}

/// Pending forever without a publisher.
async fn next_event(publisher: &mut Option<Publisher>) -> Event {
    match publisher {
        Some(publisher) => publisher.reader.next().await,
        None => std::future::pending().await,
    }
}
