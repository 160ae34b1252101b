//! Writes a recording.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use media::MediaTime;
use sha2::{Digest, Sha256};

use super::line::{GAP, INDEPENDENT, InitLine, Line, PartLine};
use super::{Error, Recording, journal_path, run_file_name};
use crate::name::Names;
use crate::window::{FileSpan, Stored};
use crate::{Init, Output, Part};

/// When a new run file begins although the initialisation stayed the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// Never: the recording is kept whole, one file per run of equal parameters.
    Never,
    /// At the first segment after this much media, so that [`Recorder::forget`] can delete old files.
    Every(MediaTime),
}

/// Appends what a packager puts out to a recording.
#[derive(Debug)]
pub struct Recorder {
    dir: PathBuf,
    rotation: Rotation,
    journal: File,
    run: Option<Run>,
    /// Run files and the last segment in each.
    runs: Vec<(u32, u64)>,
    next_init: Option<Init>,
    segment: Option<Open>,
    lines: Vec<u8>,
    stopped: bool,
}

#[derive(Debug)]
struct Run {
    number: u32,
    file: File,
    path: Arc<Path>,
    init: Bytes,
    length: u64,
    start: Option<MediaTime>,
}

#[derive(Debug)]
struct Open {
    msn: u64,
    offset: u64,
    length: u64,
    hash: Sha256,
}

