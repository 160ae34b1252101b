//! The vectors of `vectors/`, which the engine of the pages checks as well; and that nothing a stranger sends panics.

use ed25519_dalek::{SigningKey, VerifyingKey};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{message::*, *};

fn vectors(file: &str) -> Value {
    let path = format!("{}/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("vectors are part of the package")).expect("vectors are JSON")
}

fn each<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    let list = value[name].as_array().expect("a list");
    assert!(!list.is_empty(), "{name} has vectors");
    list.iter()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().expect("a string")
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().expect("a number")
}

fn unhex(text: &str) -> Bytes {
    hex::decode(text).expect("hexadecimal digits").into()
}

/// `hex`, then `fill` times the byte a5.
fn raw(vector: &Value) -> Bytes {
    let mut bytes = unhex(text(vector, "hex")).to_vec();
    bytes.resize(bytes.len() + vector["fill"].as_u64().unwrap_or(0) as usize, 0xa5);
    bytes.into()
}

/// The message in the words of the vectors. `fill` bytes at the end of a payload are left out, as they are there.
fn describe(message: &Message, fill: usize) -> Value {
    let payload = |bytes: &Bytes| {
        let (head, tail) = bytes.split_at(bytes.len() - fill);
        assert!(tail.iter().all(|byte| *byte == 0xa5), "the fill is kept");
        hex::encode(head)
    };
    let path = |path: &[ShortId]| path.iter().map(|id| id.0).collect::<Vec<_>>();
    match message {
        Message::Hello { version, peer, swarm, slots, newest } => {
            json!({"type": "hello", "version": version, "peer": peer.to_string(), "swarm": swarm.to_string(), "slots": slots, "newest": newest.0})
        }
        Message::Have { rendition, parts } => {
            let parts: Vec<_> =
                parts.iter().map(|(place, b)| json!({"place": place.0, "n": b.n(), "bitmap": hex::encode(b.as_bytes())})).collect();
            json!({"type": "have", "rendition": rendition, "parts": parts})
        }
        Message::Subscribe { rendition, stripe, from, manifests } => {
            json!({"type": "subscribe", "rendition": rendition, "stripe": stripe, "from": from.0, "manifests": manifests})
        }
        Message::Accept { rendition, stripe, path: p } => {
            json!({"type": "accept", "rendition": rendition, "stripe": stripe, "path": path(p)})
        }
        Message::Path { rendition, stripe, path: p } => json!({"type": "path", "rendition": rendition, "stripe": stripe, "path": path(p)}),
        Message::Reject { rendition, stripe, reason, alternatives } => {
            let alternatives: Vec<_> = alternatives.iter().map(PeerId::to_string).collect();
            json!({"type": "reject", "rendition": rendition, "stripe": stripe, "reason": reason.0, "alternatives": alternatives})
        }
        Message::Manifest(bytes) => json!({"type": "manifest", "bytes": payload(bytes)}),
        Message::Slice(s) => {
            json!({"type": "slice", "rendition": s.rendition, "place": s.place.0, "index": s.index, "length": s.length, "bytes": payload(&s.bytes)})
        }
        Message::Data(bytes) => json!({"type": "data", "bytes": payload(bytes)}),
        Message::Request { rendition, place, slices } => {
            json!({"type": "request", "rendition": rendition, "place": place.0, "n": slices.n(), "bitmap": hex::encode(slices.as_bytes())})
        }
        Message::Cancel { rendition, place, slices } => {
            json!({"type": "cancel", "rendition": rendition, "place": place.0, "n": slices.n(), "bitmap": hex::encode(slices.as_bytes())})
        }
        Message::Unsubscribe { rendition, stripe } => json!({"type": "unsubscribe", "rendition": rendition, "stripe": stripe}),
        Message::Ping { nonce } => json!({"type": "ping", "nonce": nonce}),
        Message::Pong { nonce } => json!({"type": "pong", "nonce": nonce}),
        Message::Bye => json!({"type": "bye"}),
    }
}

