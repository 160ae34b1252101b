//! Opus: the `dOps` record and the length of a packet.

use bytes::Bytes;

/// Opus always decodes at this rate; so its tracks have this timescale.
pub const SAMPLE_RATE: u32 = 48_000;

/// The `dOps` payload (Opus in ISOBMFF section 4.3.2) of an OpusHead packet (RFC 7845 section 5.1) or of itself.
pub(crate) fn normalize(config: &Bytes) -> Option<Bytes> {
    let Some(head) = config.strip_prefix(b"OpusHead") else {
        let valid = config.len() >= 11 && config[0] == 0 && config[1] > 0 && mapping_fits(&config[1..], config[10]);
        return valid.then(|| config.clone());
    };
    // The major version is in the upper four bits; the fields are little-endian there, big-endian here.
    if head.len() < 11 || head[0] >> 4 != 0 || head[1] == 0 || !mapping_fits(&head[1..], head[10]) {
        return None;
    }
    let mut record = vec![0, head[1], head[3], head[2], head[7], head[6], head[5], head[4], head[9], head[8], head[10]];
    if head[10] != 0 {
        record.extend_from_slice(&head[11..13 + usize::from(head[1])]);
    }
    Some(record.into())
}

/// Whether the channel mapping table that `family` asks for is there; `rest` begins with the channel count.
fn mapping_fits(rest: &[u8], family: u8) -> bool {
    if family == 0 { rest[0] <= 2 } else { rest.len() >= 12 + usize::from(rest[0]) }
}

/// The samples at 48 kHz in `packet` (RFC 6716 section 3.1).
pub fn packet_samples(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let configuration = toc >> 3;
    let frame = match configuration {
        0..=11 => [480, 960, 1920, 2880][usize::from(configuration & 3)],
        12..=15 => [480, 960][usize::from(configuration & 1)],
        _ => [120, 240, 480, 960][usize::from(configuration & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 63),
    };
    let samples = frame * frames;
    // At most 120 ms (section 3.2.5).
    (1..=5760).contains(&samples).then_some(samples)
}
