//! The binary timestamp along the top of the test pattern, from which a viewer's latency is read.
//!
//! 40 blocks side by side, each `width / 40` wide and as high as [`Layout::height`] says (32x48 in a 1280x720 picture):
//! 32 bits of Unix milliseconds (the low 32 bits, most significant first), then 8 bits that are the exclusive or
//! of those four bytes. Light is one, dark is zero. The middle half of each block is read, so that a coder's blur does no harm.

const BLOCKS: usize = 40;
const LIGHT: u8 = 235;
const DARK: u8 = 16;
const THRESHOLD: u32 = 126;
/// A picture without this much between its lightest and darkest block has no stamp (black, grey, fade).
const CONTRAST: u32 = 64;

/// Where the stamp lies in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    block: usize,
    height: usize,
}

impl Layout {
    /// For a picture of this size in pixels; `None` if it is too small to carry a stamp (below 160x90).
    pub fn new(width: usize, height: usize) -> Option<Self> {
        (width >= 160 && height >= 90).then_some(Self { block: width / BLOCKS, height: height / 15 })
    }

    /// Rows that the stamp takes.
    pub fn height(self) -> usize {
        self.height
    }
}

/// Writes the low 32 bits of `unix_millis` into the top rows of a luma plane whose rows are `stride` bytes apart.
/// A plane too small for `layout` is left as it is where it ends.
pub fn write_stamp(luma: &mut [u8], stride: usize, layout: Layout, unix_millis: u32) {
    let bits = encode(unix_millis);
    for row in luma.chunks_exact_mut(stride.max(1)).take(layout.height) {
        for (index, block) in row.chunks_exact_mut(layout.block).take(BLOCKS).enumerate() {
            block.fill(if bits >> (BLOCKS - 1 - index) & 1 == 1 { LIGHT } else { DARK });
        }
    }
}

/// Reads the stamp of a luma plane: the low 32 bits of Unix milliseconds; `None` if there is none or its checksum is wrong.
pub fn read_stamp(luma: &[u8], stride: usize, width: usize, height: usize) -> Option<u32> {
    let layout = Layout::new(width, height)?;
    let rows = layout.height / 4..layout.height * 3 / 4;
    let columns = layout.block / 4..layout.block * 3 / 4;
    let area = u32::try_from(rows.len() * columns.len()).ok().filter(|&area| area > 0)?;
    let mut bits = 0u64;
    let (mut darkest, mut lightest) = (u32::MAX, 0);
    for index in 0..BLOCKS {
        let left = index * layout.block;
        let mut sum = 0;
        for row in rows.clone() {
            let start = row * stride + left;
            let pixels = luma.get(start + columns.start..start + columns.end)?;
            sum += pixels.iter().map(|&pixel| u32::from(pixel)).sum::<u32>();
        }
        let mean = sum / area;
        darkest = darkest.min(mean);
        lightest = lightest.max(mean);
        bits = bits << 1 | u64::from(mean > THRESHOLD);
    }
    let value = u32::try_from(bits >> 8).ok()?;
    (lightest >= darkest + CONTRAST && encode(value) == bits).then_some(value)
}

fn encode(value: u32) -> u64 {
    let checksum = value.to_be_bytes().into_iter().fold(0, |sum, byte| sum ^ byte);
    u64::from(value) << 8 | u64::from(checksum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_reads_back_at_every_size() {
        for (width, height) in [(160, 90), (320, 180), (640, 360), (854, 480), (1280, 720), (1920, 1080)] {
            let stride = width + 16;
            let mut luma = vec![90; stride * height];
            let layout = Layout::new(width, height).expect("large enough");
            for value in [1, 0xffff_ffff, 0x1234_5678, 0x8000_0000] {
                write_stamp(&mut luma, stride, layout, value);
                assert_eq!(read_stamp(&luma, stride, width, height), Some(value), "{width}x{height}");
            }
        }
    }

    #[test]
    fn a_picture_without_a_stamp_has_none() {
        assert_eq!(read_stamp(&vec![16; 1280 * 720], 1280, 1280, 720), None);
        assert_eq!(read_stamp(&[], 1280, 1280, 720), None);
        assert_eq!(read_stamp(&[0; 100], 10, 10, 10), None);
    }

    #[test]
    fn a_flipped_block_is_noticed() {
        let mut luma = vec![0; 1280 * 720];
        let layout = Layout::new(1280, 720).expect("large enough");
        write_stamp(&mut luma, 1280, layout, 0x0bad_cafe);
        for row in 0..48 {
            for pixel in &mut luma[row * 1280 + 5 * 32..row * 1280 + 6 * 32] {
                *pixel = 255 - *pixel;
            }
        }
        assert_eq!(read_stamp(&luma, 1280, 1280, 720), None);
    }
}
