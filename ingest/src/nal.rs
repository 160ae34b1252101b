//! Length-prefixed NAL units (ISO/IEC 14496-15, section 4.3.3).

use bytes::Bytes;
use media::Codec;

/// NAL units of one frame that are looked at; more is a frame made to cost time.
const MAX_UNITS: usize = 4096;

/// The number of bytes before each NAL unit, and the offset of the byte that says so, in `avcC` or `hvcC`.
pub fn length_size(codec: Codec, config: &[u8]) -> Option<usize> {
    let byte = *config.get(length_size_offset(codec)?)?;
    Some(usize::from(byte & 3) + 1)
}

fn length_size_offset(codec: Codec) -> Option<usize> {
    match codec {
        Codec::H264 => Some(4),
        Codec::H265 => Some(21),
        _ => None,
    }
}

/// `config` announcing lengths of four bytes.
pub fn with_long_lengths(codec: Codec, config: &Bytes) -> Bytes {
    match length_size_offset(codec).and_then(|offset| Some((offset, *config.get(offset)?))) {
        Some((offset, byte)) if byte & 3 != 3 => {
            let mut config = config.to_vec();
            config[offset] = byte | 3;
            config.into()
        }
        _ => config.clone(),
    }
}

/// A frame with four-byte lengths, and whether decoding can start at it; `None` if the lengths contradict the size, or
/// nothing is in it.
///
/// Decoding starts at an IDR picture (H.264) or an IRAP picture (H.265). An intra frame that only announces a recovery
/// point is not such a frame, whatever the container says: browsers refuse to start there.
pub fn check(codec: Codec, data: Bytes, length_size: usize) -> Option<(Bytes, bool)> {
    let mut keyframe = false;
    let mut rest = &data[..];
    let mut as_is = length_size == 4;
    for _ in 0..MAX_UNITS {
        if rest.len() < length_size {
            break;
        }
        let (length, after) = rest.split_at(length_size);
        let length = length.iter().fold(0_usize, |value, &byte| value << 8 | usize::from(byte));
        let (unit, after) = after.split_at_checked(length)?;
        match unit.first() {
            Some(&header) => keyframe |= starts_decoding(codec, header),
            // An empty unit breaks decoders; encoders write it by mistake.
            None => as_is = false,
        }
        rest = after;
    }
    if as_is && rest.is_empty() {
        return (!data.is_empty()).then_some((data, keyframe));
    }
    if rest.len() >= length_size {
        return None;
    }
    rebuild(&data, length_size).map(|data| (data, keyframe))
}

/// The same units with four-byte lengths, without empty ones and without what is left over at the end.
fn rebuild(data: &[u8], length_size: usize) -> Option<Bytes> {
    let mut out = Vec::with_capacity(data.len() + 64);
    let mut rest = data;
    while rest.len() >= length_size {
        let (length, after) = rest.split_at(length_size);
        let length = length.iter().fold(0_usize, |value, &byte| value << 8 | usize::from(byte));
        let (unit, after) = after.split_at_checked(length)?;
        if !unit.is_empty() {
            out.extend_from_slice(&u32::try_from(length).ok()?.to_be_bytes());
            out.extend_from_slice(unit);
        }
        rest = after;
    }
    (!out.is_empty()).then(|| out.into())
}

fn starts_decoding(codec: Codec, header: u8) -> bool {
    match codec {
        Codec::H264 => header & 0x1F == 5,
        Codec::H265 => (16..=21).contains(&(header >> 1 & 0x3F)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn h264(data: &[u8], length_size: usize) -> Option<(Vec<u8>, bool)> {
        check(Codec::H264, Bytes::copy_from_slice(data), length_size).map(|(data, keyframe)| (data.to_vec(), keyframe))
    }

    #[test]
    fn leaves_a_sound_frame_where_it_is() {
        let data = Bytes::from_static(&[0, 0, 0, 2, 0x06, 1, 0, 0, 0, 1, 0x65]);
        let (out, keyframe) = check(Codec::H264, data.clone(), 4).expect("sound");
        assert!(keyframe);
        assert_eq!(out.as_ptr(), data.as_ptr());
        assert_eq!(h264(&[0, 0, 0, 1, 0x41], 4), Some((vec![0, 0, 0, 1, 0x41], false)));
    }

    #[test]
    fn widens_short_lengths() {
        assert_eq!(h264(&[0, 1, 0x41, 0, 2, 0x65, 7], 2), Some((vec![0, 0, 0, 1, 0x41, 0, 0, 0, 2, 0x65, 7], true)));
        assert_eq!(h264(&[1, 0x41], 1), Some((vec![0, 0, 0, 1, 0x41], false)));
    }

    #[test]
    fn leaves_out_empty_units_and_crumbs() {
        assert_eq!(h264(&[0, 0, 0, 0, 0, 0, 0, 1, 0x41, 0, 0], 4), Some((vec![0, 0, 0, 1, 0x41], false)));
        assert_eq!(h264(&[0, 0, 0, 0], 4), None);
        assert_eq!(h264(&[], 4), None);
    }

    #[test]
    fn drops_frames_whose_lengths_lie() {
        assert_eq!(h264(&[0, 0, 0, 9, 0x65], 4), None);
        assert_eq!(h264(&[255, 255, 255, 255, 0x65], 4), None);
        assert_eq!(h264(&[0, 0, 0, 1, 0x65].repeat(MAX_UNITS + 1), 4), None);
    }

    #[test]
    fn knows_where_hevc_decoding_starts() {
        let starts = |kind: u8| check(Codec::H265, Bytes::from(vec![0, 0, 0, 2, kind << 1, 1]), 4).expect("sound").1;
        assert!(starts(19) && starts(21) && !starts(1) && !starts(32));
    }

    #[test]
    fn rewrites_the_length_size() {
        let config = Bytes::from_static(&[1, 0x64, 0, 0x1F, 0xFD, 0xE1]);
        assert_eq!(length_size(Codec::H264, &config), Some(2));
        assert_eq!(with_long_lengths(Codec::H264, &config)[..], [1, 0x64, 0, 0x1F, 0xFF, 0xE1]);
        assert_eq!(length_size(Codec::Av1, &config), None);
        assert_eq!(length_size(Codec::H265, &config), None);
    }
}
