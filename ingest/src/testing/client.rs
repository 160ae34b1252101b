//! What encoders send, byte for byte.

use bytes::Bytes;

use super::Tag;
use crate::amf0::{self, Value, object};
use crate::chunk::{Reader, message_type};

/// C0 and C1 of ffmpeg 5.1, with its digest.
const FFMPEG_C0_C1: &[u8] = include_bytes!("../../testdata/ffmpeg-c0c1.bin");

/// Whose ways a session has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// OBS Studio: librtmp, chunks of 4096 bytes from the start, everything on chunk stream 4.
    Obs,
    /// ffmpeg: digest handshake, chunks of 128 bytes, a chunk stream for each kind.
    Ffmpeg,
    /// Larix and hardware encoders: Enhanced RTMP, two- and three-byte chunk stream ids, interleaved chunks, times
    /// in the extended field.
    Larix,
}

impl Style {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Obs, Self::Ffmpeg, Self::Larix];
}

/// The bytes of one client, cut at its messages: C0 and C1, C2, then one or (interleaved) two messages each.
#[derive(Clone, Debug)]
pub struct Recording {
    /// In the order sent.
    pub messages: Vec<Vec<u8>>,
    /// Index of the `publish` command.
    pub publish: usize,
}

impl Recording {
    /// A session that publishes `tags` to application `app` and stream `name`, and ends cleanly. Ready to be sent
    /// without waiting for answers.
    pub fn new(style: Style, app: &str, name: &str, tags: &[Tag]) -> Self {
        match style {
            Style::Obs => obs(app, name, tags),
            Style::Ffmpeg => ffmpeg(app, name, tags),
            Style::Larix => larix(app, name, tags),
        }
    }

    /// A real client's `bytes`, as captured on the wire, cut at its messages; `None` if it did not publish.
    pub fn captured(bytes: &[u8]) -> Option<Self> {
        let (c0_c1, rest) = bytes.split_at_checked(1 + 1536)?;
        let (c2, mut rest) = rest.split_at_checked(1536)?;
        let mut messages = vec![c0_c1.to_vec(), c2.to_vec()];
        let mut publish = None;
        let mut reader = Reader::new();
        loop {
            let before = rest;
            let message = reader.read(&mut rest).ok()?;
            messages.push(before[..before.len() - rest.len()].to_vec());
            let Some(message) = message else { break };
            let values = if message.type_id == message_type::COMMAND_AMF0 { amf0::decode(&message.payload).ok()? } else { Vec::new() };
            if values.first().and_then(Value::as_str) == Some("publish") {
                publish = Some(messages.len() - 1);
            }
        }
        Some(Self { messages, publish: publish? })
    }

    /// All bytes in one.
    pub fn bytes(&self) -> Vec<u8> {
        self.messages.concat()
    }
}

/// Writes chunk streams in all the ways there are.
#[derive(Clone, Debug)]
pub struct ChunkWriter {
    /// Largest payload of a chunk.
    pub chunk_size: usize,
    /// Whether type-3 chunks repeat the extended timestamp, as the specification says and not all do.
    pub repeats_extended: bool,
}

impl ChunkWriter {
    /// The chunks of a message. `format` is the first one's header type; with types 1 and 2 `time` is the step since the
    /// message before on this chunk stream.
    pub fn chunks(&self, format: u8, csid: u32, time: u32, type_id: u8, stream_id: u32, payload: &[u8]) -> Vec<Vec<u8>> {
        let mut header = basic_header(format, csid);
        let field = time.min(0xFF_FFFF);
        let extended = (field == 0xFF_FFFF).then_some(time.to_be_bytes());
        if format <= 2 {
            header.extend_from_slice(&field.to_be_bytes()[1..]);
        }
        if format <= 1 {
            header.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
            header.push(type_id);
        }
        if format == 0 {
            header.extend_from_slice(&stream_id.to_le_bytes());
        }
        if format <= 2 {
            header.extend(extended.into_iter().flatten());
        }
        let mut out = Vec::new();
        let mut rest = payload;
        loop {
            let (piece, after) = rest.split_at(rest.len().min(self.chunk_size));
            header.extend_from_slice(piece);
            out.push(header);
            if after.is_empty() {
                return out;
            }
            rest = after;
            header = basic_header(3, csid);
            if self.repeats_extended {
                header.extend(extended.into_iter().flatten());
            }
        }
    }

    /// The same in one piece.
    pub fn message(&self, format: u8, csid: u32, time: u32, type_id: u8, stream_id: u32, payload: &[u8]) -> Vec<u8> {
        self.chunks(format, csid, time, type_id, stream_id, payload).concat()
    }

