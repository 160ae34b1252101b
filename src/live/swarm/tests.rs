//! Streams of stripes without a server around them.

use p2p_peer::wire::Message;
use p2p_peer::wire::message::Frames;
use segmenter::growth::Grown;
use tempfile::TempDir;

use super::*;

struct Bench {
    swarms: Swarms,
    swarm: Arc<Swarm>,
    _folder: TempDir,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open("", folder.path()).await.expect("a store");
        let swarms = Swarms::new(&store).await.expect("keys");
        let swarm = swarms.make(Uuid::from_u128(1), "ab12cd34", Group::new());
        Self { swarms, swarm, _folder: folder }
    }

    /// A part of 200 ms, ten to a segment.
    fn publish(&self, rendition: u8, number: u64) {
        let grown = Grown {
            msn: 7 + number / 10,
            part: number % 10,
            program_date_time: 1_795_413_600_000,
            duration: MediaTime::from_millis(200),
            independent: number.is_multiple_of(10),
            gap: false,
            end: false,
            bytes: Bytes::from(vec![number as u8; 1000]),
            text: String::new(),
        };
        let key = self.swarms.0.keys.signing();
        self.swarm.publish(Part::sign(key, self.swarm.id, self.swarm.stripes(), rendition, grown).expect("a part"));
    }
}

/// The place of a part's frames, and the slices that came with it.
fn read(bytes: &Bytes) -> (Place, Vec<u16>) {
    let mut frames = Frames::default();
    frames.push(bytes);
    let Ok(Some(Message::Manifest(manifest))) = frames.next() else { panic!("a manifest comes first") };
    let place = p2p_peer::wire::manifest::parse(manifest, 4).expect("a manifest").trust().place;
    let mut slices = Vec::new();
    while let Some(message) = frames.next().expect("a stream") {
        let Message::Slice(slice) = message else { panic!("{message:?}") };
        assert_eq!(slice.place, place);
        slices.push(slice.index);
    }
    (place, slices)
}

fn place(number: u32) -> Place {
    Place::new(7 + number / 10, number % 10).expect("within the bounds")
}

#[tokio::test]
async fn a_stream_begins_where_it_is_asked_to() {
    let bench = Bench::new().await;
    (0..30).for_each(|number| bench.publish(0, number));
    let mut all = bench.swarm.stream(0, 0b101, Some(Place(0))).expect("room");
    let mut some = bench.swarm.stream(0, 0b010, Some(place(28))).expect("room");
    let mut new = bench.swarm.stream(0, 0b1111, None).expect("room");
    bench.publish(1, 3);
    (30..32).for_each(|number| bench.publish(0, number));
    // Four seconds are kept.
    for number in 10..32 {
        assert_eq!(read(&all.next().await.expect("a part")), (place(number), vec![0, 2]));
    }
    for number in 28..32 {
        assert_eq!(read(&some.next().await.expect("a part")), (place(number), vec![1]));
    }
    for number in 30..32 {
        assert_eq!(read(&new.next().await.expect("a part")), (place(number), vec![0, 1, 2, 3]));
    }
    bench.swarm.close(true);
    assert_eq!(all.next().await, None);
}

#[tokio::test]
async fn who_does_not_keep_up_is_let_go() {
    let bench = Bench::new().await;
    let mut slow = bench.swarm.stream(0, 1, None).expect("room");
    let mut quick = bench.swarm.stream(0, 1, None).expect("room");
    for number in 0..2 * FEED as u64 {
        bench.publish(0, number);
        assert!(quick.next().await.is_some());
    }
    assert_eq!(slow.next().await, None);
    assert!(bench.swarm.kept().iter().all(|kept| kept.len() <= 20), "memory does not grow");
}

#[tokio::test]
async fn streams_are_bounded() {
    let bench = Bench::new().await;
    let mut streams: Vec<_> = (0..MAX_STREAMS).map(|_| bench.swarm.stream(0, 1, None).expect("room")).collect();
    assert!(bench.swarm.stream(0, 1, None).is_none());
    assert!(bench.swarm.stream(0, 1, None).is_none(), "a refusal takes no place");
    streams.pop();
    assert!(bench.swarm.stream(0, 1, None).is_some());
}

#[test]
fn a_rendition_is_named_by_its_index_or_its_name() {
    let found = ["0", "2", "3", "720p", "1080p", "", "-1"].map(|text| rendition_index(text, ["source", "720p", "480p"].into_iter()));
    assert_eq!(found, [Some(0), Some(2), None, Some(1), None, None, None]);
}
