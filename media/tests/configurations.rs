//! Decoder configurations as encoders write them, and every kind of rubbish.

use bytes::Bytes;
use media::{Audio, Codec, Error, Video};
use proptest::prelude::*;

fn hex(text: &str) -> Bytes {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex digits")).collect::<Vec<_>>().into()
}

/// x264, High, 1920x1080 (cropped from 1088), 59.94 fps.
const X264: &str = "0164002affe100196764002aacd940780227e5c04400000fa4000753003c60c65801000468ef8fcbfdf8f800";
/// x264, High 4:4:4, interlaced, 322x182, 50 frames of two fields.
const X264_INTERLACED: &str = "01f40015ffe1001a67f40015919b282a678f9b0e10000003001000000641f142996001000668fba3c44844fff8f800";
/// x265, Main, 322x182.
const X265: &str = "0101600000009000000000003cf000fcfdf8f800000f03a00001001840010c01ffff01600000030090000003000003003c959409a10001002a42010101600000030090000003000003003ca00a880c1c44d965654a4c2f01680800001f480003a98040a2000100064401c073c189";
/// libaom, Main, 322x182.
const AOM: &str = "81000c000a0b000000043d06d402f80040";
/// libvpx, profile 0.
const VPX: &str = "01000000000b820202020000";

#[test]
fn reads_what_video_encoders_write() {
    for (codec, record, size, codecs, rate) in [
        (Codec::H264, X264, (1920, 1080), "avc1.64002a", Some(60_000.0 / 1001.0)),
        (Codec::H264, X264_INTERLACED, (322, 182), "avc1.f40015", Some(50.0)),
        (Codec::H265, X265, (322, 182), "hvc1.1.6.L60.90", None),
        (Codec::Av1, AOM, (322, 182), "av01.0.00M.08", None),
        (Codec::Vp9, VPX, (0, 0), "vp09.00.11.08", None),
    ] {
        let video = Video::parse(codec, hex(record)).expect("an encoder wrote it");
        assert_eq!((video.width, video.height), size, "{codec:?}");
        assert_eq!(video.codec_string(), codecs);
        assert_eq!(video.frame_rate().map(|rate| (rate * 1000.0).round()), rate.map(|rate: f64| (rate * 1000.0).round()));
    }
}

#[test]
fn several_parameter_sets_are_no_obstacle() {
    let record = hex(X264);
    let sps = &record[8..8 + 0x19];
    let mut several = record[..5].to_vec();
    several.push(0xe0 | 3);
    // The first is damaged.
    several.extend([0, 2, 0x67, 0x64]);
    for _ in 0..2 {
        several.extend([0, 0x19]);
        several.extend(sps);
    }
    several.extend(&record[8 + 0x19..]);
    let video = Video::parse(Codec::H264, several.into()).expect("one set is whole");
    assert_eq!((video.width, video.height), (1920, 1080));
}

#[test]
fn vp9_tells_its_size_in_keyframes() {
    let mut video = Video::parse(Codec::Vp9, hex(&VPX[8..])).expect("without the FullBox header");
    assert_eq!(video.config, hex(VPX));
    video.observe(&hex("824983420014100b560638241c184a000b90"));
    assert_eq!((video.width, video.height), (322, 182));
}

#[test]
fn finds_the_interval_in_x264s_settings() {
    let mut keyframe = hex("000002ad0605ffffa9dc45e9bde6d948b7962cd820d923eeef").to_vec();
    keyframe.extend(b"x264 - core 164 r3095 - options: cabac=1 ref=3 weightp=2 keyint=250 keyint_min=25 scenecut=40");
    let video = Video::parse(Codec::H264, hex(X264)).expect("valid");
    assert_eq!(video.keyframe_interval(&keyframe.clone().into()), Some(250));
    let endless = String::from_utf8_lossy(&keyframe).replace("keyint=250", "keyint=infinite");
    assert_eq!(video.keyframe_interval(&endless.into_bytes().into()), None);
    assert_eq!(video.keyframe_interval(&Bytes::from_static(b" keyint=250")), None, "only behind its identifier");
    let mut settings = hex("2ca2de09b51747dbbb55a4fe7fc2fc4e").to_vec();
    settings.extend(b"x265 (build 199) - options: min-keyint=25 keyint=120 gop-lookahead=0");
    assert_eq!(media::h265::x265_keyint(&settings.into()), Some(120));
}

