//! The server's side: starts the process, hears its events, ends it.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStderr, Command};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::{Event, Fault, FaultKind, Order, make};
use crate::config;

/// Events that wait for the server; the process waits when there are more.
const WAITING: usize = 16;
/// What the process may say in all: a thousand lines of progress, a line for each rendition.
const MAX_OUTPUT: u64 = 1 << 20;
/// What is kept of its standard error.
const KEPT_ERRORS: usize = 2048;
/// GStreamer's elements that fetch what a file names: none of them is ever chosen.
const FORBIDDEN: &str = "hlsdemux:NONE,hlsdemux2:NONE,dashdemux:NONE,dashdemux2:NONE,mssdemux:NONE,mssdemux2:NONE,sdpdemux:NONE,\
    sdpsrc:NONE,souphttpsrc:NONE,curlhttpsrc:NONE,rtspsrc:NONE,rtmpsrc:NONE,rtmp2src:NONE,giosrc:NONE,udpsrc:NONE,playlist:NONE";

/// Work in progress; it ends when this is dropped.
pub struct Work {
    events: mpsc::Receiver<Result<Event, Fault>>,
    has_ended: bool,
    is_cancelled: Arc<AtomicBool>,
    _task: AbortOnDropHandle<()>,
}

impl Work {
    /// Begins. `program`: this one, started anew for it; without it the work is done here, on a thread of its own.
    pub fn start(program: Option<&Path>, order: Order) -> Self {
        let (sender, events) = mpsc::channel(WAITING);
        let is_cancelled = Arc::new(AtomicBool::new(false));
        let task = match program.map(Path::to_owned) {
            Some(program) => tokio::spawn(async move {
                if let Err(fault) = supervise(&program, &order, &sender).await {
                    let _ = sender.send(Err(fault)).await;
                }
            }),
            None => {
                let is_cancelled = is_cancelled.clone();
                tokio::task::spawn_blocking(move || {
                    let outcome = make(&order, &mut |event| {
                        let goes_on = !is_cancelled.load(Ordering::Relaxed) && sender.blocking_send(Ok(event)).is_ok();
                        if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                    });
                    let _ = sender.blocking_send(outcome.map(|()| Event::End));
                })
            }
        };
        Self { events, has_ended: false, is_cancelled, _task: AbortOnDropHandle::new(task) }
    }

    /// What happened next; `None` when all is done.
    pub async fn next(&mut self) -> Result<Option<Event>, Fault> {
        if self.has_ended {
            return Ok(None);
        }
        match self.events.recv().await {
            Some(Ok(Event::End)) => {
                self.has_ended = true;
                Ok(None)
            }
            Some(Ok(Event::Failed(fault))) | Some(Err(fault)) => Err(fault),
            Some(Ok(event)) => Ok(Some(event)),
            None => Err(broken("it broke off")),
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // A thread of this process cannot be ended from outside.
        self.is_cancelled.store(true, Ordering::Relaxed);
    }
}

fn broken(reason: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Server, reason)
}

/// Runs the process to its end; it dies with this future.
async fn supervise(program: &Path, order: &Order, sender: &mpsc::Sender<Result<Event, Fault>>) -> Result<(), Fault> {
    let failed = |error: std::io::Error| broken(format!("on the server: {error}"));
    let mut command = Command::new(program);
    command.args(["media", "work"]).env("GST_PLUGIN_FEATURE_RANK", FORBIDDEN);
    // What decodes other people's files has no use for passwords.
    for name in config::variables() {
        command.env_remove(name);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    // All three were asked for.
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
        return Err(broken("no pipes"));
    };
    let errors = AbortOnDropHandle::new(tokio::spawn(last_words(stderr)));
    let mut line = serde_json::to_string(order).map_err(|error| broken(error.to_string()))?;
    line.push('\n');
    stdin.write_all(line.as_bytes()).await.map_err(failed)?;
    let mut lines = BufReader::new(stdout.take(MAX_OUTPUT)).lines();
    let mut has_ended = false;
    while let Some(line) = lines.next_line().await.map_err(failed)? {
        let event: Event = serde_json::from_str(&line).map_err(|error| broken(format!("unintelligible: {error}")))?;
        has_ended = matches!(event, Event::End | Event::Failed(_));
        if sender.send(Ok(event)).await.is_err() || has_ended {
            break;
        }
    }
    // Until now: when its input ends, the process does.
    drop(stdin);
    if has_ended {
        // It may take its time to stop what it decoded with, but nobody waits for that.
        return Ok(());
    }
    let status = child.wait().await.map_err(failed)?;
    let words = errors.await.unwrap_or_default();
    tracing::warn!(%status, stderr = words, "vod.work: the process ended early");
    Err(broken("the process that worked on it ended early: the file may need more memory than it gets, or be broken"))
}

/// The end of what the process says on standard error.
async fn last_words(mut stderr: ChildStderr) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..read]);
        let surplus = kept.len().saturating_sub(KEPT_ERRORS);
        kept.drain(..surplus);
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}
