//! VP9: the `vpcC` record, and the frame size, which only keyframes tell.

use bytes::Bytes;

use crate::bits::Bits;

/// FullBox version 1, no flags: how `vpcC` begins in ISO BMFF.
const FULL_BOX: [u8; 4] = [1, 0, 0, 0];

/// The record with the FullBox header that some publishers leave out.
pub(crate) fn normalize(config: &Bytes) -> Option<Bytes> {
    // Without the header the second byte is the level, which is never 0.
    let record = if config.starts_with(&FULL_BOX) { config.slice(4..) } else { config.clone() };
    if record.len() < 8 || record[0] > 3 {
        return None;
    }
    Some([&FULL_BOX[..], &record].concat().into())
}

/// VP Codec ISO Media File Format Binding, section "Codecs Parameter String".
pub(crate) fn codec_string(config: &[u8]) -> Option<String> {
    let record = config.get(4..7)?;
    Some(format!("vp09.{:02}.{:02}.{:02}", record[0], record[1], record[2] >> 4))
}

/// Width and height by a keyframe's uncompressed header (VP9 specification section 6.2).
pub(crate) fn keyframe_dimensions(frame: &[u8]) -> Option<(u32, u32)> {
    const CS_RGB: u32 = 7;
    let mut bits = Bits::new(frame);
    if bits.bits(2)? != 2 {
        return None;
    }
    let profile = bits.bits(1)? | bits.bits(1)? << 1;
    if profile == 3 {
        bits.skip(1)?;
    }
    let show_existing = bits.flag()?;
    let inter = bits.flag()?;
    bits.skip(2)?;
    if show_existing || inter || bits.bits(24)? != 0x49_83_42 {
        return None;
    }
    if profile >= 2 {
        bits.skip(1)?;
    }
    if bits.bits(3)? == CS_RGB {
        bits.skip(if profile & 1 == 1 { 1 } else { 0 })?;
    } else {
        bits.skip(if profile & 1 == 1 { 4 } else { 1 })?;
    }
    Some((bits.bits(16)? + 1, bits.bits(16)? + 1))
}
