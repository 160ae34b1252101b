use bytes::Bytes;
use media::{Audio, Codec, Video};

use super::{AUDIO_TRACK, NON_SYNC, SYNC, VIDEO_TIMESCALE, VIDEO_TRACK};

/// The unity matrix of `mvhd` and `tkhd`.
const MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];
/// `mvhd`'s timescale: nothing is measured in it.
const MOVIE_TIMESCALE: u32 = 1000;

/// Writes `ftyp` and `moov` for the given tracks.
pub fn init(video: Option<&Video>, audio: Option<&Audio>) -> Bytes {
    let mut out = Vec::with_capacity(1536);
    boxed(&mut out, b"ftyp", |out| {
        out.extend_from_slice(b"iso6\0\0\0\0iso6iso5mp41");
    });
    boxed(&mut out, b"moov", |out| {
        full(out, b"mvhd", 0, 0, |out| {
            words(out, &[0, 0, MOVIE_TIMESCALE, 0, 0x1_0000, 0x0100_0000, 0, 0]);
            words(out, &MATRIX);
            words(out, &[0, 0, 0, 0, 0, 0, AUDIO_TRACK + 1]);
        });
        if let Some(video) = video {
            let handler = Handler { kind: b"vide", name: b"video\0", header: b"vmhd", timescale: VIDEO_TIMESCALE };
            track(out, VIDEO_TRACK, &handler, (video.width, video.height), |out| video_entry(out, video));
        }
        if let Some(audio) = audio {
            let handler = Handler { kind: b"soun", name: b"audio\0", header: b"smhd", timescale: audio.sample_rate };
            track(out, AUDIO_TRACK, &handler, (0, 0), |out| audio_entry(out, audio));
        }
        boxed(out, b"mvex", |out| {
            let video = video.map(|_| (VIDEO_TRACK, NON_SYNC));
            let audio = audio.map(|_| (AUDIO_TRACK, SYNC));
            for (id, flags) in video.into_iter().chain(audio) {
                full(out, b"trex", 0, 0, |out| words(out, &[id, 1, 0, 0, flags]));
            }
        });
    });
    out.into()
}

struct Handler {
    kind: &'static [u8; 4],
    name: &'static [u8],
    header: &'static [u8; 4],
    timescale: u32,
}

fn track(out: &mut Vec<u8>, id: u32, handler: &Handler, size: (u32, u32), entry: impl FnOnce(&mut Vec<u8>)) {
    const ENABLED_IN_MOVIE: u32 = 3;
    let is_video = handler.header == b"vmhd";
    boxed(out, b"trak", |out| {
        full(out, b"tkhd", 0, ENABLED_IN_MOVIE, |out| {
            words(out, &[0, 0, id, 0, 0, 0, 0, 0, if is_video { 0 } else { 0x0100_0000 }]);
            words(out, &MATRIX);
            words(out, &[size.0 << 16, size.1 << 16]);
        });
        boxed(out, b"mdia", |out| {
            const UNDETERMINED: u32 = 0x55c4_0000;
            full(out, b"mdhd", 0, 0, |out| words(out, &[0, 0, handler.timescale, 0, UNDETERMINED]));
            full(out, b"hdlr", 0, 0, |out| {
                words(out, &[0]);
                out.extend_from_slice(handler.kind);
                words(out, &[0, 0, 0]);
                out.extend_from_slice(handler.name);
            });
            boxed(out, b"minf", |out| {
                full(out, handler.header, 0, u32::from(is_video), |out| {
                    words(out, if is_video { &[0, 0] } else { &[0] });
                });
                boxed(out, b"dinf", |out| {
                    full(out, b"dref", 0, 0, |out| {
                        const IN_THIS_FILE: u32 = 1;
                        words(out, &[1]);
                        full(out, b"url ", 0, IN_THIS_FILE, |_| {});
                    });
                });
                boxed(out, b"stbl", |out| {
                    full(out, b"stsd", 0, 0, |out| {
                        words(out, &[1]);
                        entry(out);
                    });
                    full(out, b"stts", 0, 0, |out| words(out, &[0]));
                    full(out, b"stsc", 0, 0, |out| words(out, &[0]));
                    full(out, b"stsz", 0, 0, |out| words(out, &[0, 0]));
                    full(out, b"stco", 0, 0, |out| words(out, &[0]));
                });
            });
        });
    });
}

