//! Lines of the journal: `{crc32 of the JSON, 8 hex digits} {JSON}\n`.

use flate2::Crc;
use serde::{Deserialize, Serialize};

/// No honest line is longer; keeps a damaged file from being read as one huge line.
const MAX_LINE: usize = 64 << 10;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Line {
    /// First line.
    #[serde(rename = "recording")]
    Header { version: u32, prefix: String, rendition: String },
    #[serde(rename = "started")]
    Started { target_duration: u32, part_target_ns: i64 },
    /// Segments before the next were dropped, and this many EXT-X-DISCONTINUITY with them.
    #[serde(rename = "dropped")]
    Dropped { discontinuities: u64 },
    /// A run file begins, with an initialisation section of this length.
    #[serde(rename = "run")]
    Run { run: u32, init_length: u64 },
    /// The run's initialisation section is this one from the next part on.
    #[serde(rename = "init")]
    Init(InitLine),
    #[serde(rename = "p")]
    Part(PartLine),
    /// The segment of the parts before is complete.
    #[serde(rename = "end")]
    End { msn: u64, sha256: String },
    /// The broadcast ended; nothing follows.
    #[serde(rename = "finished")]
    Finished,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct InitLine {
    pub number: u32,
    pub codecs: String,
    pub video: Option<(u32, u32, Option<f64>)>,
    pub audio: Option<(u32, u8)>,
    pub discontinuity: bool,
}

/// As an array, since there are ten of them a second: msn, number, offset in the run file, length, start in ns,
/// duration in ns, 1 if independent plus 2 if absent, Unix time in ms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PartLine(pub u64, pub u64, pub u64, pub u64, pub i64, pub i64, pub u8, pub i64);

pub(super) const INDEPENDENT: u8 = 1;
pub(super) const GAP: u8 = 2;

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

impl Line {
    pub(super) fn encode(&self, into: &mut Vec<u8>) {
        // Only maps with odd keys and failing writers make this fail; there are neither.
        let json = serde_json::to_vec(self).unwrap_or_default();
        into.extend_from_slice(format!("{:08x} ", crc32(&json)).as_bytes());
        into.extend_from_slice(&json);
        into.push(b'\n');
    }

    /// The first line of `bytes` and its length with the line feed; `None` unless it is whole and true.
    pub(super) fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let end = bytes.iter().take(MAX_LINE).position(|&byte| byte == b'\n')?;
        let (crc, json) = bytes[..end].split_at_checked(8)?;
        let json = json.strip_prefix(b" ")?;
        let crc = u32::from_str_radix(std::str::from_utf8(crc).ok()?, 16).ok()?;
        let line = (crc == crc32(json)).then(|| serde_json::from_slice(json).ok())??;
        Some((line, end + 1))
    }
}
