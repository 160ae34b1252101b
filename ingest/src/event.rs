//! What a publish gives its owner, and what the owner answers.

use std::fmt;

use crate::amf0::Value;

/// The secret that names a broadcast to its encoder. Prints as dots.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct StreamKey(String);

impl StreamKey {
    pub(crate) fn new(key: String) -> Self {
        Self(key)
    }

    /// The secret itself: not for logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamKey(…)")
    }
}

/// Something a publisher did.
#[derive(Clone, Debug)]
pub enum Event {
    /// First of all, and again whenever the decoder configuration really changes or a track turns up late; applies to
    /// the units that follow.
    Tracks(media::Tracks),
    /// A frame or packet; audio and video in the order they arrived.
    Unit(media::Unit),
    /// What the encoder says of itself.
    Metadata(Metadata),
    /// The last event.
    End(End),
}

/// How a publish ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The encoder said so (FCUnpublish, deleteStream, closeStream).
    Clean,
    /// The connection broke, or broke the protocol; why.
    Lost(String),
    /// This server ended it; why, as the streamer was told.
    Refused(String),
}

/// The encoder's own words about the stream (`onMetaData`): for display only, for they are often wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// Name and version of the encoder.
    pub encoder: Option<String>,
    /// Pixels.
    pub width: Option<f64>,
    /// Pixels.
    pub height: Option<f64>,
    /// Frames per second.
    pub frame_rate: Option<f64>,
    /// kbit/s.
    pub video_kbps: Option<f64>,
    /// kbit/s.
    pub audio_kbps: Option<f64>,
    /// Hz.
    pub audio_sample_rate: Option<f64>,
    /// Whether a video codec is named; `None` if no codec is named at all.
    pub announces_video: Option<bool>,
    /// Whether an audio codec is named; `None` if no codec is named at all.
    pub announces_audio: Option<bool>,
}

/// Text of the encoder's that is kept.
const MAX_ENCODER_NAME: usize = 128;

pub(crate) fn encoder_name(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(MAX_ENCODER_NAME).collect()
}

impl Metadata {
    /// From the object of an `onMetaData` message.
    pub(crate) fn of(object: &Value) -> Self {
        let number = |name| {
            let value = object.property(name)?;
            let number = value.as_number().or_else(|| value.as_str()?.trim().parse().ok())?;
            (number.is_finite() && number > 0.0).then_some(number)
        };
        let names = |name| object.property(name).is_some_and(|value| !matches!(value, Value::Null));
        let (video, audio) = (names("videocodecid"), names("audiocodecid"));
        Self {
            encoder: object.property("encoder").and_then(Value::as_str).map(encoder_name),
            width: number("width"),
            height: number("height"),
            frame_rate: number("framerate").or_else(|| number("videoframerate")),
            video_kbps: number("videodatarate"),
            audio_kbps: number("audiodatarate"),
            audio_sample_rate: number("audiosamplerate"),
            announces_video: (video || audio).then_some(video),
            announces_audio: (video || audio).then_some(audio),
        }
    }
}

/// Why a publish is not wanted, or no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// No broadcast has this key.
    UnknownKey,
    /// Somebody else is publishing to it.
    Busy,
    /// The account or the broadcast may not publish.
    Disabled,
    /// A coding that cannot be carried, or a stream that cannot be read; what the streamer should change.
    Unsupported(String),
    /// The server takes no more publishers.
    Full,
    /// The server is stopping.
    ShuttingDown,
    /// The broadcast was ended by its owner or a moderator.
    Ended,
    /// A newer publisher took over.
    Replaced,
    /// A limit was reached (time, disk, bitrate); which.
    Limit(String),
}

impl Rejection {
    /// The status code told to the encoder.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownKey | Self::Busy | Self::Disabled => "NetStream.Publish.BadName",
            _ => "NetStream.Publish.Rejected",
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey => f.write_str("This stream key is not known. Copy it again from the live's page."),
            Self::Busy => f.write_str("Somebody is already streaming with this key."),
            Self::Disabled => f.write_str("Streaming with this key is disabled."),
            Self::Unsupported(what) | Self::Limit(what) => f.write_str(what),
            Self::Full => f.write_str("The server takes no more streams at the moment."),
            Self::ShuttingDown => f.write_str("The server is shutting down."),
            Self::Ended => f.write_str("The stream was ended on the server."),
            Self::Replaced => f.write_str("Another encoder took over this stream."),
        }
    }
}
