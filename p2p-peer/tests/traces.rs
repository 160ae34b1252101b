//! What schedulers did in simulated swarms, theirs in the pages and this one, is what this one does: `vectors/traces`, replayed.

use std::io::Read as _;

use flate2::read::GzDecoder;
use p2p_peer::core::{
    Core,
    trace::{Head, Line},
};

#[test]
fn recorded_traces_are_replayed_to_the_letter() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/traces");
    let mut paths: Vec<_> =
        std::fs::read_dir(dir).expect("traces are part of the package").map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    let (mut long, mut of_pages) = (0, 0);
    for path in &paths {
        let mut text = String::new();
        GzDecoder::new(std::fs::File::open(path).expect("readable")).read_to_string(&mut text).expect("compressed text");
        let mut lines = text.lines();
        let head: Head = serde_json::from_str(lines.next().expect("a first line")).expect("a configuration");
        let mut core = Core::new(head.config);
        let (mut first_ms, mut last_ms) = (None, 0);
        for (number, line) in lines.enumerate() {
            let line: Line = serde_json::from_str(line).unwrap_or_else(|error| panic!("{}, line {}: {error}", path.display(), number + 2));
            first_ms.get_or_insert(line.at);
            last_ms = line.at;
            let replayed = Line::record(&mut core, line.at, line.input.clone());
            // As JSON: a set of slices is longer in a core that knows how many there are than in one that only has its bytes.
            let (replayed, line) = [replayed, line].map(|line| serde_json::to_value(line).expect("JSON")).into();
            assert_eq!(replayed, line, "{}, line {}", path.display(), number + 2);
        }
        long += usize::from(last_ms - first_ms.expect("inputs") >= 60_000);
        of_pages += usize::from(path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ts-")));
    }
    assert!(long >= 20, "{long} traces of a minute");
    assert!(of_pages >= 3, "{of_pages} traces from the engine of the pages");
}
