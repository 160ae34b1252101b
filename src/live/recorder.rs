//! Writes a broadcast to disk, off the media path: one task per broadcast, blocking calls on the blocking pool.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use segmenter::Output;
use segmenter::journal::{Recorder, Rotation};
use segmenter::name::Names;
use segmenter::window::Stored;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::pipeline::SOURCE;
use crate::allowance::Share;

/// Batches that may wait for the disk: at five a second and rendition, a disk that stalls for longer has failed.
const QUEUE: usize = 256;
/// How often the free space is looked at: 5 s of 50 lives at 10 Mbit/s are 300 MB.
const SPACE_CHECK: Duration = Duration::from_secs(5);

/// Where a rendition's recording comes from.
#[derive(Debug)]
pub(super) enum Open {
    /// It begins.
    Create { folder: PathBuf, names: Names, rotation: Rotation },
    /// It goes on after a restart.
    Recovered(Box<Recorder>),
}

/// What the disk is told.
#[derive(Debug)]
pub(super) enum Note {
    /// A rendition's recording begins.
    Open(usize, Open),
    /// What one step of a rendition's packager put out.
    Append(usize, Vec<Output>),
    /// The broadcast is over; nothing follows.
    Finish,
    /// Segments below are no longer served; recordings that are not kept may drop them.
    Forget(usize, u64),
}

/// Segments that are complete on disk: the rendition, and where.
pub(super) type Written = (usize, Vec<Stored>);

/// The end of the recording that belongs to the broadcast.
pub(super) struct Recording {
    notes: mpsc::Sender<Note>,
    /// What has been written.
    pub written: mpsc::UnboundedReceiver<Written>,
    stopped: Arc<AtomicU8>,
    task: JoinHandle<()>,
}

// Why a recording stopped, if it did.
const GOES_ON: u8 = 0;
const DISK: u8 = 1;
const QUOTA: u8 = 2;

impl Recording {
    /// Starts the task. Recording stops when the file system of `folder` has less than `min_free_bytes`, or when the source has all
    /// that is left of its owner's `allowance`.
    pub fn start(folder: PathBuf, min_free_bytes: u64, allowance: Option<Arc<Share>>) -> Self {
        let (notes, receiver) = mpsc::channel(QUEUE);
        // Unbounded, but one entry per segment, and the broadcast takes them at every part.
        let (sender, written) = mpsc::unbounded_channel();
        let stopped = Arc::new(AtomicU8::new(GOES_ON));
        let task = tokio::spawn(run(receiver, sender, stopped.clone(), Disk::new(folder, min_free_bytes, allowance)));
        Self { notes, written, stopped, task }
    }

    /// Passes a note on. A disk that does not keep up ends the recording, never the live.
    pub fn note(&self, note: Note) {
        if !self.stopped() && self.notes.try_send(note).is_err() {
            tracing::warn!("live.record: the disk does not keep up, recording stopped");
            self.stopped.store(DISK, Ordering::Relaxed);
        }
    }

    /// Nothing is recorded any more.
    pub fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed) != GOES_ON
    }

    /// Nothing is recorded any more, as its owner may not have more.
    pub fn exceeded_quota(&self) -> bool {
        self.stopped.load(Ordering::Relaxed) == QUOTA
    }

    /// Waits until all is written.
    pub async fn close(self) {
        drop(self.notes);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "live.record");
        }
    }
}

struct Disk {
    recorders: Vec<Option<Recorder>>,
    folder: PathBuf,
    min_free_bytes: u64,
    checked: Option<Instant>,
    /// What the source may still take; `None`: it is not kept.
    allowance: Option<Arc<Share>>,
}

