//! One publisher's connection as a state machine without I/O.
//!
//! Feed [`Session::handle_input`], drain [`Session::poll_output`], ask [`Session::poll_timeout`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::aggregate;
use crate::amf0::{self, Value};
use crate::chunk::{self, Message, message_type};
use crate::event::{End, Event, Metadata, Rejection, StreamKey, encoder_name};
use crate::handshake::Handshake;
use crate::name;
use crate::publication::{Dropped, Publication};
use crate::reply::{Replies, WINDOW_BYTES};

/// Largest message before a publish is accepted, and largest command or metadata after: encoders' stay below 4 kB.
const MAX_COMMAND_BYTES: usize = 64 * 1024;
/// Commands before a publish is accepted; encoders send 4 to 7.
const MAX_COMMANDS: u32 = 64;
/// Time for an encoder that ended its publish to close; some take the server's closing first for an error.
const FAREWELL: Duration = Duration::from_secs(5);
/// A window of fewer bytes would make acknowledgements cost more than they are worth.
const MIN_WINDOW: u32 = 64 * 1024;

/// How long each phase may take.
#[derive(Clone, Debug)]
pub struct Deadlines {
    /// From the connection to the end of the handshake.
    pub handshake: Duration,
    /// Then to `connect`.
    pub connect: Duration,
    /// Then to `publish`.
    pub publish: Duration,
    /// Then for the owner's answer.
    pub decision: Duration,
    /// Then until a track can be announced.
    pub first_media: Duration,
    /// Then without any byte. Encoders send audio at least ten times a second; a link may hang for longer.
    pub idle: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(5),
            connect: Duration::from_secs(5),
            publish: Duration::from_secs(10),
            decision: Duration::from_secs(10),
            first_media: Duration::from_secs(10),
            idle: Duration::from_secs(30),
        }
    }
}

/// A wish to publish, to be answered with [`Session::accept_publish`] or [`Session::reject_publish`].
#[derive(Clone)]
pub struct PublishRequest {
    /// The name of the broadcast.
    pub stream_key: StreamKey,
    /// The query strings of application and stream name. May hold secrets.
    pub query: String,
    /// The encoder's name as `connect` tells it (`flashVer`).
    pub encoder: Option<String>,
}

impl std::fmt::Debug for PublishRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublishRequest").field("encoder", &self.encoder).finish_non_exhaustive()
    }
}

/// What the session wants done.
#[derive(Debug)]
pub enum Output {
    /// Send these bytes.
    Send(Bytes),
    /// Decide. No input is consumed until then.
    Publish(PublishRequest),
    /// Tell the owner. Only after an accepted publish, and nothing after [`Event::End`].
    Event(Event),
    /// Send what is to be sent, let the peer read it, close. The last output.
    Close,
}

enum Phase {
    Handshake(Box<Handshake>),
    Connect,
    /// Connected; waiting for `publish`.
    Idle,
    Deciding,
    Publishing(Box<Publication>),
    /// Cleanly ended; the encoder closes.
    Ended,
    Closed,
}

/// A server-side RTMP session with one publisher.
pub struct Session {
    deadlines: Deadlines,
    phase: Phase,
    /// The end of every phase but that of running media.
    deadline: Instant,
    last_input: Instant,
    reader: chunk::Reader,
    replies: Replies,
    output: VecDeque<Output>,
    events: VecDeque<Event>,
    app: String,
    encoder: Option<String>,
    commands: u32,
    streams: u32,
    /// The message stream that `publish` came on.
    stream_id: u32,
    received: u64,
    acknowledged: u64,
    window: u32,
}

