//! The sample tables of the progressive file.

use super::boxes::{children, write};
use super::fragments::{Run, Sample};
use super::{Timing, rescale};
use crate::Error;

/// Milliseconds: the movie's own time scale, in which edits and durations are told.
const MOVIE_TIMESCALE: u32 = 1000;

/// A track of the output.
struct Track {
    timescale: u32,
    header: Vec<u8>,
    description: Vec<u8>,
    /// Sizes and sync flags as they were, timing on the output's timeline, which begins with the first sample's decoding.
    samples: Vec<Sample>,
    /// Samples per chunk, and where in the data the chunk begins.
    chunks: Vec<(u32, u64)>,
    /// What of its timeline is shown, and after how long an emptiness.
    edit: Edit,
}

#[derive(Clone, Copy, Default)]
struct Edit {
    /// Nothing is shown for so many milliseconds.
    empty_millis: i64,
    /// Where in the track's timeline showing begins, in its ticks.
    start: i64,
    /// For so many milliseconds.
    duration_millis: i64,
}

/// The output file, but for its data.
pub(super) struct Layout {
    brands: Vec<u8>,
    movie_header: Vec<u8>,
    tracks: Vec<Track>,
    data_size: u64,
}

impl Layout {
    /// Lays the runs one behind the other. They have the same tracks; the first is not empty.
    pub(super) fn new<'a>(runs: impl Iterator<Item = &'a Run>) -> Result<Self, Error> {
        let mut layout: Option<Self> = None;
        let mut origins = Vec::new();
        let mut end_nanos = 0;
        for run in runs {
            let layout = layout.get_or_insert_with(|| Self::empty(run));
            origins.resize(run.tracks.len(), None);
            let begin_nanos = run.tracks.iter().filter_map(|track| Some(nanos(first_pts(&track.samples)?, track.timescale))).min();
            let begin_nanos = begin_nanos.unwrap_or(0);
            let mut run_end = end_nanos;
            for ((track, output), origin) in run.tracks.iter().zip(&mut layout.tracks).zip(&mut origins) {
                let shift = rescale(end_nanos - begin_nanos, NANOS, track.timescale);
                for &sample in &track.samples {
                    let timing = Timing { dts: sample.timing.dts + shift, ..sample.timing };
                    // The track's timeline begins where its first sample is decoded; the edit below puts that right.
                    let origin = *origin.get_or_insert(timing.dts);
                    output.samples.push(Sample { timing: Timing { dts: timing.dts - origin, ..timing }, ..sample });
                    let pts_end = timing.dts + i64::from(timing.composition) + i64::from(timing.duration);
                    run_end = run_end.max(nanos(pts_end, track.timescale));
                }
            }
            for chunk in &run.chunks {
                layout.tracks[chunk.track].chunks.push((chunk.samples, layout.data_size));
                layout.data_size += chunk.size;
            }
            end_nanos = run_end;
        }
        let mut layout = layout.ok_or_else(|| Error::Malformed("no input".to_owned()))?;
        for (track, origin) in layout.tracks.iter_mut().zip(origins) {
            track.join_runs();
            track.place(origin.unwrap_or(0));
        }
        // A track without any sample would only confuse players.
        layout.tracks.retain(|track| !track.samples.is_empty());
        Ok(layout)
    }

    fn empty(run: &Run) -> Self {
        let tracks = run.tracks.iter().map(|track| Track {
            timescale: track.timescale,
            header: track.header.clone(),
            description: track.description.clone(),
            samples: Vec::new(),
            chunks: Vec::new(),
            edit: Edit::default(),
        });
        Self { brands: run.brands.clone(), movie_header: run.movie_header.clone(), tracks: tracks.collect(), data_size: 0 }
    }

    /// Everything before the data: `ftyp`, `moov` and the header of `mdat`.
    pub(super) fn head(&self) -> Vec<u8> {
        let brands: &[u8] = if self.brands.len() >= 8 { &self.brands } else { b"isom\0\0\x02\0isomiso2mp41" };
        let file_type = write(b"ftyp", &[brands]);
        // Offsets do not change the length of their table, so the first writing tells where the data begins.
        let data_start = file_type.len() + self.movie(0).len() + 16;
        let mut head = file_type;
        head.extend_from_slice(&self.movie(data_start as u64));
        // Always the 64-bit form: one shape for every length.
        head.extend_from_slice(&1u32.to_be_bytes());
        head.extend_from_slice(b"mdat");
        head.extend_from_slice(&(self.data_size + 16).to_be_bytes());
        head
    }

    fn movie(&self, data_start: u64) -> Vec<u8> {
        let duration = self.tracks.iter().map(|track| track.edit.empty_millis + track.edit.duration_millis).max().unwrap_or(0);
        let mvhd = movie_header(&self.movie_header, duration);
        let tracks: Vec<u8> = self.tracks.iter().flat_map(|track| track.encode(data_start)).collect();
        write(b"moov", &[&mvhd, &tracks])
    }
}

