//! Packets of silence, to stand for sound that was lost.
//!
//! A hole in the sound would cost the picture: Chromium takes a step of more than two packets in any track of a
//! buffer as a discontinuity and shows no frame before the next keyframe.

use bytes::Bytes;
use media::{Audio, Codec};

/// A packet of silence for `audio`, and its samples; `None` if its channel layout has none.
pub fn packet(audio: &Audio) -> Option<(Bytes, u32)> {
    match audio.codec {
        Codec::Aac => aac(&audio.config).map(|packet| (packet, audio.samples_per_unit)),
        // Channel mapping family 0: one stream. 20 ms of CELT that codes nothing.
        Codec::Opus if audio.config.get(10) == Some(&0) => Some((Bytes::from_static(&[0xf8, 0xff, 0xfe]), 960)),
        _ => None,
    }
}

/// A raw_data_block (ISO/IEC 14496-3 section 4.4.2.1) whose channels have no scale factor band at all.
fn aac(config: &[u8]) -> Option<Bytes> {
    const SINGLE: u32 = 0;
    const PAIR: u32 = 1;
    const LOW_FREQUENCY: u32 = 3;
    let asc = media::aac::config(config)?;
    let elements: &[u32] = match asc.channels {
        1 => &[SINGLE],
        2 => &[PAIR],
        3 => &[SINGLE, PAIR],
        4 => &[SINGLE, PAIR, SINGLE],
        5 => &[SINGLE, PAIR, PAIR],
        6 => &[SINGLE, PAIR, PAIR, LOW_FREQUENCY],
        _ => return None,
    };
    let mut bits = Bits::default();
    let mut tags = [0; 4];
    for &element in elements {
        bits.put(3, element);
        bits.put(4, tags[element as usize]);
        tags[element as usize] += 1;
        if element == PAIR {
            // common_window, ics_info with max_sfb 0, no mid/side; then two channels.
            bits.put(1, 1);
            bits.put(11, 0);
            bits.put(2, 0);
            bits.put(11, 0);
            bits.put(11, 0);
        } else {
            // global_gain, ics_info, and no pulse, noise shaping or gain control.
            bits.put(8, 0);
            bits.put(11, 0);
            bits.put(3, 0);
        }
    }
    const END: u32 = 7;
    bits.put(3, END);
    Some(bits.bytes.into())
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    fn put(&mut self, count: usize, value: u32) {
        for index in (0..count).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> index & 1) as u8) << (7 - self.used % 8);
            }
            self.used += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stereo_silence_is_a_channel_pair_that_ends() {
        let audio = Audio::parse(Codec::Aac, Bytes::from_static(&[0x11, 0x90])).expect("AAC-LC 48 kHz stereo");
        let (packet, samples) = packet(&audio).expect("stereo");
        assert_eq!(samples, 1024);
        assert_eq!(packet[..], [0x21, 0, 0, 0, 0, 0x1c]);
    }
}