async fn run(mut notes: mpsc::Receiver<Note>, written: mpsc::UnboundedSender<Written>, stopped: Arc<AtomicU8>, mut disk: Disk) {
    let mut batch = Vec::with_capacity(QUEUE);
    while notes.recv_many(&mut batch, QUEUE).await > 0 {
        if stopped.load(Ordering::Relaxed) != GOES_ON {
            batch.clear();
            continue;
        }
        let work = std::mem::take(&mut batch);
        let result = tokio::task::spawn_blocking(move || {
            let result = disk.handle(work);
            (disk, result)
        })
        .await;
        let Ok((back, result)) = result else {
            tracing::error!("live.record: the writer panicked");
            stopped.store(DISK, Ordering::Relaxed);
            return;
        };
        disk = back;
        match result {
            Ok(done) => done.into_iter().for_each(|done| drop(written.send(done))),
            Err(Failure::Space(free_bytes)) => {
                tracing::warn!(free_bytes, disk.min_free_bytes, "live.record: too little disk space, recording stopped");
                stopped.store(DISK, Ordering::Relaxed);
            }
            Err(Failure::Quota) => {
                tracing::info!("live.record: its owner's quota is used up, recording stopped");
                stopped.store(QUOTA, Ordering::Relaxed);
            }
            Err(Failure::Journal(error)) => {
                tracing::warn!(%error, "live.record: recording stopped");
                stopped.store(DISK, Ordering::Relaxed);
            }
        }
    }
}

enum Failure {
    Space(u64),
    Quota,
    Journal(segmenter::journal::Error),
}

impl Disk {
    fn new(folder: PathBuf, min_free_bytes: u64, allowance: Option<Arc<Share>>) -> Self {
        Self { recorders: Vec::new(), folder, min_free_bytes, checked: None, allowance }
    }

    /// Counts what the source takes; other renditions are the server's own wish.
    fn take(&self, bytes: u64) -> Result<(), Failure> {
        if self.allowance.as_ref().is_none_or(|allowance| allowance.take(bytes)) { Ok(()) } else { Err(Failure::Quota) }
    }

    fn handle(&mut self, notes: Vec<Note>) -> Result<Vec<Written>, Failure> {
        self.check_space()?;
        let mut done = Vec::new();
        for note in notes {
            match note {
                Note::Open(index, open) => {
                    if self.recorders.len() <= index {
                        self.recorders.resize_with(index + 1, || None);
                    }
                    self.recorders[index] = Some(match open {
                        Open::Create { folder, names, rotation } => {
                            Recorder::create(&folder, &names, rotation).map_err(Failure::Journal)?
                        }
                        Open::Recovered(recorder) => {
                            if index == 0 {
                                self.take(size_of_files(&self.folder.join(SOURCE)))?;
                            }
                            *recorder
                        }
                    });
                }
                Note::Append(index, outputs) => {
                    if let Some(Some(recorder)) = self.recorders.get_mut(index) {
                        let stored = recorder.append(&outputs).map_err(Failure::Journal)?;
                        let length = stored.iter().map(|segment| segment.span.length).sum();
                        if !stored.is_empty() {
                            done.push((index, stored));
                        }
                        if index == 0 {
                            self.take(length)?;
                        }
                    }
                }
                Note::Finish => {
                    for (index, recorder) in self.recorders.iter_mut().enumerate() {
                        if let Some(recorder) = recorder {
                            done.push((index, recorder.finish().map_err(Failure::Journal)?));
                        }
                    }
                }
                Note::Forget(index, before) => {
                    if let Some(Some(recorder)) = self.recorders.get_mut(index) {
                        recorder.forget(before).map_err(Failure::Journal)?;
                    }
                }
            }
        }
        Ok(done)
    }

    fn check_space(&mut self) -> Result<(), Failure> {
        if self.checked.is_some_and(|at| at.elapsed() < SPACE_CHECK) {
            return Ok(());
        }
        self.checked = Some(Instant::now());
        // Made by the first recording; the space above it is the same.
        let _ = std::fs::create_dir_all(&self.folder);
        match free_bytes(&self.folder) {
            Some(free) if free < self.min_free_bytes => Err(Failure::Space(free)),
            _ => Ok(()),
        }
    }
}

fn size_of_files(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// Bytes that may still be written to the file system of `folder`; `None` if it does not say.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}
