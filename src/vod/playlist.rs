//! Reads the playlists of finished videos, as `segmenter::vod` writes them: only what manifests need.

use std::path::Path;

use super::Error;

/// A segment of a media playlist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its file, in the playlist's folder.
    pub file: String,
    /// First byte and length in it.
    pub range: (u64, u64),
    /// Where it begins in the video, in microseconds.
    pub start_us: u64,
    /// How long it is, in microseconds.
    pub duration_us: u64,
}

/// The names of a multivariant playlist's media playlists, without `.m3u8`, in its order.
pub fn renditions(text: &str) -> Vec<String> {
    let uris = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    uris.filter_map(|uri| uri.strip_suffix(".m3u8")).filter(|name| is_name(name)).map(str::to_owned).collect()
}

/// A media playlist's segments; `path` is for errors.
pub fn segments(path: &Path, text: &str) -> Result<Vec<Segment>, Error> {
    let mut segments = Vec::new();
    let mut start_us = 0_u64;
    let (mut duration_us, mut range) = (None, None);
    for (index, line) in text.lines().enumerate() {
        let wrong = |reason| Error::Playlist { path: path.to_owned(), line: index + 1, reason };
        let line = line.trim();
        if let Some(value) = line.strip_prefix("#EXTINF:") {
            duration_us = Some(microseconds(value).ok_or_else(|| wrong("EXTINF is no duration"))?);
        } else if let Some(value) = line.strip_prefix("#EXT-X-BYTERANGE:") {
            range = Some(byte_range(value).ok_or_else(|| wrong("EXT-X-BYTERANGE is not length@offset"))?);
        } else if let Some(value) = line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:") {
            if value != "0" {
                return Err(wrong("segments are not counted from 0"));
            }
        } else if !line.is_empty() && !line.starts_with('#') {
            let duration_us = duration_us.take().ok_or_else(|| wrong("a segment without EXTINF"))?;
            let range = range.take().ok_or_else(|| wrong("a segment without EXT-X-BYTERANGE"))?;
            if !is_name(line) {
                return Err(wrong("a segment that is no file beside the playlist"));
            }
            segments.push(Segment { file: line.to_owned(), range, start_us, duration_us });
            start_us = start_us.saturating_add(duration_us);
        }
    }
    Ok(segments)
}

/// A plain name: it leads nowhere else.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn microseconds(value: &str) -> Option<u64> {
    /// A day: no segment is longer, and sums stay exact.
    const MAX_S: f64 = 86_400.0;
    let seconds: f64 = value.split(',').next()?.parse().ok()?;
    (0.0..=MAX_S).contains(&seconds).then(|| (seconds * 1e6).round() as u64)
}

fn byte_range(value: &str) -> Option<(u64, u64)> {
    let (length, offset) = value.split_once('@')?;
    let (length, offset) = (length.parse::<u64>().ok()?, offset.parse::<u64>().ok()?);
    offset.checked_add(length).map(|_| (offset, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEDIA: &str = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n\
        #EXT-X-MAP:URI=\"ab-source-0.mp4\",BYTERANGE=\"800@0\"\n#EXT-X-PROGRAM-DATE-TIME:2026-11-23T12:00:00.000Z\n\
        #EXTINF:2.000000333,\n#EXT-X-BYTERANGE:1000@800\nab-source-0.mp4\n\
        #EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"ab-source-1.mp4\",BYTERANGE=\"700@0\"\n\
        #EXTINF:1.960,\n#EXT-X-BYTERANGE:500@700\nab-source-1.mp4\n#EXT-X-ENDLIST\n";

    #[test]
    fn reads_what_is_written() {
        let segment = |file: &str, range, start_us, duration_us| Segment { file: file.to_owned(), range, start_us, duration_us };
        assert_eq!(
            segments(Path::new("x"), MEDIA).expect("is ours"),
            [segment("ab-source-0.mp4", (800, 1000), 0, 2_000_000), segment("ab-source-1.mp4", (700, 500), 2_000_000, 1_960_000)]
        );
        let master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nab-source.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1\nab-audio.m3u8\n";
        assert_eq!(renditions(master), ["ab-source", "ab-audio"]);
    }

    #[test]
    fn anything_else_is_refused_by_its_line() {
        for (from, to, line) in [
            ("SEQUENCE:0", "SEQUENCE:7", 4),
            ("#EXTINF:1.960,\n", "", 14),
            ("#EXTINF:1.960", "#EXTINF:-1", 13),
            ("#EXTINF:1.960", "#EXTINF:NaN", 13),
            ("500@700", "500", 14),
            ("500@700", "500@18446744073709551615", 14),
            ("#EXT-X-BYTERANGE:500@700\n", "", 14),
            ("\nab-source-1.mp4", "\n../secret.mp4", 15),
            ("\nab-source-1.mp4", "\nhttps://elsewhere.example/a.mp4", 15),
        ] {
            let error = segments(Path::new("x.m3u8"), &MEDIA.replace(from, to)).expect_err(to).to_string();
            assert!(error.starts_with(&format!("x.m3u8: line {line}: ")), "{to}: {error}");
        }
        assert_eq!(renditions("../up.m3u8\nhttp://x/y.m3u8\nplain.txt\n.m3u8\n"), Vec::<String>::new());
    }
}