#[test]
fn messages_are_as_in_the_vectors() {
    let vectors = vectors("messages.json");
    assert_eq!(number(&vectors, "maxMessage"), MAX_MESSAGE_BYTES as u64);
    for vector in each(&vectors, "shortIds") {
        let peer = PeerId::from_hex(text(vector, "peer")).expect("20 bytes");
        assert_eq!(u64::from(peer.short().0), number(vector, "short"));
    }
    for vector in each(&vectors, "valid") {
        let message = Message::parse(raw(vector)).expect("a valid message").expect("of a known type");
        let fill = vector["fill"].as_u64().unwrap_or(0) as usize;
        assert_eq!(describe(&message, fill), vector["message"], "{}", vector["name"]);
        if vector["canonical"] != false {
            assert_eq!(message.encode(), raw(vector), "{}", vector["name"]);
        }
    }
    for vector in each(&vectors, "unknown") {
        assert_eq!(Message::parse(raw(vector)), Ok(None), "{}", vector["name"]);
    }
    for vector in each(&vectors, "broken") {
        let refusal = Message::parse(raw(vector)).expect_err("a broken message");
        assert_eq!(refusal.slug(), vector["refusal"], "{}", vector["name"]);
    }
}

#[test]
fn slices_come_together_as_in_the_vectors() {
    for vector in each(&vectors("messages.json"), "sequences") {
        let mut assembler = Assembler::default();
        let (mut slices, mut refusal) = (Vec::new(), None);
        for message in each(vector, "messages") {
            let message = Message::parse(unhex(message.as_str().expect("a string"))).expect("valid by itself");
            let whole = match message {
                Some(Message::Slice(slice)) => assembler.slice(slice),
                Some(Message::Data(data)) => assembler.data(&data),
                _ => Ok(None),
            };
            match whole {
                Ok(slice) => slices.extend(slice),
                Err(error) => refusal = Some(error.slug()),
            }
        }
        let slices: Vec<_> = slices
            .iter()
            .map(|s| json!({"rendition": s.rendition, "place": s.place.0, "index": s.index, "bytes": hex::encode(&s.bytes)}))
            .collect();
        assert_eq!(Value::from(slices), vector["slices"], "{}", vector["name"]);
        assert_eq!(refusal, vector["refusal"].as_str(), "{}", vector["name"]);
    }
}

#[test]
fn the_stripe_stream_is_as_in_the_vectors() {
    let stream = &vectors("messages.json")["stream"];
    for vector in each(stream, "valid") {
        let bytes = raw(vector);
        // In pieces, as sockets give them.
        let (mut frames, mut found) = (Frames::default(), Vec::new());
        for piece in bytes.chunks(1000) {
            frames.push(piece);
            found.extend(frames.next().expect("a valid stream"));
        }
        let fill = vector["fill"].as_u64().unwrap_or(0) as usize;
        assert_eq!(
            found.iter().map(|message| describe(message, fill)).collect::<Vec<_>>(),
            [vector["message"].clone()],
            "{}",
            vector["name"]
        );
        assert_eq!(found[0].encode_frame(), bytes);
    }
    for vector in each(stream, "broken") {
        let mut frames = Frames::default();
        frames.push(&raw(vector));
        assert_eq!(frames.next().expect_err("a broken stream").slug(), vector["refusal"], "{}", vector["name"]);
    }
}