impl Session {
    /// A session for a connection that was just made.
    pub fn new(now: Instant, deadlines: Deadlines) -> Self {
        let mut reader = chunk::Reader::new();
        reader.set_message_limit(MAX_COMMAND_BYTES);
        Self {
            deadline: now + deadlines.handshake,
            deadlines,
            phase: Phase::Handshake(Box::new(Handshake::new())),
            last_input: now,
            reader,
            replies: Replies::new(),
            output: VecDeque::new(),
            events: VecDeque::new(),
            app: String::new(),
            encoder: None,
            commands: 0,
            streams: 0,
            stream_id: 0,
            received: 0,
            acknowledged: 0,
            window: WINDOW_BYTES,
        }
    }

    /// Takes bytes from the peer; returns how many were consumed: all, unless a decision about a publish is due.
    pub fn handle_input(&mut self, now: Instant, input: &[u8]) -> usize {
        let mut rest = input;
        self.last_input = now;
        loop {
            let before = rest.len();
            match &mut self.phase {
                Phase::Deciding => break,
                Phase::Ended | Phase::Closed => {
                    rest = &[];
                    break;
                }
                Phase::Handshake(handshake) => match handshake.handle_input(&mut rest) {
                    Ok(progress) => {
                        self.received += (before - rest.len()) as u64;
                        self.send(progress.send);
                        if !progress.done {
                            break;
                        }
                        self.enter(Phase::Connect, now + self.deadlines.connect);
                    }
                    Err(error) => self.lose(error.to_string()),
                },
                _ => {
                    let message = self.reader.read(&mut rest);
                    self.received += (before - rest.len()) as u64;
                    match message {
                        Ok(Some(message)) => self.handle_message(now, message),
                        Ok(None) => break,
                        Err(error) => self.lose(error.to_string()),
                    }
                }
            }
        }
        self.acknowledge();
        input.len() - rest.len()
    }

    /// The connection is gone.
    pub fn handle_disconnect(&mut self, reason: &str) {
        self.lose(reason.to_owned());
    }