const NANOS: u32 = 1_000_000_000;

pub(super) fn nanos(ticks: i64, timescale: u32) -> i64 {
    rescale(ticks, timescale, NANOS)
}

fn first_pts(samples: &[Sample]) -> Option<i64> {
    // The first samples in decoding order hold the first in presentation order: reordering reaches 16 frames at most.
    samples.iter().take(17).map(|sample| sample.timing.dts + i64::from(sample.timing.composition)).min()
}

impl Track {
    /// At the seam of two runs a sample lasts until the next one, as inside of a run.
    fn join_runs(&mut self) {
        for index in 1..self.samples.len() {
            let next = self.samples[index].timing.dts;
            let timing = &mut self.samples[index - 1].timing;
            match u32::try_from(next - timing.dts) {
                Ok(duration) => timing.duration = duration,
                Err(_) => self.samples[index].timing.dts = timing.dts + i64::from(timing.duration),
            }
        }
    }

    /// `origin` is when the first sample is decoded on the movie's timeline, in ticks; the movie begins at 0 with the
    /// picture or sound that is presented first.
    fn place(&mut self, origin: i64) {
        let Some(start) = first_pts(&self.samples) else { return };
        let end = self
            .samples
            .iter()
            .rev()
            .take(17)
            .map(|sample| sample.timing.dts + i64::from(sample.timing.composition) + i64::from(sample.timing.duration));
        let end = end.max().unwrap_or(start);
        let millis = |ticks| rescale(ticks, self.timescale, MOVIE_TIMESCALE);
        self.edit = Edit { empty_millis: millis(start + origin).max(0), start, duration_millis: millis(end - start).max(0) };
    }

    fn encode(&self, data_start: u64) -> Vec<u8> {
        let whole = self.edit.empty_millis + self.edit.duration_millis;
        let ticks = self.samples.iter().map(|sample| i64::from(sample.timing.duration)).sum::<i64>();
        let mut content = Vec::new();
        for (kind, payload) in children(&self.header) {
            match &kind {
                b"tkhd" => content.extend(with_duration(b"tkhd", payload, 2, whole)),
                b"mdia" => {
                    content.extend(self.edits());
                    let mut media = Vec::new();
                    for (kind, payload) in children(payload) {
                        match &kind {
                            b"mdhd" => media.extend(with_duration(b"mdhd", payload, 1, ticks)),
                            b"minf" => media.extend(self.information(payload, data_start)),
                            _ => media.extend(write(&kind, &[payload])),
                        }
                    }
                    content.extend(write(b"mdia", &[&media]));
                }
                // Made anew above.
                b"edts" => {}
                _ => content.extend(write(&kind, &[payload])),
            }
        }
        write(b"trak", &[&content])
    }

    fn edits(&self) -> Vec<u8> {
        let Edit { empty_millis, start, duration_millis } = self.edit;
        let mut entries = Vec::new();
        if empty_millis > 0 {
            entries.push((empty_millis, -1));
        }
        entries.push((duration_millis, start));
        let mut list = vec![1, 0, 0, 0];
        list.extend_from_slice(&u32::try_from(entries.len()).unwrap_or(0).to_be_bytes());
        for (duration, media_time) in entries {
            list.extend_from_slice(&duration.to_be_bytes());
            list.extend_from_slice(&i64::to_be_bytes(media_time));
            // media_rate 1.0
            list.extend_from_slice(&[0, 1, 0, 0]);
        }
        write(b"edts", &[&write(b"elst", &[&list])])
    }

    fn information(&self, minf: &[u8], data_start: u64) -> Vec<u8> {
        let mut content = Vec::new();
        for (kind, payload) in children(minf) {
            if &kind == b"stbl" {
                content.extend(self.sample_tables(data_start));
            } else {
                content.extend(write(&kind, &[payload]));
            }
        }
        write(b"minf", &[&content])
    }

