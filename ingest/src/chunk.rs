//! The RTMP chunk stream, reading side (Adobe RTMP 1.0, section 5.3).
//!
//! Made for hostile and odd senders: chunk streams may interleave, every length is believed only as far as bytes
//! have arrived, and all memory is bounded by [`Reader::set_message_limit`].

use bytes::Bytes;

/// Largest message a publisher may send: an intra frame of 8K at a generous bitrate stays well below it.
pub const MAX_MESSAGE_BYTES: usize = 10 * 1024 * 1024;
/// Chunk streams one connection may use; encoders use 3 to 8.
pub const MAX_CHUNK_STREAMS: usize = 64;
/// Chunk size until the peer says otherwise (section 5.4.1).
pub const DEFAULT_CHUNK_SIZE: u32 = 128;
/// First allocation for a message; more only as its bytes arrive.
const FIRST_ALLOCATION: usize = 16 * 1024;
/// A 24-bit timestamp field of this value says that 32 bits follow.
const EXTENDED: u32 = 0xFF_FFFF;
/// Basic header (3) + message header (11) + extended timestamp (4).
const MAX_HEADER_BYTES: usize = 18;

/// Message type ids (sections 5.4 and 7.1).
pub mod message_type {
    /// Set Chunk Size; the reader obeys it itself.
    pub const SET_CHUNK_SIZE: u8 = 1;
    /// Abort; the reader obeys it itself.
    pub const ABORT: u8 = 2;
    /// Acknowledgement.
    pub const ACKNOWLEDGEMENT: u8 = 3;
    /// User control (stream begin, ping, ...).
    pub const USER_CONTROL: u8 = 4;
    /// Window Acknowledgement Size.
    pub const WINDOW_ACKNOWLEDGEMENT_SIZE: u8 = 5;
    /// Set Peer Bandwidth.
    pub const SET_PEER_BANDWIDTH: u8 = 6;
    /// An FLV audio tag body.
    pub const AUDIO: u8 = 8;
    /// An FLV video tag body.
    pub const VIDEO: u8 = 9;
    /// Data in AMF3 (in practice a zero byte, then AMF0).
    pub const DATA_AMF3: u8 = 15;
    /// A command in AMF3 (in practice a zero byte, then AMF0).
    pub const COMMAND_AMF3: u8 = 17;
    /// Data in AMF0.
    pub const DATA_AMF0: u8 = 18;
    /// A command in AMF0.
    pub const COMMAND_AMF0: u8 = 20;
    /// Several FLV tags in one message.
    pub const AGGREGATE: u8 = 22;
}

/// A chunk stream that cannot be followed; always the peer's fault, and final.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A message longer than the limit in force.
    #[error("message of {length} bytes, at most {limit} are taken")]
    MessageTooLong {
        /// As declared.
        length: usize,
        /// In force.
        limit: usize,
    },
    /// Unfinished messages hold too many bytes together.
    #[error("unfinished messages hold more than {limit} bytes")]
    TooMuchUnfinished {
        /// In force.
        limit: usize,
    },
    /// More than [`MAX_CHUNK_STREAMS`].
    #[error("more than {MAX_CHUNK_STREAMS} chunk streams")]
    TooManyChunkStreams,
    /// The first chunk of a chunk stream relies on an earlier one.
    #[error("chunk stream {csid} starts without a message header")]
    NoHeader {
        /// Chunk stream id.
        csid: u32,
    },
    /// Set Chunk Size of zero or cut short.
    #[error("invalid chunk size")]
    InvalidChunkSize,
}

/// One whole message.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// See [`message_type`].
    pub type_id: u8,
    /// Message stream id; 0 is the connection itself.
    pub stream_id: u32,
    /// Milliseconds, as sent: wraps at 32 bits (with some senders at 24).
    pub timestamp: u32,
    /// The body.
    pub payload: Bytes,
}

