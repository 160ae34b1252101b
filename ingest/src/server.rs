//! The socket driver: listens, gives every connection its own task, hands publishes to their owner.

mod connection;
mod gate;
mod queue;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::event::{Rejection, StreamKey};
use crate::session::{Deadlines, PublishRequest};
use connection::Context;
use gate::Gate;
pub use queue::{Liveness, UnitReader};

/// Publishes that wait for [`Server::accept`]; the tasks of further ones wait for room, each by itself.
const ACCEPT_QUEUE: usize = 64;
/// Connections the kernel holds until they are taken.
const BACKLOG: i32 = 1024;
/// Pause when the process has no file descriptor for another connection.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);
/// A peer that vanished is noticed by the kernel after 10 s + 3 x 5 s.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_PROBES: u32 = 3;

/// Gives the TLS configuration for the next connection, so that certificates can be renewed.
pub type Tls = Arc<dyn Fn() -> Arc<ServerConfig> + Send + Sync>;

/// What bounds a server.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long each phase of a connection may take.
    pub deadlines: Deadlines,
    /// Connections that have not begun to publish; when there are more, the oldest is closed. Encoders pass this phase
    /// within a second, so only a flood is affected, and does not keep new ones out.
    pub pending: usize,
    /// The same for one address (IPv6: one /64).
    pub pending_per_address: usize,
    /// Publishers at once.
    pub publishers: usize,
    /// Bytes of units that wait for a publish's reader: some seconds of a high bitrate.
    pub queue_bytes: usize,
    /// Events that wait for a publish's reader.
    pub queue_events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadlines: Deadlines::default(),
            pending: 512,
            pending_per_address: 64,
            publishers: 1000,
            queue_bytes: 16 * 1024 * 1024,
            queue_events: 4096,
        }
    }
}

/// What a server needs.
#[derive(Clone)]
pub struct Config {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// RTMPS instead of RTMP.
    pub tls: Option<Tls>,
    /// Its bounds.
    pub limits: Limits,
}

impl Config {
    /// Plain RTMP with the default limits.
    pub fn new(listen: SocketAddr) -> Self {
        Self { listen, tls: None, limits: Limits::default() }
    }
}

/// A listening RTMP or RTMPS server. Dropping it stops listening and closes what has not been accepted; accepted
/// publishes go on.
pub struct Server {
    address: SocketAddr,
    publishes: mpsc::Receiver<Publish>,
    listening: JoinHandle<()>,
}

impl Server {
    /// Begins to listen.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn bind(config: Config) -> io::Result<Self> {
        let listener = listen(config.listen)?;
        let address = listener.local_addr()?;
        let (sender, publishes) = mpsc::channel(ACCEPT_QUEUE);
        let listening = tokio::spawn(accept_connections(listener, config, sender));
        Ok(Self { address, publishes, listening })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The next connection that wants to publish. Cancel-safe. `None` never, but for a server that failed.
    pub async fn accept(&mut self) -> Option<Publish> {
        self.publishes.recv().await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Somebody who wants to publish. Dropping it turns them away.
pub struct Publish {
    request: PublishRequest,
    address: SocketAddr,
    decision: oneshot::Sender<Decision>,
    reader: UnitReader,
}

enum Decision {
    Accept,
    Reject(Rejection),
}

impl Publish {
    /// The broadcast's secret name.
    pub fn stream_key(&self) -> &StreamKey {
        &self.request.stream_key
    }

    /// The query strings of the URL, joined. May hold secrets.
    pub fn query(&self) -> &str {
        &self.request.query
    }

    /// The publisher's address.
    pub fn remote_addr(&self) -> SocketAddr {
        self.address
    }

    /// The encoder's name as it told it on connecting.
    pub fn encoder(&self) -> Option<&str> {
        self.request.encoder.as_deref()
    }

    /// Lets them publish. If they have gone in the meantime, the reader says so.
    pub async fn accept(self) -> UnitReader {
        // A connection that is gone has dropped the other end, and its queue ends with `End::Lost`.
        let _ = self.decision.send(Decision::Accept);
        self.reader
    }

    /// Turns them away with the reason, before any start of publishing.
    pub async fn reject(self, rejection: Rejection) {
        let _ = self.decision.send(Decision::Reject(rejection));
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // [::] is every address, IPv4's too
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

async fn accept_connections(listener: TcpListener, config: Config, publishes: mpsc::Sender<Publish>) {
    let limits = Arc::new(config.limits);
    let gate = Gate::new(limits.pending, limits.pending_per_address);
    let publishers = Arc::new(Semaphore::new(limits.publishers));
    loop {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Aborted connections end here too, and cost nothing but this pause.
                tracing::debug!(%error, "rtmp.accept");
                tokio::time::sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        let context = Context {
            address,
            limits: limits.clone(),
            publishes: publishes.clone(),
            publishers: publishers.clone(),
            ticket: gate.admit(group(address.ip())),
        };
        tokio::spawn(connect(stream, config.tls.clone(), context));
    }
}

async fn connect(stream: TcpStream, tls: Option<Tls>, context: Context) {
    if let Err(error) = tune(&stream) {
        tracing::debug!(%error, "rtmp.tune");
    }
    let Some(tls) = tls else { return connection::run(stream, context).await };
    let accepting = TlsAcceptor::from(tls()).accept(stream);
    let accepted = tokio::select! {
        accepted = tokio::time::timeout(context.limits.deadlines.handshake, accepting) => accepted,
        () = context.ticket.evicted() => return,
    };
    match accepted {
        Ok(Ok(stream)) => connection::run(stream, context).await,
        Ok(Err(error)) => tracing::debug!(%error, "rtmps.handshake"),
        Err(_) => tracing::debug!("rtmps.handshake too slow"),
    }
}

fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL).with_retries(KEEPALIVE_PROBES);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

/// Addresses that count as one: an IPv6 host has a whole /64.
fn group(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            [a, b, c, d, 0, 0, 0, 0].into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}
