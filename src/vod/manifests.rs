//! The files of manifests: `{rendition}.manifests`, beside `{rendition}.m3u8`. As a peer gets them: each MANIFEST message
//! after its length (u32, little-endian), in the order of the segments; one of more than 255 slices has none.

use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use p2p_peer::wire::manifest::MAX_MANIFEST_BYTES;
use p2p_peer::wire::message::Message;
use p2p_peer::wire::slices::{self, MAX_SLICES};
use p2p_peer::wire::{Manifest, Place, SwarmId, VERSION};

use super::playlist::{self, Segment};
use super::{Error, STRIPES};

/// Type of a MANIFEST message.
const MANIFEST: u8 = 7;

/// Where the manifests of a rendition are.
pub(super) fn path(folder: &Path, rendition: &str) -> PathBuf {
    folder.join(format!("{rendition}.manifests"))
}

/// Names of a video's renditions; elsewhere they are named by their index.
pub(super) fn renditions(folder: &Path, multivariant: &str) -> Result<Vec<String>, Error> {
    let path = folder.join(multivariant);
    let text = std::fs::read_to_string(&path).map_err(Error::file(&path))?;
    let mut names = playlist::renditions(&text);
    // On the wire an index is a byte.
    names.truncate(usize::from(u8::MAX) + 1);
    Ok(names)
}

/// Makes the manifests of one rendition, segment by segment.
pub(super) struct Signer {
    folder: PathBuf,
    path: PathBuf,
    partial: PathBuf,
    key: SigningKey,
    swarm: SwarmId,
    rendition: u8,
    segments: std::iter::Enumerate<std::vec::IntoIter<Segment>>,
    input: Option<(String, File)>,
    bytes: Vec<u8>,
    output: BufWriter<File>,
}

impl Signer {
    /// Of the rendition with this index and name. One signer at a time works on a video.
    pub fn open(folder: &Path, rendition: u8, name: &str, key: SigningKey, swarm: SwarmId) -> Result<Self, Error> {
        let list = folder.join(format!("{name}.m3u8"));
        let text = std::fs::read_to_string(&list).map_err(Error::file(&list))?;
        let segments = playlist::segments(&list, &text)?.into_iter().enumerate();
        let path = path(folder, name);
        let partial = path.with_extension("manifests.part");
        let output = BufWriter::new(File::create(&partial).map_err(Error::file(&partial))?);
        Ok(Self { folder: folder.to_owned(), path, partial, key, swarm, rendition, segments, input: None, bytes: Vec::new(), output })
    }

    /// Signs the next segment; `None` when that was all, and the file is there.
    pub fn step(mut self) -> Result<Option<Self>, Error> {
        let Some((index, segment)) = self.segments.next() else {
            self.finish()?;
            return Ok(None);
        };
        let place = u32::try_from(index).ok().and_then(|index| Place::new(index, 0));
        let size = u32::try_from(segment.range.1).ok().filter(|size| slices::count(*size, STRIPES) <= MAX_SLICES);
        // Others are too large to be named on the wire: they are not shared.
        if let (Some(place), Some(size)) = (place, size) {
            self.read(&segment, size as usize)?;
            let manifest = Manifest {
                rendition: self.rendition,
                place,
                time_ms: (segment.start_us + 500) / 1000,
                duration_ms: u16::try_from((segment.duration_us + 500) / 1000).unwrap_or(u16::MAX),
                size,
                flags: Manifest::INDEPENDENT,
                hashes: slices::hashes(&self.bytes, STRIPES),
                text: String::new(),
            };
            // Within its limits, for the slices were counted.
            if let Ok(signed) = manifest.sign(&self.key, self.swarm) {
                self.output.write_all(&Message::Manifest(signed).encode_frame()).map_err(Error::file(&self.partial))?;
            }
        }
        Ok(Some(self))
    }

    fn read(&mut self, segment: &Segment, size: usize) -> Result<(), Error> {
        let path = self.folder.join(&segment.file);
        let mut file = match self.input.take() {
            Some((name, file)) if name == segment.file => file,
            _ => File::open(&path).map_err(Error::file(&path))?,
        };
        self.bytes.resize(size, 0);
        let read = file.seek(SeekFrom::Start(segment.range.0)).and_then(|_| file.read_exact(&mut self.bytes));
        read.map_err(Error::file(&path))?;
        self.input = Some((segment.file.clone(), file));
        Ok(())
    }

    /// Whoever finds the file finds all of it.
    fn finish(mut self) -> Result<(), Error> {
        self.output.flush().and_then(|()| self.output.get_ref().sync_all()).map_err(Error::file(&self.partial))?;
        std::fs::rename(&self.partial, &self.path).map_err(Error::file(&self.path))
    }
}

/// Where in a file of manifests those of which segments are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    path: PathBuf,
    /// Where the manifest of each segment begins; the same as the next one's for one that has none. And the file's end.
    offsets: Vec<u32>,
}

impl Index {
    /// Of this file.
    pub(super) fn read(path: PathBuf, rendition: u8) -> Result<Self, Error> {
        let file = File::open(&path).map_err(Error::file(&path))?;
        let length = file.metadata().map_err(Error::file(&path))?.len();
        let mut reader = BufReader::new(file);
        let mut offsets = Vec::new();
        let mut offset = 0;
        while offset < length {
            let wrong = |reason| Error::Manifests { path: path.clone(), offset, reason };
            let mut head = [0; 11];
            match reader.read_exact(&mut head) {
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(wrong("ends within a frame")),
                read => read.map_err(Error::file(&path))?,
            }
            let [s0, s1, s2, s3, kind, version, of, p0, p1, p2, p3] = head;
            let wrong_size = |size: u32| (size as usize) < head.len() - 4 || size as usize > 1 + MAX_MANIFEST_BYTES;
            let size = u32::from_le_bytes([s0, s1, s2, s3]);
            let place = Place(u32::from_le_bytes([p0, p1, p2, p3]));
            if kind != MANIFEST || version != VERSION || of != rendition || place.part() != 0 || wrong_size(size) {
                return Err(wrong("not a manifest of this rendition"));
            }
            if (place.msn() as usize) < offsets.len() {
                return Err(wrong("segments out of order"));
            }
            let start = u32::try_from(offset).map_err(|_| wrong("longer than 4 GiB"))?;
            offsets.resize(place.msn() as usize + 1, start);
            let end = offset + 4 + u64::from(size);
            if end > length {
                return Err(wrong("ends within a frame"));
            }
            offset = end;
            reader.seek_relative(i64::from(size) + 4 - head.len() as i64).map_err(Error::file(&path))?;
        }
        let end = u32::try_from(length).map_err(|_| Error::Manifests { path: path.clone(), offset, reason: "longer than 4 GiB" })?;
        offsets.push(end);
        Ok(Self { path, offsets })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its bytes with the manifests of segments `from` to `from + count - 1`, as far as they have any.
    pub fn span(&self, from: u32, count: u32) -> Range<u64> {
        let last = self.offsets.len() - 1;
        let at = |segment: u32| u64::from(self.offsets[last.min(segment as usize)]);
        at(from)..at(from.saturating_add(count))
    }
}

#[cfg(test)]
mod tests;
