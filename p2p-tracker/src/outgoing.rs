//! What waits to be sent on one connection.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::frame;
use crate::protocol::Message;

/// Bytes that may wait: some hundred offers. Who does not take them is disconnected.
const MAX_WAITING: usize = 256 * 1024;

/// The queue of a connection, shared by all who send to it. Messages are kept as the WebSocket frames that they become,
/// one after the other, so that one `write` takes all that waits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outgoing(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    frames: Vec<u8>,
    overflowed: bool,
    waker: Option<Waker>,
}

/// One connection is one queue.
impl PartialEq for Outgoing {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Outgoing {
    pub(crate) fn push(&self, message: &Message<'_>) {
        let waker = {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.overflowed {
                return;
            }
            frame::write(message.is_binary(), &mut waiting.frames, |out| message.encode(out));
            if waiting.frames.len() > MAX_WAITING {
                waiting.overflowed = true;
                waiting.frames = Vec::new();
            }
            waiting.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Exchanges what waits for `empty`; `None`: too much waited, the connection is to be dropped.
    pub(crate) fn poll_frames(&self, cx: &mut Context<'_>, empty: Vec<u8>) -> Poll<Option<Vec<u8>>> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.overflowed {
            return Poll::Ready(None);
        }
        if waiting.frames.is_empty() {
            waiting.wake_later(cx);
            return Poll::Pending;
        }
        Poll::Ready(Some(std::mem::replace(&mut waiting.frames, empty)))
    }

    /// Ready when more waited than may.
    pub(crate) fn poll_overflow(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.overflowed {
            return Poll::Ready(());
        }
        waiting.wake_later(cx);
        Poll::Pending
    }
}

impl Waiting {
    fn wake_later(&mut self, cx: &Context<'_>) {
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
    }
}