    /// Set Chunk Size, obeyed from the next message on.
    pub fn set_chunk_size(&mut self, size: u32) -> Vec<u8> {
        let message = self.message(0, 2, 0, message_type::SET_CHUNK_SIZE, 0, &size.to_be_bytes());
        self.chunk_size = size as usize;
        message
    }
}

impl Default for ChunkWriter {
    fn default() -> Self {
        Self { chunk_size: 128, repeats_extended: true }
    }
}

/// 5.3.1.1
fn basic_header(format: u8, csid: u32) -> Vec<u8> {
    match csid {
        0..=63 => vec![format << 6 | csid as u8],
        64..=319 => vec![format << 6, (csid - 64) as u8],
        _ => vec![format << 6 | 1, ((csid - 64) % 256) as u8, ((csid - 64) / 256) as u8],
    }
}

/// The payload of a command message.
pub fn command(name: &str, transaction: f64, arguments: &[Value]) -> Vec<u8> {
    let mut values = vec![name.into(), transaction.into()];
    values.extend_from_slice(arguments);
    amf0::encode(&values)
}

fn plain_handshake() -> Vec<Vec<u8>> {
    let mut c0_c1 = vec![3, 0, 0, 0, 0, 0, 0, 0, 0];
    c0_c1.extend((0..1528_u32).map(|i| (i * 31 + 7) as u8));
    vec![c0_c1, vec![0xC2; 1536]]
}

fn obs(app: &str, name: &str, tags: &[Tag]) -> Recording {
    let mut messages = plain_handshake();
    let mut writer = ChunkWriter::default();
    messages.push(writer.set_chunk_size(4096));
    let url = format!("rtmp://127.0.0.1/{app}");
    let connect = object([
        ("app", app.into()),
        ("type", "nonprivate".into()),
        ("flashVer", "FMLE/3.0 (compatible; FMSc/1.0)".into()),
        ("swfUrl", url.as_str().into()),
        ("tcUrl", url.as_str().into()),
    ]);
    let c = message_type::COMMAND_AMF0;
    let key: Value = name.into();
    messages.push(writer.message(0, 3, 0, c, 0, &command("connect", 1.0, &[connect])));
    messages.push(writer.message(1, 3, 0, c, 0, &command("releaseStream", 2.0, &[Value::Null, key.clone()])));
    messages.push(writer.message(1, 3, 0, c, 0, &command("FCPublish", 3.0, &[Value::Null, key.clone()])));
    messages.push(writer.message(1, 3, 0, c, 0, &command("createStream", 4.0, &[Value::Null])));
    let publish = messages.len();
    let arguments = [Value::Null, key.clone(), "live".into()];
    messages.push(writer.message(0, 4, 0, c, 1, &command("publish", 5.0, &arguments)));
    let mut last = 0;
    for tag in tags {
        if tag.type_id == message_type::DATA_AMF0 {
            let payload = [&amf0::encode(&["@setDataFrame".into()])[..], &tag.body].concat();
            messages.push(writer.message(0, 4, 0, tag.type_id, 1, &payload));
        } else if tag.timestamp == 0 || tag.timestamp < last {
            messages.push(writer.message(0, 4, tag.timestamp, tag.type_id, 1, &tag.body));
        } else {
            messages.push(writer.message(1, 4, tag.timestamp - last, tag.type_id, 1, &tag.body));
        }
        last = tag.timestamp;
    }
    messages.push(writer.message(1, 3, 0, c, 0, &command("FCUnpublish", 6.0, &[Value::Null, key])));
    messages.push(writer.message(1, 3, 0, c, 0, &command("deleteStream", 7.0, &[Value::Null, 1.0.into()])));
    Recording { messages, publish }
}

