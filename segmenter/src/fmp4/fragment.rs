use bytes::Bytes;

use super::{AUDIO_TRACK, NON_SYNC, SYNC, VIDEO_TRACK};

/// One coded frame or packet, as a fragment stores it. Times in ticks of its track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Decoding time.
    pub decode: u64,
    /// Until the next sample is decoded.
    pub duration: u32,
    /// Presentation time minus decoding time.
    pub composition: i32,
    /// Decoding can start here.
    pub sync: bool,
    /// The payload.
    pub data: Bytes,
}

const DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;
const DEFAULT_DURATION: u32 = 0x08;
const DATA_OFFSET: u32 = 0x001;
const FIRST_SAMPLE_FLAGS: u32 = 0x004;
const SAMPLE_DURATION: u32 = 0x100;
const SAMPLE_SIZE: u32 = 0x200;
const SAMPLE_FLAGS: u32 = 0x400;
const SAMPLE_COMPOSITION: u32 = 0x800;

/// How one track's samples are written: fields that all of them share are written once.
struct Layout<'a> {
    track: u32,
    samples: &'a [Sample],
    default_duration: Option<u32>,
    trun_flags: u32,
}

impl<'a> Layout<'a> {
    fn new(track: u32, samples: &'a [Sample]) -> Option<Self> {
        let first = samples.first()?;
        let mut trun_flags = DATA_OFFSET | SAMPLE_SIZE;
        let default_duration = samples.iter().all(|sample| sample.duration == first.duration).then_some(first.duration);
        if default_duration.is_none() {
            trun_flags |= SAMPLE_DURATION;
        }
        // `trex` says: audio is sync, video is not.
        if track == VIDEO_TRACK {
            if samples[1..].iter().any(|sample| sample.sync) {
                trun_flags |= SAMPLE_FLAGS;
            } else if first.sync {
                trun_flags |= FIRST_SAMPLE_FLAGS;
            }
        }
        if samples.iter().any(|sample| sample.composition != 0) {
            trun_flags |= SAMPLE_COMPOSITION;
        }
        Some(Self { track, samples, default_duration, trun_flags })
    }

    fn tfhd_size(&self) -> usize {
        16 + if self.default_duration.is_some() { 4 } else { 0 }
    }

    fn trun_size(&self) -> usize {
        let fields = (self.trun_flags & (SAMPLE_DURATION | SAMPLE_SIZE | SAMPLE_FLAGS | SAMPLE_COMPOSITION)).count_ones();
        let first_flags = if self.trun_flags & FIRST_SAMPLE_FLAGS == 0 { 0 } else { 4 };
        12 + 4 + 4 + first_flags + self.samples.len() * 4 * fields as usize
    }

    fn traf_size(&self) -> usize {
        8 + self.tfhd_size() + 20 + self.trun_size()
    }

    fn data_size(&self) -> usize {
        self.samples.iter().map(|sample| sample.data.len()).sum()
    }

    fn write(&self, out: &mut Vec<u8>, data_offset: usize) {
        header(out, self.traf_size(), b"traf");
        header(out, self.tfhd_size(), b"tfhd");
        word(out, DEFAULT_BASE_IS_MOOF | self.default_duration.map_or(0, |_| DEFAULT_DURATION));
        word(out, self.track);
        if let Some(duration) = self.default_duration {
            word(out, duration);
        }
        header(out, 20, b"tfdt");
        word(out, 1 << 24);
        out.extend_from_slice(&self.samples[0].decode.to_be_bytes());
        header(out, self.trun_size(), b"trun");
        word(out, 1 << 24 | self.trun_flags);
        word(out, self.samples.len() as u32);
        word(out, data_offset as u32);
        if self.trun_flags & FIRST_SAMPLE_FLAGS != 0 {
            word(out, SYNC);
        }
        for sample in self.samples {
            if self.trun_flags & SAMPLE_DURATION != 0 {
                word(out, sample.duration);
            }
            word(out, sample.data.len() as u32);
            if self.trun_flags & SAMPLE_FLAGS != 0 {
                word(out, if sample.sync { SYNC } else { NON_SYNC });
            }
            if self.trun_flags & SAMPLE_COMPOSITION != 0 {
                out.extend_from_slice(&sample.composition.to_be_bytes());
            }
        }
    }
}

/// Writes a part: one `moof` with a `traf` per track that has samples, and one `mdat`; allocated once.
/// `sequence` is `mfhd`'s number, which only has to grow.
pub fn fragment(sequence: u32, video: &[Sample], audio: &[Sample]) -> Bytes {
    let layouts = [Layout::new(VIDEO_TRACK, video), Layout::new(AUDIO_TRACK, audio)];
    let tracks = || layouts.iter().flatten();
    let moof_size = 8 + 16 + tracks().map(Layout::traf_size).sum::<usize>();
    let mdat_size = 8 + tracks().map(Layout::data_size).sum::<usize>();
    let mut out = Vec::with_capacity(moof_size + mdat_size);
    header(&mut out, moof_size, b"moof");
    header(&mut out, 16, b"mfhd");
    word(&mut out, 0);
    word(&mut out, sequence);
    let mut data_offset = moof_size + 8;
    for layout in tracks() {
        layout.write(&mut out, data_offset);
        data_offset += layout.data_size();
    }
    header(&mut out, mdat_size, b"mdat");
    for sample in tracks().flat_map(|layout| layout.samples) {
        out.extend_from_slice(&sample.data);
    }
    debug_assert_eq!(out.len(), moof_size + mdat_size);
    out.into()
}

fn header(out: &mut Vec<u8>, size: usize, kind: &[u8; 4]) {
    word(out, size as u32);
    out.extend_from_slice(kind);
}

fn word(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}
