//! What the fuzz targets do with their input; their corpus runs as a test.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Recording, Style, run, tags};
use crate::amf0;
use crate::chunk::{MAX_MESSAGE_BYTES, Reader, message_type};
use crate::event::Event;
use crate::flv;
use crate::publication::Publication;

/// Panics if something is wrong with what the input does.
pub type Target = fn(&[u8]);

/// The targets by name.
pub const TARGETS: [(&str, Target); 4] = [("chunks", chunks), ("amf0", amf0), ("flv", flv), ("session", session)];

/// A chunk stream: cutting it changes nothing, and what is held stays below the limit. The first byte is the cut.
///
/// # Panics
/// If that is not so.
pub fn chunks(data: &[u8]) {
    let Some((&cut, data)) = data.split_first() else { return };
    let read = |size: usize| {
        let mut reader = Reader::new();
        let mut messages = Vec::new();
        for mut piece in data.chunks(size.max(1)) {
            loop {
                match reader.read(&mut piece) {
                    Ok(Some(message)) => messages.push(message),
                    Ok(None) => break,
                    Err(error) => return (messages, Some(error)),
                }
                assert!(reader.unfinished_bytes() <= data.len().min(MAX_MESSAGE_BYTES));
            }
        }
        (messages, None)
    };
    assert_eq!(read(data.len()), read(usize::from(cut)));
}

/// AMF0 values: what is read can be written and read again.
///
/// # Panics
/// If that is not so.
pub fn amf0(data: &[u8]) {
    let (values, _) = amf0::decode_lossy(data);
    let bytes = amf0::encode(&values);
    let again = amf0::encode(&amf0::decode_lossy(&bytes).0);
    // Bytes, because not a number is not equal to itself.
    assert_eq!(bytes, again);
}

/// FLV tags, as in a file after its header: tracks come before units, and units are not empty.
///
/// # Panics
/// If that is not so.
pub fn flv(data: &[u8]) {
    let _ = flv::audio(data.to_vec().into());
    let _ = flv::video(data.to_vec().into());
    let mut publication = Publication::default();
    let mut events = VecDeque::new();
    let mut announced = false;
    let mut now = Instant::now();
    for tag in tags(&[&[0; 13], data].concat()) {
        let result = match tag.type_id {
            message_type::AUDIO => publication.handle_audio(now, tag.timestamp, tag.body, &mut events),
            message_type::VIDEO => publication.handle_video(now, tag.timestamp, tag.body, &mut events),
            _ => Ok(()),
        };
        if result.is_err() {
            return;
        }
        now += Duration::from_millis(100);
        publication.handle_timeout(now, &mut events);
        for event in events.drain(..) {
            match event {
                Event::Tracks(tracks) => {
                    announced = true;
                    assert!(tracks.video.is_some() || tracks.audio.is_some());
                }
                Event::Unit(unit) => assert!(announced && !unit.data.is_empty()),
                _ => {}
            }
        }
    }
}

/// A whole connection, or (first byte odd) what follows an accepted publish: cutting it (second byte) changes nothing.
///
/// # Panics
/// If that is not so, or the session breaks its rules.
pub fn session(data: &[u8]) {
    let Some((&[mode, cut], data)) = data.split_first_chunk() else { return };
    let prefix = if mode & 1 == 1 {
        let recording = Recording::new(Style::Obs, "live", "key", &[]);
        recording.messages[..=recording.publish].concat()
    } else {
        Vec::new()
    };
    let with = |size: usize| run(std::iter::once(&prefix[..]).chain(data.chunks(size.max(1))));
    let (whole, cut) = (with(data.len()), with(usize::from(cut) + 1));
    assert_eq!(whole.events, cut.events);
    assert_eq!(whole.end, cut.end);
}
