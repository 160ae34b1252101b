//! Publishers that cost little: a prepared stream, paced by its timestamps, over RTMP.
//!
//! Fifty of them fit in a corner of a core, so that what is measured beside
//! them is the server.

use crate::flv::Stream;
use anyhow::{Context as _, bail};
use ingest::amf0::{self, Value, object};
use ingest::testing::{ChunkWriter, command};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// A server that says nothing for this long does not want the stream.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// One chunk for nearly every message, as encoders that care set it.
const CHUNK_SIZE: u32 = 65_536;
/// Message types.
const AUDIO: u8 = 8;
const VIDEO: u8 = 9;
const DATA: u8 = 18;
const COMMAND: u8 = 20;

/// A publisher at work; the connection is cut when it is dropped.
#[derive(Debug)]
pub(crate) struct Publisher {
    task: JoinHandle<anyhow::Result<()>>,
    /// When the server said that publishing has begun.
    pub began: Instant,
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Publisher {
    /// Begins to publish; returns when the server has accepted it.
    pub(crate) async fn start(address: SocketAddr, app: &str, key: &str, stream: &Stream) -> anyhow::Result<Self> {
        let mut session = Session::connect(address).await?;
        session.publish(app, key).await?;
        let began = Instant::now();
        let stream = stream.clone();
        let task = tokio::spawn(async move { session.send(&stream, None).await });
        Ok(Self { task, began })
    }

    /// The same for some time, then a clean end as encoders make it.
    pub(crate) async fn start_for(address: SocketAddr, app: &str, key: &str, stream: &Stream, length: Duration) -> anyhow::Result<Self> {
        let mut session = Session::connect(address).await?;
        session.publish(app, key).await?;
        let began = Instant::now();
        let (stream, key) = (stream.clone(), key.to_owned());
        let task = tokio::spawn(async move {
            session.send(&stream, Some(length)).await?;
            session.end(&key).await
        });
        Ok(Self { task, began })
    }

    /// Whether it still publishes.
    pub(crate) fn is_running(&self) -> bool {
        !self.task.is_finished()
    }

    /// Waits for its end.
    pub(crate) async fn finish(mut self) -> anyhow::Result<()> {
        (&mut self.task).await?
    }
}

struct Session {
    socket: TcpStream,
    writer: ChunkWriter,
}

impl Session {
    async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let mut socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        // C0 and C1 without a digest; C2 gives S1 back (5.2).
        let mut hello = vec![0; 1 + 1536];
        hello[0] = 3;
        socket.write_all(&hello).await?;
        let mut answer = vec![0; 1 + 1536 + 1536];
        tokio::time::timeout(ANSWER_WITHIN, socket.read_exact(&mut answer)).await.context("no handshake")??;
        socket.write_all(&answer[1..1537]).await?;
        Ok(Self { socket, writer: ChunkWriter::default() })
    }

    async fn command(&mut self, name: &str, number: f64, arguments: &[Value]) -> anyhow::Result<()> {
        let stream = u32::from(name == "publish");
        let payload = command(name, number, arguments);
        let message = self.writer.message(0, 3, 0, COMMAND, stream, &payload);
        self.socket.write_all(&message).await?;
        Ok(())
    }

    async fn publish(&mut self, app: &str, key: &str) -> anyhow::Result<()> {
        let size = self.writer.set_chunk_size(CHUNK_SIZE);
        self.socket.write_all(&size).await?;
        let url = format!("rtmp://127.0.0.1/{app}");
        let connect = object([
            ("app", app.into()),
            ("type", "nonprivate".into()),
            ("flashVer", "FMLE/3.0 (compatible; FMSc/1.0)".into()),
            ("tcUrl", url.as_str().into()),
        ]);
        self.command("connect", 1.0, &[connect]).await?;
        self.wait_for("NetConnection.Connect.Success").await?;
        let key: Value = key.into();
        self.command("releaseStream", 2.0, &[Value::Null, key.clone()]).await?;
        self.command("FCPublish", 3.0, &[Value::Null, key.clone()]).await?;
        self.command("createStream", 4.0, &[Value::Null]).await?;
        self.wait_for("_result").await?;
        self.command("publish", 5.0, &[Value::Null, key, "live".into()]).await?;
        self.wait_for("NetStream.Publish.Start").await
    }

    /// Reads until an answer holds a text; commands are far apart, so none is missed.
    async fn wait_for(&mut self, text: &str) -> anyhow::Result<()> {
        let mut heard = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let read = tokio::time::timeout(ANSWER_WITHIN, self.socket.read(&mut buffer)).await.with_context(|| format!("no {text}"))??;
            if read == 0 {
                bail!("the server closed before {text}");
            }
            heard.extend_from_slice(&buffer[..read]);
            let has = |needle: &str| heard.windows(needle.len()).any(|w| w == needle.as_bytes());
            if has(text) {
                return Ok(());
            }
            if has("error") || has("NetStream.Publish.BadName") || has("Rejected") {
                bail!("refused: {}", String::from_utf8_lossy(&heard).escape_debug());
            }
        }
    }

    /// Sends the stream again and again, each message when its time has come.
    async fn send(&mut self, stream: &Stream, length: Option<Duration>) -> anyhow::Result<()> {
        let (mut reader, mut socket) = self.socket.split();
        let answers = async move {
            // Acknowledgements and pings; nothing in them changes what is sent.
            let mut buffer = [0; 1024];
            while reader.read(&mut buffer).await? > 0 {}
            bail!("the server closed the connection");
        };
        let writer = self.writer.clone();
        let media = async move {
            let began = Instant::now();
            for round in 0.. {
                let offset = round * stream.length_ms;
                for tag in stream.tags.iter() {
                    let header = tag.type_id == DATA || matches!((tag.type_id, tag.body.get(1)), (AUDIO | VIDEO, Some(0)));
                    if header && round > 0 {
                        continue;
                    }
                    let time = offset + tag.timestamp;
                    let due = Duration::from_millis(u64::from(time));
                    if length.is_some_and(|length| due > length) {
                        return Ok(());
                    }
                    tokio::time::sleep_until(began + due).await;
                    let prefix = match tag.type_id {
                        DATA => amf0::encode(&["@setDataFrame".into()]),
                        _ => Vec::new(),
                    };
                    let payload = [&prefix[..], &tag.body].concat();
                    let csid = if tag.type_id == VIDEO { 6 } else { 4 };
                    let message = writer.message(0, csid, time, tag.type_id, 1, &payload);
                    socket.write_all(&message).await?;
                }
            }
            Ok(())
        };
        tokio::select! {
            sent = media => sent,
            closed = answers => closed,
        }
    }

    async fn end(&mut self, key: &str) -> anyhow::Result<()> {
        self.command("FCUnpublish", 6.0, &[Value::Null, key.into()]).await?;
        self.command("deleteStream", 7.0, &[Value::Null, 1.0.into()]).await?;
        self.socket.shutdown().await?;
        // Until the server closes too, so that nothing sent is lost to a reset.
        let mut buffer = [0; 1024];
        let drained = async { while matches!(self.socket.read(&mut buffer).await, Ok(1..)) {} };
        let _ = tokio::time::timeout(ANSWER_WITHIN, drained).await;
        Ok(())
    }
}