    /// ISO/IEC 14496-12 sections 8.6.1 to 8.7.5.
    fn sample_tables(&self, data_start: u64) -> Vec<u8> {
        let samples = &self.samples;
        let mut content = self.description.clone();
        content.extend(runs_table(b"stts", 0, samples.iter().map(|sample| sample.timing.duration)));
        if samples.iter().any(|sample| sample.timing.composition != 0) {
            content.extend(runs_table(b"ctts", 1, samples.iter().map(|sample| sample.timing.composition.cast_unsigned())));
        }
        if samples.iter().any(|sample| !sample.sync) {
            let sync = samples.iter().zip(1u32..).filter(|(sample, _)| sample.sync).map(|(_, number)| number);
            content.extend(table(b"stss", sync.map(u32::to_be_bytes)));
        }
        let mut previous = 0;
        let mut to_chunk = Vec::new();
        for (&(count, _), number) in self.chunks.iter().zip(1u32..) {
            if count != previous {
                let mut entry = [0; 12];
                entry[..4].copy_from_slice(&number.to_be_bytes());
                entry[4..8].copy_from_slice(&count.to_be_bytes());
                entry[8..].copy_from_slice(&1u32.to_be_bytes());
                to_chunk.push(entry);
                previous = count;
            }
        }
        content.extend(table(b"stsc", to_chunk.into_iter()));
        let mut sizes = vec![0; 8];
        sizes.extend_from_slice(&u32::try_from(samples.len()).unwrap_or(u32::MAX).to_be_bytes());
        sizes.extend(samples.iter().flat_map(|sample| sample.size.to_be_bytes()));
        content.extend(write(b"stsz", &[&sizes]));
        content.extend(table(b"co64", self.chunks.iter().map(|&(_, offset)| (offset + data_start).to_be_bytes())));
        write(b"stbl", &[&content])
    }
}

/// A table of entries of one length, version 0.
fn table<const N: usize>(kind: &[u8; 4], entries: impl Iterator<Item = [u8; N]>) -> Vec<u8> {
    let entries: Vec<u8> = entries.flatten().collect();
    let count = u32::try_from(entries.len() / N).unwrap_or(u32::MAX).to_be_bytes();
    write(kind, &[&[0; 4], &count, &entries])
}

/// A table of (count, value), for values that repeat.
fn runs_table(kind: &[u8; 4], version: u8, values: impl Iterator<Item = u32>) -> Vec<u8> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for value in values {
        match runs.last_mut() {
            Some((count, last)) if *last == value => *count += 1,
            _ => runs.push((1, value)),
        }
    }
    let count = u32::try_from(runs.len()).unwrap_or(u32::MAX).to_be_bytes();
    let entries: Vec<u8> = runs.into_iter().flat_map(|(count, value)| [count.to_be_bytes(), value.to_be_bytes()]).flatten().collect();
    write(kind, &[&[version, 0, 0, 0], &count, &entries])
}

/// `mvhd` with its own time scale and the duration in it; version 1, so that no length overflows.
fn movie_header(payload: &[u8], duration: i64) -> Vec<u8> {
    let version = payload.first().copied().unwrap_or(0);
    let times = if version == 1 { 28 } else { 16 };
    let mut header = vec![1, 0, 0, 0];
    header.extend_from_slice(&[0; 16]);
    header.extend_from_slice(&MOVIE_TIMESCALE.to_be_bytes());
    header.extend_from_slice(&duration.to_be_bytes());
    header.extend_from_slice(payload.get(4 + times..).unwrap_or_default());
    write(b"mvhd", &[&header])
}

/// `tkhd` or `mdhd` in version 1; between the two times and the duration there are `fields` 32-bit fields.
fn with_duration(kind: &[u8; 4], payload: &[u8], fields: usize, duration: i64) -> Vec<u8> {
    let version = payload.first().copied().unwrap_or(0);
    let (times, length) = if version == 1 { (16, 8) } else { (8, 4) };
    let kept = payload.get(4 + times..4 + times + fields * 4).unwrap_or_default();
    let rest = payload.get(4 + times + fields * 4 + length..).unwrap_or_default();
    let flags = payload.get(1..4).unwrap_or(&[0; 3]);
    write(kind, &[&[1], flags, &[0; 16], kept, &duration.to_be_bytes(), rest])
}
