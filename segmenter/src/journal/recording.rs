//! What a journal says.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use media::MediaTime;
use sha2::{Digest, Sha256};

use super::line::{GAP, INDEPENDENT, InitLine, Line, PartLine};
use super::{Error, journal_path, run_file_name};
use crate::window::FileSpan;
use crate::{Init, Picture, Sound};

/// An initialisation section is a few hundred bytes; more is damage.
const MAX_INIT: u64 = 1 << 20;

/// More parts than are ever published before they are written.
const LOST_PARTS: u64 = 100;

/// A part as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedPart {
    /// Length on the output timeline.
    pub duration: MediaTime,
    /// Holds an independent frame.
    pub independent: bool,
    /// Nothing was there to be recorded.
    pub gap: bool,
    /// Bytes.
    pub length: u64,
}

/// A segment as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedSegment {
    /// Media sequence number.
    pub msn: u64,
    /// The run file it is in.
    pub run: u32,
    /// The initialisation section it uses.
    pub init: u32,
    /// EXT-X-DISCONTINUITY belongs before it.
    pub discontinuity: bool,
    /// Start on the output timeline.
    pub start: MediaTime,
    /// Unix time of its start in ms.
    pub program_date_time: i64,
    /// Running number of its first part.
    pub first_part: u64,
    /// Its parts, at least one.
    pub parts: Vec<RecordedPart>,
    /// Hash of its bytes.
    pub sha256: [u8; 32],
    /// Where its bytes are; empty if all parts are absent.
    pub span: FileSpan,
}

impl RecordedSegment {
    /// Sum of its parts.
    pub fn duration(&self) -> MediaTime {
        self.parts.iter().fold(MediaTime::ZERO, |sum, part| sum + part.duration)
    }

    /// It holds no media at all.
    pub fn is_gap(&self) -> bool {
        self.parts.iter().all(|part| part.gap)
    }
}

/// A recording as read from its directory: all that was written whole.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Names' prefix.
    pub prefix: String,
    /// Names' rendition.
    pub rendition: String,
    /// EXT-X-TARGETDURATION in seconds and PART-TARGET, once known.
    pub started: Option<(u32, MediaTime)>,
    /// EXT-X-DISCONTINUITY tags of segments that were dropped.
    pub discontinuities_dropped: u64,
    /// All initialisation sections, ascending.
    pub inits: Vec<Init>,
    /// All segments, consecutive, oldest first. The last may be one that a crash cut short.
    pub segments: Vec<RecordedSegment>,
    /// The broadcast ended in good order.
    pub finished: bool,
    pub(super) valid: Valid,
}

/// Up to where the files are true.
#[derive(Clone, Debug, Default)]
pub(super) struct Valid {
    pub journal_length: u64,
    /// The last run file, its true length and that of its initialisation section.
    pub run: Option<(u32, u64, u64)>,
    pub runs: Vec<u32>,
    /// The last segment has no end line.
    pub unfinished_segment: bool,
}

impl Recording {
    /// Reads the recording in `dir`: everything up to the first line that is not whole, or that tells of bytes
    /// that are not there.
    pub fn read(dir: &Path) -> Result<Self, Error> {
        let path = journal_path(dir);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Error::Empty(dir.to_owned())),
            other => other.map_err(Error::io(&path))?,
        };
        let Some((Line::Header { version: 1, prefix, rendition }, mut at)) = Line::parse(&bytes) else {
            return Err(Error::Empty(dir.to_owned()));
        };
        let mut reader = Reader::new(
            dir,
            Self {
                prefix,
                rendition,
                started: None,
                discontinuities_dropped: 0,
                inits: Vec::new(),
                segments: Vec::new(),
                finished: false,
                valid: Valid::default(),
            },
        );
        while let Some((line, length)) = Line::parse(&bytes[at..]) {
            if reader.handle(line)?.is_none() {
                break;
            }
            at += length;
        }
        reader.recording.valid.journal_length = at as u64;
        reader.finish()
    }

    /// The media sequence number after the last.
    pub fn next_msn(&self) -> Option<u64> {
        self.segments.last().map(|segment| segment.msn + 1)
    }

    /// The running part number to go on with. A crash may have lost parts that viewers know; their numbers
    /// are not used again.
    pub fn next_part(&self) -> Option<u64> {
        self.part_after_last().map(|number| number.saturating_add(LOST_PARTS))
    }

    fn part_after_last(&self) -> Option<u64> {
        self.segments.last().map(|segment| segment.first_part.saturating_add(segment.parts.len() as u64))
    }

    /// The initialisation number after the last.
    pub fn next_init(&self) -> u32 {
        self.inits.last().map_or(0, |init| init.number + 1)
    }

    /// Where the recording ends on the output timeline.
    pub fn end(&self) -> MediaTime {
        self.segments.last().map_or(MediaTime::ZERO, |segment| segment.start + segment.duration())
    }

    /// Unix time in ms of [`Recording::end`].
    pub fn end_date_time(&self) -> Option<i64> {
        self.segments.last().map(|segment| segment.program_date_time.saturating_add(segment.duration().as_millis()))
    }

    /// Media in it, without absences.
    pub fn duration(&self) -> MediaTime {
        let parts = self.segments.iter().flat_map(|segment| &segment.parts).filter(|part| !part.gap);
        parts.fold(MediaTime::ZERO, |sum, part| sum + part.duration)
    }

    /// The run files, in playing order.
    pub fn runs(&self) -> Vec<u32> {
        let mut runs: Vec<u32> = self.segments.iter().filter(|s| !s.is_gap()).map(|segment| segment.run).collect();
        runs.dedup();
        runs
    }

    /// The initialisation section of this number.
    pub fn init(&self, number: u32) -> Option<&Init> {
        self.inits.iter().find(|init| init.number == number)
    }
}

