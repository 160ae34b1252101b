//! The boxes, read by an independent parser and by our own.

mod corpus;

use bytes::Bytes;
use corpus::{aac, opus, video};
use media::{Audio, Codec, Video};
use mp4_atom::{Any, Codec as Entry, Decode, DecodeMaybe, Moof, Moov};
use proptest::prelude::*;
use segmenter::fmp4::{self, Sample};

fn moov(video: Option<&Video>, audio: Option<&Audio>) -> Moov {
    let bytes = fmp4::init(video, audio);
    let mut rest = &bytes[..];
    let mut found = None;
    while let Some(atom) = Any::decode_maybe(&mut rest).expect("well-formed boxes") {
        if let Any::Moov(moov) = atom {
            found = Some(moov);
        }
    }
    assert!(rest.is_empty());
    found.expect("a moov")
}

#[test]
fn another_parser_reads_the_initialisation() {
    let (video, audio) = (video(80), aac(44_100));
    let moov = moov(Some(&video), Some(&audio));
    assert_eq!(moov.trak.iter().map(|trak| trak.mdia.mdhd.timescale).collect::<Vec<_>>(), [90_000, 44_100]);
    assert!(moov.trak.iter().all(|trak| trak.edts.is_none()));
    assert_eq!(moov.mvex.expect("fragmented").trex.iter().map(|trex| trex.track_id).collect::<Vec<_>>(), [1, 2]);
    match &moov.trak[0].mdia.minf.stbl.stsd.codecs[..] {
        [Entry::Avc1(entry)] => {
            assert_eq!((entry.visual.width, entry.visual.height), (1280, 720));
            assert_eq!(entry.avcc.sequence_parameter_sets.len(), 1);
        }
        other => panic!("{other:?}"),
    }
    match &moov.trak[1].mdia.minf.stbl.stsd.codecs[..] {
        [Entry::Mp4a(entry)] => {
            let config = entry.esds.es_desc.dec_config;
            assert_eq!((config.object_type_indication, config.dec_specific.profile, config.dec_specific.chan_conf), (0x40, 2, 2));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_codec_has_its_sample_entry() {
    let hevc = "0101600000009000000000003cf000fcfdf8f800000f03a00001001840010c01ffff01600000030090000003000003003c959409a10001002a42010101600000030090000003000003003ca00a880c1c44d965654a4c2f01680800001f480003a98040a2000100064401c073c189";
    let hex = |text: &str| -> Bytes {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect::<Vec<_>>().into()
    };
    let parse = |codec, record: &str| Video::parse(codec, hex(record)).expect("valid");
    let entry = |video: Option<&Video>, audio: Option<&Audio>| moov(video, audio).trak[0].mdia.minf.stbl.stsd.codecs[0].clone();
    assert!(matches!(entry(Some(&parse(Codec::H265, hevc)), None), Entry::Hvc1(_)));
    assert!(matches!(entry(Some(&parse(Codec::Av1, "81000c000a0b000000043d06d402f80040")), None), Entry::Av01(_)));
    assert!(matches!(entry(Some(&parse(Codec::Vp9, "01000000000b820202020000")), None), Entry::Vp09(_)));
    assert!(matches!(entry(None, Some(&opus())), Entry::Opus(_)));
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    prop::collection::vec((1_u32..10_000, -5000_i32..5000, any::<bool>(), 0_usize..50), 0..40).prop_map(|samples| {
        let mut decode = 1 << 33;
        let mut placed = Vec::new();
        for (duration, composition, sync, size) in samples {
            placed.push(Sample { decode, duration, composition, sync, data: vec![size as u8; size].into() });
            decode += u64::from(duration);
        }
        placed
    })
}

proptest! {
    #[test]
    fn both_parsers_read_what_was_written(video in samples(), mut audio in samples(), sequence in any::<u32>()) {
        for sample in &mut audio {
            (sample.composition, sample.sync) = (0, true);
        }
        prop_assume!(!video.is_empty() || !audio.is_empty());
        let bytes = fmp4::fragment(sequence, &video, &audio);
        let read = fmp4::read::fragment(&bytes).expect("our own");
        prop_assert_eq!(read.sequence, sequence);
        let tracks: Vec<_> = [(1, &video), (2, &audio)].into_iter().filter(|(_, samples)| !samples.is_empty()).collect();
        prop_assert_eq!(read.tracks.len(), tracks.len());
        let theirs = Moof::decode(&mut &bytes[..]).expect("another parser reads it");
        for ((read, theirs), (track, samples)) in read.tracks.iter().zip(&theirs.traf).zip(tracks) {
            prop_assert_eq!((read.track, read.decode_time), (track, samples[0].decode));
            prop_assert_eq!(theirs.tfhd.track_id, track);
            prop_assert_eq!(theirs.tfdt.as_ref().map(|tfdt| tfdt.base_media_decode_time), Some(samples[0].decode));
            prop_assert_eq!(theirs.trun[0].entries.len(), samples.len());
            for (entry, sample) in read.samples.iter().zip(samples) {
                prop_assert_eq!((entry.duration, entry.composition, entry.sync), (sample.duration, sample.composition, sample.sync));
                prop_assert_eq!(&bytes[entry.data.clone()], &sample.data[..]);
            }
            for (entry, sample) in theirs.trun[0].entries.iter().zip(samples) {
                prop_assert_eq!(entry.size, Some(sample.data.len() as u32));
                prop_assert_eq!(entry.cts.unwrap_or(0), sample.composition);
            }
        }
    }

    #[test]
    fn damaged_parts_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>()) {
        let part = fmp4::fragment(1, &[Sample { decode: 0, duration: 1, composition: 3, sync: true, data: Bytes::from_static(b"abc") }], &[]);
        let mut damaged = part.to_vec();
        let at = at.index(damaged.len());
        for (target, byte) in damaged[at..].iter_mut().zip(&bytes) {
            *target = *byte;
        }
        for rubbish in [&damaged[..], &part[..at], &bytes[..]] {
            if let Some(fragment) = fmp4::read::fragment(rubbish) {
                for sample in fragment.tracks.iter().flat_map(|track| &track.samples) {
                    prop_assert!(sample.data.end <= rubbish.len());
                }
            }
            let _ = fmp4::read::timescales(rubbish);
            prop_assert!(fmp4::read::boxes(rubbish).count() <= rubbish.len());
        }
    }
}