#[test]
fn reads_every_signalling_of_aac() {
    for (config, codecs, rate, played, channels, samples) in [
        ("1190", "mp4a.40.2", 48_000, 48_000, 2, 1024),
        ("1210", "mp4a.40.2", 44_100, 44_100, 2, 1024),
        ("121056e500", "mp4a.40.2", 44_100, 44_100, 2, 1024),
        // HE-AAC: explicit, and behind the core's configuration.
        ("2b118800", "mp4a.40.5", 24_000, 48_000, 2, 1024),
        ("131056e598", "mp4a.40.5", 24_000, 48_000, 2, 1024),
        // HE-AAC version 2: one channel becomes two.
        ("eb098800", "mp4a.40.29", 24_000, 48_000, 2, 1024),
        ("130856e59d4880", "mp4a.40.29", 24_000, 48_000, 2, 1024),
        // 960 samples; a rate by number; 5.1.
        ("1194", "mp4a.40.2", 48_000, 48_000, 2, 960),
        ("17805dc010", "mp4a.40.2", 48_000, 48_000, 2, 1024),
        ("11b0", "mp4a.40.2", 48_000, 48_000, 6, 1024),
    ] {
        let audio = Audio::parse(Codec::Aac, hex(config)).expect("valid");
        assert_eq!(
            (audio.codec_string().as_str(), audio.sample_rate, audio.playback_rate(), audio.channels, audio.samples_per_unit),
            (codecs, rate, played, channels, samples),
            "{config}"
        );
    }
    assert!(matches!(Audio::parse(Codec::Aac, hex("0990")), Err(Error::Unsupported { .. })), "AAC Main");
    assert!(matches!(Audio::parse(Codec::Aac, hex("11")), Err(Error::Malformed { .. })));
}

#[test]
fn opus_is_the_same_from_either_record() {
    let head = Audio::parse(Codec::Opus, Bytes::from_static(b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0")).expect("OpusHead");
    let record = Audio::parse(Codec::Opus, hex("000201380000bb80000000")).expect("dOps");
    assert_eq!(head, record);
    assert_eq!((head.codec_string().as_str(), head.sample_rate, head.channels), ("Opus", 48_000, 2));
    let surround = b"OpusHead\x01\x06\0\0\x80\xbb\0\0\0\0\x01\x04\x02\0\x04\x01\x02\x03\x05";
    let surround = Audio::parse(Codec::Opus, Bytes::from_static(surround)).expect("family 1");
    assert_eq!(surround.config, hex("000600000000bb80000001040200040102 0305".replace(' ', "").as_str()));
    for (packet, samples) in [("f8", 960), ("f9", 1920), ("e0", 120), ("0b03", 2880), ("0303", 1440), ("18", 2880), ("ff06", 5760)] {
        assert_eq!(head.samples(&hex(packet)), samples, "{packet}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn rubbish_is_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = parse_all(&bytes);
    }

    #[test]
    fn damaged_records_are_no_panic(
        record in prop::sample::select(vec![X264, X264_INTERLACED, X265, AOM, VPX, "131056e598", "eb098800", "000201380000bb80000000"]),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        length in any::<prop::sample::Index>(),
    ) {
        let mut bytes = hex(record).to_vec();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(length.index(bytes.len()) + 1);
        let _ = parse_all(&bytes);
    }
}

fn parse_all(bytes: &[u8]) -> usize {
    let config = Bytes::copy_from_slice(bytes);
    let mut readable = 0;
    for codec in [Codec::H264, Codec::H265, Codec::Av1, Codec::Vp9, Codec::Aac, Codec::Opus] {
        if let Ok(mut video) = Video::parse(codec, config.clone()) {
            video.observe(bytes);
            let _ = (video.frame_rate(), video.keyframe_interval(&config));
            assert!(!video.codec_string().is_empty());
            readable += 1;
        }
        if let Ok(audio) = Audio::parse(codec, config.clone()) {
            assert!(audio.samples(bytes) > 0 && audio.sample_rate > 0 && audio.channels > 0);
            assert!(!audio.codec_string().is_empty() && audio.playback_rate() > 0);
            readable += 1;
        }
    }
    let _ = media::h264::sps(bytes);
    readable
}