    /// Does what has become due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Phase::Publishing(publication) = &mut self.phase {
            publication.handle_timeout(now, &mut self.events);
            let announced = publication.is_announced();
            self.drain_events();
            if !announced && now >= self.deadline {
                let what = "No playable video or audio arrived. Choose H.264 and AAC in the encoder.";
                self.refuse(&Rejection::Unsupported(what.into()));
            } else if now >= self.last_input + self.deadlines.idle {
                self.lose("nothing arrived any more".into());
            }
        } else if !matches!(self.phase, Phase::Closed) && now >= self.deadline {
            if matches!(self.phase, Phase::Deciding) {
                self.refuse(&Rejection::Full);
            } else {
                self.lose("too slow".into());
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Closed => None,
            Phase::Publishing(publication) => {
                let idle = self.last_input + self.deadlines.idle;
                let first = if publication.is_announced() { idle } else { self.deadline.min(idle) };
                Some(publication.poll_timeout().map_or(first, |at| at.min(first)))
            }
            _ => Some(self.deadline),
        }
    }

    /// The next thing to be done.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// Answers [`Output::Publish`] with yes.
    pub fn accept_publish(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Deciding) {
            return;
        }
        let started = self.replies.publish_started(self.stream_id);
        self.send(started);
        self.reader.set_message_limit(chunk::MAX_MESSAGE_BYTES);
        self.last_input = now;
        self.enter(Phase::Publishing(Box::default()), now + self.deadlines.first_media);
    }

    /// Answers [`Output::Publish`] with no.
    pub fn reject_publish(&mut self, rejection: &Rejection) {
        if matches!(self.phase, Phase::Deciding) {
            self.refuse(rejection);
        }
    }

    /// Ends the publish from this side; the encoder is told why.
    pub fn close(&mut self, rejection: &Rejection) {
        match self.phase {
            Phase::Deciding | Phase::Publishing(_) => self.refuse(rejection),
            _ => self.lose(rejection.to_string()),
        }
    }

    /// Whether a publish has been accepted and goes on.
    pub fn is_publishing(&self) -> bool {
        matches!(self.phase, Phase::Publishing(_))
    }

    /// What has been left out of the running publish.
    pub fn dropped(&self) -> Dropped {
        if let Phase::Publishing(publication) = &self.phase { publication.dropped() } else { Dropped::default() }
    }

    fn enter(&mut self, phase: Phase, deadline: Instant) {
        self.phase = phase;
        self.deadline = deadline;
    }

    fn send(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.output.push_back(Output::Send(bytes));
        }
    }

    fn drain_events(&mut self) {
        self.output.extend(self.events.drain(..).map(Output::Event));
    }

    /// Closes with the reason in an `onStatus` of level "error".
    fn refuse(&mut self, rejection: &Rejection) {
        let why = rejection.to_string();
        let status = self.replies.status(self.stream_id, "error", rejection.code(), &why);
        self.send(status);
        self.end(End::Refused(why));
    }

    fn lose(&mut self, reason: String) {
        self.end(End::Lost(reason));
    }

    fn end(&mut self, end: End) {
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Closed => return,
            Phase::Publishing(_) => self.output.push_back(Output::Event(Event::End(end))),
            _ => {}
        }
        self.output.push_back(Output::Close);
    }

    fn acknowledge(&mut self) {
        // Some senders stop when a whole window is unacknowledged: half of one is time enough.
        if matches!(self.phase, Phase::Closed) || self.received - self.acknowledged < u64::from(self.window / 2) {
            return;
        }
        self.acknowledged = self.received;
        // the sequence number is the total, modulo 2^32 (5.4.3)
        let acknowledgement = self.replies.acknowledgement(self.received as u32);
        self.send(acknowledgement);
    }

    fn handle_message(&mut self, now: Instant, message: Message) {
        match message.type_id {
            message_type::AUDIO | message_type::VIDEO => self.handle_media(now, message),
            message_type::AGGREGATE => {
                if matches!(self.phase, Phase::Publishing(_)) {
                    for message in aggregate::messages(message) {
                        match message.type_id {
                            message_type::AUDIO | message_type::VIDEO => self.handle_media(now, message),
                            message_type::DATA_AMF0 => self.handle_data(&message.payload),
                            _ => {}
                        }
                    }
                }
            }
            _ if message.payload.len() > MAX_COMMAND_BYTES => {}
            message_type::COMMAND_AMF0 => self.handle_command(now, message.stream_id, &message.payload),
            message_type::COMMAND_AMF3 => self.handle_command(now, message.stream_id, amf0_in_amf3(&message.payload)),
            message_type::DATA_AMF0 => self.handle_data(&message.payload),
            message_type::DATA_AMF3 => self.handle_data(amf0_in_amf3(&message.payload)),
            message_type::WINDOW_ACKNOWLEDGEMENT_SIZE => {
                if let Some(size) = message.payload.first_chunk::<4>() {
                    self.window = u32::from_be_bytes(*size).clamp(MIN_WINDOW, WINDOW_BYTES);
                }
            }
            message_type::USER_CONTROL => {
                // 7.1.7: ping request
                if let &[0, 6, a, b, c, d, ..] = &message.payload[..] {
                    let pong = self.replies.pong(u32::from_be_bytes([a, b, c, d]));
                    self.send(pong);
                }
            }
            _ => {}
        }
    }

    fn handle_media(&mut self, now: Instant, message: Message) {
        let Phase::Publishing(publication) = &mut self.phase else { return };
        let Message { type_id, timestamp, payload, .. } = message;
        let result = if type_id == message_type::AUDIO {
            publication.handle_audio(now, timestamp, payload, &mut self.events)
        } else {
            publication.handle_video(now, timestamp, payload, &mut self.events)
        };
        self.drain_events();
        if let Err(rejection) = result {
            self.refuse(&rejection);
        }
    }

    fn handle_data(&mut self, payload: &[u8]) {
        let Phase::Publishing(publication) = &mut self.phase else { return };
        let (values, _) = amf0::decode_lossy(payload);
        let mut values = values.iter().skip_while(|value| value.as_str() == Some("@setDataFrame"));
        if values.next().and_then(Value::as_str) == Some("onMetaData")
            && let Some(object @ Value::Object(_)) = values.next()
        {
            publication.handle_metadata(Metadata::of(object), &mut self.events);
            self.drain_events();
        }
    }

    fn handle_command(&mut self, now: Instant, stream_id: u32, payload: &[u8]) {
        self.commands += 1;
        if !self.is_publishing() && self.commands > MAX_COMMANDS {
            return self.lose("too many commands".into());
        }
        let values = match amf0::decode_lossy(payload) {
            (values, None) => values,
            (_, Some(error)) if !self.is_publishing() => return self.lose(format!("malformed command: {error}")),
            (values, _) => values,
        };
        let Some(command) = values.first().and_then(Value::as_str) else { return };
        let transaction = values.get(1).and_then(Value::as_number).unwrap_or(0.0);
        let argument = |index: usize| values.get(3 + index).and_then(Value::as_str).unwrap_or("");
        if matches!(self.phase, Phase::Connect) {
            if command == "connect" {
                self.connect(now, transaction, values.get(2).unwrap_or(&Value::Null));
            }
            return;
        }
        match command {
            "connect" => self.lose("connected twice".into()),
            "createStream" => {
                self.streams = self.streams.saturating_add(1);
                let result = self.replies.result(transaction, f64::from(self.streams).into());
                self.send(result);
            }
            "releaseStream" | "FCPublish" | "_checkbw" if transaction != 0.0 => {
                let result = self.replies.result(transaction, Value::Null);
                self.send(result);
            }
            "publish" => self.publish(now, stream_id, argument(0)),
            "FCUnpublish" | "deleteStream" | "closeStream" if self.is_publishing() => {
                let code = "NetStream.Unpublish.Success";
                let status = self.replies.status(self.stream_id, "status", code, "Publishing stopped.");
                self.send(status);
                self.output.push_back(Output::Event(Event::End(End::Clean)));
                self.enter(Phase::Ended, now + FAREWELL);
            }
            "play" | "play2" => {
                let why = "This server does not play over RTMP: watch on the stream's page.";
                let status = self.replies.status(stream_id, "error", "NetStream.Play.Failed", why);
                self.send(status);
                self.lose("wanted to play".into());
            }
            _ => {}
        }
    }

    fn connect(&mut self, now: Instant, transaction: f64, command_object: &Value) {
        let text = |name| command_object.property(name).and_then(Value::as_str);
        let url = text("tcUrl").map(name::application_of_url);
        let app = text("app").filter(|app| !app.is_empty()).or(url).unwrap_or("");
        if !name::is_known_application(app) {
            let error = self.replies.unknown_application(transaction);
            self.send(error);
            return self.lose("unknown application".into());
        }
        self.app = app.to_owned();
        self.encoder = text("flashVer").map(encoder_name).filter(|name| !name.is_empty());
        let connected = self.replies.connected(transaction, command_object);
        self.send(connected);
        self.enter(Phase::Idle, now + self.deadlines.publish);
    }

    fn publish(&mut self, now: Instant, stream_id: u32, stream_name: &str) {
        if self.is_publishing() {
            let code = "NetStream.Publish.BadName";
            let status = self.replies.status(stream_id, "error", code, "This connection is publishing already.");
            return self.send(status);
        }
        self.stream_id = stream_id;
        let Some((stream_key, query)) = name::stream_key(&self.app, stream_name) else {
            return self.refuse(&Rejection::UnknownKey);
        };
        let encoder = self.encoder.clone();
        self.output.push_back(Output::Publish(PublishRequest { stream_key, query, encoder }));
        self.enter(Phase::Deciding, now + self.deadlines.decision);
    }
}

/// AMF3 messages of encoders are AMF0 behind a zero byte.
fn amf0_in_amf3(payload: &[u8]) -> &[u8] {
    payload.strip_prefix(&[0]).unwrap_or(payload)
}

#[cfg(test)]
mod tests;
