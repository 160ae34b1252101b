use proptest::prelude::*;

use super::*;
use crate::testing::ChunkWriter;

type Plain = (u8, u32, u32, Vec<u8>);

fn plain(message: Message) -> Plain {
    (message.type_id, message.stream_id, message.timestamp, message.payload.to_vec())
}

fn read_in(bytes: &[u8], piece: usize) -> Result<Vec<Plain>, Error> {
    let mut reader = Reader::new();
    let mut out = Vec::new();
    for mut piece in bytes.chunks(piece.max(1)) {
        while let Some(message) = reader.read(&mut piece)? {
            out.push(plain(message));
        }
        assert!(piece.is_empty());
    }
    Ok(out)
}

/// The messages in `bytes`, whichever way they are cut.
fn read(bytes: &[u8]) -> Result<Vec<Plain>, Error> {
    let whole = read_in(bytes, bytes.len());
    for piece in [1, 2, 3, 5, 7, 64, 1000] {
        assert_eq!(read_in(bytes, piece), whole, "in pieces of {piece}");
    }
    whole
}

fn body(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 13 + 5) as u8).collect()
}

const WRITER: ChunkWriter = ChunkWriter { chunk_size: 128, repeats_extended: true };

#[test]
fn reads_every_header_type_and_id_width() {
    for csid in [2, 3, 63, 64, 319, 320, 65_599] {
        let bytes = [
            WRITER.message(0, csid, 1000, 9, 1, &body(300)),
            WRITER.message(1, csid, 20, 8, 0, &body(5)),
            WRITER.message(2, csid, 7, 0, 0, &body(5)),
            WRITER.message(3, csid, 0, 0, 0, &body(5)),
        ]
        .concat();
        let expected = vec![(9, 1, 1000, body(300)), (8, 1, 1020, body(5)), (8, 1, 1027, body(5)), (8, 1, 1034, body(5))];
        assert_eq!(read(&bytes), Ok(expected), "csid {csid}");
    }
}

#[test]
fn a_type_3_message_after_type_0_repeats_its_time_as_step() {
    let bytes = [WRITER.message(0, 4, 23, 8, 1, b"a"), WRITER.message(3, 4, 0, 0, 0, b"b")].concat();
    assert_eq!(read(&bytes), Ok(vec![(8, 1, 23, b"a".to_vec()), (8, 1, 46, b"b".to_vec())]));
}

#[test]
fn reads_interleaved_chunk_streams() {
    let mut video = WRITER.chunks(0, 6, 10, 9, 1, &body(1000));
    let audio = WRITER.chunks(0, 70, 12, 8, 1, &body(200));
    video.insert(5, audio[1].clone());
    video.insert(2, audio[0].clone());
    assert_eq!(read(&video.concat()), Ok(vec![(8, 1, 12, body(200)), (9, 1, 10, body(1000))]));
}

#[test]
fn extended_timestamps_may_be_repeated_or_not() {
    for repeats_extended in [true, false] {
        let writer = ChunkWriter { chunk_size: 128, repeats_extended };
        for time in [0xFF_FFFF_u32, 0x100_0000, 0xFFFF_FFF0] {
            let bytes = [
                writer.message(0, 4, time, 9, 1, &body(300)),
                // the last chunk has fewer bytes than the field that is looked for
                writer.message(1, 4, 40, 9, 0, &body(258)),
                writer.message(0, 4, time.wrapping_add(80), 9, 1, &body(129)),
                writer.message(2, 4, 33, 0, 0, &body(129)),
            ]
            .concat();
            let expected = vec![
                (9, 1, time, body(300)),
                (9, 1, time.wrapping_add(40), body(258)),
                (9, 1, time.wrapping_add(80), body(129)),
                (9, 1, time.wrapping_add(113), body(129)),
            ];
            assert_eq!(read(&bytes), Ok(expected), "{time:#x}, repeated: {repeats_extended}");
        }
    }
}

