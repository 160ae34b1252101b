//! Low-Latency HLS as players ask for it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode, header};
use segmenter::rendition::ObjectPoll;
use segmenter::window::Object;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::player::{Live, Playlist};
use crate::publisher::{Clip, Publisher};
use crate::support::{Server, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_player_stays_at_the_edge() {
    let server = Server::start().await;
    let live = Live::create(&server, json!({})).await;
    assert_eq!(live.get("master.m3u8").await.status(), StatusCode::NOT_FOUND, "nothing was published yet");
    let _publisher = Publisher::start(Clip::Plain, &live.rtmp_url);
    live.on_air().await;

    let master = live.get("master.m3u8").await.text().await.expect("text");
    assert!(master.contains("source.m3u8") && master.contains("audio.m3u8") && master.contains("RESOLUTION=320x180"), "{master}");
    blocking_reloads(&live).await;
    hinted_parts(&live).await;
    live.past(7).await;
    delta_updates(&live).await;
    wrong_requests(&live).await;
    delivery(&live).await;
    hashes(&live).await;
    server.stop().await;
}

async fn blocking_reloads(live: &Live) {
    let mut playlist = live.playlist("").await;
    assert!(playlist.has("CAN-BLOCK-RELOAD=YES") && playlist.has("#EXT-X-PART-INF:PART-TARGET="), "{}", playlist.0);
    for _ in 0..8 {
        let (msn, part) = (playlist.next_msn(), playlist.open_parts());
        let next = live.playlist(&format!("?_HLS_msn={msn}&_HLS_part={part}")).await;
        assert!((next.next_msn(), next.open_parts()) > (msn, part), "asked for {msn}/{part}\n{}", next.0);
        playlist = next;
    }
}

/// Nothing of a part comes before all of it is there, and then the playlist has it.
async fn hinted_parts(live: &Live) {
    let mut seen = 0;
    for _ in 0..5 {
        let before = live.playlist("").await;
        let hint = before.hint();
        let asked = Instant::now();
        let response = live.get(&hint).await;
        assert_eq!(response.status(), StatusCode::OK, "{hint}");
        let answered = asked.elapsed();
        let bytes = response.bytes().await.expect("bytes");
        assert!(asked.elapsed() - answered < Duration::from_millis(150), "the body came in pieces");
        assert!(live.playlist("").await.parts().contains(&hint), "{hint} is whole but not listed");
        assert_eq!(live.get(&hint).await.bytes().await.expect("bytes"), bytes);
        assert_eq!(&bytes[4..8], b"moof");
        seen += usize::from(answered > Duration::from_millis(20));
    }
    assert!(seen > 0, "at least one was asked for before it was there");
}

async fn delta_updates(live: &Live) {
    let whole = live.playlist("").await;
    let delta = live.playlist("?_HLS_skip=YES").await;
    let skipped: usize = delta.attributes("#EXT-X-SKIP", "SKIPPED-SEGMENTS").pop().expect("skipped").parse().expect("a number");
    assert!(skipped > 0 && whole.has("CAN-SKIP-UNTIL="));
    assert!(delta.media_sequence() + skipped as u64 + delta.listed().len() as u64 >= whole.next_msn());
    assert!(delta.0.len() < whole.0.len());
}

async fn wrong_requests(live: &Live) {
    let next = live.playlist("").await.next_msn();
    for query in ["_HLS_part=0", "_HLS_msn=x", "_HLS_msn=-1", &format!("_HLS_msn={}", next + 5), &format!("_HLS_msn={next}&_HLS_part=9999")]
    {
        let response = live.get(&format!("source.m3u8?{query}")).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
    }
    for missing in ["nothing.m3u8", "..%2f..%2fshoal.db", "deadbeef-source-1.m4s", ".hidden"] {
        assert_eq!(live.get(missing).await.status(), StatusCode::NOT_FOUND, "{missing}");
    }
}

/// Headers, ranges, compression.
async fn delivery(live: &Live) {
    let playlist = live.playlist("").await;
    let (_, segment) = playlist.segments().pop().expect("a segment");
    let whole = live.raw(Method::GET, &segment, &[("origin", "https://elsewhere.example")]).await;
    let of = |response: &reqwest::Response, name: &str| {
        response.headers().get(name).map(|v| v.to_str().expect("text").to_owned()).unwrap_or_default()
    };
    assert_eq!(of(&whole, "access-control-allow-origin"), "*");
    assert_eq!(of(&whole, "content-type"), "video/mp4");
    assert!(of(&whole, "cache-control").contains("immutable"));
    let bytes = whole.bytes().await.expect("bytes");

    // A range means nothing without a body (RFC 9110 section 14.2).
    for range in [&[][..], &[("range", "bytes=10-19")]] {
        let head = live.raw(Method::HEAD, &segment, range).await;
        assert_eq!((head.status(), of(&head, "content-length")), (StatusCode::OK, bytes.len().to_string()));
    }
    let range = live.raw(Method::GET, &segment, &[("range", "bytes=10-19")]).await;
    assert_eq!((range.status(), of(&range, "content-range")), (StatusCode::PARTIAL_CONTENT, format!("bytes 10-19/{}", bytes.len())));
    assert_eq!(range.bytes().await.expect("bytes"), bytes.slice(10..20));
    let beyond = live.raw(Method::GET, &segment, &[("range", &format!("bytes={}-", bytes.len()))]).await;
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);

    let packed = live.raw(Method::GET, "source.m3u8", &[("accept-encoding", "gzip")]).await;
    assert_eq!(of(&packed, "content-encoding"), "gzip");
    assert_eq!(of(&packed, "content-type"), "application/vnd.apple.mpegurl");
    let packed = packed.bytes().await.expect("bytes");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).expect("gzip");
    assert!(text.starts_with("#EXTM3U") && packed.len() < text.len());
    let plain = live.raw(Method::GET, "source.m3u8", &[]).await;
    assert_eq!(of(&plain, "content-encoding"), "");

    let preflight = [
        ("origin", "https://elsewhere.example"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "range,authorization"),
    ];
    let preflight = live.raw(Method::OPTIONS, &segment, &preflight).await;
    assert!(preflight.status().is_success());
    let allowed = of(&preflight, header::ACCESS_CONTROL_ALLOW_HEADERS.as_str());
    assert!(allowed.contains("range") && allowed.contains("authorization"), "{allowed}");
}

