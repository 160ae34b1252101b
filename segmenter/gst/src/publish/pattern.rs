//! The test pattern's pictures and sound: painted, not filmed. No GStreamer here.

use crate::stamp::{self, Layout};

/// A 4:2:0 picture's planes in one buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planes {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Bytes between the rows of each plane.
    pub(super) strides: [usize; 3],
    /// Where each plane begins.
    pub(super) offsets: [usize; 3],
    pub(super) size: usize,
}

/// Seven-segment digits: bits 0-6 are a (top), b, c, d (bottom), e, f, g (middle).
const SEGMENTS: [u8; 10] = [0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f];

/// 75 % colour bars in BT.601 (Y, U, V): grey, yellow, cyan, green, magenta, red, blue.
const BARS: [[u8; 3]; 7] = [[180, 128, 128], [162, 44, 142], [131, 156, 44], [112, 72, 58], [84, 184, 198], [65, 100, 212], [35, 212, 114]];

/// Paints a still background with a clock, a moving block, a scrolling texture and the timestamp over it.
pub(super) struct Painter {
    planes: Planes,
    stamp: Layout,
    background: Vec<u8>,
    /// One row of texture per row of its band, twice as wide as the picture.
    texture: Vec<u8>,
    noise: u32,
}

impl Painter {
    /// `None` if the picture is too small for a stamp.
    pub(super) fn new(planes: Planes) -> Option<Self> {
        let stamp = Layout::new(planes.width, planes.height)?;
        let mut painter = Self { planes, stamp, background: vec![128; planes.size], texture: Vec::new(), noise: 0x2545_f491 };
        for (plane, value) in [(0, 16), (1, 128), (2, 128)] {
            painter.background[planes.offsets[plane]..].fill(value);
        }
        for (index, bar) in BARS.iter().enumerate() {
            let (left, right) = (planes.width * index / BARS.len(), planes.width * (index + 1) / BARS.len());
            for (plane, &value) in bar.iter().enumerate() {
                let shift = usize::from(plane > 0);
                let (top, bottom) = (stamp.height() >> shift, planes.height >> shift);
                fill(&mut painter.background, &planes, plane, left >> shift..right >> shift, top..bottom, value);
            }
        }
        let band = painter.texture_band();
        let mut row = vec![0u8; planes.width * 2];
        for _ in band {
            let mut value = 128i32;
            for pixel in row.iter_mut() {
                // A random walk: grain that a coder has to work for, without being white noise.
                value = (value + painter.random(41) - 20).clamp(40, 220);
                *pixel = u8::try_from(value).unwrap_or(128);
            }
            painter.texture.extend_from_slice(&row);
        }
        Some(painter)
    }

    /// Paints picture `index` into `frame`, as it is at `unix_millis`; the clock shows that moved by `utc_offset_secs`.
    pub(super) fn paint(&mut self, frame: &mut [u8], index: u64, unix_millis: i64, utc_offset_secs: i64) {
        let Some(frame) = frame.get_mut(..self.planes.size) else { return };
        frame.copy_from_slice(&self.background);
        self.paint_texture(frame, index);
        self.paint_block(frame, index);
        self.paint_clock(frame, unix_millis + utc_offset_secs * 1000);
        // The cast keeps the low 32 bits: that is the stamp's definition.
        stamp::write_stamp(frame, self.planes.strides[0], self.stamp, unix_millis as u32);
    }

    fn texture_band(&self) -> std::ops::Range<usize> {
        self.planes.height * 7 / 8..self.planes.height
    }

    fn paint_texture(&mut self, frame: &mut [u8], index: u64) {
        let width = self.planes.width;
        let shift = usize::try_from(index * 3 % width as u64).unwrap_or(0);
        for (line, row) in self.texture_band().enumerate() {
            let source = &self.texture[line * width * 2 + shift..][..width];
            frame[row * self.planes.strides[0]..][..width].copy_from_slice(source);
        }
        // A patch of fresh grain in every picture: motion search cannot predict it, so the bit rate is really used.
        let (left, right) = (width / 2, width / 2 + width / 8);
        for row in self.texture_band() {
            for pixel in &mut frame[row * self.planes.strides[0]..][left..right] {
                self.noise = self.noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *pixel = 96 + (self.noise >> 26) as u8;
            }
        }
    }

