//! The table of section 6.2.5.2, row by row.
#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "a test that cannot go on fails")]

mod feed;

use std::time::{Duration, Instant};

use feed::{config, running};
use segmenter::reload::{Decision, Invalid, Reload, decide};
use segmenter::window::{View, Window};

fn query(text: &str) -> Reload {
    Reload::parse(text.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, ""))))
}

fn ask(view: &View, text: &str) -> Decision {
    let now = Instant::now();
    decide(view, &query(text), now, now)
}

/// Segments 0 to 6 complete, 7 has parts 0 to 3.
fn view() -> View {
    running(config(), 0, 74).1.view()
}

#[test]
fn what_is_there_is_answered_at_once() {
    let view = view();
    for text in [
        "",
        "other=1",
        "_HLS_skip=YES",
        "_HLS_skip=v2",
        "_HLS_skip=nonsense",
        "_HLS_msn=6",
        "_HLS_msn=0",
        "_HLS_msn=6&_HLS_part=9",
        "_HLS_msn=6&_HLS_part=0",
        "_HLS_msn=7&_HLS_part=0",
        "_HLS_msn=7&_HLS_part=3",
        "_HLS_msn=3&_HLS_part=400",
        // Past the last part of a complete segment: part 0 of the next.
        "_HLS_msn=6&_HLS_part=10",
        "_HLS_msn=6&_HLS_part=18446744073709551615",
    ] {
        assert_eq!(ask(&view, text), Decision::Ready, "{text}");
    }
    // Old segments that have left the window, too.
    let (_, mut window) = running(config(), 0, 400);
    assert_eq!(ask(&window.view(), "_HLS_msn=1&_HLS_part=2"), Decision::Ready);
}

#[test]
fn what_comes_soon_is_waited_for() {
    let view = view();
    for text in [
        "_HLS_msn=7",
        "_HLS_msn=8",
        "_HLS_msn=7&_HLS_part=4",
        "_HLS_msn=7&_HLS_part=5",
        "_HLS_msn=8&_HLS_part=0",
        // The Advance Part Limit: 3 / 0.215 = 13.95; part 16 lies 13 beyond part 3.
        "_HLS_msn=7&_HLS_part=16",
        "_HLS_msn=8&_HLS_part=12",
    ] {
        assert!(matches!(ask(&view, text), Decision::Wait { .. }), "{text}");
    }
    // Nothing of segment 8 yet: part 10 of 7 is part 0 of 8, and not there.
    let view = running(config(), 0, 80).1.view();
    assert!(matches!(ask(&view, "_HLS_msn=7&_HLS_part=10"), Decision::Wait { .. }));
    assert!(matches!(ask(&view, "_HLS_msn=8&_HLS_part=0"), Decision::Wait { .. }));
    assert!(matches!(ask(&view, "_HLS_msn=9"), Decision::Wait { .. }));
}

#[test]
fn what_is_too_far_ahead_is_refused() {
    let view = view();
    for (text, why) in [
        ("_HLS_msn=9", Invalid::MsnTooFar),
        ("_HLS_msn=18446744073709551615", Invalid::MsnTooFar),
        ("_HLS_msn=9&_HLS_part=0", Invalid::MsnTooFar),
        ("_HLS_msn=7&_HLS_part=17", Invalid::PartTooFar),
        ("_HLS_msn=7&_HLS_part=18446744073709551615", Invalid::PartTooFar),
        ("_HLS_msn=8&_HLS_part=13", Invalid::PartTooFar),
    ] {
        assert_eq!(ask(&view, text), Decision::Invalid(why), "{text}");
    }
}

#[test]
fn nonsense_is_refused() {
    let view = view();
    for text in [
        "_HLS_msn=",
        "_HLS_msn",
        "_HLS_msn=-1",
        "_HLS_msn=+6",
        "_HLS_msn=6.0",
        "_HLS_msn=x",
        "_HLS_msn= 6",
        "_HLS_msn=0x6",
        "_HLS_msn=18446744073709551616",
        "_HLS_msn=6&_HLS_msn=6",
        "_HLS_msn=6&_HLS_part=-1",
        "_HLS_msn=6&_HLS_part=",
        "_HLS_msn=6&_HLS_part=1&_HLS_part=1",
        "_HLS_msn=٦",
    ] {
        assert!(matches!(ask(&view, text), Decision::Invalid(Invalid::Malformed(_))), "{text}");
    }
    assert!(matches!(ask(&view, "_HLS_skip=YES&_HLS_skip=YES"), Decision::Invalid(Invalid::Malformed("_HLS_skip"))));
    assert_eq!(ask(&view, "_HLS_part=1"), Decision::Invalid(Invalid::PartWithoutMsn));
}

#[test]
fn after_the_end_directives_mean_nothing() {
    let (feed, mut window) = running(config(), 0, 74);
    window.handle_end(feed.now());
    let view = window.view();
    for text in ["_HLS_msn=900", "_HLS_part=1", "_HLS_msn=x", "_HLS_msn=8&_HLS_part=0", "_HLS_skip=YES"] {
        assert_eq!(ask(&view, text), Decision::Ready, "{text}");
    }
}

#[test]
fn three_target_durations_end_the_wait() {
    let view = view();
    let since = Instant::now();
    let request = query("_HLS_msn=7&_HLS_part=4");
    let deadline = since + Duration::from_secs(6);
    assert_eq!(decide(&view, &request, since, since), Decision::Wait { deadline });
    let shortly_before = deadline - Duration::from_millis(1);
    assert_eq!(decide(&view, &request, shortly_before, since), Decision::Wait { deadline });
    assert_eq!(decide(&view, &request, deadline, since), Decision::Unavailable);
}

#[test]
fn before_the_first_part_everything_waits() {
    let mut window = Window::new(config());
    let view = window.view();
    assert!(matches!(ask(&view, ""), Decision::Wait { .. }));
    assert!(matches!(ask(&view, "_HLS_msn=5"), Decision::Wait { .. }));
    assert_eq!(ask(&view, "_HLS_part=5"), Decision::Invalid(Invalid::PartWithoutMsn));
}
