//! ITU-T H.264: what the `avcC` record and its sequence parameter set say.

use bytes::Bytes;

use crate::bits::{Bits, settings_keyint, take, take_sized, unescape};

/// The part of a sequence parameter set (ITU-T H.264 section 7.3.2.1.1) that Shoal needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sps {
    /// Picture width in pixels, cropped.
    pub width: u32,
    /// Picture height in pixels, cropped.
    pub height: u32,
    /// Frames per second by the VUI's timing (section E.2.1), if it has one.
    pub frame_rate: Option<f64>,
}

/// The key frame interval in frames that x264 says it was set to, from the settings in its first keyframe `data`;
/// `None` if x264 did not write it or the interval is unbounded.
pub fn x264_keyint(data: &Bytes) -> Option<u32> {
    const UUID: [u8; 16] = [0xdc, 0x45, 0xe9, 0xbd, 0xe6, 0xd9, 0x48, 0xb7, 0x96, 0x2c, 0xd8, 0x20, 0xd9, 0x23, 0xee, 0xef];
    settings_keyint(data, &UUID)
}

/// The first readable sequence parameter set of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15
/// section 5.3.3.1); it may hold several sets.
pub(crate) fn config_sps(config: &[u8]) -> Option<Sps> {
    let mut rest = config;
    let header = take(&mut rest, 6)?;
    if header[0] != 1 {
        return None;
    }
    (0..header[5] & 31).map_while(|_| take_sized(&mut rest)).find_map(sps)
}

/// Parses a sequence parameter set NAL unit (with its one header byte).
pub fn sps(nal: &[u8]) -> Option<Sps> {
    if nal.first()? & 31 != 7 {
        return None;
    }
    let payload = unescape(&nal[1..]);
    let mut bits = Bits::new(&payload);
    let profile = bits.bits(8)?;
    bits.skip(16)?;
    bits.ue()?;
    let mut chroma_format = 1;
    let mut separate_planes = false;
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
        chroma_format = bits.ue()?;
        if chroma_format == 3 {
            separate_planes = bits.flag()?;
        }
        bits.ue()?;
        bits.ue()?;
        bits.skip(1)?;
        if bits.flag()? {
            let lists = if chroma_format == 3 { 12 } else { 8 };
            for list in 0..lists {
                if bits.flag()? {
                    skip_scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.ue()?;
    match bits.ue()? {
        0 => {
            bits.ue()?;
        }
        1 => {
            bits.skip(1)?;
            bits.se()?;
            bits.se()?;
            let cycle = bits.ue()?;
            if cycle > 255 {
                return None;
            }
            for _ in 0..cycle {
                bits.se()?;
            }
        }
        2 => {}
        _ => return None,
    }
    bits.ue()?;
    bits.skip(1)?;
    let width = u64::from(bits.ue()?) * 16 + 16;
    let map_units = u64::from(bits.ue()?) + 1;
    let frame_only = bits.flag()?;
    let fields = if frame_only { 1 } else { 2 };
    let height = map_units * 16 * fields;
    if !frame_only {
        bits.skip(1)?;
    }
    bits.skip(1)?;
    let mut crop = [0_u64; 4];
    if bits.flag()? {
        for side in &mut crop {
            *side = u64::from(bits.ue()?);
        }
    }
    let (unit_x, unit_y) = match (separate_planes, chroma_format) {
        (false, 1) => (2, 2 * fields),
        (false, 2) => (2, fields),
        _ => (1, fields),
    };
    let width = width.checked_sub((crop[0] + crop[1]) * unit_x)?;
    let height = height.checked_sub((crop[2] + crop[3]) * unit_y)?;
    // A damaged VUI costs only the hint that it would give.
    let frame_rate = if bits.flag().unwrap_or(false) { vui_frame_rate(&mut bits) } else { None };
    Some(Sps { width: u32::try_from(width).ok()?, height: u32::try_from(height).ok()?, frame_rate })
}

/// Section 7.3.2.1.1.1.
fn skip_scaling_list(bits: &mut Bits<'_>, size: usize) -> Option<()> {
    let (mut last, mut next) = (8_i64, 8_i64);
    for _ in 0..size {
        if next != 0 {
            next = (last + bits.se()? + 256).rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

/// Section E.1.1, up to the timing.
fn vui_frame_rate(bits: &mut Bits<'_>) -> Option<f64> {
    const EXTENDED_SAR: u32 = 255;
    if bits.flag()? && bits.bits(8)? == EXTENDED_SAR {
        bits.skip(32)?;
    }
    if bits.flag()? {
        bits.skip(1)?;
    }
    if bits.flag()? {
        bits.skip(4)?;
        if bits.flag()? {
            bits.skip(24)?;
        }
    }
    if bits.flag()? {
        bits.ue()?;
        bits.ue()?;
    }
    if !bits.flag()? {
        return None;
    }
    let units_in_tick = bits.bits(32)?;
    let time_scale = bits.bits(32)?;
    crate::track::plausible_rate(f64::from(time_scale) / (2.0 * f64::from(units_in_tick)))
}
