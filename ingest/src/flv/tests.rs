use proptest::prelude::*;

use super::*;

fn frame(codec: Codec, keyframe: bool, composition_ms: i32, data: &'static [u8]) -> Item {
    let body = Body::Frame { keyframe, composition_ms, data: Bytes::from_static(data) };
    Item { track_id: 0, codec, offset_ns: 0, body }
}

fn config(codec: Codec, data: &'static [u8]) -> Item {
    Item { track_id: 0, codec, offset_ns: 0, body: Body::Config(Bytes::from_static(data)) }
}

fn v(bytes: &[u8]) -> Result<Vec<Item>, Error> {
    video(Bytes::copy_from_slice(bytes))
}

fn a(bytes: &[u8]) -> Result<Vec<Item>, Error> {
    audio(Bytes::copy_from_slice(bytes))
}

fn unsupported(result: Result<Vec<Item>, Error>) -> String {
    match result {
        Err(Error::Unsupported(name)) => name,
        other => panic!("{other:?}"),
    }
}

#[test]
fn reads_legacy_video() {
    assert_eq!(v(&[0x17, 0, 0, 0, 0, 1, 2]), Ok(vec![config(Codec::H264, &[1, 2])]));
    assert_eq!(v(&[0x17, 1, 0, 0, 66, 9]), Ok(vec![frame(Codec::H264, true, 66, &[9])]));
    assert_eq!(v(&[0x27, 1, 0xFF, 0xFF, 0xDF, 9]), Ok(vec![frame(Codec::H264, false, -33, &[9])]));
    assert_eq!(v(&[0x1C, 1, 0, 0, 0, 9]), Ok(vec![frame(Codec::H265, true, 0, &[9])]));
    assert_eq!(v(&[0x1D, 0, 0, 0, 0, 9]), Ok(vec![config(Codec::Av1, &[9])]));
    // end of sequence, command frames, nothing
    assert_eq!(v(&[0x17, 2, 0, 0, 0]), Ok(vec![]));
    assert_eq!(v(&[0x57, 0]), Ok(vec![]));
    assert_eq!(v(&[0x52, 0]), Ok(vec![]));
    assert_eq!(v(&[]), Ok(vec![]));
    assert_eq!(v(&[0x17, 1, 0]), Err(Error::Malformed));
    assert_eq!(v(&[0x17, 9, 0, 0, 0]), Err(Error::Malformed));
}

#[test]
fn reads_legacy_audio() {
    assert_eq!(a(&[0xAF, 0, 0x12, 0x10]), Ok(vec![config(Codec::Aac, &[0x12, 0x10])]));
    assert_eq!(a(&[0xAF, 1, 7]), Ok(vec![frame(Codec::Aac, true, 0, &[7])]));
    assert_eq!(a(&[0xAF]), Err(Error::Malformed));
    assert_eq!(a(&[]), Ok(vec![]));
}

#[test]
fn names_what_browsers_do_not_play() {
    for (first, name) in [(0x12, "FLV1 (Sorenson H.263)"), (0x24, "VP6"), (0x13, "Screen Video"), (0x1F, "this video codec")] {
        assert_eq!(unsupported(v(&[first, 0])), name);
    }
    for (format, name) in [(2, "MP3"), (11, "Speex"), (0, "PCM"), (3, "PCM"), (7, "G.711"), (6, "Nellymoser")] {
        assert_eq!(unsupported(a(&[format << 4, 0])), name);
    }
    for (name, shown) in [(b"ac-3", "AC-3"), (b"fLaC", "FLAC"), (b".mp3", "MP3"), (b"abcd", "abcd"), (b"\0\x01\x02\x03", "this codec")] {
        assert_eq!(unsupported(a(&[&[0x91][..], name].concat())), shown);
    }
    assert_eq!(unsupported(v(b"\x91vp08x")), "VP8");
}

