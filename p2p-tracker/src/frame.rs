//! WebSocket frames (RFC 6455 section 5), as a server reads and writes them.
//!
//! Frames are unmasked in place and messages handed out where they lie; only what is split is put together in a buffer.

use std::ops::Range;

/// Longest message: as bittorrent-tracker and wt-tracker take, and beyond aquatic's.
pub const MAX_MESSAGE: usize = 64 * 1024;
/// Bytes of a client's longest frame header: two, a length of eight, a mask of four.
const MAX_HEADER: usize = 14;
/// A control frame's payload (section 5.5).
const MAX_CONTROL: usize = 125;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const FIN: u8 = 0x80;

/// Why a connection cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not RFC 6455, or an extension that was not agreed on.
    #[error("malformed frame")]
    Malformed,
    /// Beyond [`MAX_MESSAGE`].
    #[error("message too long")]
    TooLong,
    /// Text that is not UTF-8.
    #[error("text is not UTF-8")]
    NotText,
}

impl Error {
    /// The status for the close frame (section 7.4.1).
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed => 1002,
            Self::NotText => 1007,
            Self::TooLong => 1009,
        }
    }
}

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A message. Some clients send their JSON in binary frames.
    Message(&'a str),
    /// To be answered by a pong with the same payload.
    Ping(&'a [u8]),
    /// The client is there.
    Pong,
    /// The client closes; to be answered by a close frame.
    Close,
}

/// Reads frames.
#[derive(Debug, Default)]
pub struct Reader {
    /// The beginning of a frame that has not come whole.
    partial: Vec<u8>,
    /// The frames so far of a message that has not come whole.
    message: Vec<u8>,
    fragmented: bool,
}

impl Reader {
    /// Reads what came, calling `handle` for each event. The bytes are unmasked in place.
    ///
    /// # Errors
    /// When the connection is to be closed.
    pub fn read(&mut self, bytes: &mut [u8], mut handle: impl FnMut(Event<'_>)) -> Result<(), Error> {
        if self.partial.is_empty() {
            let consumed = self.frames(bytes, &mut handle)?;
            self.partial.extend_from_slice(&bytes[consumed..]);
            return Ok(());
        }
        let mut partial = std::mem::take(&mut self.partial);
        partial.extend_from_slice(bytes);
        let consumed = self.frames(&mut partial, &mut handle)?;
        if consumed < partial.len() {
            partial.drain(..consumed);
            self.partial = partial;
        }
        Ok(())
    }

    /// Reads the whole frames at the beginning; returns their length.
    fn frames(&mut self, bytes: &mut [u8], handle: &mut impl FnMut(Event<'_>)) -> Result<usize, Error> {
        let mut at = 0;
        while let Some(header) = Header::parse(&bytes[at..], self.message.len())? {
            let start = at + header.length;
            let Some(payload) = bytes.get_mut(start..start + header.payload) else { break };
            unmask(payload, header.mask);
            self.frame(&header, payload, handle)?;
            at = start + header.payload;
        }
        Ok(at)
    }

    fn frame(&mut self, header: &Header, payload: &[u8], handle: &mut impl FnMut(Event<'_>)) -> Result<(), Error> {
        match (header.opcode, self.fragmented) {
            (TEXT | BINARY, false) if header.fin => handle(Event::Message(text(payload)?)),
            (TEXT | BINARY, false) | (CONTINUATION, true) => {
                self.message.extend_from_slice(payload);
                self.fragmented = !header.fin;
                if header.fin {
                    let message = std::mem::take(&mut self.message);
                    handle(Event::Message(text(&message)?));
                }
            }
            (PING, _) => handle(Event::Ping(payload)),
            (PONG, _) => handle(Event::Pong),
            (CLOSE, _) => handle(Event::Close),
            _ => return Err(Error::Malformed),
        }
        Ok(())
    }
}

fn text(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|_| Error::NotText)
}

struct Header {
    opcode: u8,
    fin: bool,
    mask: [u8; 4],
    /// Bytes of the header itself.
    length: usize,
    payload: usize,
}

impl Header {
    /// `None`: it has not come whole. `so_far` bytes of a message came in frames before.
    fn parse(bytes: &[u8], so_far: usize) -> Result<Option<Self>, Error> {
        let [first, second, ..] = *bytes else { return Ok(None) };
        let (opcode, fin) = (first & 0x0f, first & FIN != 0);
        let is_control = opcode >= CLOSE;
        // Reserved bits belong to extensions, of which there are none; clients mask (section 5.1).
        if first & 0x70 != 0 || second & 0x80 == 0 || (is_control && !fin) {
            return Err(Error::Malformed);
        }
        let short = usize::from(second & 0x7f);
        let (payload, width) = match short {
            126 => {
                let Some(&[high, low]) = bytes.get(2..4) else { return Ok(None) };
                (usize::from(u16::from_be_bytes([high, low])), 2)
            }
            127 => {
                let Some(&[a, b, c, d, e, f, g, h]) = bytes.get(2..10) else { return Ok(None) };
                let length = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
                (usize::try_from(length).unwrap_or(usize::MAX), 8)
            }
            short => (short, 0),
        };
        if is_control && payload > MAX_CONTROL {
            return Err(Error::Malformed);
        }
        if !is_control && payload > MAX_MESSAGE.saturating_sub(so_far) {
            return Err(Error::TooLong);
        }
        let Some(&[a, b, c, d]) = bytes.get(2 + width..6 + width) else { return Ok(None) };
        debug_assert!(6 + width <= MAX_HEADER);
        Ok(Some(Self { opcode, fin, mask: [a, b, c, d], length: 6 + width, payload }))
    }
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let wide = u64::from_ne_bytes([mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3]]);
    let mut words = payload.chunks_exact_mut(8);
    for word in &mut words {
        let mut value = [0; 8];
        value.copy_from_slice(word);
        word.copy_from_slice(&(u64::from_ne_bytes(value) ^ wide).to_ne_bytes());
    }
    for (byte, mask) in words.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// Appends a frame whose payload `encode` appends.
pub fn write(is_binary: bool, out: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) {
    // Most messages are longer than 125 bytes and shorter than 64 KiB: room for that header, moved if it was wrong.
    const GUESSED: usize = 4;
    let start = out.len();
    out.extend_from_slice(&[0; GUESSED]);
    encode(out);
    let payload = out.len() - start - GUESSED;
    out[start] = FIN | if is_binary { BINARY } else { TEXT };
    match payload {
        0..126 => {
            out[start + 1] = payload as u8;
            out.copy_within(start + GUESSED.., start + 2);
            out.truncate(out.len() + 2 - GUESSED);
        }
        126..0x1_0000 => {
            out[start + 1] = 126;
            out[start + 2..start + GUESSED].copy_from_slice(&(payload as u16).to_be_bytes());
        }
        _ => {
            out[start + 1] = 127;
            let length = (payload as u64).to_be_bytes();
            out[start + 2..start + GUESSED].copy_from_slice(&length[..2]);
            out.splice(start + GUESSED..start + GUESSED, length[2..].iter().copied());
        }
    }
}

/// Appends a pong that answers `payload`.
pub fn write_pong(payload: &[u8], out: &mut Vec<u8>) {
    control(PONG, payload, out);
}

/// Appends a ping.
pub fn write_ping(out: &mut Vec<u8>) {
    control(PING, &[], out);
}

/// Appends a close frame.
pub fn write_close(status: u16, out: &mut Vec<u8>) {
    control(CLOSE, &status.to_be_bytes(), out);
}

fn control(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    let payload = &payload[..payload.len().min(MAX_CONTROL)];
    out.extend_from_slice(&[FIN | opcode, payload.len() as u8]);
    out.extend_from_slice(payload);
}

/// Takes frames apart that [`write`] made: whether each is binary, and where in `frames` its payload is.
pub fn payloads(frames: &[u8]) -> impl Iterator<Item = (bool, Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let &[first, short, ..] = frames.get(at..)? else { return None };
        let (start, length) = match short {
            126 => (at + 4, usize::from(u16::from_be_bytes(frames.get(at + 2..at + 4)?.try_into().ok()?))),
            127 => (at + 10, u64::from_be_bytes(frames.get(at + 2..at + 10)?.try_into().ok()?) as usize),
            short => (at + 2, usize::from(short)),
        };
        at = start + length;
        Some((first & 0x0f == BINARY, start..at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(first: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            0..126 => bytes.push(0x80 | payload.len() as u8),
            126..65536 => {
                bytes.push(0x80 | 126);
                bytes.extend_from_slice(&(payload.len() as u16).to_be_bytes());
            }
            _ => {
                bytes.push(0x80 | 127);
                bytes.extend_from_slice(&(payload.len() as u64).to_be_bytes());
            }
        }
        bytes.extend_from_slice(&mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    fn read(bytes: &[u8], pieces: usize) -> (Vec<String>, Result<(), Error>) {
        let (mut reader, mut events) = (Reader::default(), Vec::new());
        for piece in bytes.chunks(pieces.max(1)) {
            if let Err(error) = reader.read(&mut piece.to_vec(), |event| events.push(format!("{event:?}"))) {
                return (events, Err(error));
            }
        }
        (events, Ok(()))
    }

    #[test]
    fn examples_of_rfc_6455_section_5_7() {
        let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(read(&hello, 100), (vec!["Message(\"Hello\")".to_owned()], Ok(())));
        let mut out = Vec::new();
        write(false, &mut out, |out| out.extend_from_slice(b"Hello"));
        assert_eq!(out, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
        out.clear();
        write(true, &mut out, |out| out.extend_from_slice(&[9; 256]));
        assert_eq!(out[..4], [0x82, 0x7e, 0x01, 0x00]);
        out.clear();
        write(true, &mut out, |out| out.extend_from_slice(&[9; 65536]));
        assert_eq!(out[..10], [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(out.len(), 65546);
    }

    #[test]
    fn fragments_are_joined_around_control_frames() {
        let mut bytes = frame(0x01, b"Hel", [1, 2, 3, 4]);
        bytes.extend(frame(0x89, b"here?", [9, 8, 7, 6]));
        bytes.extend(frame(0x00, "l\u{f6}".as_bytes(), [0; 4]));
        bytes.extend(frame(0x80, b"!", [5; 4]));
        bytes.extend(frame(0x88, &[3, 232], [5; 4]));
        let expected = vec!["Ping([104, 101, 114, 101, 63])".to_owned(), "Message(\"Hell\u{f6}!\")".to_owned(), "Close".to_owned()];
        for pieces in 1..40 {
            assert_eq!(read(&bytes, pieces), (expected.clone(), Ok(())), "in pieces of {pieces}");
        }
    }

    #[test]
    fn what_the_rules_forbid_ends_the_connection() {
        let unmasked = [0x81, 0x01, b'x'];
        assert_eq!(read(&unmasked, 9).1, Err(Error::Malformed));
        assert_eq!(read(&frame(0xc1, b"x", [0; 4]), 99).1, Err(Error::Malformed), "reserved bit");
        assert_eq!(read(&frame(0x83, b"x", [0; 4]), 99).1, Err(Error::Malformed), "unknown opcode");
        assert_eq!(read(&frame(0x80, b"x", [0; 4]), 99).1, Err(Error::Malformed), "continues nothing");
        assert_eq!(read(&frame(0x09, b"x", [0; 4]), 99).1, Err(Error::Malformed), "fragmented control frame");
        assert_eq!(read(&frame(0x89, &[0; 126], [0; 4]), 999).1, Err(Error::Malformed), "long control frame");
        assert_eq!(read(&frame(0x81, &[0xff], [0; 4]), 99).1, Err(Error::NotText));
        let mut nested = frame(0x01, b"x", [0; 4]);
        nested.extend(frame(0x81, b"y", [0; 4]));
        assert_eq!(read(&nested, 99).1, Err(Error::Malformed), "a message within a message");
    }

    #[test]
    fn messages_have_a_longest() {
        let longest = "x".repeat(MAX_MESSAGE);
        for size in [16 * 1024, 20_000, MAX_MESSAGE] {
            assert_eq!(read(&frame(0x81, &longest.as_bytes()[..size], [1, 2, 3, 4]), 4096).1, Ok(()));
        }
        let too_long = frame(0x81, &vec![b'x'; MAX_MESSAGE + 1], [0; 4]);
        assert_eq!(read(&too_long[..14], 99).1, Err(Error::TooLong), "told from its header");
        let endless = [0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        assert_eq!(read(&endless, 99).1, Err(Error::TooLong));
        let mut fragments = frame(0x01, longest.as_bytes(), [0; 4]);
        fragments.extend(frame(0x80, b"x", [0; 4]));
        assert_eq!(read(&fragments, 4096).1, Err(Error::TooLong));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>, pieces in 1usize..50) {
            let _ = read(&bytes, pieces);
        }

        #[test]
        fn messages_arrive_however_they_are_cut(texts in prop::collection::vec(".{0,300}", 1..6), mask: [u8; 4], pieces in 1usize..700) {
            let bytes: Vec<u8> = texts.iter().flat_map(|text| frame(0x81, text.as_bytes(), mask)).collect();
            let expected: Vec<String> = texts.iter().map(|text| format!("{:?}", Event::Message(text))).collect();
            prop_assert_eq!(read(&bytes, pieces), (expected, Ok(())));
        }

        #[test]
        fn own_frames_are_taken_apart_again(sizes in prop::collection::vec((any::<bool>(), 0usize..70_000), 0..5)) {
            let mut frames = Vec::new();
            for (index, (binary, size)) in sizes.iter().enumerate() {
                write(*binary, &mut frames, |out| out.resize(out.len() + size, index as u8));
            }
            let apart: Vec<_> = payloads(&frames).collect();
            prop_assert_eq!(apart.len(), sizes.len());
            for (index, ((binary, range), (was_binary, size))) in apart.into_iter().zip(&sizes).enumerate() {
                prop_assert_eq!((binary, range.len()), (*was_binary, *size));
                prop_assert!(frames[range].iter().all(|byte| *byte == index as u8));
            }
        }
    }
}
