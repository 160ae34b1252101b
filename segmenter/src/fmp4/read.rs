//! Reads back what this module writes: for recovery after a crash, for replays, and for tests.

use std::ops::Range;

use super::{AUDIO_TRACK, NON_SYNC, SYNC};

/// A box at the outermost level of a byte string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its type.
    pub kind: [u8; 4],
    /// Header and body.
    pub range: Range<usize>,
    /// Body only.
    pub body: Range<usize>,
}

/// The boxes in `bytes`, one after the other; ends at the first that is not complete.
pub fn boxes(bytes: &[u8]) -> impl Iterator<Item = Found> + '_ {
    let mut position = 0_usize;
    std::iter::from_fn(move || {
        let header = bytes.get(position..position.checked_add(8)?)?;
        let kind = [header[4], header[5], header[6], header[7]];
        let (size, header_size) = match u32::from_be_bytes([header[0], header[1], header[2], header[3]]) {
            1 => {
                let large: [u8; 8] = bytes.get(position + 8..position + 16)?.try_into().ok()?;
                (usize::try_from(u64::from_be_bytes(large)).ok()?, 16)
            }
            size => (size as usize, 8),
        };
        let end = position.checked_add(size)?;
        if size < header_size || end > bytes.len() {
            return None;
        }
        let found = Found { kind, range: position..end, body: position + header_size..end };
        position = end;
        Some(found)
    })
}

/// One track's samples in a fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackFragment {
    /// `track_ID`.
    pub track: u32,
    /// Decoding time of the first sample, in ticks.
    pub decode_time: u64,
    /// The samples, in decoding order.
    pub samples: Vec<SampleEntry>,
}

impl TrackFragment {
    /// The sum of the samples' durations, in ticks.
    pub fn duration(&self) -> u64 {
        self.samples.iter().map(|sample| u64::from(sample.duration)).sum()
    }
}

/// A sample in a fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleEntry {
    /// In ticks.
    pub duration: u32,
    /// Presentation minus decoding time, in ticks.
    pub composition: i32,
    /// Decoding can start here.
    pub sync: bool,
    /// Where its payload is, from the first byte of the part.
    pub data: Range<usize>,
}

/// A part: what its one `moof` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// `mfhd`'s number.
    pub sequence: u32,
    /// One per `traf`.
    pub tracks: Vec<TrackFragment>,
}

/// Reads the first `moof` of `part`, which must begin with it; `None` if it is not one of ours or is cut short.
pub fn fragment(part: &[u8]) -> Option<Fragment> {
    let mut top = boxes(part);
    let moof = top.next().filter(|found| &found.kind == b"moof")?;
    top.next().filter(|found| &found.kind == b"mdat")?;
    let body = &part[moof.body.clone()];
    let mut sequence = None;
    let mut tracks = Vec::new();
    for child in boxes(body) {
        let content = &body[child.body.clone()];
        match &child.kind {
            b"mfhd" => sequence = Some(word(content, 4)?),
            b"traf" => tracks.push(track_fragment(content, part.len())?),
            _ => {}
        }
    }
    Some(Fragment { sequence: sequence?, tracks })
}

fn track_fragment(traf: &[u8], part_size: usize) -> Option<TrackFragment> {
    let mut track = 0;
    let mut default_duration = 0;
    let mut decode_time = None;
    let mut samples = Vec::new();
    for child in boxes(traf) {
        let content = &traf[child.body.clone()];
        match &child.kind {
            b"tfhd" => {
                track = word(content, 4)?;
                if word(content, 0)? & 8 != 0 {
                    default_duration = word(content, 8)?;
                }
            }
            b"tfdt" => decode_time = Some(u64::from(word(content, 4)?) << 32 | u64::from(word(content, 8)?)),
            b"trun" => {
                let flags = word(content, 0)?;
                let count = word(content, 4)? as usize;
                let mut offset = word(content, 8)? as usize;
                let mut position = 12;
                let mut next = |present: bool| {
                    if !present {
                        return Some(None);
                    }
                    position += 4;
                    word(content, position - 4).map(Some)
                };
                let first_flags = next(flags & 0x4 != 0)?;
                // Each sample has at least its size here, so a lying count ends at the box's end.
                for index in 0..count {
                    let duration = next(flags & 0x100 != 0)?.unwrap_or(default_duration);
                    let size = next(flags & 0x200 != 0)?? as usize;
                    let own_flags = next(flags & 0x400 != 0)?;
                    let composition = next(flags & 0x800 != 0)?.unwrap_or(0).cast_signed();
                    let default_flags = if track == AUDIO_TRACK { SYNC } else { NON_SYNC };
                    let sample_flags = own_flags.or(first_flags.filter(|_| index == 0)).unwrap_or(default_flags);
                    let end = offset.checked_add(size).filter(|&end| end <= part_size)?;
                    let sync = sample_flags & 0x1_0000 == 0;
                    samples.push(SampleEntry { duration, composition, sync, data: offset..end });
                    offset = end;
                }
            }
            _ => {}
        }
    }
    Some(TrackFragment { track, decode_time: decode_time?, samples })
}

/// The `mdhd` timescales by `track_ID` of an initialisation segment.
pub fn timescales(init: &[u8]) -> Vec<(u32, u32)> {
    let mut found = Vec::new();
    let children = |bytes: Range<usize>| {
        let start = bytes.start;
        boxes(&init[bytes]).map(move |child| (child.kind, child.body.start + start..child.body.end + start)).collect::<Vec<_>>()
    };
    let mut level = vec![(0..init.len(), 0_u32)];
    while let Some((range, mut track)) = level.pop() {
        for (kind, body) in children(range) {
            match &kind {
                b"moov" | b"trak" | b"mdia" => level.push((body, track)),
                b"tkhd" => track = word(&init[body], 12).unwrap_or(0),
                b"mdhd" => {
                    if let Some(timescale) = word(&init[body], 12) {
                        found.push((track, timescale));
                    }
                }
                _ => {}
            }
        }
    }
    found.sort_unstable();
    found
}

fn word(bytes: &[u8], position: usize) -> Option<u32> {
    bytes.get(position..position + 4)?.try_into().ok().map(u32::from_be_bytes)
}
