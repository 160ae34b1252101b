//! Reading a recorded run: its initialisation segment, and where each fragment's samples are.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::boxes::{self, Reader, child, children};
use crate::Error;

/// Neither `moov` nor `moof` come near this; a longer one is not read into memory.
const LONGEST_INDEX: u64 = 16 << 20;
/// Samples that one fragment may declare without giving each a size: more would let a few bytes fill the memory.
const MOST_SAMPLES: u32 = 1 << 16;

/// In any time scale centuries away; sums of such times and durations cannot overflow.
const LATEST_DTS: i64 = 1 << 56;

/// When a sample is decoded and shown, in its track's ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timing {
    pub(super) dts: i64,
    pub(super) duration: u32,
    pub(super) composition: i32,
}

/// One sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) timing: Timing,
    pub(super) size: u32,
    pub(super) sync: bool,
}

/// Samples of one track that lie together in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    /// Index of its track in [`Run::tracks`].
    pub(super) track: usize,
    pub(super) samples: u32,
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// A track of a run.
#[derive(Debug)]
pub(super) struct Track {
    id: u32,
    pub(super) timescale: u32,
    /// The payload of its `trak`, as recorded.
    pub(super) header: Vec<u8>,
    /// `stsd` with its header: the parameters.
    pub(super) description: Vec<u8>,
    defaults: Defaults,
    pub(super) samples: Vec<Sample>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Defaults {
    duration: u32,
    size: u32,
    flags: u32,
}

/// A recorded run.
#[derive(Debug)]
pub(super) struct Run {
    /// The payload of `ftyp`.
    pub(super) brands: Vec<u8>,
    /// The payload of `mvhd`.
    pub(super) movie_header: Vec<u8>,
    pub(super) tracks: Vec<Track>,
    pub(super) chunks: Vec<Chunk>,
}

impl Run {
    /// Reads the file's index; the samples stay on the disk.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let file_error = |source| Error::File { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(file_error)?;
        let length = file.metadata().map_err(file_error)?.len();
        let malformed = |what: &str| Error::Malformed(format!("{}: {what}", path.display()));

        let (mut brands, mut run) = (Vec::new(), None::<Self>);
        let mut position = 0;
        while let Some((kind, header, size)) = next_header(&mut file, position).map_err(file_error)? {
            let size = if size == 0 { length - position } else { size };
            if size > length - position {
                // It breaks off here.
                break;
            }
            if matches!(&kind, b"ftyp" | b"moov" | b"moof") {
                if size > LONGEST_INDEX {
                    return Err(malformed("an index of more than 16 MiB"));
                }
                let mut payload = vec![0; usize::try_from(size - header).unwrap_or(0)];
                file.seek(SeekFrom::Start(position + header)).and_then(|_| file.read_exact(&mut payload)).map_err(file_error)?;
                match &kind {
                    b"ftyp" => brands = payload,
                    b"moov" if run.is_none() => {
                        run = Some(Self::parse_header(&payload, &brands).ok_or_else(|| malformed("a broken moov"))?);
                    }
                    b"moof" => {
                        let run = run.as_mut().ok_or_else(|| malformed("a fragment before moov"))?;
                        let marks: Vec<_> = run.tracks.iter().map(|track| track.samples.len()).collect();
                        let chunks = run.chunks.len();
                        let read = run.parse_fragment(&payload, position);
                        let complete =
                            run.chunks[chunks..].iter().all(|chunk| chunk.offset.checked_add(chunk.size).is_some_and(|end| end <= length));
                        if read.is_none() || !complete {
                            // Its data was never written: undo it, and end here.
                            run.chunks.truncate(chunks);
                            for (track, mark) in run.tracks.iter_mut().zip(marks) {
                                track.samples.truncate(mark);
                            }
                            break;
                        }
                    }
                    _ => {}
                }
            }
            position += size;
        }
        let mut run = run.ok_or_else(|| malformed("no moov"))?;
        run.close_gaps();
        Ok(run)
    }

    fn parse_header(moov: &[u8], brands: &[u8]) -> Option<Self> {
        let defaults = |id: u32| {
            let mvex = child(moov, b"mvex")?;
            children(mvex).filter(|(kind, _)| kind == b"trex").find_map(|(_, payload)| {
                let mut fields = Reader(payload);
                fields.skip(4)?;
                (fields.u32()? == id).then_some(())?;
                fields.u32()?;
                Some(Defaults { duration: fields.u32()?, size: fields.u32()?, flags: fields.u32()? })
            })
        };
        let mut tracks = Vec::new();
        for (_, trak) in children(moov).filter(|(kind, _)| kind == b"trak") {
            let mut tkhd = Reader(child(trak, b"tkhd")?);
            let (version, _) = tkhd.full_box()?;
            tkhd.time(version)?;
            tkhd.time(version)?;
            let id = tkhd.u32()?;
            let mdia = child(trak, b"mdia")?;
            let mut mdhd = Reader(child(mdia, b"mdhd")?);
            let (version, _) = mdhd.full_box()?;
            mdhd.time(version)?;
            mdhd.time(version)?;
            let timescale = mdhd.u32().filter(|&timescale| timescale > 0)?;
            let stsd = child(child(child(mdia, b"minf")?, b"stbl")?, b"stsd")?;
            tracks.push(Track {
                id,
                timescale,
                header: trak.to_vec(),
                description: boxes::write(b"stsd", &[stsd]),
                defaults: defaults(id).unwrap_or_default(),
                samples: Vec::new(),
            });
        }
        Some(Self { brands: brands.to_vec(), movie_header: child(moov, b"mvhd")?.to_vec(), tracks, chunks: Vec::new() })
    }