impl std::fmt::Debug for Message {
    // The body may hold a stream key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("type_id", &self.type_id)
            .field("stream_id", &self.stream_id)
            .field("timestamp", &self.timestamp)
            .field("payload_bytes", &self.payload.len())
            .finish()
    }
}

#[derive(Default)]
struct Stream {
    csid: u32,
    timestamp: u32,
    /// What a type-3 chunk that starts a message adds.
    delta: u32,
    /// The 32-bit value as sent, if the last header had one.
    extended: Option<u32>,
    length: usize,
    type_id: u8,
    stream_id: u32,
    /// A message has begun and is not complete.
    open: bool,
    payload: Vec<u8>,
}

#[derive(Clone, Copy)]
enum State {
    Header,
    Payload { stream: usize, left: usize },
}

/// Turns the bytes of a chunk stream into messages.
pub struct Reader {
    streams: Vec<Stream>,
    last: usize,
    chunk_size: usize,
    message_limit: usize,
    unfinished: usize,
    header: [u8; MAX_HEADER_BYTES],
    header_len: usize,
    state: State,
}

/// What the header bytes seen so far say.
enum Parsed {
    /// At least this many bytes are needed.
    Need(usize),
    /// Complete with this many bytes.
    Done(Header),
}

struct Header {
    stream: Option<usize>,
    csid: u32,
    format: u8,
    timestamp: u32,
    extended: Option<u32>,
    length: usize,
    type_id: u8,
    stream_id: u32,
    /// Bytes that belong to the header; those after it, looked at in vain for an extended timestamp, are payload.
    size: usize,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// A reader at the first byte after the handshake.
    pub fn new() -> Self {
        Self {
            streams: Vec::new(),
            last: 0,
            chunk_size: DEFAULT_CHUNK_SIZE as usize,
            message_limit: MAX_MESSAGE_BYTES,
            unfinished: 0,
            header: [0; MAX_HEADER_BYTES],
            header_len: 0,
            state: State::Header,
        }
    }

    /// Sets the largest message taken, at most [`MAX_MESSAGE_BYTES`]; also bounds the bytes of all unfinished messages.
    pub fn set_message_limit(&mut self, bytes: usize) {
        self.message_limit = bytes.min(MAX_MESSAGE_BYTES);
    }

    /// Bytes held for unfinished messages.
    pub fn unfinished_bytes(&self) -> usize {
        self.unfinished
    }

