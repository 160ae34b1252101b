//! AOMedia AV1: what the `av1C` record and its sequence header say.

use crate::bits::{Bits, take};

const SEQUENCE_HEADER: u8 = 1;

/// Frame size and, if the timing info has one, frame rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sequence {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) frame_rate: Option<f64>,
}

/// The first sequence header among the record's OBUs (AV1-ISOBMFF section 2.3).
pub(crate) fn config_sequence(config: &[u8]) -> Option<Sequence> {
    if *config.first()? != 0x81 {
        return None;
    }
    let mut rest = config.get(4..)?;
    while !rest.is_empty() {
        // Section 5.3: header, optional extension, optional size.
        let header = take(&mut rest, 1)?[0];
        if header & 4 != 0 {
            take(&mut rest, 1)?;
        }
        let size = if header & 2 != 0 { leb128(&mut rest)? } else { rest.len() };
        let payload = take(&mut rest, size)?;
        if header >> 3 & 15 == SEQUENCE_HEADER {
            return sequence(payload);
        }
    }
    None
}

fn leb128(bytes: &mut &[u8]) -> Option<usize> {
    let mut value = 0_usize;
    for index in 0..4 {
        let byte = take(bytes, 1)?[0];
        value |= usize::from(byte & 127) << (7 * index);
        if byte & 128 == 0 {
            return Some(value);
        }
    }
    None
}

/// AV1 specification section 5.5.1, up to the frame size.
fn sequence(payload: &[u8]) -> Option<Sequence> {
    let mut bits = Bits::new(payload);
    bits.skip(3)?;
    bits.skip(1)?;
    let reduced = bits.flag()?;
    let mut frame_rate = None;
    if reduced {
        bits.skip(5)?;
    } else {
        let mut delay_length = None;
        if bits.flag()? {
            let units_in_tick = bits.bits(32)?;
            let time_scale = bits.bits(32)?;
            // equal_picture_interval: one picture every num_ticks_per_picture ticks.
            if bits.flag()? {
                let ticks = f64::from(uvlc(&mut bits)?) + 1.0;
                frame_rate = crate::track::plausible_rate(f64::from(time_scale) / (f64::from(units_in_tick) * ticks));
            }
            if bits.flag()? {
                delay_length = Some(bits.bits(5)? as usize + 1);
                bits.skip(32 + 10)?;
            }
        }
        let display_delay = bits.flag()?;
        for _ in 0..=bits.bits(5)? {
            bits.skip(12)?;
            if bits.bits(5)? > 7 {
                bits.skip(1)?;
            }
            if let Some(length) = delay_length
                && bits.flag()?
            {
                bits.skip(2 * length + 1)?;
            }
            if display_delay && bits.flag()? {
                bits.skip(4)?;
            }
        }
    }
    let width_bits = bits.bits(4)? as usize + 1;
    let height_bits = bits.bits(4)? as usize + 1;
    Some(Sequence { width: bits.bits(width_bits)? + 1, height: bits.bits(height_bits)? + 1, frame_rate })
}

/// Section 4.10.3.
fn uvlc(bits: &mut Bits<'_>) -> Option<u32> {
    bits.ue()
}

/// AV1-ISOBMFF section 5, without the optional fields.
pub(crate) fn codec_string(config: &[u8]) -> Option<String> {
    let (profile, bits) = (config.get(1)?, config.get(2)?);
    let tier = if bits & 128 == 0 { 'M' } else { 'H' };
    let depth = match (bits & 64 != 0, bits & 32 != 0) {
        (false, _) => 8,
        (true, false) => 10,
        (true, true) => 12,
    };
    Some(format!("av01.{}.{:02}{tier}.{depth:02}", profile >> 5, profile & 31))
}