fn video_entry(out: &mut Vec<u8>, video: &Video) {
    let (entry, record): (&[u8; 4], &[u8; 4]) = match video.codec {
        Codec::H265 => (b"hvc1", b"hvcC"),
        Codec::Av1 => (b"av01", b"av1C"),
        Codec::Vp9 => (b"vp09", b"vpcC"),
        _ => (b"avc1", b"avcC"),
    };
    boxed(out, entry, |out| {
        words(out, &[0, 1, 0, 0, 0, 0]);
        words(out, &[video.width << 16 | video.height & 0xffff, 0x48_0000, 0x48_0000, 0]);
        out.extend_from_slice(&[0, 1]);
        out.extend_from_slice(&[0; 32]);
        out.extend_from_slice(&[0, 24, 0xff, 0xff]);
        boxed(out, record, |out| out.extend_from_slice(&video.config));
    });
}

fn audio_entry(out: &mut Vec<u8>, audio: &Audio) {
    let entry = if audio.codec == Codec::Opus { b"Opus" } else { b"mp4a" };
    boxed(out, entry, |out| {
        words(out, &[0, 1, 0, 0, u32::from(audio.channels) << 16 | 16, 0]);
        // 16.16; rates above 65535 Hz do not fit, and decoders look into the configuration.
        words(out, &[audio.sample_rate.checked_shl(16).filter(|_| audio.sample_rate <= 0xffff).unwrap_or(0)]);
        if audio.codec == Codec::Opus {
            boxed(out, b"dOps", |out| out.extend_from_slice(&audio.config));
        } else {
            full(out, b"esds", 0, 0, |out| es_descriptor(out, &audio.config));
        }
    });
}

/// ISO/IEC 14496-1 section 7.2.6.5.
fn es_descriptor(out: &mut Vec<u8>, config: &[u8]) {
    const MPEG4_AUDIO: u8 = 0x40;
    const AUDIO_STREAM: u8 = 0x15;
    descriptor(out, 3, |out| {
        out.extend_from_slice(&[0, 0, 0]);
        descriptor(out, 4, |out| {
            out.extend_from_slice(&[MPEG4_AUDIO, AUDIO_STREAM, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            descriptor(out, 5, |out| out.extend_from_slice(config));
        });
        descriptor(out, 6, |out| out.push(2));
    });
}

/// A descriptor with the four-byte form of its size.
fn descriptor(out: &mut Vec<u8>, tag: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&[tag, 0x80, 0x80, 0x80, 0]);
    let start = out.len();
    body(out);
    let size = out.len() - start;
    for (index, byte) in out[start - 4..start].iter_mut().enumerate() {
        let seven = (size >> (7 * (3 - index)) & 127) as u8;
        *byte = if index < 3 { 0x80 | seven } else { seven };
    }
}

fn boxed(out: &mut Vec<u8>, kind: &[u8; 4], body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(kind);
    body(out);
    let size = (out.len() - start) as u32;
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
}

fn full(out: &mut Vec<u8>, kind: &[u8; 4], version: u8, flags: u32, body: impl FnOnce(&mut Vec<u8>)) {
    boxed(out, kind, |out| {
        words(out, &[u32::from(version) << 24 | flags]);
        body(out);
    });
}

fn words(out: &mut Vec<u8>, values: &[u32]) {
    for value in values {
        out.extend_from_slice(&value.to_be_bytes());
    }
}
