//! A reader of fragmented MP4 (ISO 14496-12), as much as the rules need.

use std::collections::BTreeMap;

/// Why bytes are not what they should be.
pub type Error = String;
type Result<T> = std::result::Result<T, Error>;

/// A Media Initialization Section.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Init {
    /// Its tracks by id.
    pub tracks: BTreeMap<u32, Track>,
}

/// A track of an initialization section.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Track {
    /// Units per second.
    pub timescale: u32,
    /// Whether it holds pictures.
    pub video: bool,
    /// RFC 6381 codec string, or its beginning where only that can be told.
    pub codec: String,
    /// Width and height of the sample entry, for pictures.
    pub size: Option<(u64, u64)>,
    default_duration: u32,
    default_size: u32,
    default_flags: u32,
}

/// What one part or segment holds of one track.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Run {
    /// Decode time of its first sample, in the track's timescale.
    pub decode_time: u64,
    /// Sum of the sample durations.
    pub duration: u64,
    /// Number of samples.
    pub samples: u64,
    /// Any sample is a sync sample.
    pub sync: bool,
    /// The first sample is a sync sample.
    pub starts_with_sync: bool,
}

/// The media of a part or a segment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Media {
    /// By track id.
    pub runs: BTreeMap<u32, Run>,
    /// Number of movie fragments.
    pub fragments: u64,
}

/// `sample_is_non_sync_sample` of the sample flags (8.8.3.1).
const NON_SYNC: u32 = 0x0001_0000;

/// The boxes of some bytes, and where those begin in the file.
struct Boxes<'a>(&'a [u8], usize);

/// A box: its type, its content and where it starts in the file.
type Found<'a> = ([u8; 4], &'a [u8], usize);

impl<'a> Boxes<'a> {
    fn next(&mut self) -> Result<Option<Found<'a>>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let start = self.1;
        let mut fields = Fields(self.0);
        let size = fields.u32()?;
        let kind: [u8; 4] = fields.array()?;
        let (size, head) = match size {
            1 => (usize::try_from(fields.u64()?).map_err(|_| "box too large")?, 16),
            0 => (self.0.len(), 8),
            n => (n as usize, 8),
        };
        if size < head || size > self.0.len() {
            return Err(format!("box {} of {size} bytes, {} are left", kind.escape_ascii(), self.0.len()));
        }
        let content = &self.0[head..size];
        self.0 = &self.0[size..];
        self.1 += size;
        Ok(Some((kind, content, start)))
    }
}

fn child<'a>(content: &'a [u8], kind: &[u8; 4]) -> Result<&'a [u8]> {
    let mut boxes = Boxes(content, 0);
    while let Some((found, content, _)) = boxes.next()? {
        if found == *kind {
            return Ok(content);
        }
    }
    Err(format!("no box {}", kind.escape_ascii()))
}

/// Big-endian fields, one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        if self.0.len() < count {
            return Err("a box ends in the middle of a field".into());
        }
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| "a field of the wrong size".to_owned())
    }

    fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// Version and flags of a full box.
    fn full(&mut self) -> Result<(u8, u32)> {
        let word = self.u32()?;
        Ok(((word >> 24) as u8, word & 0x00ff_ffff))
    }
}

