//! Recorded runs side by side, as one progressive file that need not be written: it is made while it is sent.

use std::path::PathBuf;

use super::boxes::{self, children};
use super::fragments::{Chunk, Run};
use super::tables::{Layout, nanos};
use crate::Error;

/// A progressive MP4: its beginning, and where the rest of it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Everything before the samples. An hour has some 5 MB of it.
    pub head: Vec<u8>,
    /// The samples, one piece after the other.
    pub pieces: Vec<Piece>,
}

/// Bytes of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which, in the order of [`join`]'s argument.
    pub input: usize,
    /// Where they begin in it.
    pub offset: u64,
    /// How many; never none.
    pub size_bytes: u64,
}

impl Joined {
    /// Of the whole file.
    pub fn size_bytes(&self) -> u64 {
        self.head.len() as u64 + self.pieces.iter().map(|piece| piece.size_bytes).sum::<u64>()
    }
}

/// Lays out the tracks of all `inputs` beside each other, on the timeline that they share: picture and sound of one recording that
/// were recorded apart, or one recording alone. Each input is as for [`remux`](super::remux). Blocks: run it where that is allowed.
///
/// # Errors
/// [`Error::Malformed`] if there is nothing to play in them, [`Error::File`].
pub fn join(inputs: &[PathBuf]) -> Result<Joined, Error> {
    let mut joined: Option<Run> = None;
    let mut chunks = Vec::new();
    for (input, path) in inputs.iter().enumerate() {
        let run = Run::read(path)?;
        let before = joined.as_ref().map_or(0, |joined| joined.tracks.len());
        let moved = |(begin, chunk): (i64, Chunk)| (begin, input, Chunk { track: chunk.track + before, ..chunk });
        chunks.extend(timed(&run).into_iter().map(moved));
        match &mut joined {
            Some(joined) => joined.tracks.extend(run.tracks),
            None => joined = Some(run),
        }
    }
    let Some(mut run) = joined.filter(|_| !chunks.is_empty()) else {
        return Err(Error::Malformed("no fragment in the inputs".to_owned()));
    };
    if inputs.len() > 1 {
        // What is played together lies together. A single input is best read from its beginning to its end.
        chunks.sort_by_key(|&(begin, ..)| begin);
        for (track, id) in run.tracks.iter_mut().zip(1u32..) {
            track.header = renumbered(&track.header, id);
        }
        // next_track_ID, the last field of `mvhd` (ISO/IEC 14496-12 section 8.2.2)
        if let Some(field) = run.movie_header.last_chunk_mut() {
            *field = (run.tracks.len() as u32 + 1).to_be_bytes();
        }
    }
    run.chunks = chunks.iter().map(|&(_, _, chunk)| chunk).collect();
    let head = Layout::new(std::iter::once(&run))?.head();
    let mut pieces: Vec<Piece> = Vec::new();
    for (_, input, chunk) in chunks.into_iter().filter(|(_, _, chunk)| chunk.size > 0) {
        match pieces.last_mut() {
            Some(last) if last.input == input && last.offset + last.size_bytes == chunk.offset => last.size_bytes += chunk.size,
            _ => pieces.push(Piece { input, offset: chunk.offset, size_bytes: chunk.size }),
        }
    }
    Ok(Joined { head, pieces })
}

/// The chunks of a run with the time, in ns, at which each begins.
fn timed(run: &Run) -> Vec<(i64, Chunk)> {
    let mut next = vec![0; run.tracks.len()];
    let chunks = run.chunks.iter().map(|&chunk| {
        let track = &run.tracks[chunk.track];
        let first = track.samples.get(next[chunk.track]).map_or(0, |sample| sample.timing.dts);
        next[chunk.track] += chunk.samples as usize;
        (nanos(first, track.timescale), chunk)
    });
    chunks.collect()
}

/// The payload of a `trak` with another track_ID in its `tkhd` (section 8.3.2).
fn renumbered(trak: &[u8], id: u32) -> Vec<u8> {
    let mut content = Vec::with_capacity(trak.len());
    for (kind, payload) in children(trak) {
        let mut payload = payload.to_vec();
        if &kind == b"tkhd" {
            // After version and flags, and two times of 64 or 32 bits.
            let at = if payload.first() == Some(&1) { 20 } else { 12 };
            if let Some(field) = payload.get_mut(at..at + 4) {
                field.copy_from_slice(&id.to_be_bytes());
            }
        }
        content.extend(boxes::write(&kind, &[&payload]));
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_get_other_numbers() {
        for (version, at) in [(0, 12), (1, 20)] {
            let mut header = vec![version, 0, 0, 7];
            header.resize(at, 9);
            header.extend_from_slice(&[0, 0, 0, 1, 5, 5]);
            let trak = [boxes::write(b"tkhd", &[&header]), boxes::write(b"mdia", &[b"rest"])].concat();
            header[at + 3] = 2;
            let expected = [boxes::write(b"tkhd", &[&header]), boxes::write(b"mdia", &[b"rest"])].concat();
            assert_eq!(renumbered(&trak, 2), expected);
        }
    }

    #[test]
    fn nothing_makes_no_file() {
        assert!(matches!(join(&[]), Err(Error::Malformed(_))));
    }
}