fn ffmpeg(app: &str, name: &str, tags: &[Tag]) -> Recording {
    let mut messages = vec![FFMPEG_C0_C1.to_vec(), vec![0xC2; 1536]];
    let writer = ChunkWriter::default();
    let connect = object([
        ("app", app.into()),
        ("type", "nonprivate".into()),
        ("flashVer", "FMLE/3.0 (compatible; Lavf59.27.100)".into()),
        ("tcUrl", format!("rtmp://127.0.0.1:1935/{app}").as_str().into()),
    ]);
    let c = message_type::COMMAND_AMF0;
    let key: Value = name.into();
    messages.push(writer.message(0, 3, 0, c, 0, &command("connect", 1.0, &[connect])));
    messages.push(writer.message(0, 2, 0, message_type::WINDOW_ACKNOWLEDGEMENT_SIZE, 0, &2_500_000_u32.to_be_bytes()));
    messages.push(writer.message(1, 3, 0, c, 0, &command("releaseStream", 2.0, &[Value::Null, key.clone()])));
    messages.push(writer.message(1, 3, 0, c, 0, &command("FCPublish", 3.0, &[Value::Null, key.clone()])));
    messages.push(writer.message(1, 3, 0, c, 0, &command("createStream", 4.0, &[Value::Null])));
    messages.push(writer.message(1, 3, 0, c, 0, &command("_checkbw", 5.0, &[Value::Null])));
    let publish = messages.len();
    let arguments = [Value::Null, key.clone(), "live".into()];
    messages.push(writer.message(0, 8, 0, c, 1, &command("publish", 6.0, &arguments)));
    // timestamp of the last message of each kind, by chunk stream
    let mut last = [None; 9];
    for tag in tags {
        let csid = if tag.type_id == message_type::VIDEO { 6 } else { 4 };
        let payload = if tag.type_id == message_type::DATA_AMF0 {
            [&amf0::encode(&["@setDataFrame".into()])[..], &tag.body].concat()
        } else {
            tag.body.to_vec()
        };
        messages.push(match last[csid as usize] {
            Some(last) if tag.timestamp >= last => writer.message(1, csid, tag.timestamp - last, tag.type_id, 1, &payload),
            _ => writer.message(0, csid, tag.timestamp, tag.type_id, 1, &payload),
        });
        last[csid as usize] = Some(tag.timestamp);
    }
    messages.push(writer.message(1, 3, 0, c, 0, &command("FCUnpublish", 7.0, &[Value::Null, key])));
    messages.push(writer.message(1, 3, 0, c, 0, &command("deleteStream", 8.0, &[Value::Null, 1.0.into()])));
    Recording { messages, publish }
}

/// What times begin with: the field of 24 bits overflows after a second.
const LARIX_START: u32 = 0xFF_FFFF - 1000;

fn larix(app: &str, name: &str, tags: &[Tag]) -> Recording {
    let mut messages = plain_handshake();
    let mut writer = ChunkWriter { chunk_size: 128, repeats_extended: false };
    messages.push(writer.set_chunk_size(256));
    let four_cc = ["hvc1", "av01", "vp09", "avc1"].map(Value::from).to_vec();
    let connect = object([
        ("app", app.into()),
        ("flashVer", "Larix/1.3".into()),
        ("tcUrl", format!("rtmp://127.0.0.1:1935/{app}").as_str().into()),
        ("capabilities", 15.0.into()),
        ("fourCcList", Value::Array(four_cc)),
        ("capsEx", 4.0.into()),
    ]);
    let c = message_type::COMMAND_AMF0;
    messages.push(writer.message(0, 3, 0, c, 0, &command("connect", 1.0, &[connect])));
    messages.push(writer.message(0, 3, 0, c, 0, &command("createStream", 2.0, &[Value::Null])));
    let publish = messages.len();
    let arguments = [Value::Null, name.into(), "live".into()];
    messages.push(writer.message(0, 100, 0, c, 1, &command("publish", 3.0, &arguments)));
    let mut tags = tags.iter().map(enhanced).peekable();
    while let Some(tag) = tags.next() {
        let csid = |tag: &Tag| if tag.type_id == message_type::VIDEO { 70 } else { 1000 };
        let chunks = |tag: &Tag| writer.chunks(0, csid(tag), LARIX_START.wrapping_add(tag.timestamp), tag.type_id, 1, &tag.body);
        let first = chunks(&tag);
        let Some(second) = tags.next_if(|next| csid(next) != csid(&tag)) else {
            messages.push(first.concat());
            continue;
        };
        // chunk by chunk in turns
        let (mut a, mut b) = (first.into_iter(), chunks(&second).into_iter());
        let mut both = Vec::new();
        loop {
            let (x, y) = (a.next(), b.next());
            if x.is_none() && y.is_none() {
                break;
            }
            both.extend(x.into_iter().chain(y).flatten());
        }
        messages.push(both);
    }
    messages.push(writer.message(0, 3, 0, c, 0, &command("closeStream", 0.0, &[Value::Null])));
    Recording { messages, publish }
}

/// A legacy H.264 or AAC tag in the form of Enhanced RTMP.
fn enhanced(tag: &Tag) -> Tag {
    let body = match (tag.type_id, &tag.body[..]) {
        (message_type::VIDEO, &[first, packet_type, ref rest @ ..]) if first & 0x0F == 7 && rest.len() >= 3 => {
            let head = [0x80 | first & 0x70 | packet_type, b'a', b'v', b'c', b'1'];
            // the composition time stays only with coded frames
            [&head[..], if packet_type == 1 { rest } else { &rest[3..] }].concat().into()
        }
        (message_type::AUDIO, &[first, packet_type, ref rest @ ..]) if first >> 4 == 10 => {
            [&[0x90 | packet_type, b'm', b'p', b'4', b'a'][..], rest].concat().into()
        }
        _ => Bytes::clone(&tag.body),
    };
    Tag { body, ..*tag }
}