/// `segments-sha256.json` tells the truth of every segment that is listed.
async fn hashes(live: &Live) {
    let segments = live.playlist("").await.segments();
    let hashes: BTreeMap<String, String> = live.get("segments-sha256.json").await.json().await.expect("JSON");
    for (_, name) in segments {
        let bytes = live.get(&name).await.bytes().await.expect("bytes");
        assert_eq!(hashes.get(&name), Some(&hex::encode(Sha256::digest(&bytes))), "{name}");
    }
    assert!(hashes.keys().any(|name| name.contains("-audio-")));
}

#[tokio::test(flavor = "multi_thread")]
async fn picture_or_sound_alone_play() {
    let server = Server::start().await;
    let picture = Live::create(&server, json!({})).await;
    let sound = Live::create(&server, json!({})).await;
    let _publishers = [Publisher::start(Clip::Picture, &picture.rtmp_url), Publisher::start(Clip::Sound, &sound.rtmp_url)];
    for (live, codec, other, content_type) in [(&picture, "avc1", "mp4a", "video/mp4"), (&sound, "mp4a", "avc1", "audio/mp4")] {
        live.on_air().await;
        let master = live.get("master.m3u8").await.text().await.expect("text");
        assert!(master.contains(codec) && !master.contains(other) && !master.contains("audio.m3u8"), "{master}");
        live.past(7).await;
        let (_, segment) = live.playlist("").await.segments().pop().expect("a segment");
        let response = live.get(&segment).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], content_type);
        assert!(response.bytes().await.expect("bytes").len() > 500);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_left_memory_comes_from_disk() {
    let server = Server::start().await;
    let live = Live::create(&server, json!({})).await;
    let _publisher = Publisher::start(Clip::Heavy, &live.rtmp_url);
    live.on_air().await;
    live.past(7).await;
    let (_, first) = live.playlist("").await.segments().swap_remove(0);
    let from_memory = live.get(&first).await.bytes().await.expect("bytes");
    let group = server.running.app.live.group(live.uuid.parse().expect("a uuid")).expect("it runs");
    eventually("the first segment is only on disk", async || {
        let now = Instant::now();
        matches!(group.poll_object(now, &first, now), ObjectPoll::Ready { object: Object::File(_), .. })
    })
    .await;
    assert!(live.get(&first).await.bytes().await.expect("bytes") == from_memory);
    let playlist: Playlist = live.playlist("").await;
    assert!(playlist.segments().iter().any(|(_, name)| *name == first), "viewers can seek to it");
    let range = live.raw(Method::GET, &first, &[("range", "bytes=100-299")]).await;
    assert_eq!(range.status(), StatusCode::PARTIAL_CONTENT);
    assert!(range.bytes().await.expect("bytes") == from_memory.slice(100..300));
    server.stop().await;
}
