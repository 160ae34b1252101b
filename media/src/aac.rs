//! MPEG-4 AAC: the AudioSpecificConfig (ISO/IEC 14496-3 section 1.6.2.1).

use crate::bits::Bits;

/// What an AudioSpecificConfig says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The audio object type of the core: 2 is AAC-LC.
    pub object_type: u32,
    /// The core's samples per second.
    pub sample_rate: u32,
    /// The core's channels; 0 if a program config element that is not understood says it.
    pub channels: u8,
    /// Samples per frame at `sample_rate`.
    pub samples_per_frame: u32,
    /// Spectral band replication (HE-AAC) is signalled: its samples per second.
    pub extension_rate: Option<u32>,
    /// Parametric stereo (HE-AAC version 2) is signalled.
    pub parametric_stereo: bool,
}

/// The audio object type AAC-LC.
pub const LOW_COMPLEXITY: u32 = 2;
const SBR: u32 = 5;
const PS: u32 = 29;

/// Parses an AudioSpecificConfig: no, explicit hierarchical, or explicit backward compatible extension signalling.
pub fn config(bytes: &[u8]) -> Option<Config> {
    let mut bits = Bits::new(bytes);
    let mut object_type = audio_object_type(&mut bits)?;
    let sample_rate = sampling_frequency(&mut bits)?;
    let configuration = bits.bits(4)?;
    let mut parametric_stereo = object_type == PS;
    let mut extension_rate = None;
    if object_type == SBR || object_type == PS {
        extension_rate = Some(sampling_frequency(&mut bits)?);
        object_type = audio_object_type(&mut bits)?;
    }
    // GASpecificConfig, section 4.4.1.
    let short = bits.flag()?;
    if bits.flag()? {
        bits.skip(14)?;
    }
    let extended = bits.flag()?;
    let channels = match configuration {
        0 => program_channels(&mut bits).unwrap_or(0),
        1..=6 => configuration as u8,
        7 | 12 | 14 => 8,
        11 => 7,
        _ => return None,
    };
    if extended && matches!(object_type, 17 | 19 | 20 | 23) {
        bits.skip(3)?;
    }
    if extended {
        // extensionFlag3
        let _ = bits.skip(1);
    }
    // Backward compatible: after the core's configuration, where old decoders do not look.
    if extension_rate.is_none()
        && bits.left() >= 16
        && bits.bits(11) == Some(0x2b7)
        && audio_object_type(&mut bits) == Some(SBR)
        && bits.flag() == Some(true)
    {
        extension_rate = Some(sampling_frequency(&mut bits)?);
        parametric_stereo = bits.left() >= 12 && bits.bits(11) == Some(0x548) && bits.flag() == Some(true);
    }
    Some(Config {
        object_type,
        sample_rate,
        channels,
        samples_per_frame: if short { 960 } else { 1024 },
        extension_rate,
        parametric_stereo,
    })
}

fn audio_object_type(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.bits(5)? {
        31 => Some(32 + bits.bits(6)?),
        kind => Some(kind),
    }
}

fn sampling_frequency(bits: &mut Bits<'_>) -> Option<u32> {
    const RATES: [u32; 13] = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
    match bits.bits(4)? {
        15 => bits.bits(24).filter(|&rate| (1_000..=192_000).contains(&rate)),
        index => RATES.get(index as usize).copied(),
    }
}

/// program_config_element, section 4.5.2.1, only to count channels.
fn program_channels(bits: &mut Bits<'_>) -> Option<u8> {
    bits.skip(4 + 2 + 4)?;
    let counts = [bits.bits(4)?, bits.bits(4)?, bits.bits(4)?];
    let low_frequency = bits.bits(2)?;
    bits.skip(3 + 4)?;
    for _ in 0..2 {
        if bits.flag()? {
            bits.skip(4)?;
        }
    }
    if bits.flag()? {
        bits.skip(3)?;
    }
    let mut channels = low_frequency;
    for count in counts {
        for _ in 0..count {
            channels += if bits.flag()? { 2 } else { 1 };
            bits.skip(4)?;
        }
    }
    u8::try_from(channels).ok()
}
