//! Live media over plain HTTP/1.1, answered directly on the socket.
//!
//! A player spends its life waiting for the next part. hyper keeps two 8 kB buffers and its state machines for each
//! waiting request, 35 kB with the router's; here a waiting request is a task of a few kB, and an answer costs half as
//! much. Everything that is not a plain GET of live media goes to hyper with what has been read of it, and the
//! connection stays there. Requests are read as strictly as possible (RFC 9112): what is odd is hyper's.

use std::fmt::Write as _;
use std::io::{self, IoSlice};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use bytes::{Buf as _, Bytes, BytesMut};
use http_body_util::BodyExt as _;
use time::OffsetDateTime;
use time::macros::format_description;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use uuid::Uuid;

use super::extract::PASSWORD_HEADER;
use super::hls;
use super::media_access::MediaAccess;
use crate::app::App;

/// A kept connection without a request is closed after this.
const IDLE: Duration = Duration::from_secs(60);
/// A request whose head has begun is there by then.
const HEAD: Duration = Duration::from_secs(10);
/// Heads of players are below 1 kB; longer ones are hyper's.
const HEAD_BYTES: usize = 4096;
/// Header lines of a head that is read here.
const MAX_HEADERS: usize = 32;

/// A request for live media.
#[derive(Debug, PartialEq)]
struct Wanted {
    video: Uuid,
    file: String,
    query: Option<String>,
    headers: HeaderMap,
}

/// What the bytes read so far are.
#[derive(Debug, PartialEq)]
enum Head {
    /// The beginning of one that may be ours.
    Partial,
    /// Ours, and its length.
    Media(Box<Wanted>, usize),
    /// Somebody else's.
    Other,
}

/// Serves a connection as long as it asks for live media. `Some`: go on with hyper, beginning with these bytes.
pub async fn serve(app: &App, access: &MediaAccess, stream: &mut TcpStream) -> io::Result<Option<BytesMut>> {
    let mut read = BytesMut::new();
    loop {
        let (wanted, length) = match next_request(app, stream, &mut read).await? {
            Next::Media(wanted, length) => (wanted, length),
            Next::Other => return Ok(Some(read)),
            Next::Closed => return Ok(None),
        };
        let started = Instant::now();
        let answer = {
            let Wanted { video, file, query, headers } = &*wanted;
            let answer = hls::from_live(app, access, *video, file, query.as_deref(), headers);
            tokio::select! {
                biased;
                answer = answer => answer,
                () = gone(stream) => return Ok(None),
            }
        };
        let Some(response) = answer else {
            // A file on disk.
            return Ok(Some(read));
        };
        read.advance(length);
        if read.is_empty() {
            // A connection between two requests keeps no buffer.
            read = BytesMut::new();
        }
        app.metrics.http_requests.increment();
        let status = response.status().as_u16();
        write(stream, response).await?;
        let duration_ms = started.elapsed().as_secs_f64() * 1000.0;
        tracing::debug!(file = wanted.file, status, duration_ms, "http.request");
        if app.stop.is_cancelled() {
            return Ok(None);
        }
    }
}

enum Next {
    /// Still in what was read, and its length.
    Media(Box<Wanted>, usize),
    Other,
    Closed,
}

