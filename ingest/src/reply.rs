//! What the server says, serialised by rml_rtmp.

use bytes::Bytes;
use rml_rtmp::chunk_io::ChunkSerializer;
use rml_rtmp::messages::{MessagePayload, PeerBandwidthLimitType, RtmpMessage, UserControlEventType};
use rml_rtmp::time::RtmpTimestamp;

use crate::amf0::{self, Value, object};
use crate::chunk::{DEFAULT_CHUNK_SIZE, message_type};

/// Chunk size of this side once connected. ffmpeg takes it over: large chunks save both sides time.
const CHUNK_SIZE: u32 = 65_536;
/// Window and bandwidth asked of clients; the value that most servers send.
pub const WINDOW_BYTES: u32 = 2_500_000;
/// Multitrack, ModEx and nanosecond timestamps (Enhanced RTMP v2, `capsEx`); no reconnect requests.
const CAPS_EX: f64 = (0x02 | 0x04 | 0x08) as f64;
/// `CanDecode` in the FourCC info maps.
const CAN_DECODE: f64 = 1.0;
const VIDEO_FOUR_CC: [&str; 4] = ["avc1", "hvc1", "av01", "vp09"];
const AUDIO_FOUR_CC: [&str; 2] = ["mp4a", "Opus"];

/// Makes the bytes of messages, in the order they must be sent.
pub struct Replies {
    serializer: ChunkSerializer,
    chunk_size: usize,
}

impl Replies {
    pub fn new() -> Self {
        Self { serializer: ChunkSerializer::new(), chunk_size: DEFAULT_CHUNK_SIZE as usize }
    }

    /// The answer to an accepted `connect`, with the Enhanced RTMP capabilities if the client speaks of them.
    pub fn connected(&mut self, transaction: f64, command_object: &Value) -> Bytes {
        let mut out = Vec::new();
        out.extend(self.message(RtmpMessage::WindowAcknowledgement { size: WINDOW_BYTES }, 0));
        let limit_type = PeerBandwidthLimitType::Dynamic;
        out.extend(self.message(RtmpMessage::SetPeerBandwidth { size: WINDOW_BYTES, limit_type }, 0));
        let chunk_size = self.serializer.set_max_chunk_size(CHUNK_SIZE, RtmpTimestamp::new(0));
        out.extend(chunk_size.map(|packet| packet.bytes).unwrap_or_default());
        self.chunk_size = CHUNK_SIZE as usize;
        let capabilities = capabilities(command_object);
        let mut properties =
            vec![("fmsVer".to_owned(), "FMS/3,5,7,7009".into()), ("capabilities".to_owned(), 31.0.into()), ("mode".to_owned(), 1.0.into())];
        properties.extend(capabilities.iter().cloned());
        let mut information = vec![
            ("level".to_owned(), "status".into()),
            ("code".to_owned(), "NetConnection.Connect.Success".into()),
            ("description".to_owned(), "Connection succeeded.".into()),
            ("objectEncoding".to_owned(), 0.0.into()),
        ];
        information.extend(capabilities);
        let result = ["_result".into(), transaction.into(), Value::Object(properties), Value::Object(information)];
        out.extend(self.command(0, &result));
        out.into()
    }

    /// The answer to a `connect` to an application that is not there.
    pub fn unknown_application(&mut self, transaction: f64) -> Bytes {
        let information = object([
            ("level", "error".into()),
            ("code", "NetConnection.Connect.Rejected".into()),
            ("description", "[ Server.Reject ] : InvalidApp: publish to rtmp://HOST/live with your stream key.".into()),
        ]);
        self.command(0, &["_error".into(), transaction.into(), Value::Null, information]).into()
    }

    /// The answer to `createStream` (a stream id), and to calls whose result does not matter (nothing).
    pub fn result(&mut self, transaction: f64, value: Value) -> Bytes {
        self.command(0, &["_result".into(), transaction.into(), Value::Null, value]).into()
    }

    /// Publishing may begin.
    pub fn publish_started(&mut self, stream_id: u32) -> Bytes {
        let begin = RtmpMessage::UserControl {
            event_type: UserControlEventType::StreamBegin,
            stream_id: Some(stream_id),
            buffer_length: None,
            timestamp: None,
        };
        let mut out = self.message(begin, 0);
        out.extend(self.on_status(stream_id, "status", "NetStream.Publish.Start", "Publishing."));
        out.into()
    }

    /// An `onStatus` of level "status" or "error".
    pub fn status(&mut self, stream_id: u32, level: &str, code: &str, description: &str) -> Bytes {
        self.on_status(stream_id, level, code, description).into()
    }

    /// So many bytes have arrived, in all.
    pub fn acknowledgement(&mut self, total: u32) -> Bytes {
        self.message(RtmpMessage::Acknowledgement { sequence_number: total }, 0).into()
    }

    /// The answer to a ping.
    pub fn pong(&mut self, timestamp: u32) -> Bytes {
        let message = RtmpMessage::UserControl {
            event_type: UserControlEventType::PingResponse,
            stream_id: None,
            buffer_length: None,
            timestamp: Some(RtmpTimestamp::new(timestamp)),
        };
        self.message(message, 0).into()
    }

    fn on_status(&mut self, stream_id: u32, level: &str, code: &str, description: &str) -> Vec<u8> {
        let information = object([("level", level.into()), ("code", code.into()), ("description", description.into())]);
        self.command(stream_id, &["onStatus".into(), 0.0.into(), Value::Null, information])
    }

    fn command(&mut self, stream_id: u32, values: &[Value]) -> Vec<u8> {
        let data = amf0::encode(values).into();
        self.message(RtmpMessage::Unknown { type_id: message_type::COMMAND_AMF0, data }, stream_id)
    }

    fn message(&mut self, message: RtmpMessage, stream_id: u32) -> Vec<u8> {
        let Ok(payload) = MessagePayload::from_rtmp_message(message, RtmpTimestamp::new(0), stream_id) else {
            return Vec::new();
        };
        // Whole headers always, as picky clients want them; but that option breaks messages of several chunks.
        let whole = payload.data.len() <= self.chunk_size;
        self.serializer.serialize(&payload, whole, false).map(|packet| packet.bytes).unwrap_or_default()
    }
}

/// Enhanced RTMP: what the client asked about, as far as it is carried here.
fn capabilities(command_object: &Value) -> Vec<(String, Value)> {
    let mut out = Vec::new();
    if let Some(Value::Array(asked)) = command_object.property("fourCcList") {
        let asked: Vec<_> = asked.iter().filter_map(Value::as_str).collect();
        let known = VIDEO_FOUR_CC.iter().chain(&AUDIO_FOUR_CC).filter(|name| asked.contains(*name) || asked.contains(&"*"));
        out.push(("fourCcList".to_owned(), Value::Array(known.map(|&name| name.into()).collect())));
    }
    for (map, names) in [("videoFourCcInfoMap", &VIDEO_FOUR_CC[..]), ("audioFourCcInfoMap", &AUDIO_FOUR_CC[..])] {
        if command_object.property(map).is_some() {
            let infos = names.iter().map(|&name| (name.to_owned(), CAN_DECODE.into())).collect();
            out.push((map.to_owned(), Value::Object(infos)));
        }
    }
    if command_object.property("capsEx").is_some() {
        out.push(("capsEx".to_owned(), CAPS_EX.into()));
    }
    out
}