#[test]
fn reads_enhanced_video() {
    assert_eq!(v(b"\x90hvc1cfg"), Ok(vec![config(Codec::H265, b"cfg")]));
    assert_eq!(v(b"\xA1hvc1\xFF\xFF\xFEx"), Ok(vec![frame(Codec::H265, false, -2, b"x")]));
    assert_eq!(v(b"\x93hvc1x"), Ok(vec![frame(Codec::H265, true, 0, b"x")]));
    assert_eq!(v(b"\x91avc1\0\0\x21x"), Ok(vec![frame(Codec::H264, true, 33, b"x")]));
    // no composition time with AV1 and VP9
    assert_eq!(v(b"\x91av01x"), Ok(vec![frame(Codec::Av1, true, 0, b"x")]));
    assert_eq!(v(b"\xA1vp09x"), Ok(vec![frame(Codec::Vp9, false, 0, b"x")]));
    // sequence end, metadata, command
    for ignored in [&b"\x92hvc1"[..], b"\x94hvc1\x02", b"\xD1x"] {
        assert_eq!(v(ignored), Ok(vec![]));
    }
    assert_eq!(v(b"\x91hv"), Err(Error::Malformed));
}

#[test]
fn reads_enhanced_audio() {
    assert_eq!(a(b"\x90OpusOpusHead"), Ok(vec![config(Codec::Opus, b"OpusHead")]));
    assert_eq!(a(b"\x91Opusx"), Ok(vec![frame(Codec::Opus, true, 0, b"x")]));
    assert_eq!(a(b"\x91mp4ax"), Ok(vec![frame(Codec::Aac, true, 0, b"x")]));
    // multichannel configuration, sequence end
    assert_eq!(a(b"\x94Opus\x01\x02\0"), Ok(vec![]));
    assert_eq!(a(b"\x92Opus"), Ok(vec![]));
}

#[test]
fn reads_mod_ex() {
    // ModEx of 3 bytes, nanosecond offset 500,000, then CodedFramesX
    let expected = Item { offset_ns: 500_000, ..frame(Codec::H265, true, 0, b"x") };
    assert_eq!(v(b"\x97\x02\x07\xA1\x20\x03hvc1x"), Ok(vec![expected.clone()]));
    // an unknown ModEx of 257 bytes before it
    let long = [&[0x97, 0xFF, 0x01, 0x00][..], &[0; 257], b"\x17\x02\x07\xA1\x20\x03hvc1x"].concat();
    assert_eq!(v(&long), Ok(vec![expected]));
    assert_eq!(a(b"\x97\x02\x0F\xFF\xFF\x01Opusx").map(|items| items[0].offset_ns), Ok(999_999));
    assert_eq!(v(b"\x97\xFF"), Err(Error::Malformed));
    assert_eq!(v(b"\x97\x05x"), Err(Error::Malformed));
}

#[test]
fn reads_multitrack() {
    // OneTrack, CodedFrames
    let one = Item { track_id: 3, ..frame(Codec::H264, true, 1, b"x") };
    assert_eq!(v(b"\x96\x01avc1\x03\0\0\x01x"), Ok(vec![one]));
    // ManyTracks, CodedFramesX
    let many = v(b"\x96\x13hvc1\x00\0\0\x02ab\x01\0\0\x01c");
    let expected = vec![frame(Codec::H265, true, 0, b"ab"), Item { track_id: 1, ..frame(Codec::H265, true, 0, b"c") }];
    assert_eq!(many, Ok(expected));
    // ManyTracksManyCodecs; the second one's codec is not known
    let expected = vec![Item { track_id: 1, ..frame(Codec::Aac, true, 0, b"a") }];
    assert_eq!(a(b"\x95\x21mp4a\x01\0\0\x01aac-3\x02\0\0\x01b"), Ok(expected));
    assert_eq!(unsupported(a(b"\x95\x21ac-3\x01\0\0\x01a")), "AC-3");
    // a size that lies, multitrack in multitrack, a reserved kind
    for malformed in [&b"\x96\x13hvc1\x00\0\0\x09ab"[..], b"\x96\x06hvc1", b"\x96\x31hvc1"] {
        assert_eq!(v(malformed), Err(Error::Malformed));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64), tail in any::<u8>()) {
        let _ = v(&bytes);
        let _ = a(&bytes);
        let enhanced = [&[0x80 | tail], &bytes[..]].concat();
        let items = v(&enhanced).unwrap_or_default();
        prop_assert!(items.len() <= MAX_TRACKS);
        let _ = a(&[&[0x90 | tail & 15], &bytes[..]].concat());
    }
}
