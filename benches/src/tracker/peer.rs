//! A WebSocket client that costs little: what it sends is framed by hand, what it hears is looked at where it lies.

use anyhow::{Context as _, bail};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const MASK: [u8; 4] = [0x5a, 0x13, 0xc7, 0x68];
/// Longest message that a tracker sends.
const MAX_MESSAGE: usize = 256 * 1024;

pub(crate) struct Peer {
    stream: TcpStream,
    inbox: Vec<u8>,
    /// Frames to be sent by [`Peer::flush`].
    outbox: Vec<u8>,
}

impl Peer {
    pub(crate) async fn connect(address: SocketAddr, path: &str) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut inbox = Vec::with_capacity(1024);
        loop {
            anyhow::ensure!(stream.read_buf(&mut inbox).await? > 0, "closed during the handshake");
            if let Some(end) = inbox.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                anyhow::ensure!(inbox.starts_with(b"HTTP/1.1 101"), "no WebSocket: {}", String::from_utf8_lossy(&inbox[..end]));
                inbox.drain(..end + 4);
                return Ok(Self { stream, inbox, outbox: Vec::new() });
            }
        }
    }

    /// Queues a text message.
    pub(crate) fn say(&mut self, text: &str) {
        self.outbox.push(0x81);
        match text.len() {
            length @ 0..126 => self.outbox.push(0x80 | length as u8),
            length @ 126..0x1_0000 => {
                self.outbox.push(0x80 | 126);
                self.outbox.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                self.outbox.push(0x80 | 127);
                self.outbox.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        self.outbox.extend_from_slice(&MASK);
        let start = self.outbox.len();
        self.outbox.extend_from_slice(text.as_bytes());
        for chunk in self.outbox[start..].chunks_mut(4) {
            chunk.iter_mut().zip(MASK).for_each(|(byte, mask)| *byte ^= mask);
        }
    }

    pub(crate) async fn flush(&mut self) -> anyhow::Result<()> {
        if !self.outbox.is_empty() {
            self.stream.write_all(&self.outbox).await?;
            self.outbox.clear();
        }
        Ok(())
    }

    /// Waits for at least one message and calls `handle` for each that is there, then sends what was said meanwhile.
    pub(crate) async fn hear(&mut self, mut handle: impl FnMut(&mut Self, &str)) -> anyhow::Result<()> {
        let mut inbox = std::mem::take(&mut self.inbox);
        let mut heard = 0;
        while heard == 0 {
            inbox.reserve(16 * 1024);
            anyhow::ensure!(self.stream.read_buf(&mut inbox).await? > 0, "the tracker has closed the connection");
            let mut at = 0;
            while let Some((opcode, start, end)) = frame(&inbox[at..])? {
                if opcode == 1 {
                    let text = std::str::from_utf8(&inbox[at + start..at + end]).context("text is UTF-8")?;
                    handle(self, text);
                    heard += 1;
                } else if opcode == 8 {
                    bail!("the tracker closes: {:?}", &inbox[at + start..at + end]);
                }
                at += end;
            }
            inbox.drain(..at);
        }
        self.inbox = inbox;
        self.flush().await
    }

    /// Keeps no memory while it waits.
    pub(crate) fn rest(&mut self) {
        self.inbox.shrink_to_fit();
        self.outbox = Vec::new();
    }
}

/// Opcode, begin and end of the payload of the first frame, if it is whole. Servers do not mask.
fn frame(bytes: &[u8]) -> anyhow::Result<Option<(u8, usize, usize)>> {
    let [first, short, ..] = *bytes else { return Ok(None) };
    let (start, length) = match (short, bytes) {
        (126, [_, _, a, b, ..]) => (4, usize::from(u16::from_be_bytes([*a, *b]))),
        (127, [_, _, a, b, c, d, e, f, g, h, ..]) => (10, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as usize),
        (126.., _) => return Ok(None),
        (short, _) => (2, usize::from(short)),
    };
    anyhow::ensure!(length <= MAX_MESSAGE, "a message of {length} bytes");
    Ok((bytes.len() >= start + length).then_some((first & 15, start, start + length)))
}