impl Init {
    /// Reads an initialization section.
    ///
    /// # Errors
    /// In words, what is not as it should be.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let mut init = Self::default();
        child(bytes, b"ftyp")?;
        let movie = child(bytes, b"moov")?;
        let mut boxes = Boxes(movie, 0);
        while let Some((kind, content, _)) = boxes.next()? {
            if kind == *b"trak" {
                let (id, track) = track(content)?;
                if init.tracks.insert(id, track).is_some() {
                    return Err(format!("two tracks {id}"));
                }
            }
        }
        let mut extends = Boxes(child(movie, b"mvex")?, 0);
        while let Some((kind, content, _)) = extends.next()? {
            if kind == *b"trex" {
                let mut fields = Fields(content);
                fields.full()?;
                let id = fields.u32()?;
                let track = init.tracks.get_mut(&id).ok_or_else(|| format!("trex of unknown track {id}"))?;
                fields.u32()?;
                track.default_duration = fields.u32()?;
                track.default_size = fields.u32()?;
                track.default_flags = fields.u32()?;
            }
        }
        if init.tracks.is_empty() {
            return Err("no track".into());
        }
        Ok(init)
    }

    /// Reads a part or a segment against this section.
    ///
    /// # Errors
    /// In words, what is not as it should be.
    pub fn media(&self, bytes: &[u8]) -> Result<Media> {
        let mut media = Media::default();
        let mut boxes = Boxes(bytes, 0);
        // Bytes claimed by runs, to be found inside the next mdat.
        let mut claims: Vec<(usize, usize)> = Vec::new();
        while let Some((kind, content, start)) = boxes.next()? {
            match &kind {
                b"moof" => {
                    if !claims.is_empty() {
                        return Err("a moof without mdat".into());
                    }
                    media.fragments += 1;
                    let mut tracks = Boxes(content, 0);
                    while let Some((kind, content, _)) = tracks.next()? {
                        if kind == *b"traf" {
                            self.fragment(content, start, &mut media, &mut claims)?;
                        }
                    }
                }
                b"mdat" => {
                    let first = boxes.1 - content.len();
                    for (from, to) in claims.drain(..) {
                        if from < first || to > boxes.1 {
                            return Err(format!("samples at {from}..{to}, mdat is {first}..{}", boxes.1));
                        }
                    }
                }
                b"styp" | b"prft" | b"sidx" | b"emsg" | b"free" => {}
                other => return Err(format!("box {} among fragments", other.escape_ascii())),
            }
        }
        if media.fragments == 0 {
            return Err("no movie fragment".into());
        }
        if !claims.is_empty() {
            return Err("the last moof has no mdat".into());
        }
        Ok(media)
    }

    fn fragment(&self, content: &[u8], moof: usize, media: &mut Media, claims: &mut Vec<(usize, usize)>) -> Result<()> {
        let mut fields = Fields(child(content, b"tfhd")?);
        let (_, flags) = fields.full()?;
        let id = fields.u32()?;
        let track = self.tracks.get(&id).ok_or_else(|| format!("fragment of track {id}, which the map lacks"))?;
        let base = if flags & 0x1 != 0 { usize::try_from(fields.u64()?).map_err(|_| "base data offset too large")? } else { moof };
        if flags & 0x2 != 0 {
            fields.u32()?;
        }
        let mut default = |bit: u32, otherwise: u32| {
            if flags & bit != 0 { fields.u32() } else { Ok(otherwise) }
        };
        let default_duration = default(0x8, track.default_duration)?;
        let default_size = default(0x10, track.default_size)?;
        let default_flags = default(0x20, track.default_flags)?;
        let mut fields = Fields(child(content, b"tfdt")?);
        let (version, _) = fields.full()?;
        let decode_time = match version {
            0 => u64::from(fields.u32()?),
            _ => fields.u64()?,
        };
        let mut samples = Vec::new();
        let mut boxes = Boxes(content, 0);
        while let Some((kind, content, _)) = boxes.next()? {
            if kind != *b"trun" {
                continue;
            }
            let mut fields = Fields(content);
            let (_, flags) = fields.full()?;
            let count = fields.u32()?;
            let offset = match flags & 0x1 {
                0 => 0,
                _ => fields.u32()? as i32,
            };
            let first_flags = match flags & 0x4 {
                0 => None,
                _ => Some(fields.u32()?),
            };
            let from = usize::try_from(base as i64 + i64::from(offset)).map_err(|_| "data offset before the file")?;
            let mut bytes = 0_usize;
            for index in 0..count {
                let mut field = |bit: u32, otherwise: u32| {
                    if flags & bit != 0 { fields.u32() } else { Ok(otherwise) }
                };
                let duration = field(0x100, default_duration)?;
                bytes += field(0x200, default_size)? as usize;
                let mut sample_flags = field(0x400, default_flags)?;
                field(0x800, 0)?;
                if let (0, Some(first)) = (index, first_flags) {
                    sample_flags = first;
                }
                if duration == 0 {
                    return Err(format!("sample {index} of track {id} has no duration"));
                }
                samples.push((duration, sample_flags & NON_SYNC == 0));
            }
            claims.push((from, from + bytes));
        }
        if samples.is_empty() {
            return Ok(());
        }
        let duration: u64 = samples.iter().map(|sample| u64::from(sample.0)).sum();
        let sync = samples.iter().any(|sample| sample.1);
        let starts_with_sync = samples[0].1;
        match media.runs.entry(id) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(Run { decode_time, duration, samples: samples.len() as u64, sync, starts_with_sync });
            }
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                let run = entry.get_mut();
                let end = run.decode_time + run.duration;
                if decode_time < run.decode_time {
                    return Err(format!("track {id} goes back from {end} to {decode_time}"));
                }
                // The distance between fragments decides, not what the first one thought it was.
                run.duration = decode_time - run.decode_time + duration;
                run.samples += samples.len() as u64;
                run.sync |= sync;
            }
        }
        Ok(())
    }
}