    fn paint_block(&self, frame: &mut [u8], index: u64) {
        let size = self.planes.height / 8;
        let bounce = |range: usize, speed: usize| {
            let range = range.max(1);
            let at = usize::try_from(index).unwrap_or(0).wrapping_mul(speed) % (range * 2);
            if at < range { at } else { range * 2 - at }
        };
        let (top, bottom) = (self.stamp.height(), self.planes.height * 3 / 8);
        // Even, so that the chroma lies under the luma.
        let left = bounce(self.planes.width - size, 6) & !1;
        let top = (top + bounce(bottom.saturating_sub(top + size), 3)) & !1;
        for (plane, value) in [(0, 225), (1, 110), (2, 150)] {
            let shift = usize::from(plane > 0);
            fill(frame, &self.planes, plane, left >> shift..(left + size) >> shift, top >> shift..(top + size) >> shift, value);
        }
    }

    /// HH:MM:SS.mmm on black, in the middle of the picture.
    fn paint_clock(&self, frame: &mut [u8], local_millis: i64) {
        let Planes { width, height, .. } = self.planes;
        let cell = width / 16;
        let (left, top, tall) = ((width - cell * 12) / 2, height / 2, cell * 3 / 2);
        let margin = cell / 4;
        for (plane, value) in [(0, 16), (1, 128), (2, 128)] {
            let shift = usize::from(plane > 0);
            let columns = (left - margin) >> shift..(left + cell * 12 + margin) >> shift;
            fill(frame, &self.planes, plane, columns, (top - margin) >> shift..(top + tall + margin) >> shift, value);
        }
        for (index, character) in clock_text(local_millis).chars().enumerate() {
            self.paint_character(frame, character, left + index * cell, top, cell, tall);
        }
    }

    fn paint_character(&self, frame: &mut [u8], character: char, left: usize, top: usize, cell: usize, tall: usize) {
        let stroke = (cell / 8).max(1);
        let (x0, x1) = (left + stroke, left + cell - stroke);
        let (y0, middle, y1) = (top, top + tall / 2, top + tall);
        let mut light = |columns, rows| fill(frame, &self.planes, 0, columns, rows, 235);
        let centre = left + cell / 2 - stroke / 2;
        match character {
            ':' => {
                light(centre..centre + stroke, top + tall / 4..top + tall / 4 + stroke);
                light(centre..centre + stroke, top + tall * 3 / 4..top + tall * 3 / 4 + stroke);
            }
            '.' => light(centre..centre + stroke, y1 - stroke..y1),
            _ => {
                let segments = character.to_digit(10).map_or(0, |digit| SEGMENTS[digit as usize]);
                let shapes = [
                    (x0..x1, y0..y0 + stroke),
                    (x1 - stroke..x1, y0..middle),
                    (x1 - stroke..x1, middle..y1),
                    (x0..x1, y1 - stroke..y1),
                    (x0..x0 + stroke, middle..y1),
                    (x0..x0 + stroke, y0..middle),
                    (x0..x1, middle - stroke / 2..middle - stroke / 2 + stroke),
                ];
                for (bit, (columns, rows)) in shapes.into_iter().enumerate() {
                    if segments >> bit & 1 == 1 {
                        light(columns, rows);
                    }
                }
            }
        }
    }

    fn random(&mut self, below: u32) -> i32 {
        self.noise = self.noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i32::try_from((self.noise >> 16) % below).unwrap_or(0)
    }
}

/// `HH:MM:SS.mmm` of a day's milliseconds.
fn clock_text(local_millis: i64) -> String {
    let day = local_millis.rem_euclid(86_400_000);
    format!("{:02}:{:02}:{:02}.{:03}", day / 3_600_000, day / 60_000 % 60, day / 1000 % 60, day % 1000)
}