#[test]
fn a_payload_that_begins_like_the_extended_timestamp_survives() {
    // Not repeated, and the second chunk's payload begins with the field's first bytes; then ends within them.
    let writer = ChunkWriter { chunk_size: 128, repeats_extended: false };
    for tail in [&[0x01_u8, 0x00, 0x00, 0x07, 9][..], &[0x01], &[0x01, 0x00], &[0x01, 0x00, 0x00]] {
        let payload = [&body(128)[..], tail].concat();
        let bytes = [writer.message(0, 4, 0x100_0000, 9, 1, &payload), writer.message(0, 5, 1, 8, 1, b"x")].concat();
        assert_eq!(read(&bytes), Ok(vec![(9, 1, 0x100_0000, payload), (8, 1, 1, b"x".to_vec())]), "{tail:?}");
    }
}

#[test]
fn an_extended_step_is_a_step() {
    let bytes = [WRITER.message(0, 4, 5, 9, 1, b"a"), WRITER.message(1, 4, 0x100_0001, 9, 0, &body(200))].concat();
    assert_eq!(read(&bytes), Ok(vec![(9, 1, 5, b"a".to_vec()), (9, 1, 0x100_0006, body(200))]));
}

#[test]
fn continuations_that_repeat_the_absolute_time_are_understood() {
    let mut chunks = WRITER.chunks(0, 4, 0x100_0000, 9, 1, b"a");
    let mut second = WRITER.chunks(1, 4, 0xFF_FFFF, 9, 0, &body(200));
    second[1].splice(1..5, 0x1FF_FFFF_u32.to_be_bytes());
    chunks.extend(second);
    assert_eq!(read(&chunks.concat()), Ok(vec![(9, 1, 0x100_0000, b"a".to_vec()), (9, 1, 0x1FF_FFFF, body(200))]));
}

#[test]
fn chunk_size_changes_between_messages_and_in_the_middle_of_one() {
    let mut writer = ChunkWriter::default();
    let mut bytes = writer.message(0, 4, 0, 9, 1, &body(300));
    for size in [1, 2, 128, 65_536, 0x7FFF_FFFF] {
        bytes.extend(writer.set_chunk_size(size));
        bytes.extend(writer.message(0, 4, size, 9, 1, &body(300)));
    }
    let messages = read(&bytes).expect("sound");
    assert_eq!(messages.len(), 6);
    assert!(messages.iter().all(|message| message.3 == body(300)));

    let before = WRITER.chunks(0, 4, 0, 9, 1, &body(300));
    let bytes = [&before[0][..], &ChunkWriter::default().set_chunk_size(4096), &[0xC4], &body(300)[128..]].concat();
    assert_eq!(read(&bytes), Ok(vec![(9, 1, 0, body(300))]));
}

#[test]
fn abort_forgets_the_partial_message() {
    let partial = WRITER.chunks(0, 4, 0, 9, 1, &body(300)).remove(0);
    let abort = WRITER.message(0, 2, 0, message_type::ABORT, 0, &4_u32.to_be_bytes());
    let after = WRITER.message(0, 4, 9, 9, 1, b"next");
    let mut reader = Reader::new();
    assert_eq!(reader.read(&mut &[partial.clone(), abort.clone()].concat()[..]), Ok(None));
    assert_eq!(reader.unfinished_bytes(), 0);
    assert_eq!(read(&[partial, abort, after].concat()), Ok(vec![(9, 1, 9, b"next".to_vec())]));
}

#[test]
fn a_message_within_another_of_its_chunk_stream_replaces_it() {
    let partial = WRITER.chunks(0, 4, 0, 9, 1, &body(300)).remove(0);
    let bytes = [partial, WRITER.message(0, 4, 40, 9, 1, &body(200))].concat();
    assert_eq!(read(&bytes), Ok(vec![(9, 1, 40, body(200))]));
}

#[test]
fn continuations_with_whole_headers_are_understood() {
    let header = [4, 0, 0, 9, 0, 0, 200, 9, 1, 0, 0, 0];
    let bytes = [&header[..], &body(200)[..128], &header, &body(200)[128..]].concat();
    assert_eq!(read(&bytes), Ok(vec![(9, 1, 9, body(200))]));
}

#[test]
fn empty_messages_are_messages() {
    let bytes = [WRITER.message(0, 4, 3, 8, 1, b""), WRITER.message(0, 4, 4, 9, 1, b"x")].concat();
    assert_eq!(read(&bytes), Ok(vec![(8, 1, 3, vec![]), (9, 1, 4, b"x".to_vec())]));
}

