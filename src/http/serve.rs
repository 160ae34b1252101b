//! Sockets: accepts connections, with TLS or without, and serves them until the server stops.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, Request, Response, Uri};
use bytes::BytesMut;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use super::direct;
use crate::app::App;

/// Connections that the kernel keeps until they are accepted: a whole audience may reconnect at once.
const BACKLOG: i32 = 4096;
/// A client that has not sent its request's head by then is gone; also the idle time of a kept connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// A TLS handshake takes no longer.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// A client that takes no byte for so long is gone (TCP_USER_TIMEOUT; closed windows count too).
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// A silent peer is probed after this long.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// Most bytes of a request's head.
const HEAD_BYTES: usize = 16 * 1024;
/// Requests at once on one HTTP/2 connection: a player has few, a proxy many.
const STREAMS: u32 = 256;
/// After a failed `accept` (no file descriptors left), others get time to close theirs.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Who asks, as far as the connection and trusted proxies tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Address, without port.
    pub address: IpAddr,
    /// Came by TLS, here or at a trusted proxy.
    pub secure: bool,
}

/// Opens a listening socket; an address just left by another process can be taken again.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // [::] takes IPv4 too, whatever the system's default is.
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Serves `router` on `listener` until the server stops; open requests are answered, waiting ones cut.
pub async fn run(app: App, listener: TcpListener, tls: Option<Arc<rustls::ServerConfig>>, router: Router) {
    let acceptor = tls.map(TlsAcceptor::from);
    let slots = Arc::new(Semaphore::new(app.config.http.max_connections));
    let connections = tokio_util::task::TaskTracker::new();
    loop {
        // Taken before accepting: above the bound, newcomers wait in the kernel.
        let slot = tokio::select! {
            () = app.stop.cancelled() => break,
            slot = slots.clone().acquire_owned() => match slot { Ok(slot) => slot, Err(_) => break },
        };
        let accepted = tokio::select! {
            () = app.stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "http.accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        prepare(&stream);
        let (app, router, acceptor) = (app.clone(), router.clone(), acceptor.clone());
        connections.spawn(async move {
            app.metrics.http_connections.add(1);
            match acceptor {
                None => plain_connection(&app, stream, peer, router).await,
                Some(acceptor) => {
                    if let Ok(Ok(stream)) = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
                        connection(&app, stream, peer, true, router).await;
                    }
                }
            }
            app.metrics.http_connections.add(-1);
            drop(slot);
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// Parts are small and late ones useless: no Nagle. Options that a system lacks are no failure.
fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let socket = SockRef::from(stream);
    let _ = socket.set_tcp_user_timeout(Some(SEND_TIMEOUT));
    let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
}

/// Live media is answered directly; anything else, and what follows it, by hyper.
async fn plain_connection(app: &App, mut stream: TcpStream, peer: SocketAddr, router: Router) {
    match direct::serve(app, &app.media_access, &mut stream).await {
        Ok(Some(read)) => Box::pin(connection(app, Replayed { read, stream }, peer, false, router)).await,
        Ok(None) => {}
        Err(error) => tracing::debug!(%error, "http.connection"),
    }
}

/// A stream of which something has been read already.
struct Replayed {
    read: BytesMut,
    stream: TcpStream,
}

impl AsyncRead for Replayed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let length = self.read.len().min(buffer.remaining());
        buffer.put_slice(&self.read.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Replayed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

async fn connection<S>(app: &App, stream: S, peer: SocketAddr, tls: bool, router: Router)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request: Request<Incoming>| respond(app.clone(), router.clone(), peer.ip(), tls, request));
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEAD_BYTES as u32);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = app.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "http.connection");
    }
}

async fn respond(app: App, router: Router, peer: IpAddr, tls: bool, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let started = Instant::now();
    let mut request = request.map(Body::new);
    let client = client(&app, peer, tls, request.headers());
    request.extensions_mut().insert(client);
    if let Some(uri) = without_slash(request.uri()) {
        *request.uri_mut() = uri;
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    app.metrics.http_requests.increment();
    let status = response.status().as_u16();
    let duration_ms = started.elapsed().as_secs_f64() * 1000.0;
    // Players ask many times a second: those lines only for who wants them.
    if path.starts_with("/static/") || path.starts_with("/_app/") {
        tracing::debug!(%method, path, status, duration_ms, client = %Redacted(client.address), "http.request");
    } else {
        tracing::info!(%method, path, status, duration_ms, client = %Redacted(client.address), "http.request");
    }
    Ok(response)
}

/// PeerTube takes paths of its API with a slash at their end, and yt-dlp sends one.
fn without_slash(uri: &Uri) -> Option<Uri> {
    let path = uri.path().strip_suffix('/').filter(|path| path.starts_with("/api/"))?;
    let text = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(text.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// An address of which logs show the network only: /24, or /48 for IPv6.
struct Redacted(IpAddr);

impl std::fmt::Display for Redacted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.to_canonical() {
            IpAddr::V4(address) if !address.is_loopback() => {
                let [a, b, c, _] = address.octets();
                write!(f, "{a}.{b}.{c}.0")
            }
            IpAddr::V6(address) if !address.is_loopback() => {
                let [a, b, c, ..] = address.segments();
                write!(f, "{a:x}:{b:x}:{c:x}::")
            }
            loopback => loopback.fmt(f),
        }
    }
}

/// Trusted proxies append to `X-Forwarded-For`: from its end, the first address that is no trusted
/// proxy is the client.
fn client(app: &App, peer: IpAddr, tls: bool, headers: &HeaderMap) -> Client {
    let trusted = |address: IpAddr| app.config.http.trusted_proxies.iter().any(|network| network.contains(address));
    let mut client = Client { address: peer.to_canonical(), secure: tls };
    if !trusted(peer) {
        return client;
    }
    if let Some(scheme) = headers.get("x-forwarded-proto") {
        client.secure = scheme.as_bytes() == b"https";
    }
    let forwarded = headers.get_all(HeaderName::from_static("x-forwarded-for"));
    let forwarded: Vec<_> = forwarded.iter().filter_map(|value| value.to_str().ok()).collect();
    for part in forwarded.iter().rev().flat_map(|value| value.rsplit(',')) {
        // Something unreadable: the proxy that wrote it is the last address known.
        let Ok(address) = part.trim().parse::<IpAddr>() else { break };
        client.address = address.to_canonical();
        if !trusted(address) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_api_may_end_with_a_slash() {
        let without = |text: &str| without_slash(&text.parse().expect("an address")).map(|uri| uri.to_string());
        assert_eq!(without("/api/v1/videos/abc/").as_deref(), Some("/api/v1/videos/abc"));
        assert_eq!(without("/api/v1/videos/?start=1").as_deref(), Some("/api/v1/videos?start=1"));
        // As HTTP/2 has it.
        assert_eq!(without("https://tv.example/api/v1/videos/").as_deref(), Some("https://tv.example/api/v1/videos"));
        for text in ["/api/v1/videos", "/api/", "/", "/w/abc/", "/api/v1/videos?path=/"] {
            assert_eq!(without(text), None, "{text}");
        }
    }
}