    /// Consumes from `input` up to the end of the next message, or all of it (`None`).
    ///
    /// After an error the reader must not be used again.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Error> {
        loop {
            match self.state {
                State::Header => {
                    let size = match self.parse_header()? {
                        Parsed::Need(size) => size,
                        Parsed::Done(header) => {
                            self.begin_chunk(header)?;
                            if let Some(message) = self.finish_chunk()? {
                                return Ok(Some(message));
                            }
                            continue;
                        }
                    };
                    if input.is_empty() {
                        return Ok(None);
                    }
                    let wanted = size - self.header_len;
                    let (taken, rest) = input.split_at(wanted.min(input.len()));
                    self.header[self.header_len..self.header_len + taken.len()].copy_from_slice(taken);
                    self.header_len += taken.len();
                    *input = rest;
                }
                State::Payload { stream, left } => {
                    if input.is_empty() {
                        return Ok(None);
                    }
                    let (taken, rest) = input.split_at(left.min(input.len()));
                    *input = rest;
                    self.append(stream, taken)?;
                    self.state = State::Payload { stream, left: left - taken.len() };
                    if let Some(message) = self.finish_chunk()? {
                        return Ok(Some(message));
                    }
                }
            }
        }
    }

    fn append(&mut self, stream: usize, bytes: &[u8]) -> Result<(), Error> {
        self.unfinished += bytes.len();
        if self.unfinished > self.message_limit {
            return Err(Error::TooMuchUnfinished { limit: self.message_limit });
        }
        let stream = &mut self.streams[stream];
        let needed = stream.payload.len() + bytes.len();
        if needed > stream.payload.capacity() {
            // Doubling keeps copies few; the exact final size lets `Bytes` take the vector over as it is.
            let target = stream.length.min(needed.max(FIRST_ALLOCATION).max(2 * stream.payload.capacity()));
            stream.payload.reserve_exact(target - stream.payload.len());
        }
        stream.payload.extend_from_slice(bytes);
        Ok(())
    }

    fn find(&self, csid: u32) -> Option<usize> {
        if self.streams.get(self.last).is_some_and(|s| s.csid == csid) {
            return Some(self.last);
        }
        self.streams.iter().position(|s| s.csid == csid)
    }

    fn parse_header(&self) -> Result<Parsed, Error> {
        let have = &self.header[..self.header_len];
        let Some(&first) = have.first() else { return Ok(Parsed::Need(1)) };
        // 5.3.1.1 chunk basic header
        let basic = match first & 0x3F {
            0 => 2,
            1 => 3,
            _ => 1,
        };
        if have.len() < basic {
            return Ok(Parsed::Need(basic));
        }
        let csid = match basic {
            1 => u32::from(first & 0x3F),
            2 => u32::from(have[1]) + 64,
            _ => u32::from(have[2]) * 256 + u32::from(have[1]) + 64,
        };
        // 5.3.1.2 chunk message header
        let format = first >> 6;
        let fields = [11, 7, 3, 0][usize::from(format)];
        let end = basic + fields;
        if have.len() < end {
            return Ok(Parsed::Need(end));
        }
        let stream = self.find(csid);
        let known = stream.map(|i| &self.streams[i]);
        if known.is_none() && format >= 2 {
            return Err(Error::NoHeader { csid });
        }
        let mut header = Header {
            stream,
            csid,
            format,
            timestamp: 0,
            extended: None,
            length: known.map_or(0, |s| s.length),
            type_id: known.map_or(0, |s| s.type_id),
            stream_id: known.map_or(0, |s| s.stream_id),
            size: end,
        };
        let f = &have[basic..end];
        if format <= 2 {
            header.timestamp = u32::from_be_bytes([0, f[0], f[1], f[2]]);
        }
        if format <= 1 {
            header.length = u32::from_be_bytes([0, f[3], f[4], f[5]]) as usize;
            header.type_id = f[6];
        }
        if format == 0 {
            header.stream_id = u32::from_le_bytes([f[7], f[8], f[9], f[10]]);
        }
        // 5.3.1.3 extended timestamp
        let tail = &have[end..];
        if format <= 2 {
            if header.timestamp == EXTENDED {
                let Some(bytes) = tail.first_chunk::<4>() else { return Ok(Parsed::Need(end + 4)) };
                header.timestamp = u32::from_be_bytes(*bytes);
                header.extended = Some(header.timestamp);
                header.size = end + 4;
            }
        } else if let Some(known) = known
            && let Some(extended) = known.extended
        {
            // The specification repeats the field in type-3 chunks, and not every sender does. Whoever repeats it
            // repeats the value, so look; some repeat the message's absolute time instead of the delta.
            header.extended = Some(extended);
            let repeats = |value: u32| value.to_be_bytes().starts_with(tail);
            if repeats(extended) || (known.open && repeats(known.timestamp)) {
                if tail.len() < 4 {
                    return Ok(Parsed::Need(end + tail.len() + 1));
                }
                header.size = end + 4;
            }
        }
        Ok(Parsed::Done(header))
    }

    fn begin_chunk(&mut self, header: Header) -> Result<(), Error> {
        let index = match header.stream {
            Some(index) => index,
            None if self.streams.len() >= MAX_CHUNK_STREAMS => return Err(Error::TooManyChunkStreams),
            None => {
                self.streams.push(Stream { csid: header.csid, ..Stream::default() });
                self.streams.len() - 1
            }
        };
        self.last = index;
        let limit = self.message_limit;
        let stream = &mut self.streams[index];
        if stream.open && header.format != 3 && !stream.repeats(&header) {
            // A new message in the middle of another: the old one will never be complete.
            self.unfinished -= stream.payload.len();
            stream.payload = Vec::new();
            stream.open = false;
        }
        if !stream.open {
            if header.length > limit {
                return Err(Error::MessageTooLong { length: header.length, limit });
            }
            match header.format {
                0 => {
                    stream.timestamp = header.timestamp;
                    // "If a Type 3 chunk follows a Type 0 chunk, then the timestamp delta for this Type 3 chunk is
                    // the same as the timestamp of the Type 0 chunk" (5.3.1.2.4). Past 24 bits no sender means that.
                    stream.delta = if header.extended.is_some() { 0 } else { header.timestamp };
                }
                1 | 2 => {
                    stream.delta = header.timestamp;
                    stream.timestamp = stream.timestamp.wrapping_add(stream.delta);
                }
                _ => stream.timestamp = stream.timestamp.wrapping_add(stream.delta),
            }
            stream.extended = header.extended;
            stream.length = header.length;
            stream.type_id = header.type_id;
            stream.stream_id = header.stream_id;
            stream.open = true;
        }
        let left = (stream.length - stream.payload.len()).min(self.chunk_size);
        self.state = State::Payload { stream: index, left };
        // Bytes looked at for an extended timestamp that was none are the first of the payload, or of the next chunk.
        let looked = self.header_len - header.size;
        let spare = self.header;
        let spare = &spare[header.size..header.size + looked];
        self.header_len = 0;
        let (payload, next) = spare.split_at(left.min(looked));
        self.append(index, payload)?;
        self.state = State::Payload { stream: index, left: left - payload.len() };
        self.header[..next.len()].copy_from_slice(next);
        self.header_len = next.len();
        Ok(())
    }

    /// Ends the chunk if all of it is there; gives the message if that completed one for the layers above.
    fn finish_chunk(&mut self) -> Result<Option<Message>, Error> {
        let State::Payload { stream: index, left: 0 } = self.state else { return Ok(None) };
        self.state = State::Header;
        let stream = &mut self.streams[index];
        if stream.payload.len() < stream.length {
            return Ok(None);
        }
        stream.open = false;
        self.unfinished -= stream.payload.len();
        let message = Message {
            type_id: stream.type_id,
            stream_id: stream.stream_id,
            timestamp: stream.timestamp,
            payload: Bytes::from(std::mem::take(&mut stream.payload)),
        };
        match message.type_id {
            message_type::SET_CHUNK_SIZE => {
                let size = message.payload.first_chunk::<4>().ok_or(Error::InvalidChunkSize)?;
                // 5.4.1: 31 bits, at least 1
                match u32::from_be_bytes(*size) & 0x7FFF_FFFF {
                    0 => return Err(Error::InvalidChunkSize),
                    size => self.chunk_size = size as usize,
                }
                Ok(None)
            }
            message_type::ABORT => {
                if let Some(csid) = message.payload.first_chunk::<4>()
                    && let Some(index) = self.find(u32::from_be_bytes(*csid))
                {
                    let stream = &mut self.streams[index];
                    self.unfinished -= stream.payload.len();
                    stream.payload = Vec::new();
                    stream.open = false;
                }
                Ok(None)
            }
            _ => Ok(Some(message)),
        }
    }
}

impl Stream {
    /// Some senders begin every chunk of a message with its whole header instead of a type-3 one.
    fn repeats(&self, header: &Header) -> bool {
        header.format == 0
            && header.timestamp == self.timestamp
            && header.length == self.length
            && header.type_id == self.type_id
            && header.stream_id == self.stream_id
    }
}

#[cfg(test)]
mod tests;