impl Recorder {
    /// Begins a recording in `dir`, which is made if missing and must not hold one.
    pub fn create(dir: &Path, names: &Names, rotation: Rotation) -> Result<Self, Error> {
        fs::create_dir_all(dir).map_err(Error::io(dir))?;
        let path = journal_path(dir);
        let journal = match OpenOptions::new().append(true).create_new(true).open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Err(Error::Exists(dir.to_owned())),
            other => other.map_err(Error::io(&path))?,
        };
        let mut recorder = Self::over(dir, rotation, journal);
        let header = Line::Header { version: 1, prefix: names.prefix().into(), rendition: names.rendition().into() };
        header.encode(&mut recorder.lines);
        recorder.write_lines()?;
        Ok(recorder)
    }

    /// Takes up a recording where a crash or restart left it: cuts off what is not whole, completes the last
    /// segment with what is there, and goes on behind it.
    pub fn recover(dir: &Path, rotation: Rotation) -> Result<(Self, Recording), Error> {
        let mut recording = Recording::read(dir)?;
        let path = journal_path(dir);
        let journal = OpenOptions::new().append(true).open(&path).map_err(Error::io(&path))?;
        journal.set_len(recording.valid.journal_length).map_err(Error::io(&path))?;
        let mut recorder = Self::over(dir, rotation, journal);
        recorder.stopped = recording.finished;
        for &run in &recording.valid.runs {
            let last = recording.segments.iter().rfind(|segment| segment.run == run);
            recorder.runs.push((run, last.map_or(0, |segment| segment.msn)));
        }
        if let Some((number, length, init_length)) = recording.valid.run {
            recorder.run = Some(Run::reopen(dir, number, length, init_length, &recording)?);
        }
        if recording.valid.unfinished_segment
            && let Some(segment) = recording.segments.last()
        {
            Line::End { msn: segment.msn, sha256: hex::encode(segment.sha256) }.encode(&mut recorder.lines);
            recorder.write_lines()?;
            recording.valid.unfinished_segment = false;
        }
        recorder.delete_orphans();
        Ok((recorder, recording))
    }

    fn over(dir: &Path, rotation: Rotation, journal: File) -> Self {
        Self {
            dir: dir.to_owned(),
            rotation,
            journal,
            run: None,
            runs: Vec::new(),
            next_init: None,
            segment: None,
            lines: Vec::new(),
            stopped: false,
        }
    }

    /// Writes `outputs` and says which segments are now complete on disk. After an error the recording has
    /// stopped for good; what was written before it is whole.
    pub fn append(&mut self, outputs: &[Output]) -> Result<Vec<Stored>, Error> {
        if self.stopped {
            return Err(Error::Stopped);
        }
        let mut stored = Vec::new();
        let result = outputs.iter().try_for_each(|output| self.append_one(output, &mut stored));
        let result = result.and_then(|()| self.write_lines());
        self.stopped = result.is_err();
        result.map(|()| stored)
    }

    fn append_one(&mut self, output: &Output, stored: &mut Vec<Stored>) -> Result<(), Error> {
        match output {
            Output::Started { target_duration, part_target } => {
                let line = Line::Started { target_duration: *target_duration, part_target_ns: part_target.as_nanos() };
                line.encode(&mut self.lines);
            }
            Output::Init(init) => {
                let before = self.next_init.take().is_some_and(|before| before.discontinuity);
                self.next_init = Some(Init { discontinuity: init.discontinuity || before, ..init.clone() });
            }
            Output::Part(part) => {
                if self.segment.as_ref().is_some_and(|open| open.msn != part.msn) {
                    stored.extend(self.end_segment());
                }
                self.append_part(part)?;
            }
            Output::SegmentEnd { msn, .. } => {
                if self.segment.as_ref().is_some_and(|open| open.msn == *msn) {
                    stored.extend(self.end_segment());
                }
            }
            Output::Cut(_) | Output::Unit(_) => {}
        }
        Ok(())
    }

    fn append_part(&mut self, part: &Part) -> Result<(), Error> {
        if self.segment.is_none() {
            self.begin_segment(part)?;
        }
        // A part before any initialisation has no run to be written to.
        let (Some(run), Some(open)) = (&mut self.run, &mut self.segment) else { return Ok(()) };
        run.file.write_all(&part.bytes).map_err(Error::io(&run.path))?;
        let length = part.bytes.len() as u64;
        let flags = if part.independent { INDEPENDENT } else { 0 } | if part.gap { GAP } else { 0 };
        let (start, duration) = (part.start.as_nanos(), part.duration.as_nanos());
        let line = PartLine(part.msn, part.number, run.length, length, start, duration, flags, part.program_date_time);
        Line::Part(line).encode(&mut self.lines);
        run.length += length;
        open.length += length;
        open.hash.update(&part.bytes);
        Ok(())
    }

    /// Runs change between segments only, so that a segment is one span of one file.
    fn begin_segment(&mut self, part: &Part) -> Result<(), Error> {
        let due = match (self.rotation, &self.run) {
            (Rotation::Every(every), Some(Run { start: Some(start), .. })) => part.start - *start >= every,
            _ => false,
        };
        let next = self.next_init.take();
        let bytes = match (&next, &self.run) {
            (Some(init), Some(run)) if init.bytes == run.init && !due => None,
            (Some(init), _) => Some(init.bytes.clone()),
            (None, Some(run)) if due => Some(run.init.clone()),
            (None, Some(_)) => None,
            (None, None) => return Ok(()),
        };
        if let Some(bytes) = bytes {
            self.begin_run(bytes)?;
        }
        if let Some(init) = next {
            let line = InitLine {
                number: init.number,
                codecs: init.codecs,
                video: init.video.map(|video| (video.width, video.height, video.frame_rate)),
                audio: init.audio.map(|audio| (audio.sample_rate, audio.channels)),
                discontinuity: init.discontinuity,
            };
            Line::Init(line).encode(&mut self.lines);
        }
        if let Some(run) = &mut self.run {
            run.start.get_or_insert(part.start);
            if let Some(last) = self.runs.last_mut() {
                last.1 = part.msn;
            }
            self.segment = Some(Open { msn: part.msn, offset: run.length, length: 0, hash: Sha256::new() });
        }
        Ok(())
    }

    fn begin_run(&mut self, init: Bytes) -> Result<(), Error> {
        let number = self.runs.last().map_or(0, |(number, _)| number.saturating_add(1));
        let path: Arc<Path> = self.dir.join(run_file_name(number)).into();
        // Left over from a crash before its line was written, if it is there.
        let mut file = File::create(&path).map_err(Error::io(&path))?;
        file.write_all(&init).map_err(Error::io(&path))?;
        let length = init.len() as u64;
        Line::Run { run: number, init_length: length }.encode(&mut self.lines);
        self.runs.push((number, 0));
        self.run = Some(Run { number, file, path, init, length, start: None });
        Ok(())
    }

    fn end_segment(&mut self) -> Option<Stored> {
        let (open, run) = (self.segment.take()?, self.run.as_ref()?);
        Line::End { msn: open.msn, sha256: hex::encode(open.hash.finalize()) }.encode(&mut self.lines);
        let span = FileSpan { path: run.path.clone(), offset: open.offset, length: open.length };
        Some(Stored { msn: open.msn, span })
    }

    /// Lines follow the bytes they tell of.
    fn write_lines(&mut self) -> Result<(), Error> {
        let result = self.journal.write_all(&self.lines);
        self.lines.clear();
        result.map_err(Error::io(&journal_path(&self.dir)))
    }

    /// The broadcast ended: completes the last segment and writes the end; of a recording that is kept whole, asks the
    /// disk to have it all.
    pub fn finish(&mut self) -> Result<Vec<Stored>, Error> {
        if self.stopped {
            return Err(Error::Stopped);
        }
        let stored = self.end_segment().into_iter().collect();
        Line::Finished.encode(&mut self.lines);
        self.stopped = true;
        self.write_lines()?;
        if self.rotation != Rotation::Never {
            return Ok(stored);
        }
        self.journal.sync_data().map_err(Error::io(&journal_path(&self.dir)))?;
        if let Some(run) = &self.run {
            run.file.sync_data().map_err(Error::io(&run.path))?;
        }
        Ok(stored)
    }

    /// Deletes run files that hold no segment from `before` on; for recordings that serve DVR only.
    pub fn forget(&mut self, before: u64) -> Result<(), Error> {
        let current = self.run.as_ref().map(|run| run.number);
        let old = |&(run, last): &(u32, u64)| last < before && Some(run) != current;
        if self.stopped || !self.runs.first().is_some_and(old) {
            return Ok(());
        }
        let gone: Vec<u32> = self.runs.iter().take_while(|run| old(run)).map(|&(run, _)| run).collect();
        let result = self.rewrite(&gone);
        self.stopped = result.is_err();
        if result? {
            self.runs.retain(|(run, _)| !gone.contains(run));
            self.delete_orphans();
        }
        Ok(())
    }

    /// A journal without the runs `gone`, put in place in one step; false if it is too early for that.
    fn rewrite(&mut self, gone: &[u32]) -> Result<bool, Error> {
        let recording = Recording::read(&self.dir)?;
        if recording.segments.last().map(|segment| segment.run) != self.run.as_ref().map(|run| run.number) {
            // Nothing stands in the current run yet that would keep its line.
            return Ok(false);
        }
        let mut lines = Vec::new();
        recording.encode_without(gone, &mut lines);
        let path = self.dir.join("journal.new");
        let mut journal = File::create(&path).map_err(Error::io(&path))?;
        journal.write_all(&lines).map_err(Error::io(&path))?;
        fs::rename(&path, journal_path(&self.dir)).map_err(Error::io(&path))?;
        self.journal = journal;
        Ok(true)
    }

    /// Run files that no line tells of. What cannot be deleted only takes up room.
    fn delete_orphans(&self) {
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_str().and_then(|name| name.strip_prefix("run-")?.strip_suffix(".mp4"));
            let run = name.and_then(|number| number.parse::<u32>().ok());
            if run.is_some_and(|run| self.runs.iter().all(|&(known, _)| known != run)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

impl Run {
    fn reopen(dir: &Path, number: u32, length: u64, init_length: u64, recording: &Recording) -> Result<Self, Error> {
        let path: Arc<Path> = dir.join(run_file_name(number)).into();
        let mut file = OpenOptions::new().read(true).write(true).open(&path).map_err(Error::io(&path))?;
        file.set_len(length).map_err(Error::io(&path))?;
        let mut init = Vec::new();
        (&file).take(init_length).read_to_end(&mut init).map_err(Error::io(&path))?;
        file.seek(SeekFrom::End(0)).map_err(Error::io(&path))?;
        let first = recording.segments.iter().find(|segment| segment.run == number);
        Ok(Self { number, file, path, init: init.into(), length, start: first.map(|segment| segment.start) })
    }
}

impl Recording {
    fn encode_without(&self, gone: &[u32], lines: &mut Vec<u8>) {
        let header = Line::Header { version: 1, prefix: self.prefix.clone(), rendition: self.rendition.clone() };
        header.encode(lines);
        if let Some((target_duration, part_target)) = self.started {
            Line::Started { target_duration, part_target_ns: part_target.as_nanos() }.encode(lines);
        }
        let dropped = self.segments.iter().take_while(|segment| gone.contains(&segment.run));
        let discontinuities = dropped.filter(|segment| segment.discontinuity).count() as u64;
        Line::Dropped { discontinuities: self.discontinuities_dropped + discontinuities }.encode(lines);
        let kept = self.segments.iter().filter(|segment| !gone.contains(&segment.run));
        let (mut run, mut init_number) = (None, None);
        let last = self.segments.last().map(|segment| segment.msn);
        for segment in kept {
            let Some(init) = self.init(segment.init) else { continue };
            if run != Some(segment.run) {
                Line::Run { run: segment.run, init_length: init.bytes.len() as u64 }.encode(lines);
                run = Some(segment.run);
            }
            if init_number != Some(init.number) {
                let line = InitLine {
                    number: init.number,
                    codecs: init.codecs.clone(),
                    video: init.video.map(|video| (video.width, video.height, video.frame_rate)),
                    audio: init.audio.map(|audio| (audio.sample_rate, audio.channels)),
                    discontinuity: segment.discontinuity,
                };
                Line::Init(line).encode(lines);
                init_number = Some(init.number);
            }
            let (mut offset, mut start) = (segment.span.offset, segment.start);
            let mut program_date_time = segment.program_date_time;
            for (number, part) in (segment.first_part..).zip(&segment.parts) {
                let flags = if part.independent { INDEPENDENT } else { 0 } | if part.gap { GAP } else { 0 };
                let (start_ns, duration) = (start.as_nanos(), part.duration.as_nanos());
                let line = PartLine(segment.msn, number, offset, part.length, start_ns, duration, flags, program_date_time);
                Line::Part(line).encode(lines);
                offset += part.length;
                start += part.duration;
                program_date_time = segment.program_date_time + (start - segment.start).as_millis();
            }
            if Some(segment.msn) != last || !self.valid.unfinished_segment {
                Line::End { msn: segment.msn, sha256: hex::encode(segment.sha256) }.encode(lines);
            }
        }
    }
}
