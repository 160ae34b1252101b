//! The handshake (Adobe RTMP 1.0, section 5.2; the digest variant of Flash Player 9 as known from practice).
//!
//! rml_rtmp's, which answers both variants and echoes for plain clients; here it gets exactly the bytes of C0, C1 and C2.

use bytes::Bytes;
use rml_rtmp::handshake::{Handshake as Inner, HandshakeProcessResult, PeerType};

/// C0, C1 and C2.
const CLIENT_BYTES: usize = 1 + 1536 + 1536;
/// The version of RTMP (5.2.2).
const VERSION: u8 = 3;
/// "Values 32-255 are not allowed (to allow distinguishing RTMP from text-based protocols)".
const FIRST_TEXT_VERSION: u8 = 32;

/// The server's half.
pub struct Handshake {
    inner: Inner,
    received: usize,
}

/// Not RTMP.
#[derive(Debug, thiserror::Error)]
#[error("no RTMP handshake")]
pub struct Error;

/// What came of some bytes.
pub struct Progress {
    /// To be sent.
    pub send: Bytes,
    /// The chunk stream begins with the next byte.
    pub done: bool,
}

impl Handshake {
    pub fn new() -> Self {
        Self { inner: Inner::new(PeerType::Server), received: 0 }
    }

    /// Consumes the handshake's bytes from `input`, none after them.
    pub fn handle_input(&mut self, input: &mut &[u8]) -> Result<Progress, Error> {
        let mut send = Vec::new();
        if self.received == 0
            && let Some((&version, rest)) = input.split_first()
        {
            if version >= FIRST_TEXT_VERSION {
                return Err(Error);
            }
            // "A server that does not recognize the client's requested version SHOULD respond with 3."
            *input = rest;
            self.process(&[VERSION], &mut send)?;
        }
        let (taken, rest) = input.split_at(input.len().min(CLIENT_BYTES - self.received));
        *input = rest;
        let done = self.process(taken, &mut send)?;
        Ok(Progress { send: send.into(), done })
    }

    fn process(&mut self, bytes: &[u8], send: &mut Vec<u8>) -> Result<bool, Error> {
        if bytes.is_empty() {
            return Ok(false);
        }
        self.received += bytes.len();
        match self.inner.process_bytes(bytes).map_err(|_| Error)? {
            HandshakeProcessResult::InProgress { response_bytes } => {
                send.extend_from_slice(&response_bytes);
                Ok(false)
            }
            HandshakeProcessResult::Completed { response_bytes, .. } => {
                send.extend_from_slice(&response_bytes);
                Ok(true)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shake(bytes: &[u8], piece: usize) -> (Vec<u8>, usize, bool) {
        let mut handshake = Handshake::new();
        let (mut sent, mut left) = (Vec::new(), 0);
        let mut done = false;
        for mut piece in bytes.chunks(piece) {
            if done {
                left += piece.len();
                continue;
            }
            let progress = handshake.handle_input(&mut piece).expect("a handshake");
            sent.extend_from_slice(&progress.send);
            done |= progress.done;
            left += piece.len();
        }
        (sent, left, done)
    }

    #[test]
    fn answers_a_plain_client_with_its_own_bytes_however_they_are_cut() {
        let mut bytes = vec![3];
        bytes.extend((0..1536_u32).map(|i| (i * 7) as u8));
        bytes.extend_from_slice(&[9; 1536]);
        bytes.extend_from_slice(b"rest");
        for piece in [1, 2, 1500, 1537, 4000] {
            let (sent, left, done) = shake(&bytes, piece);
            assert!(done);
            assert_eq!(left, 4);
            assert_eq!(sent.len(), 1 + 1536 + 1536);
            assert_eq!(sent[0], 3);
            assert_eq!(sent[1537..], bytes[1..1537]);
        }
    }

    #[test]
    fn answers_a_digest_client_with_a_digest() {
        let mut client = Inner::new(PeerType::Client);
        let c0_c1 = client.generate_outbound_p0_and_p1().expect("digest client");
        let mut handshake = Handshake::new();
        let answer = handshake.handle_input(&mut &c0_c1[..]).expect("a handshake").send;
        assert_ne!(answer[1537..], c0_c1[1..]);
        let HandshakeProcessResult::Completed { response_bytes, .. } = client.process_bytes(&answer).expect("S0 S1 S2") else {
            panic!("the client is not content");
        };
        assert!(handshake.handle_input(&mut &response_bytes[..]).expect("C2").done);
    }

    #[test]
    fn takes_other_versions_and_refuses_text() {
        assert_eq!(shake(&[6; 1 + 1536 + 1536], 99).0[0], 3);
        assert!(Handshake::new().handle_input(&mut &b"GET / HTTP/1.1"[..]).is_err());
    }
}