    /// ISO/IEC 14496-12 section 8.8.4 and following.
    fn parse_fragment(&mut self, moof: &[u8], moof_offset: u64) -> Option<()> {
        let mut data_end = moof_offset;
        for (_, traf) in children(moof).filter(|(kind, _)| kind == b"traf") {
            let mut tfhd = Reader(child(traf, b"tfhd")?);
            let (_, flags) = tfhd.full_box()?;
            let id = tfhd.u32()?;
            let index = self.tracks.iter().position(|track| track.id == id)?;
            let track = &mut self.tracks[index];
            let base = match flags {
                _ if flags & 0x01 != 0 => tfhd.u64()?,
                // default-base-is-moof
                _ if flags & 0x02_0000 != 0 => moof_offset,
                _ => data_end,
            };
            if flags & 0x02 != 0 {
                tfhd.u32()?;
            }
            let mut defaults = track.defaults;
            for (flag, field) in [(0x08, &mut defaults.duration), (0x10, &mut defaults.size), (0x20, &mut defaults.flags)] {
                if flags & flag != 0 {
                    *field = tfhd.u32()?;
                }
            }
            let last = track.samples.last().map(|sample| sample.timing);
            let mut dts = match child(traf, b"tfdt") {
                Some(payload) => {
                    let mut tfdt = Reader(payload);
                    let (version, _) = tfdt.full_box()?;
                    i64::try_from(tfdt.time(version)?).ok().filter(|&dts| dts < LATEST_DTS)?
                }
                None => last.map_or(0, |last| last.dts + i64::from(last.duration)),
            };
            data_end = base;
            for (_, payload) in children(traf).filter(|(kind, _)| kind == b"trun") {
                let mut trun = Reader(payload);
                let (_, flags) = trun.full_box()?;
                let count = trun.u32()?;
                let bytes_each = (flags >> 8 & 0x0f).count_ones() * 4;
                if bytes_each == 0 && count > MOST_SAMPLES {
                    return None;
                }
                if flags & 0x01 != 0 {
                    data_end = base.checked_add_signed(i64::from(trun.u32()?.cast_signed()))?;
                }
                let mut first_flags = if flags & 0x04 != 0 { Some(trun.u32()?) } else { None };
                let (offset, mut size) = (data_end, 0u64);
                for _ in 0..count {
                    let mut field = |flag, default| if flags & flag != 0 { trun.u32() } else { Some(default) };
                    let duration = field(0x100, defaults.duration)?;
                    let sample_size = field(0x200, defaults.size)?;
                    let sample_flags = field(0x400, defaults.flags)?;
                    let sample_flags = first_flags.take().unwrap_or(sample_flags);
                    // Version 0 is unsigned by the letter; every writer means it signed, and players read it so.
                    let composition = field(0x800, 0)?.cast_signed();
                    // sample_is_non_sync_sample
                    let sync = sample_flags & 0x01_0000 == 0;
                    track.samples.push(Sample { timing: Timing { dts, duration, composition }, size: sample_size, sync });
                    dts = dts.checked_add(i64::from(duration))?;
                    size += u64::from(sample_size);
                }
                if count > 0 {
                    self.chunks.push(Chunk { track: index, samples: count, offset, size });
                }
                data_end = offset.checked_add(size)?;
            }
        }
        Some(())
    }

    /// A sample lasts until the next one begins, also over the parts that are missing between two fragments.
    fn close_gaps(&mut self) {
        for track in &mut self.tracks {
            for index in 1..track.samples.len() {
                let next = track.samples[index].timing.dts;
                let timing = &mut track.samples[index - 1].timing;
                match u32::try_from(next - timing.dts) {
                    Ok(duration) => timing.duration = duration,
                    // Fragments that overlap: the later one is moved behind the earlier.
                    Err(_) => track.samples[index].timing.dts = timing.dts + i64::from(timing.duration),
                }
            }
        }
    }

    /// Whether there is nothing to play.
    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Whether one initialisation segment does for both.
    pub(super) fn has_parameters_of(&self, other: &Self) -> bool {
        let parameters = |run: &Self| -> Vec<_> { run.tracks.iter().map(|track| (track.timescale, track.description.clone())).collect() };
        parameters(self) == parameters(other)
    }
}

fn next_header(file: &mut File, position: u64) -> std::io::Result<Option<([u8; 4], u64, u64)>> {
    let mut bytes = Vec::with_capacity(16);
    file.seek(SeekFrom::Start(position))?;
    file.take(16).read_to_end(&mut bytes)?;
    Ok(boxes::header(&bytes).map(|(kind, header, size)| (kind, header as u64, size)))
}
