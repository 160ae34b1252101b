//! Serves the tracker on a socket that somebody else has upgraded to WebSocket (RFC 6455).
//!
//! A connection that waits holds no buffer: bytes are read into one that the thread's connections share, frames are
//! handled where they lie, and all that waits to be sent goes out in one write.

use std::cell::Cell;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::frame::{self, Event, Reader};
use crate::tracker::Connection;

/// A silent peer is pinged this often: below the 60 s after which proxies cut.
const PING: Duration = Duration::from_secs(45);
/// Pings without any sign of life until a peer is gone.
const MAX_SILENCE: u8 = 3;
/// What is read at once: the longest message, or many short ones.
const READ_BYTES: usize = frame::MAX_MESSAGE;
/// Waiting bytes beyond which a peer that does not read gets no pongs.
const MAX_PONGS: usize = 16 * 1024;
/// The server goes, or the connection is not wanted any more (section 7.4.1).
const GOING_AWAY: u16 = 1001;
/// The peer broke the rules of this server.
const POLICY: u16 = 1008;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What `Sec-WebSocket-Accept` answers to `Sec-WebSocket-Key` (section 4.2.2).
pub fn accept_key(key: &str) -> String {
    let digest = Sha1::new().chain_update(key).chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
    BASE64_STANDARD.encode(digest)
}

/// Serves `connection` on an upgraded stream until either side closes. Dropping the future closes too, without farewell.
pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, connection: Connection) {
    serve_until(stream, connection, std::future::pending()).await;
}

/// As [`serve`], but says goodbye when `stop` is ready.
pub async fn serve_until<S: AsyncRead + AsyncWrite + Unpin>(stream: S, connection: Connection, stop: impl Future<Output = ()>) {
    let mut socket = Socket { stream, connection, reader: Reader::default(), writing: Vec::new(), written: 0, silence: 0, closing: false };
    let mut timer = pin!(sleep(PING));
    let mut stop = pin!(stop);
    let mut stopped = false;
    std::future::poll_fn(|cx| {
        if !stopped && stop.as_mut().poll(cx).is_ready() {
            stopped = true;
            socket.close(GOING_AWAY);
        }
        socket.poll(cx, timer.as_mut())
    })
    .await;
}

struct Socket<S> {
    stream: S,
    connection: Connection,
    reader: Reader,
    /// Whole frames, of which the first `written` bytes are out.
    writing: Vec<u8>,
    written: usize,
    /// Timer's rounds since anything was read, or since the peer took what it was sent.
    silence: u8,
    closing: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    fn poll(&mut self, cx: &mut Context<'_>, timer: Pin<&mut Sleep>) -> Poll<()> {
        if self.poll_timer(cx, timer).is_break() {
            return Poll::Ready(());
        }
        if self.poll_read(cx).is_ready() {
            return Poll::Ready(());
        }
        self.poll_write(cx)
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> std::ops::ControlFlow<()> {
        while timer.as_mut().poll(cx).is_ready() {
            if self.silence >= MAX_SILENCE || self.closing {
                return std::ops::ControlFlow::Break(());
            }
            if self.silence > 0 && self.writing.is_empty() {
                frame::write_ping(&mut self.writing);
            }
            self.silence += 1;
            timer.as_mut().reset(tokio::time::Instant::now() + PING);
        }
        std::ops::ControlFlow::Continue(())
    }

    /// Ready: the connection has ended.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut buffer = BUFFER.take();
        buffer.resize(READ_BYTES, 0);
        let ended = loop {
            let mut read = ReadBuf::new(&mut buffer);
            match Pin::new(&mut self.stream).poll_read(cx, &mut read) {
                Poll::Pending => break Poll::Pending,
                Poll::Ready(Err(_)) => break Poll::Ready(()),
                Poll::Ready(Ok(())) if read.filled().is_empty() => break Poll::Ready(()),
                // After a close frame nothing counts but the end.
                Poll::Ready(Ok(())) if self.closing => {}
                Poll::Ready(Ok(())) => self.handle(read.filled_mut()),
            }
        };
        BUFFER.set(buffer);
        ended
    }

    fn handle(&mut self, bytes: &mut [u8]) {
        self.silence = 0;
        let now = Instant::now();
        let mut close = None;
        let (connection, writing) = (&mut self.connection, &mut self.writing);
        let read = self.reader.read(bytes, |event| match event {
            _ if close.is_some() => {}
            Event::Message(text) => connection.handle_message(now, text),
            Event::Ping(payload) if writing.len() < MAX_PONGS => frame::write_pong(payload, writing),
            Event::Ping(_) | Event::Pong => {}
            Event::Close => close = Some(1000),
        });
        if let Some(status) = close.or(read.err().map(frame::Error::status)) {
            self.close(status);
        }
    }

    fn close(&mut self, status: u16) {
        if !self.closing {
            self.closing = true;
            frame::write_close(status, &mut self.writing);
        }
    }

    /// Ready: the connection has ended.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            while self.written < self.writing.len() {
                match Pin::new(&mut self.stream).poll_write(cx, &self.writing[self.written..]) {
                    Poll::Pending => return self.connection.poll_overflow(cx),
                    Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                    Poll::Ready(Ok(written)) => self.written += written,
                }
            }
            self.written = 0;
            // A connection that waits keeps no buffer.
            self.writing = Vec::new();
            if self.closing {
                return Pin::new(&mut self.stream).poll_shutdown(cx).map(drop);
            }
            match self.connection.poll_frames(cx, Vec::new()) {
                Poll::Pending => break,
                Poll::Ready(Some(frames)) => self.writing = frames,
                Poll::Ready(None) => {
                    self.close(POLICY);
                }
            }
        }
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(Err(_)) => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests;
