/// Reads a byte string bit by bit, the most significant first. Every read past the end is `None`.
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    pub(crate) fn left(&self) -> usize {
        self.bytes.len() * 8 - self.position
    }

    /// The next `count` bits, at most 32.
    pub(crate) fn bits(&mut self, count: usize) -> Option<u32> {
        if count > 32 || count > self.left() {
            return None;
        }
        let mut value = 0_u64;
        for _ in 0..count {
            let byte = self.bytes[self.position / 8];
            value = value << 1 | u64::from(byte >> (7 - self.position % 8) & 1);
            self.position += 1;
        }
        u32::try_from(value).ok()
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        self.bits(1).map(|bit| bit == 1)
    }

    pub(crate) fn skip(&mut self, count: usize) -> Option<()> {
        if count > self.left() {
            return None;
        }
        self.position += count;
        Some(())
    }

    /// ue(v), ITU-T H.264 section 9.1.
    pub(crate) fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1_u32 << zeros) - 1 + self.bits(zeros)?)
    }

    /// se(v), ITU-T H.264 section 9.1.1.
    pub(crate) fn se(&mut self) -> Option<i64> {
        let code = i64::from(self.ue()?);
        Some(if code % 2 == 1 { (code + 1) / 2 } else { -(code / 2) })
    }
}

/// The payload of a NAL unit without its emulation prevention bytes (ITU-T H.264 section 7.4.1).
pub(crate) fn unescape(nal: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(nal.len());
    let mut zeros = 0;
    for &byte in nal {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        payload.push(byte);
    }
    payload
}

/// Splits the first `N` bytes off.
pub(crate) fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (head, tail) = bytes.split_at_checked(count)?;
    *bytes = tail;
    Some(head)
}

/// Splits a 16-bit length and as many bytes off.
pub(crate) fn take_sized<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take(bytes, 2)?;
    take(bytes, usize::from(u16::from_be_bytes([length[0], length[1]])))
}

/// Where `needle` first begins.
pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The number after ` keyint=` in the settings that x264 and x265 write into a user-data SEI
/// message, found by the message's `uuid`. Only the unit's beginning is searched: the message is
/// the first thing in the first keyframe.
pub(crate) fn settings_keyint(data: &[u8], uuid: &[u8; 16]) -> Option<u32> {
    /// Parameter sets may stand before the message, and the settings are about 700 bytes long.
    const SEARCHED: usize = 8192;
    let data = &data[..data.len().min(SEARCHED)];
    let settings = &data[find(data, uuid)? + uuid.len()..];
    let number = &settings[find(settings, b" keyint=")? + 8..];
    let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).take(9);
    let value = digits.fold(0_u32, |value, digit| value * 10 + u32::from(digit - b'0'));
    (value > 0).then_some(value)
}
