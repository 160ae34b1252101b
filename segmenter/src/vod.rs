//! Video on demand from a [`Recording`], without touching its bytes: playlists of byte ranges into the run files,
//! and their hashes in PeerTube's shape.

use std::collections::BTreeMap;
use std::fmt::Write;

use media::MediaTime;

use crate::journal::{RecordedSegment, Recording};
use crate::multivariant::Variant;
use crate::playlist::{DateTime, Seconds};

/// A segment that can be played: without the absences in it.
struct Playable<'a> {
    segment: &'a RecordedSegment,
    duration: MediaTime,
    /// It does not follow the one before it without a break.
    discontinuity: bool,
}

fn playable(recording: &Recording) -> Vec<Playable<'_>> {
    let mut all: Vec<Playable<'_>> = Vec::new();
    let mut broken = false;
    for segment in &recording.segments {
        let present = segment.parts.iter().filter(|part| !part.gap);
        let duration = present.fold(MediaTime::ZERO, |sum, part| sum + part.duration);
        broken |= segment.discontinuity || segment.parts.first().is_some_and(|part| part.gap);
        if segment.span.length > 0 {
            // Runs that only rotation parted follow one another without a break, but not with one initialisation.
            let discontinuity = broken && !all.is_empty();
            all.push(Playable { segment, duration, discontinuity });
            broken = false;
        }
        broken |= segment.parts.iter().any(|part| part.gap);
    }
    all
}

/// The media playlist; `uri` gives the address of a run file. `None` if nothing was recorded.
pub fn media_playlist(recording: &Recording, uri: impl Fn(u32) -> String) -> Option<String> {
    let all = playable(recording);
    let longest = all.iter().map(|playable| playable.duration).max()?;
    // Section 4.4.3.1: EXTINF, rounded to the nearest integer, is at most the target duration.
    let target = ((longest.as_millis() + 500) / 1000).max(1);
    let mut text =
        format!("#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n");
    let mut run = None;
    for Playable { segment, duration, discontinuity } in &all {
        let (file, offset, length) = (uri(segment.run), segment.span.offset, segment.span.length);
        let at = DateTime(segment.program_date_time);
        // Writing to a `String` cannot fail.
        if *discontinuity {
            text.push_str("#EXT-X-DISCONTINUITY\n");
        }
        if *discontinuity || run != Some(segment.run) {
            let init_length = recording.init(segment.init).map_or(0, |init| init.bytes.len());
            let _ = writeln!(text, "#EXT-X-MAP:URI=\"{file}\",BYTERANGE=\"{init_length}@0\"");
            run = Some(segment.run);
        }
        let _ = writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{at}");
        let _ = writeln!(text, "#EXTINF:{},\n#EXT-X-BYTERANGE:{length}@{offset}\n{file}", Seconds(*duration));
    }
    text.push_str("#EXT-X-ENDLIST\n");
    Some(text)
}

/// The recording as a variant of a multivariant playlist. `None` if nothing was recorded.
pub fn variant(recording: &Recording, uri: &str) -> Option<Variant> {
    let all = playable(recording);
    let target = all.iter().map(|playable| playable.duration).max()?;
    let bits = |bytes: u64, duration: MediaTime| {
        let nanos = duration.as_nanos().max(1).unsigned_abs();
        u64::try_from(u128::from(bytes) * 8_000_000_000 / u128::from(nanos)).unwrap_or(u64::MAX)
    };
    let bytes = all.iter().map(|playable| playable.segment.span.length).sum();
    let duration = all.iter().fold(MediaTime::ZERO, |sum, playable| sum + playable.duration);
    // Section 4.4.6.2: the peak is taken over at least half a target duration.
    let long = all.iter().filter(|playable| playable.duration.as_nanos() * 2 >= target.as_nanos());
    let peak = long.map(|playable| bits(playable.segment.span.length, playable.duration)).max();
    let average = bits(bytes, duration).max(1);
    let mut codecs: Vec<&str> = Vec::new();
    let used = |number| all.iter().any(|playable| playable.segment.init == number);
    let inits: Vec<_> = recording.inits.iter().filter(|init| used(init.number)).collect();
    for codec in inits.iter().flat_map(|init| init.codecs.split(',')) {
        if !codecs.contains(&codec) {
            codecs.push(codec);
        }
    }
    Some(Variant {
        uri: uri.to_owned(),
        bandwidth: peak.unwrap_or(average).max(average),
        average_bandwidth: average,
        codecs: codecs.join(","),
        picture: inits.last().and_then(|init| init.video),
    })
}

/// Hashes by file and byte range (first and last byte), as PeerTube's players read them for VOD:
/// `{"file.mp4": {"1353-364666": "hex"}}`. `uri` as for [`media_playlist`].
pub fn segments_sha256(recordings: &[&Recording], uri: impl Fn(&Recording, u32) -> String) -> String {
    let mut files: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for recording in recordings {
        for Playable { segment, .. } in playable(recording) {
            let (first, length) = (segment.span.offset, segment.span.length);
            let range = format!("{first}-{}", first + length - 1);
            files.entry(uri(recording, segment.run)).or_default().insert(range, hex::encode(segment.sha256));
        }
    }
    // Maps with string keys always serialise.
    serde_json::to_string(&files).unwrap_or_default()
}