/// Applies lines one by one; `None` where the truth ends.
struct Reader<'a> {
    dir: &'a Path,
    recording: Recording,
    lengths: HashMap<u32, u64>,
    path: Arc<Path>,
    discontinuity: bool,
    /// The last segment still takes parts.
    open: bool,
}

impl<'a> Reader<'a> {
    fn new(dir: &'a Path, recording: Recording) -> Self {
        let path = Arc::from(PathBuf::new());
        Self { dir, recording, lengths: HashMap::new(), path, discontinuity: false, open: false }
    }

    fn handle(&mut self, line: Line) -> Result<Option<()>, Error> {
        if self.recording.finished {
            return Ok(None);
        }
        Ok(match line {
            Line::Header { .. } => None,
            Line::Started { target_duration, part_target_ns } => {
                self.recording.started.get_or_insert((target_duration, MediaTime::from_nanos(part_target_ns)));
                Some(())
            }
            Line::Dropped { discontinuities } => {
                self.recording.discontinuities_dropped = discontinuities;
                Some(())
            }
            Line::Run { run, init_length } => self.run(run, init_length),
            Line::Init(init) => self.init(init)?,
            Line::Part(part) => self.part(part),
            Line::End { msn, sha256 } => self.end(msn, &sha256),
            Line::Finished => {
                self.recording.finished = true;
                Some(())
            }
        })
    }

    fn run(&mut self, run: u32, init_length: u64) -> Option<()> {
        let path = self.dir.join(run_file_name(run));
        let length = fs::metadata(&path).ok()?.len();
        if init_length > length.min(MAX_INIT) || self.open || self.lengths.contains_key(&run) {
            return None;
        }
        self.lengths.insert(run, length);
        self.path = path.into();
        self.recording.valid.run = Some((run, init_length, init_length));
        self.recording.valid.runs.push(run);
        Some(())
    }

    fn init(&mut self, init: InitLine) -> Result<Option<()>, Error> {
        let Some((_, _, init_length)) = self.recording.valid.run else { return Ok(None) };
        if self.open || init.number < self.recording.next_init() || init.number == u32::MAX {
            return Ok(None);
        }
        // `init_length` is below MAX_INIT.
        let mut bytes = vec![0; init_length as usize];
        let mut file = File::open(&self.path).map_err(Error::io(&self.path))?;
        file.read_exact(&mut bytes).map_err(Error::io(&self.path))?;
        self.discontinuity |= init.discontinuity;
        self.recording.inits.push(Init {
            number: init.number,
            bytes: bytes.into(),
            codecs: init.codecs,
            video: init.video.map(|(width, height, frame_rate)| Picture { width, height, frame_rate }),
            audio: init.audio.map(|(sample_rate, channels)| Sound { sample_rate, channels }),
            discontinuity: init.discontinuity,
        });
        Ok(Some(()))
    }

    fn part(&mut self, part: PartLine) -> Option<()> {
        let PartLine(msn, number, offset, length, start, duration, flags, program_date_time) = part;
        let (run, run_end, init_length) = self.recording.valid.run?;
        let end = offset.checked_add(length)?;
        if offset != run_end || end > *self.lengths.get(&run)? || duration < 0 {
            return None;
        }
        let gap = flags & GAP != 0;
        let recorded = RecordedPart { duration: MediaTime::from_nanos(duration), independent: flags & INDEPENDENT != 0, gap, length };
        // Numbers ascend; only after a crash some are missing, between segments.
        let in_order = self.recording.part_after_last().is_none_or(|next| if self.open { number == next } else { number >= next });
        if !in_order || number == u64::MAX {
            return None;
        }
        match self.recording.segments.last_mut() {
            Some(segment) if self.open => {
                if segment.msn != msn {
                    return None;
                }
                segment.span.length += length;
                segment.parts.push(recorded);
            }
            last => {
                if last.is_some_and(|last| last.msn + 1 != msn) || msn == u64::MAX {
                    return None;
                }
                self.recording.segments.push(RecordedSegment {
                    msn,
                    run,
                    init: self.recording.inits.last()?.number,
                    discontinuity: std::mem::take(&mut self.discontinuity),
                    start: MediaTime::from_nanos(start),
                    program_date_time,
                    first_part: number,
                    parts: vec![recorded],
                    sha256: [0; 32],
                    span: FileSpan { path: self.path.clone(), offset, length },
                });
                self.open = true;
            }
        }
        self.recording.valid.run = Some((run, end, init_length));
        Some(())
    }

    fn end(&mut self, msn: u64, sha256: &str) -> Option<()> {
        let segment = self.recording.segments.last_mut().filter(|segment| self.open && segment.msn == msn)?;
        hex::decode_to_slice(sha256, &mut segment.sha256).ok()?;
        self.open = false;
        Some(())
    }

    fn finish(mut self) -> Result<Recording, Error> {
        self.recording.valid.unfinished_segment = self.open;
        if let Some(segment) = self.recording.segments.last_mut().filter(|_| self.open) {
            segment.sha256 = hash(&segment.span)?;
        }
        Ok(self.recording)
    }
}

fn hash(span: &FileSpan) -> Result<[u8; 32], Error> {
    let error = || Error::io(&span.path);
    let mut file = File::open(&span.path).map_err(error())?;
    file.seek(SeekFrom::Start(span.offset)).map_err(error())?;
    let mut hash = Sha256::new();
    std::io::copy(&mut file.take(span.length), &mut hash).map_err(error())?;
    Ok(hash.finalize().into())
}
