//! Runs a client's bytes against a session, or against a server.

use std::hash::{DefaultHasher, Hasher};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::{Recording, mutate};
use crate::event::{End, Event};
use crate::session::{Deadlines, Output, Session};

/// Between two pieces in virtual time: so short that even single bytes miss no deadline.
const PACE: Duration = Duration::from_micros(10);

/// What came of a client's bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// A publish was asked for and accepted.
    pub published: bool,
    /// Number of tracks events.
    pub tracks: usize,
    /// Number of units.
    pub units: usize,
    /// Bytes of units.
    pub unit_bytes: usize,
    /// How the publish ended.
    pub end: Option<End>,
    /// Bytes that the session answered.
    pub sent: Vec<u8>,
    /// A description of each event, in order: equal for equal events.
    pub events: Vec<String>,
}

/// Feeds `pieces` to a session that accepts every publish, a moment apart in virtual time, and ends the connection.
///
/// # Panics
/// If the session breaks its own rules: an event without a publish, or one after its end.
pub fn run<P: AsRef<[u8]>>(pieces: impl IntoIterator<Item = P>) -> Outcome {
    let began = Instant::now();
    let mut now = began;
    let mut session = Session::new(now, Deadlines::default());
    let mut outcome = Outcome::default();
    for piece in pieces {
        let mut piece = piece.as_ref();
        loop {
            let consumed = session.handle_input(now, piece);
            piece = &piece[consumed..];
            let decide = drain(&mut session, &mut outcome, began);
            if decide {
                session.accept_publish(now);
                outcome.published = true;
                drain(&mut session, &mut outcome, began);
            } else if piece.is_empty() {
                break;
            } else {
                assert!(consumed > 0, "input is left and nothing to decide");
            }
        }
        now += PACE;
        if session.poll_timeout().is_some_and(|due| due <= now) {
            session.handle_timeout(now);
            drain(&mut session, &mut outcome, began);
        }
    }
    session.handle_disconnect("end of input");
    drain(&mut session, &mut outcome, began);
    assert_eq!(outcome.published, outcome.end.is_some(), "every accepted publish ends");
    assert!(session.poll_timeout().is_none(), "a closed session waits for nothing");
    outcome
}

/// Runs `recording` with the damage of `seed` through [`run`]: what came of it, or the message of a panic.
///
/// # Errors
/// Something panicked.
pub fn attempt(recording: &Recording, seed: u64) -> Result<Outcome, String> {
    std::panic::catch_unwind(|| run(mutate(recording, seed))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or_default()
    })
}

fn hash(data: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(data);
    hasher.finish()
}

/// Whether a decision is due.
fn drain(session: &mut Session, outcome: &mut Outcome, began: Instant) -> bool {
    let mut decide = false;
    while let Some(output) = session.poll_output() {
        match output {
            Output::Send(bytes) => outcome.sent.extend_from_slice(&bytes),
            Output::Publish(_) => decide = true,
            Output::Close => {}
            Output::Event(event) => {
                assert!(outcome.published && outcome.end.is_none(), "an event outside of a publish");
                let mut text = format!("{event:?}");
                match event {
                    Event::Tracks(_) => outcome.tracks += 1,
                    Event::Unit(unit) => {
                        assert!(!unit.data.is_empty() && outcome.tracks > 0, "a unit of nothing");
                        outcome.units += 1;
                        outcome.unit_bytes += unit.data.len();
                        let (kind, key) = (unit.kind, unit.keyframe);
                        text = format!("{kind:?} {} {} {key} {:016x}", unit.dts, unit.pts, hash(&unit.data));
                        assert!(unit.arrival >= began);
                    }
                    Event::End(end) => outcome.end = Some(end),
                    Event::Metadata(_) => {}
                }
                outcome.events.push(text);
            }
        }
    }
    decide
}

/// Sends `pieces` over a socket of its own, without waiting for answers, and reads until the server closes or
/// `patience` is over; whether a publish was started.
///
/// # Errors
/// The connection cannot be made. That the server closes early is no error.
pub fn send<P: AsRef<[u8]>>(address: SocketAddr, pieces: impl IntoIterator<Item = P>, patience: Duration) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(patience))?;
    let deadline = Instant::now() + patience;
    for piece in pieces {
        if stream.write_all(piece.as_ref()).is_err() {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    let start = b"NetStream.Publish.Start";
    Ok(answer.windows(start.len()).any(|window| window == start))
}
