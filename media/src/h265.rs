//! ITU-T H.265: what the `hvcC` record and its parameter sets say.

use std::fmt::Write as _;

use bytes::Bytes;

use crate::bits::{Bits, settings_keyint, take, take_sized, unescape};

/// The key frame interval in frames that x265 says it was set to, from the settings in its first keyframe `data`.
pub fn x265_keyint(data: &Bytes) -> Option<u32> {
    const UUID: [u8; 16] = [0x2c, 0xa2, 0xde, 0x09, 0xb5, 0x17, 0x47, 0xdb, 0xbb, 0x55, 0xa4, 0xfe, 0x7f, 0xc2, 0xfc, 0x4e];
    settings_keyint(data, &UUID)
}

const VPS: u8 = 32;
const SPS: u8 = 33;

/// The NAL units in an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 8.3.3.1) of type `kind`.
fn parameter_sets(config: &[u8], kind: u8) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut rest = config;
    let Some(header) = take(&mut rest, 23) else { return found };
    for _ in 0..header[22] {
        let Some(array) = take(&mut rest, 3) else { return found };
        for _ in 0..u16::from_be_bytes([array[1], array[2]]) {
            let Some(nal) = take_sized(&mut rest) else { return found };
            if nal.len() > 2 && nal[0] >> 1 & 63 == kind {
                found.push(nal);
            }
        }
    }
    found
}

/// Width and height, cropped, of the record's first readable sequence parameter set.
pub(crate) fn config_dimensions(config: &[u8]) -> Option<(u32, u32)> {
    if *config.first()? != 1 {
        return None;
    }
    parameter_sets(config, SPS).into_iter().find_map(sps_dimensions)
}

/// ITU-T H.265 section 7.3.2.2.1, up to the conformance window.
fn sps_dimensions(nal: &[u8]) -> Option<(u32, u32)> {
    let payload = unescape(&nal[2..]);
    let mut bits = Bits::new(&payload);
    bits.skip(4)?;
    let sub_layers = bits.bits(3)?;
    bits.skip(1)?;
    skip_profile_tier_level(&mut bits, sub_layers)?;
    bits.ue()?;
    let chroma_format = bits.ue()?;
    let separate_planes = chroma_format == 3 && bits.flag()?;
    let width = u64::from(bits.ue()?);
    let height = u64::from(bits.ue()?);
    let mut crop = [0_u64; 4];
    if bits.flag()? {
        for side in &mut crop {
            *side = u64::from(bits.ue()?);
        }
    }
    let (unit_x, unit_y) = match (separate_planes, chroma_format) {
        (false, 1) => (2, 2),
        (false, 2) => (2, 1),
        _ => (1, 1),
    };
    let width = width.checked_sub((crop[0] + crop[1]) * unit_x)?;
    let height = height.checked_sub((crop[2] + crop[3]) * unit_y)?;
    Some((u32::try_from(width).ok()?, u32::try_from(height).ok()?))
}

/// Section 7.3.3 with profilePresentFlag set.
fn skip_profile_tier_level(bits: &mut Bits<'_>, sub_layers: u32) -> Option<()> {
    bits.skip(88 + 8)?;
    let mut present = Vec::with_capacity(8);
    for _ in 0..sub_layers {
        present.push((bits.flag()?, bits.flag()?));
    }
    if sub_layers > 0 {
        bits.skip(2 * (8 - sub_layers as usize))?;
    }
    for (profile, level) in present {
        bits.skip(if profile { 88 } else { 0 } + if level { 8 } else { 0 })?;
    }
    Some(())
}

/// The record's avgFrameRate, else the video parameter set's timing.
pub(crate) fn config_frame_rate(config: &[u8]) -> Option<f64> {
    let average = u16::from_be_bytes([*config.get(19)?, *config.get(20)?]);
    crate::track::plausible_rate(f64::from(average) / 256.0).or_else(|| parameter_sets(config, VPS).into_iter().find_map(vps_frame_rate))
}

/// Section 7.3.2.1, up to the timing.
fn vps_frame_rate(nal: &[u8]) -> Option<f64> {
    const LAYER_SETS: u32 = 1024;
    let payload = unescape(&nal[2..]);
    let mut bits = Bits::new(&payload);
    bits.skip(12)?;
    let sub_layers = bits.bits(3)?;
    bits.skip(17)?;
    skip_profile_tier_level(&mut bits, sub_layers)?;
    let all = bits.flag()?;
    for _ in if all { 0 } else { sub_layers }..=sub_layers {
        bits.ue()?;
        bits.ue()?;
        bits.ue()?;
    }
    let max_layer = bits.bits(6)? as usize;
    let layer_sets = bits.ue()?;
    if layer_sets >= LAYER_SETS {
        return None;
    }
    bits.skip(layer_sets as usize * (max_layer + 1))?;
    if !bits.flag()? {
        return None;
    }
    let units_in_tick = bits.bits(32)?;
    let time_scale = bits.bits(32)?;
    crate::track::plausible_rate(f64::from(time_scale) / f64::from(units_in_tick))
}

/// ISO/IEC 14496-15 annex E.3.
pub(crate) fn codec_string(config: &[u8]) -> Option<String> {
    let profile = config.get(1..13)?;
    let space = ["", "A", "B", "C"][usize::from(profile[0] >> 6)];
    let compatibility = u32::from_be_bytes([profile[1], profile[2], profile[3], profile[4]]).reverse_bits();
    let tier = if profile[0] & 32 == 0 { 'L' } else { 'H' };
    let mut text = format!("hvc1.{space}{}.{compatibility:X}.{tier}{}", profile[0] & 31, profile[11]);
    let constraints = &profile[5..11];
    let used = constraints.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    for byte in &constraints[..used] {
        // Writing to a string cannot fail.
        let _ = write!(text, ".{byte:X}");
    }
    Some(text)
}
