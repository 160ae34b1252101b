//! One connection's task: moves bytes between its socket and its session.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Sleep, sleep_until, timeout};

use super::gate::Ticket;
use super::queue::{self, Writer};
use super::{Decision, Limits, Publish};
use crate::event::{Event, Rejection};
use crate::session::{Output, PublishRequest, Session};

/// Read buffer before a publish is accepted ...
const PENDING_BUFFER: usize = 4 * 1024;
/// ... and after: a frame of an ordinary stream in one read.
const LIVE_BUFFER: usize = 32 * 1024;
/// A peer that does not take our few bytes within this time is gone.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// Time for the peer to read our last words and close; closing first, with bytes unread, would take them back.
const LINGER: Duration = Duration::from_secs(2);

/// What a connection's task is given.
pub(super) struct Context {
    pub address: SocketAddr,
    pub limits: Arc<Limits>,
    pub publishes: mpsc::Sender<Publish>,
    pub publishers: Arc<Semaphore>,
    pub ticket: Ticket,
}

struct Connection<S> {
    stream: S,
    session: Session,
    buffer: Vec<u8>,
    /// The bytes in `buffer` that the session has not consumed.
    start: usize,
    end: usize,
    /// Of an accepted publish.
    events: Option<Writer>,
    batch: Vec<Event>,
    out: Vec<u8>,
}

/// What the session wants next.
enum Step {
    Read,
    Decide(PublishRequest),
    Close,
}

pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(stream: S, context: Context) {
    let Context { address, limits, publishes, publishers, ticket } = context;
    let mut connection = Connection {
        stream,
        session: Session::new(Instant::now(), limits.deadlines.clone()),
        buffer: vec![0; PENDING_BUFFER],
        start: 0,
        end: 0,
        events: None,
        batch: Vec::new(),
        out: Vec::new(),
    };
    let mut ticket = Some(ticket);
    // A place among the publishers, from the request to the end of the connection.
    let mut place: Option<OwnedSemaphorePermit> = None;
    let mut timer = pin!(sleep_until(Instant::now().into()));
    loop {
        match connection.step().await {
            Step::Read => connection.wait(timer.as_mut(), ticket.as_ref()).await,
            Step::Close => break,
            Step::Decide(request) => {
                place = publishers.clone().try_acquire_owned().ok();
                if place.is_none() {
                    tracing::warn!(publishers = limits.publishers, "rtmp.publish refused: the server is full");
                    connection.session.reject_publish(&Rejection::Full);
                    continue;
                }
                ticket = None;
                let (decision, decided) = oneshot::channel();
                let (writer, reader) = queue::channel(limits.queue_bytes, limits.queue_events);
                let publish = Publish { request, address, decision, reader };
                match connection.decide(&publishes, publish, decided).await {
                    Some(Decision::Accept) => connection.accept(writer),
                    Some(Decision::Reject(rejection)) => connection.session.reject_publish(&rejection),
                    None => connection.session.reject_publish(&Rejection::ShuttingDown),
                }
            }
        }
    }
    connection.linger(ticket.as_ref()).await;
    drop(place);
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Feeds the session, sends what it says, hands over its events.
    async fn step(&mut self) -> Step {
        let mut next = Step::Read;
        loop {
            if self.start < self.end {
                self.start += self.session.handle_input(Instant::now(), &self.buffer[self.start..self.end]);
            }
            if self.start == self.end {
                (self.start, self.end) = (0, 0);
            }
            while let Some(output) = self.session.poll_output() {
                match output {
                    Output::Send(bytes) => self.out.extend_from_slice(&bytes),
                    Output::Event(event) => self.batch.push(event),
                    Output::Publish(request) => next = Step::Decide(request),
                    Output::Close => next = Step::Close,
                }
            }
            let ended = matches!(self.batch.last(), Some(Event::End(_)));
            if let Some(events) = &mut self.events {
                events.push(&mut self.batch);
            }
            if ended {
                // The owner is done; the peer may take its time.
                self.events = None;
            }
            if self.out.is_empty() {
                return next;
            }
            let sent = timeout(WRITE_DEADLINE, async {
                self.stream.write_all(&self.out).await?;
                self.stream.flush().await
            });
            let sent = sent.await.is_ok_and(|sent| sent.is_ok());
            self.out.clear();
            if sent {
                return next;
            }
            // Its last outputs are drained in the next round.
            self.session.handle_disconnect("the connection broke");
        }
    }

    /// Waits for whatever happens next, and tells the session.
    async fn wait(&mut self, mut timer: std::pin::Pin<&mut Sleep>, ticket: Option<&Ticket>) {
        if let Some(due) = self.session.poll_timeout() {
            // An earlier alarm than necessary costs less than moving it for every read.
            if timer.is_elapsed() || timer.deadline() > due.into() {
                timer.as_mut().reset(due.into());
            }
        }
        let Self { stream, session, buffer, end, events, .. } = self;
        let closing = async {
            match events {
                Some(events) => events.closing().await,
                None => std::future::pending().await,
            }
        };
        let evicted = async {
            match ticket {
                Some(ticket) => ticket.evicted().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            read = stream.read(&mut buffer[*end..]) => match read {
                Ok(0) => session.handle_disconnect("the connection was closed"),
                Ok(count) => *end += count,
                Err(error) => session.handle_disconnect(&error.to_string()),
            },
            () = timer => session.handle_timeout(Instant::now()),
            rejection = closing => session.close(&rejection),
            () = evicted => session.handle_disconnect("too many connections"),
        }
    }

    /// Brings the publish to the owner and waits for the answer; `None` if there is none, or the session is over.
    async fn decide(
        &mut self,
        publishes: &mpsc::Sender<Publish>,
        publish: Publish,
        decided: oneshot::Receiver<Decision>,
    ) -> Option<Decision> {
        let mut decision = pin!(async {
            publishes.send(publish).await.ok()?;
            decided.await.ok()
        });
        let due = self.session.poll_timeout();
        let mut deadline = pin!(async {
            match due {
                Some(due) => sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        });
        loop {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            }
            // The peer may go while the owner thinks.
            let room = self.end < self.buffer.len();
            tokio::select! {
                decision = &mut decision => return decision,
                () = &mut deadline => {
                    self.session.handle_timeout(Instant::now());
                    return None;
                }
                read = self.stream.read(&mut self.buffer[self.end..]), if room => match read {
                    Ok(count) if count > 0 => self.end += count,
                    _ => {
                        self.session.handle_disconnect("the connection was closed");
                        return None;
                    }
                },
            }
        }
    }

    fn accept(&mut self, events: Writer) {
        self.session.accept_publish(Instant::now());
        self.events = Some(events);
        let mut buffer = vec![0; LIVE_BUFFER];
        let left = self.end - self.start;
        buffer[..left].copy_from_slice(&self.buffer[self.start..self.end]);
        (self.start, self.end) = (0, left);
        self.buffer = buffer;
    }

    /// Ends the connection so that the peer can read what it was told last.
    async fn linger(mut self, ticket: Option<&Ticket>) {
        let mut rest = pin!(timeout(LINGER, async {
            if self.stream.shutdown().await.is_ok() {
                while self.stream.read(&mut self.buffer).await.is_ok_and(|count| count > 0) {}
            }
        }));
        match ticket {
            Some(ticket) => tokio::select! {
                _ = &mut rest => {}
                () = ticket.evicted() => {}
            },
            None => {
                let _ = rest.await;
            }
        }
    }
}