/// Reads until `read` begins with a whole request, or with what is somebody else's.
async fn next_request(app: &App, stream: &mut TcpStream, read: &mut BytesMut) -> io::Result<Next> {
    let mut begun = None;
    loop {
        if !read.is_empty() {
            match parse(read) {
                Head::Media(wanted, length) => return Ok(Next::Media(wanted, length)),
                Head::Other => return Ok(Next::Other),
                Head::Partial if read.len() >= HEAD_BYTES => return Ok(Next::Other),
                Head::Partial => {}
            }
        }
        // One deadline for a whole head, however slowly it trickles in.
        let deadline = match read.is_empty() {
            true => Instant::now() + IDLE,
            false => *begun.get_or_insert_with(Instant::now) + HEAD,
        };
        // Without a buffer until there is something to read.
        let readable = tokio::select! {
            readable = timeout_at(deadline.into(), stream.readable()) => readable,
            () = app.stop.cancelled() => return Ok(Next::Closed),
        };
        match readable {
            Ok(readable) => readable?,
            Err(_) => return Ok(Next::Closed),
        }
        read.reserve(1024);
        match stream.try_read_buf(read) {
            Ok(0) => return Ok(Next::Closed),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// Returns when the client has gone. A client that sends its next request early is not watched any further.
async fn gone(stream: &TcpStream) {
    let mut byte = [0];
    match stream.peek(&mut byte).await {
        Ok(0) | Err(_) => {}
        Ok(_) => std::future::pending().await,
    }
}

fn parse(bytes: &[u8]) -> Head {
    // Told from its first bytes, so that HTTP/2's preface and other methods never wait here.
    let begins = b"GET ".iter().chain(hls::FOLDER.as_bytes());
    if !begins.zip(bytes).all(|(wanted, byte)| wanted == byte) {
        return Head::Other;
    }
    let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut lines);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Head::Partial,
        Err(_) => return Head::Other,
    };
    wanted(&request).map_or(Head::Other, |wanted| Head::Media(Box::new(wanted), length))
}

/// `None`: not as plain as it must be to be answered here.
fn wanted(request: &httparse::Request<'_, '_>) -> Option<Wanted> {
    if request.method != Some("GET") || request.version != Some(1) {
        return None;
    }
    let target = request.path?;
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let (video, file) = path.strip_prefix(hls::FOLDER)?.split_once('/')?;
    if !super::files::is_plain_name(file) {
        return None;
    }
    let mut headers = HeaderMap::with_capacity(4);
    for line in request.headers.iter() {
        let name = HeaderName::from_bytes(line.name.as_bytes()).ok()?;
        match name {
            header::CONTENT_LENGTH | header::TRANSFER_ENCODING | header::UPGRADE | header::EXPECT | header::CONNECTION
                if !line.value.eq_ignore_ascii_case(b"keep-alive") =>
            {
                return None;
            }
            header::ACCEPT_ENCODING | header::AUTHORIZATION | header::RANGE => {
                headers.append(name, HeaderValue::from_bytes(line.value).ok()?);
            }
            name if name == PASSWORD_HEADER => {
                headers.append(name, HeaderValue::from_bytes(line.value).ok()?);
            }
            _ => {}
        }
    }
    Some(Wanted { video: Uuid::try_parse(video).ok()?, file: file.to_owned(), query: query.map(str::to_owned), headers })
}

/// Sends a response whose body is in memory.
async fn write(stream: &mut TcpStream, response: Response<Body>) -> io::Result<()> {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let mut text = String::with_capacity(512);
    let reason = parts.status.canonical_reason().unwrap_or("");
    let date = OffsetDateTime::now_utc()
        .format(format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"))
        .unwrap_or_default();
    // Writing to a `String` cannot fail.
    let _ = write!(
        text,
        "HTTP/1.1 {} {reason}\r\ndate: {date}\r\ncontent-length: {}\r\naccess-control-allow-origin: *\r\n\
         access-control-expose-headers: age,content-length,content-range,date\r\n",
        parts.status.as_u16(),
        body.len(),
    );
    for (name, value) in &parts.headers {
        if let Ok(value) = value.to_str() {
            let _ = write!(text, "{name}: {value}\r\n");
        }
    }
    text.push_str("\r\n");
    write_both(stream, text.into_bytes().into(), body).await
}

/// Head and body in one system call where the socket takes them.
async fn write_both(stream: &mut TcpStream, mut head: Bytes, mut body: Bytes) -> io::Result<()> {
    while head.has_remaining() {
        let written = stream.write_vectored(&[IoSlice::new(&head), IoSlice::new(&body)]).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let of_head = written.min(head.len());
        head.advance(of_head);
        body.advance(written - of_head);
    }
    stream.write_all(&body).await
}

#[cfg(test)]
mod tests {
    use super::hls::FOLDER;
    use super::*;

    const VIDEO: &str = "65011806-a53e-4559-a1eb-ec26c3075402";

    fn head(lines: &str) -> Head {
        parse(format!("GET {FOLDER}{VIDEO}/source.m3u8?_HLS_msn=4 HTTP/1.1\r\nHost: x\r\n{lines}\r\n").as_bytes())
    }

    #[test]
    fn takes_plain_requests_for_media() {
        let Head::Media(wanted, _) = head("Accept-Encoding: gzip\r\nCookie: a=b\r\n") else { panic!("not taken") };
        assert_eq!(wanted.video.to_string(), VIDEO);
        assert_eq!((wanted.file.as_str(), wanted.query.as_deref()), ("source.m3u8", Some("_HLS_msn=4")));
        assert_eq!(wanted.headers.len(), 1);
        assert!(matches!(head("Connection: keep-alive\r\n"), Head::Media(..)));
    }

    #[test]
    fn leaves_the_rest_to_hyper() {
        for lines in
            ["Connection: close\r\n", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Upgrade: h2c\r\n", "Bad Name: x\r\n"]
        {
            assert_eq!(head(lines), Head::Other, "{lines}");
        }
        for bytes in ["HEAD /static/", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET /static/x"] {
            assert_eq!(parse(bytes.as_bytes()), Head::Other, "{bytes}");
        }
        let odd = [format!("GET {FOLDER}{VIDEO}/%2e%2e HTTP/1.1\r\n\r\n"), format!("GET {FOLDER}{VIDEO}/a HTTP/1.0\r\n\r\n")];
        for bytes in odd {
            assert_eq!(parse(bytes.as_bytes()), Head::Other, "{bytes}");
        }
    }

    #[test]
    fn waits_for_the_whole_head() {
        let whole = format!("GET {FOLDER}{VIDEO}/a.m4s HTTP/1.1\r\nHost: x\r\n\r\n");
        for end in 1..whole.len() {
            assert_eq!(parse(&whole.as_bytes()[..end]), Head::Partial, "{end}");
        }
        assert!(matches!(parse(whole.as_bytes()), Head::Media(_, length) if length == whole.len()));
    }
}