#[test]
fn a_slice_is_cut_into_messages_and_put_together() {
    let bytes: Bytes = (0..24_576u32).map(|i| i as u8).collect::<Vec<_>>().into();
    let slice = Slice { rendition: 1, place: Place(77), index: 3, length: 24_576, bytes };
    let mut assembler = Assembler::default();
    let mut whole = Vec::new();
    for message in slice.messages() {
        whole.extend(match Message::parse(message).expect("valid") {
            Some(Message::Slice(s)) => assembler.slice(s).expect("in sequence"),
            Some(Message::Data(d)) => assembler.data(&d).expect("in sequence"),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(whole, [slice]);
}

#[test]
fn manifests_are_as_in_the_vectors() {
    let vectors = vectors("manifests.json");
    let mut seed = [0; 32];
    hex::decode_to_slice(text(&vectors, "secret"), &mut seed).expect("32 bytes");
    let secret = SigningKey::from_bytes(&seed);
    let key = secret.verifying_key();
    assert_eq!(hex::encode(key.as_bytes()), text(&vectors, "public"));
    let swarm = SwarmId::from_hex(text(&vectors, "swarm")).expect("20 bytes");
    for vector in each(&vectors, "valid") {
        let bytes = raw(vector);
        let m = manifest::parse(bytes.clone(), number(vector, "stripes") as u8).expect("valid").verify(&key, swarm).expect("signed");
        let described = json!({
            "version": 1, "rendition": m.rendition, "place": m.place.0, "msn": m.place.msn(), "part": m.place.part(), "timeMs": m.time_ms,
            "durationMs": m.duration_ms, "size": m.size, "flags": m.flags, "independent": m.independent(), "gap": m.gap(), "last": m.last(),
            "hashes": m.hashes.iter().map(hex::encode).collect::<Vec<_>>(), "text": m.text, "signature": hex::encode(&bytes[bytes.len() - 64..]),
        });
        assert_eq!(described, vector["manifest"], "{}", vector["name"]);
        assert_eq!(m.sign(&secret, swarm).expect("within the limits"), bytes, "{}", vector["name"]);
    }
    for vector in each(&vectors, "broken") {
        let refusal =
            manifest::parse(raw(vector), number(vector, "stripes") as u8).and_then(|m| m.verify(&key, swarm)).expect_err("broken");
        assert_eq!(refusal.slug(), vector["refusal"], "{}", vector["name"]);
    }
}

#[test]
fn slices_are_as_in_the_vectors() {
    let vectors = vectors("slices.json");
    for vector in each(&vectors, "rule") {
        let (size, stripes) = (number(vector, "size") as u32, number(vector, "stripes") as u8);
        let n = slices::count(size, stripes);
        assert_eq!(u64::from(n), number(vector, "count"), "{size} bytes");
        let check = |index: u32, slice: &Value| {
            let range = slices::range(size, n, index);
            assert_eq!(
                (u64::from(range.start), u64::from(range.end)),
                (number(slice, "start"), number(slice, "end")),
                "slice {index} of {size} bytes"
            );
            assert_eq!(u64::from(slices::stripe_of(index, stripes)), number(slice, "stripe"));
        };
        if let Some(all) = vector["slices"].as_array() {
            assert_eq!(all.len(), n as usize);
            all.iter().enumerate().for_each(|(index, slice)| check(index as u32, slice));
        } else {
            each(vector, "some").for_each(|slice| check(number(slice, "index") as u32, slice));
        }
    }
    for vector in each(&vectors, "hashes") {
        let seed = number(vector, "seed") as u32;
        let part: Vec<u8> = (0..number(vector, "size") as u32).map(|i| (i * 31 + (i >> 8) * 7 + seed) as u8).collect();
        let hashes: Vec<_> = slices::hashes(&part, number(vector, "stripes") as u8).iter().map(hex::encode).collect();
        assert_eq!(Value::from(hashes), vector["hashes"]);
    }
    for vector in each(&vectors, "places") {
        let place = Place::new(number(vector, "msn") as u32, number(vector, "part") as u32).expect("within the bounds");
        assert_eq!(u64::from(place.0), number(vector, "place"));
        assert_eq!((u64::from(place.msn()), u64::from(place.part())), (number(vector, "msn"), number(vector, "part")));
    }
    assert_eq!((Place::new(Place::MAX_MSN + 1, 0), Place::new(0, Place::MAX_PART + 1)), (None, None));
}

#[test]
fn a_manifest_too_long_for_a_message_is_not_signed() {
    let manifest = Manifest {
        rendition: 0,
        place: Place(1),
        time_ms: 0,
        duration_ms: 0,
        size: 0,
        flags: 0,
        hashes: Vec::new(),
        text: "x".repeat(MAX_MESSAGE_BYTES),
    };
    assert_eq!(manifest.sign(&SigningKey::from_bytes(&[1; 32]), SwarmId([0; 20])), Err(WireError::Limit));
}

proptest! {
    #[test]
    fn strangers_bytes_never_panic_and_are_read_as_written(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0u8..17) {
        let mut bytes = bytes;
        bytes.insert(0, kind);
        if let Ok(Some(message)) = Message::parse(bytes.clone().into()) {
            let again = message.encode();
            // Only the unused flags of SUBSCRIBE are not kept.
            prop_assert!(kind == 3 || again == bytes);
            prop_assert_eq!(Message::parse(again), Ok(Some(message)));
        }
        let mut frames = Frames::default();
        frames.push(&bytes);
        while let Ok(Some(_)) = frames.next() {}
        let key = VerifyingKey::from(&SigningKey::from_bytes(&[1; 32]));
        bytes[0] = VERSION;
        prop_assert!(manifest::parse(bytes.into(), 4).and_then(|m| m.verify(&key, SwarmId([0; 20]))).is_err());
    }

    #[test]
    fn slices_cover_a_part_without_holes(size in any::<u32>(), stripes in 1u8..=16) {
        let n = slices::count(size, stripes);
        let mut end = 0;
        for index in 0..n.min(1000) {
            let range = slices::range(size, n, index);
            prop_assert_eq!(range.start, end);
            prop_assert!(!range.is_empty() && range.len() <= slices::MAX_SLICE_BYTES as usize);
            end = range.end;
        }
        prop_assert!(n > 1000 || end == size);
    }
}