#[test]
fn a_first_header_without_stream_id_is_taken_and_one_without_length_is_not() {
    assert_eq!(read(&WRITER.message(1, 4, 3, 8, 1, b"x")), Ok(vec![(8, 0, 3, b"x".to_vec())]));
    for format in [2, 3] {
        assert_eq!(read(&WRITER.message(format, 4, 3, 8, 1, b"x")), Err(Error::NoHeader { csid: 4 }));
    }
}

#[test]
fn limits_are_kept() {
    let long = [0x04, 0, 0, 0, 0xFF, 0xFF, 0xFF, 9, 1, 0, 0, 0];
    assert_eq!(read(&long), Err(Error::MessageTooLong { length: 0xFF_FFFF, limit: MAX_MESSAGE_BYTES }));

    let streams: Vec<u8> = (64..).take(MAX_CHUNK_STREAMS + 1).flat_map(|c| WRITER.message(0, c, 0, 8, 1, b"x")).collect();
    assert_eq!(read(&streams), Err(Error::TooManyChunkStreams));

    for size in [&[0, 0, 0, 0][..], &[0x80, 0, 0, 0], &[0, 0, 1]] {
        assert_eq!(read(&WRITER.message(0, 2, 0, 1, 0, size)), Err(Error::InvalidChunkSize));
    }

    let mut reader = Reader::new();
    reader.set_message_limit(1000);
    let mut result = Ok(None);
    for csid in 64..84 {
        let partial = WRITER.chunks(0, csid, 0, 9, 1, &body(900)).remove(0);
        result = result.and_then(|_| reader.read(&mut &partial[..]));
    }
    assert_eq!(result, Err(Error::TooMuchUnfinished { limit: 1000 }));
}

#[test]
fn a_declared_length_allocates_nothing() {
    let mut reader = Reader::new();
    for csid in 64..64 + MAX_CHUNK_STREAMS as u32 {
        let partial = WRITER.chunks(0, csid, 0, 9, 1, &vec![0; MAX_MESSAGE_BYTES]).remove(0);
        assert_eq!(reader.read(&mut &partial[..20]), Ok(None));
        // finish the chunk so that the next header is one
        assert_eq!(reader.read(&mut &partial[20..]), Ok(None));
    }
    let allocated: usize = reader.streams.iter().map(|stream| stream.payload.capacity()).sum();
    assert!(allocated <= MAX_CHUNK_STREAMS * FIRST_ALLOCATION, "{allocated}");
}

#[test]
fn a_message_is_assembled_without_a_spare_byte() {
    let bytes = WRITER.message(0, 4, 0, 9, 1, &body(100_000));
    let mut reader = Reader::new();
    assert_eq!(reader.read(&mut &bytes[..bytes.len() - 1]), Ok(None));
    assert_eq!(reader.streams[0].payload.capacity(), 100_000);
}

fn sessions() -> impl Strategy<Value = Vec<(u32, u32, u8, Vec<u8>)>> {
    let message = (2_u32..6, any::<u32>(), 3_u8..30, proptest::collection::vec(any::<u8>(), 0..600))
        .prop_filter("the reader's own messages", |m| m.2 > 2);
    proptest::collection::vec(message, 0..8)
}

proptest! {
    #[test]
    fn what_is_written_is_read(messages in sessions(), chunk_size in 1_usize..700, piece in 1_usize..900) {
        let mut writer = ChunkWriter::default();
        let mut bytes = writer.set_chunk_size(chunk_size as u32);
        for (csid, time, type_id, payload) in &messages {
            bytes.extend(writer.message(0, *csid, *time, *type_id, 1, payload));
        }
        let expected: Vec<Plain> = messages.into_iter().map(|(_, time, type_id, body)| (type_id, 1, time, body)).collect();
        prop_assert_eq!(read_in(&bytes, piece), Ok(expected));
    }

    #[test]
    fn any_bytes_give_the_same_in_any_pieces(
        bytes in proptest::collection::vec(prop_oneof![any::<u8>(), 0_u8..8, Just(0xFF)], 0..600),
        piece in 1_usize..40,
    ) {
        let whole = read_in(&bytes, bytes.len());
        let pieces = read_in(&bytes, piece);
        prop_assert_eq!(whole, pieces);
    }
}
