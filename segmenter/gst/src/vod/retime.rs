//! The streams of a file onto one timeline from zero.
//!
//! Files begin anywhere (recordings cut out of a broadcast, edit lists); segments and offsets differ by demuxer. Behind this all
//! streams have times that begin at zero together and a segment that says nothing.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;

/// How long a stream waits for another's beginning. Streams of ordinary files begin at once; those that do not are taken as they are.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where the streams begin.
#[derive(Debug)]
pub(super) struct Origin {
    /// Beginnings in ns, and how many streams are still expected.
    state: Mutex<(Option<i64>, usize)>,
    changed: Condvar,
}

impl Origin {
    pub(super) fn new(streams: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new((None, streams)), changed: Condvar::new() })
    }

    /// A stream begins `at` (not before zero: what an edit list leaves out has negative times), or ends before it began; returns the
    /// common beginning. Waits until all have told theirs.
    fn agree(&self, at: Option<i64>) -> i64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever comes after the others lost patience has to take what they took.
        if state.1 > 0 {
            state.0 = state.0.into_iter().chain(at).min();
        }
        state.1 = state.1.saturating_sub(1);
        self.changed.notify_all();
        let waited = self.changed.wait_timeout_while(state, PATIENCE, |state| at.is_some() && state.1 > 0);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if at.is_some() {
            state.1 = 0;
        }
        state.0.unwrap_or(0)
    }
}

#[derive(Debug, Default)]
struct Stream {
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    origin: Option<i64>,
}

/// Puts what leaves `pad` onto the common timeline. Buffers from before its beginning, or without time, are left out.
pub(super) fn retime(pad: &gst::Pad, origin: Arc<Origin>) {
    let stream = Mutex::new(Stream::default());
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::BUFFER, move |_, info| {
        let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(event) = info.event_mut() {
            match event.view() {
                gst::EventView::Segment(segment) => {
                    let is_first = stream.segment.is_none();
                    stream.segment = segment.segment().clone().downcast::<gst::ClockTime>().ok();
                    if !is_first {
                        // It would say the same once more, and videorate forgets at each what time it is: the next picture
                        // would have none. The Matroska demuxer corrects itself as soon as the sound begins before the picture.
                        return gst::PadProbeReturn::Handled;
                    }
                    let plain = gst::FormattedSegment::<gst::ClockTime>::new();
                    *event = gst::event::Segment::builder(&plain).build();
                }
                gst::EventView::Eos(_) if stream.origin.is_none() => {
                    stream.origin = Some(origin.agree(None));
                }
                _ => {}
            }
            return gst::PadProbeReturn::Ok;
        }
        let Some(buffer) = info.buffer_mut() else { return gst::PadProbeReturn::Ok };
        let running = stream.segment.as_ref().and_then(|segment| {
            // Signed: what lies before the segment is negative.
            let time = segment.to_running_time_full(buffer.pts()?)?;
            let nanos = i64::try_from(time.abs().nseconds()).ok()?;
            Some(if time.is_negative() { -nanos } else { nanos })
        });
        let at = running.map(|running| running - *stream.origin.get_or_insert_with(|| origin.agree(Some(running.max(0)))));
        let duration = buffer.duration().map_or(1, |duration| i64::try_from(duration.nseconds()).unwrap_or(i64::MAX).max(1));
        match at.filter(|at| at.saturating_add(duration) > 0) {
            Some(at) => {
                let buffer = buffer.make_mut();
                buffer.set_pts(gst::ClockTime::from_nseconds(u64::try_from(at).unwrap_or(0)));
                buffer.set_dts(gst::ClockTime::NONE);
                gst::PadProbeReturn::Ok
            }
            None => {
                // Not `Drop`: GStreamer 1.22 would release a second time what the binding has released.
                info.flow_res = Ok(gst::FlowSuccess::Ok);
                gst::PadProbeReturn::Handled
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_late_takes_what_the_others_took() {
        let origin = Origin::new(2);
        assert_eq!(origin.agree(Some(5)), 5);
        assert_eq!(origin.agree(Some(3)), 5);
    }

    #[test]
    fn nobody_waits_for_a_stream_that_has_ended() {
        let origin = Origin::new(2);
        assert_eq!(origin.agree(None), 0);
        let began = std::time::Instant::now();
        assert_eq!(origin.agree(Some(7)), 7);
        assert!(began.elapsed() < PATIENCE);
    }
}
