//! Recorded runs (fragmented MP4) become one progressive MP4, without re-encoding.
//!
//! Not by GStreamer: its demuxer starts each fragment's edit list and base time anew, and its muxer keeps only what it parses.
//! Samples are copied byte for byte and only the sample tables are new (ISO/IEC 14496-12), so every coding survives, the
//! timing is exact, and an hour costs as little memory as its tables (24 bytes a sample).

mod boxes;
mod fragments;
mod join;
mod tables;

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::{Error, MediaInfo, probe};
use fragments::{Run, Timing};
use tables::Layout;

pub use join::{Joined, Piece, join};

/// Writes the `inputs`, one after the other, into `output`: index first, so that players start at once and seek by byte range.
/// Each input is an initialisation segment and fragments, as recorded; all have the same parameters. Times in which an input
/// has nothing stay as long as they were; between two inputs there is no gap. An input that breaks off in a fragment (a
/// crash) is used up to there. Blocks: run it where that is allowed.
///
/// # Errors
/// [`Error::Malformed`] if there is nothing to play in them, [`Error::Unsupported`] if their parameters differ,
/// [`Error::File`].
pub fn remux(inputs: &[PathBuf], output: &Path) -> Result<MediaInfo, Error> {
    let mut runs = Vec::with_capacity(inputs.len());
    for path in inputs {
        let run = Run::read(path)?;
        if !run.is_empty() {
            runs.push((path, run));
        }
    }
    let Some((_, first)) = runs.first() else { return Err(Error::Malformed("no fragment in the inputs".to_owned())) };
    for (path, run) in &runs[1..] {
        if !run.has_parameters_of(first) {
            return Err(Error::Unsupported(format!("{} has other parameters than the inputs before it", path.display())));
        }
    }
    let layout = Layout::new(runs.iter().map(|(_, run)| run))?;

    // Written under another name, so that nobody finds half of it.
    let mut unfinished = output.as_os_str().to_owned();
    unfinished.push(".part");
    let unfinished = PathBuf::from(unfinished);
    let written = write(&runs, &layout, &unfinished).and_then(|()| probe(&unfinished));
    let renamed = written.and_then(|info| {
        std::fs::rename(&unfinished, output).map_err(|source| Error::File { path: output.to_owned(), source })?;
        Ok(info)
    });
    if renamed.is_err() {
        let _ = std::fs::remove_file(&unfinished);
    }
    renamed
}

fn write(runs: &[(&PathBuf, Run)], layout: &Layout, path: &Path) -> Result<(), Error> {
    let file_error = |source| Error::File { path: path.to_owned(), source };
    let mut output = BufWriter::with_capacity(1 << 20, File::create(path).map_err(file_error)?);
    output.write_all(&layout.head()).map_err(file_error)?;
    for (input_path, run) in runs {
        let input_error = |source| Error::File { path: (*input_path).clone(), source };
        let mut input = File::open(input_path).map_err(input_error)?;
        for chunk in &run.chunks {
            input.seek(SeekFrom::Start(chunk.offset)).map_err(input_error)?;
            let copied = std::io::copy(&mut (&mut input).take(chunk.size), &mut output).map_err(file_error)?;
            if copied != chunk.size {
                return Err(Error::Malformed(format!("{} became shorter while it was read", input_path.display())));
            }
        }
    }
    output.into_inner().map_err(|error| file_error(error.into_error()))?.sync_all().map_err(file_error)
}

/// Ticks of one time scale in another, rounded to the nearest.
fn rescale(ticks: i64, from: u32, to: u32) -> i64 {
    let (from, to) = (i128::from(from.max(1)), i128::from(to));
    i64::try_from((i128::from(ticks) * to + from / 2).div_euclid(from)).unwrap_or(i64::MAX)
}