fn track(content: &[u8]) -> Result<(u32, Track)> {
    let mut fields = Fields(child(content, b"tkhd")?);
    let (version, _) = fields.full()?;
    fields.take(if version == 1 { 16 } else { 8 })?;
    let id = fields.u32()?;
    let media = child(content, b"mdia")?;
    let mut fields = Fields(child(media, b"mdhd")?);
    let (version, _) = fields.full()?;
    fields.take(if version == 1 { 16 } else { 8 })?;
    let timescale = fields.u32()?;
    if timescale == 0 {
        return Err(format!("track {id} has a timescale of 0"));
    }
    let mut fields = Fields(child(media, b"hdlr")?);
    fields.take(8)?;
    let handler: [u8; 4] = fields.array()?;
    let table = child(child(media, b"minf")?, b"stbl")?;
    let descriptions = child(table, b"stsd")?;
    let mut boxes = Boxes(descriptions.get(8..).ok_or("stsd too short")?, 0);
    let (kind, entry, _) = boxes.next()?.ok_or("no sample entry")?;
    let mut track = Track { timescale, video: handler == *b"vide", ..Track::default() };
    if track.video {
        let mut fields = Fields(entry);
        fields.take(24)?;
        track.size = Some((u64::from(fields.u16()?), u64::from(fields.u16()?)));
    }
    track.codec = codec(kind, entry)?;
    Ok((id, track))
}

/// The RFC 6381 string of a sample entry; for codecs with long ones, its first element.
fn codec(kind: [u8; 4], entry: &[u8]) -> Result<String> {
    Ok(match &kind {
        b"avc1" | b"avc3" => {
            let config = child(entry.get(78..).ok_or("sample entry too short")?, b"avcC")?;
            let profile = config.get(1..4).ok_or("avcC too short")?;
            format!("{}.{}", kind.escape_ascii(), hex::encode(profile))
        }
        b"mp4a" => {
            let stream = child(entry.get(28..).ok_or("sample entry too short")?, b"esds")?;
            let config = audio_specific_config(stream.get(4..).ok_or("esds too short")?).ok_or("esds without AudioSpecificConfig")?;
            let first = u16::from_be_bytes([config[0], *config.get(1).unwrap_or(&0)]);
            let object = match first >> 11 {
                31 => 32 + (first >> 5 & 0x3f),
                object => object,
            };
            format!("mp4a.40.{object}")
        }
        b"Opus" => "opus".into(),
        b"fLaC" => "flac".into(),
        other => other.escape_ascii().to_string(),
    })
}

/// Finds the AudioSpecificConfig among the nested descriptors (14496-1, 7.2.6).
fn audio_specific_config(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        let (&tag, rest) = bytes.split_first()?;
        let mut length = 0_usize;
        let mut rest = rest;
        loop {
            let (&byte, after) = rest.split_first()?;
            rest = after;
            length = length << 7 | usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                break;
            }
        }
        bytes = match tag {
            // ES_Descriptor: id and flags, then nested descriptors (no optional fields in MP4).
            0x03 => rest.get(3..)?,
            // DecoderConfigDescriptor: 13 bytes, then nested descriptors.
            0x04 => rest.get(13..)?,
            0x05 => return rest.get(..length).filter(|config| !config.is_empty()),
            _ => rest.get(length..)?,
        };
    }
}