fn fill(frame: &mut [u8], planes: &Planes, plane: usize, columns: std::ops::Range<usize>, rows: std::ops::Range<usize>, value: u8) {
    for row in rows {
        let start = planes.offsets[plane] + row * planes.strides[plane];
        if let Some(pixels) = frame.get_mut(start + columns.start..start + columns.end) {
            pixels.fill(value);
        }
    }
}

/// A quiet 220 Hz tone with a 1 kHz beep in the first 80 ms of every second of the wall clock; both ears the same.
pub(super) struct Tone {
    sample_rate: u32,
}

impl Tone {
    pub(super) fn new(sample_rate: u32) -> Self {
        Self { sample_rate }
    }

    /// Fills interleaved stereo samples; the first one is sample `first` of the stream, which began at `unix_millis`.
    pub(super) fn fill(&self, samples: &mut Vec<u8>, first: u64, count: u32, unix_millis: i64) {
        let rate = u64::from(self.sample_rate);
        let offset = unix_millis.rem_euclid(1000).unsigned_abs() * rate / 1000;
        for index in first..first + u64::from(count) {
            let in_second = (index + offset) % rate;
            let seconds = in_second as f64 / rate as f64;
            // Both pitches are whole numbers, so that every second joins the next without a click.
            let quiet = (seconds * 220.0 * std::f64::consts::TAU).sin() * 0.02;
            let beep = if in_second < rate * 8 / 100 { (seconds * 1000.0 * std::f64::consts::TAU).sin() * 0.25 } else { 0.0 };
            let value = (((quiet + beep) * f64::from(i16::MAX)) as i16).to_le_bytes();
            samples.extend_from_slice(&value);
            samples.extend_from_slice(&value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planes(width: usize, height: usize) -> Planes {
        let luma = width * height;
        let size = luma * 3 / 2;
        Planes { width, height, strides: [width, width / 2, width / 2], offsets: [0, luma, luma * 5 / 4], size }
    }

    #[test]
    fn the_clock_is_text() {
        assert_eq!(clock_text(0), "00:00:00.000");
        assert_eq!(clock_text(86_400_000 + 3_600_000 * 23 + 59 * 60_000 + 7_042), "23:59:07.042");
        assert_eq!(clock_text(-1), "23:59:59.999");
    }

    #[test]
    fn every_size_is_painted_without_leaving_the_picture() {
        for (width, height) in [(160, 90), (426, 240), (1280, 720), (1920, 1080), (720, 1280)] {
            let planes = planes(width, height);
            let mut painter = Painter::new(planes).expect("large enough");
            let mut frame = vec![0; planes.size];
            for index in [0, 1, 1000, u64::from(u32::MAX)] {
                painter.paint(&mut frame, index, 1_764_000_000_123, 3600);
                assert_eq!(stamp::read_stamp(&frame, width, width, height), Some(1_764_000_000_123_i64 as u32));
            }
        }
        assert!(Painter::new(planes(64, 64)).is_none());
    }

    #[test]
    fn the_picture_moves() {
        let planes = planes(640, 360);
        let mut painter = Painter::new(planes).expect("large enough");
        let (mut first, mut second) = (vec![0; planes.size], vec![0; planes.size]);
        painter.paint(&mut first, 0, 0, 0);
        painter.paint(&mut second, 1, 0, 0);
        assert_ne!(first, second);
    }

    #[test]
    fn the_beep_starts_with_the_second() {
        let mut samples = Vec::new();
        Tone::new(48_000).fill(&mut samples, 0, 48_000, 1_764_000_000_500);
        assert_eq!(samples.len(), 48_000 * 4);
        let loudest = |range: std::ops::Range<usize>| {
            samples[range.start * 4..range.end * 4].chunks_exact(4).map(|s| i16::from_le_bytes([s[0], s[1]]).unsigned_abs()).max()
        };
        assert!(loudest(23_000..24_000) < Some(1_000), "quiet until the second");
        assert!(loudest(24_000..25_000) > Some(5_000), "then it beeps");
    }
}
