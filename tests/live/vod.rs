//! The swarms of replays, as their viewers meet them.

use std::time::Duration;

use bytes::Bytes;
use p2p_peer::wire::message::Frames;
use p2p_peer::wire::{Manifest, Message, slices};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use shoal::config::Policy;

use crate::player::{Live, found};
use crate::publisher::{Clip, Publisher};
use crate::support::{Server, eventually};
use crate::swarm::{Socket, Ticket, binary, metrics};

fn token_path(uuid: &str) -> String {
    format!("/api/shoal/v1/swarms/{uuid}/token")
}

/// A live that is over, and whose replay can be shared or will never be.
async fn replay(server: &Server, fields: Value) -> Live {
    let live = Live::create(server, fields).await;
    let mut publisher = Publisher::start_for(Clip::Plain, &live.rtmp_url, Duration::from_secs(5));
    live.wait_for("live").await;
    assert!(publisher.ended().await);
    assert_eq!(live.end().await, StatusCode::NO_CONTENT);
    live.concluded(1).await;
    live
}

async fn shared(server: &Server, live: &Live) -> Ticket {
    eventually("its manifests are signed", async || {
        server.call(Method::GET, &token_path(&live.uuid), Some(&live.token), None).await.0 == StatusCode::OK
    })
    .await;
    Ticket::of(server, &live.uuid).await
}

fn path(live: &Live, rendition: &str, query: &str) -> String {
    format!("/api/shoal/v1/swarms/{}/manifests/{rendition}?{query}", live.uuid)
}

async fn manifests(server: &Server, ticket: &Ticket, live: &Live, rendition: &str, from: u32, count: u32) -> Vec<Manifest> {
    let query = format!("from={from}&count={count}&token={}", ticket.token);
    let response = server.http.get(server.url(&path(live, rendition, &query))).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK, "{query}");
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/octet-stream");
    let mut frames = Frames::default();
    frames.push(&response.bytes().await.expect("bytes"));
    let mut manifests = Vec::new();
    while let Some(message) = frames.next().expect("a valid stream") {
        let Message::Manifest(bytes) = message else { panic!("{message:?}") };
        manifests.push(ticket.verify(bytes));
    }
    manifests
}

/// Seconds, byte range and file of each segment of a playlist.
pub fn segments(playlist: &str) -> Vec<(f64, u64, u64, String)> {
    let m3u8_rs::Playlist::MediaPlaylist(playlist) = m3u8_rs::parse_playlist_res(playlist.as_bytes()).expect("a playlist") else {
        panic!("a media playlist")
    };
    let segments = playlist.segments.into_iter().map(|segment| {
        let range = segment.byte_range.expect("a range");
        (f64::from(segment.duration), range.offset.expect("an offset"), range.length, segment.uri)
    });
    segments.collect()
}

pub async fn bytes(live: &Live, file: &str, offset: u64, length: u64) -> Bytes {
    let range = format!("bytes={offset}-{}", offset + length - 1);
    let response = live.raw(Method::GET, file, &[("range", &range)]).await;
    assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
    response.bytes().await.expect("bytes")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_shared_with_manifests_that_are_true() {
    let server = Server::start().await;
    let live = replay(&server, json!({ "saveReplay": true })).await;
    let ticket = shared(&server, &live).await;
    let all = &ticket.all;
    assert_eq!((&all["kind"], &all["stripes"], &all["policy"]), (&json!("vod"), &json!(4), &json!("on")), "{all}");
    let base = all["base"].as_str().expect("an address");
    let names: Vec<&str> = all["renditions"].as_array().expect("a list").iter().map(|name| name.as_str().expect("a name")).collect();
    assert!(names.len() == 2 && names[0].ends_with("-source") && names[1].ends_with("-audio"), "{names:?}");
    for (index, name) in names.iter().enumerate() {
        let playlist = server.http.get(format!("{base}{name}.m3u8")).send().await.expect("an answer").text().await.expect("text");
        let listed = segments(&playlist);
        assert!(listed.len() >= 2, "{playlist}");
        let told = manifests(&server, &ticket, &live, &index.to_string(), 0, 256).await;
        assert_eq!(told.len(), listed.len(), "one for each");
        let mut start_s = 0.0;
        for (number, (manifest, (duration_s, offset, length, file))) in told.iter().zip(&listed).enumerate() {
            assert_eq!((usize::from(manifest.rendition), manifest.place.0), (index, (number as u32) << 10));
            assert_eq!((manifest.flags, manifest.text.as_str(), u64::from(manifest.size)), (Manifest::INDEPENDENT, "", *length));
            assert!(
                (manifest.time_ms as f64 - start_s * 1000.0).abs() < 2.0
                    && (f64::from(manifest.duration_ms) - duration_s * 1000.0).abs() < 1.0
            );
            start_s += duration_s;
            let bytes = bytes(&live, file, *offset, *length).await;
            assert_eq!(slices::hashes(&bytes, 4), manifest.hashes, "the hashes of what HTTP gives");
        }
        // A part of them, by name.
        let part = manifests(&server, &ticket, &live, name, 1, 1).await;
        assert_eq!(part, told[1..2]);
        assert_eq!(manifests(&server, &ticket, &live, name, listed.len() as u32, 256).await, []);
        assert_eq!(manifests(&server, &ticket, &live, name, u32::MAX, 256).await, []);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_of_a_replay_are_told_of_each_other() {
    let server = Server::start().await;
    let live = replay(&server, json!({ "saveReplay": true })).await;
    let ticket = shared(&server, &live).await;
    let mut first = Socket::open(&ticket.tracker).await;
    first.say(&ticket.announce("-SH0100-aaaaaaaaaaaa", "nonsense")).await;
    assert!(first.hear().await["failure reason"].is_string());
    first.say(&ticket.announce("-SH0100-aaaaaaaaaaaa", &ticket.token)).await;
    assert!(first.hear().await["interval"].is_number());
    assert_eq!(first.hear().await["neighbours"], json!([]));
    let mut second = Socket::open(&ticket.tracker).await;
    second.say(&ticket.announce("-SH0100-bbbbbbbbbbbb", &ticket.token)).await;
    assert!(second.hear().await["interval"].is_number());
    let assigned = second.hear().await;
    assert_eq!((&assigned["neighbours"], &assigned["manifests"]), (&json!(["-SH0100-aaaaaaaaaaaa"]), &json!(false)));
    let assigned = first.hear().await;
    assert_eq!((&assigned["neighbours"], &assigned["peers"]), (&json!(["-SH0100-bbbbbbbbbbbb"]), &json!(2)));
    second
        .say(&json!({
            "action": "report", "info_hash": binary(&ticket.swarm.0), "peer_id": "-SH0100-bbbbbbbbbbbb", "neighbours": 1,
            "http_bytes": 100, "p2p_bytes": 900
        }))
        .await;
    eventually("it is in the metrics", async || {
        let text = server.http.get(metrics(&server)).send().await.expect("an answer").text().await.expect("text");
        text.contains("\nshoal_swarm_peers 2\n") && text.contains("shoal_viewer_media_bytes_total{source=\"p2p\"} 900\n")
    })
    .await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_nonsense_are_refused() {
    let server = Server::start().await;
    let live = replay(&server, json!({ "saveReplay": true, "privacy": 3, "replaySettings": { "privacy": 3 } })).await;
    assert_eq!(live.video().await["privacy"]["id"], 3);
    let all = found("its manifests are signed", async || {
        let (status, all) = server.call(Method::GET, &token_path(&live.uuid), Some(&live.token), None).await;
        (status == StatusCode::OK).then_some(all)
    })
    .await;
    assert_eq!(server.get(&token_path(&live.uuid)).await.0, StatusCode::FORBIDDEN);
    let stranger = server.user("bob").await;
    assert_eq!(server.call(Method::GET, &token_path(&live.uuid), Some(&stranger), None).await.0, StatusCode::FORBIDDEN);

    let token = all["token"].as_str().expect("a token");
    let status = async |rendition: &str, query: String| server.get(&path(&live, rendition, &query)).await.0;
    assert_eq!(status("0", format!("from=0&count=256&token={token}")).await, StatusCode::OK);
    for bad in ["", "nonsense", &token[1..]] {
        assert_eq!(status("0", format!("from=0&count=1&token={bad}")).await, StatusCode::FORBIDDEN, "{bad:?}");
    }
    for query in
        ["from=0&count=0", "from=0&count=257", "from=-1&count=1", "from=x&count=1", "from=4294967296&count=1", "from=0", "count=1", ""]
    {
        assert_eq!(status("0", format!("{query}&token={token}")).await, StatusCode::BAD_REQUEST, "{query}");
    }
    assert_eq!(status("0", "from=0&count=1".to_owned()).await, StatusCode::BAD_REQUEST, "no token");
    for rendition in ["9", "-1", "source", "..", "%2e%2e%2fab", "18446744073709551616"] {
        assert_eq!(status(rendition, format!("from=0&count=1&token={token}")).await, StatusCode::NOT_FOUND, "{rendition}");
    }
    for uuid in ["65011806-a53e-4559-a1eb-ec26c3075402", "nonsense", "1"] {
        assert_eq!(server.get(&token_path(uuid)).await.0, StatusCode::NOT_FOUND, "{uuid}");
        let elsewhere = format!("/api/shoal/v1/swarms/{uuid}/manifests/0?from=0&count=1&token={token}");
        assert_eq!(server.get(&elsewhere).await.0, StatusCode::NOT_FOUND, "{uuid}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replays_swarm_outlives_the_server_and_ends_with_its_video() {
    let server = Server::start().await;
    let mut live = replay(&server, json!({ "saveReplay": true })).await;
    let before = shared(&server, &live).await;
    let told = manifests(&server, &before, &live, "0", 0, 256).await;
    let folder = server.folder.path().join("streaming-playlists/hls").join(&live.uuid);
    let files = || {
        let entries = std::fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.expect("an entry").path());
        let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|extension| extension == "manifests")).collect();
        files.sort();
        files
    };
    assert_eq!(files().len(), 2);

    // As a replay of an older server, which had none.
    let kept: Vec<Vec<u8>> = files().iter().map(|path| std::fs::read(path).expect("readable")).collect();
    for path in files() {
        std::fs::remove_file(path).expect("removed");
    }
    let server = server.restart().await;
    live.find_base(&server);
    eventually("they are signed again", async || server.get(&token_path(&live.uuid)).await.0 == StatusCode::OK).await;
    assert_eq!(files().iter().map(|path| std::fs::read(path).expect("readable")).collect::<Vec<_>>(), kept);

    let server = server.restart().await;
    live.find_base(&server);
    // With the token of before, and without a new one.
    assert_eq!(manifests(&server, &before, &live, "0", 0, 256).await, told);
    let after = Ticket::of(&server, &live.uuid).await;
    assert_eq!((before.swarm, before.key), (after.swarm, after.key));
    let mut socket = Socket::open(&after.tracker).await;
    socket.say(&after.announce("-SH0100-aaaaaaaaaaaa", &before.token)).await;
    assert!(socket.hear().await["interval"].is_number(), "old tokens are still good");

    let (status, answer) = server.call(Method::DELETE, &format!("/api/v1/videos/{}", live.uuid), Some(&live.token), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
    eventually("its folder is gone", async || !folder.exists()).await;
    eventually("its swarm is gone", async || {
        let path = path(&live, "0", &format!("from=0&count=1&token={}", before.token));
        server.get(&path).await.0 == StatusCode::NOT_FOUND && server.get(&token_path(&live.uuid)).await.0 == StatusCode::NOT_FOUND
    })
    .await;
    socket.say(&after.announce("-SH0100-bbbbbbbbbbbb", &before.token)).await;
    loop {
        let answer = socket.hear().await;
        if answer["neighbours"].is_null() {
            assert!(answer["failure reason"].is_string(), "{answer}");
            break;
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_does_not_share_signs_nothing() {
    let server = Server::start_with(|config| config.swarm.policy = Policy::Off).await;
    let live = replay(&server, json!({ "saveReplay": true })).await;
    // The jobs are done when there is a download.
    live.replay(&live.uuid).await;
    assert_eq!(server.get(&token_path(&live.uuid)).await.0, StatusCode::NOT_FOUND);
    // Sprites for the seek bar, as an uploaded video has them, one a second.
    let storyboards = format!("/api/v1/videos/{}/storyboards", live.uuid);
    eventually("its storyboard is drawn", async || server.get(&storyboards).await.1["storyboards"][0]["spriteDuration"] == 1).await;
    let path = server.get(&storyboards).await.1["storyboards"][0]["storyboardPath"].as_str().expect("a path").to_owned();
    let (_, video) = server.get(&format!("/api/v1/videos/{}", live.uuid)).await;
    let master = video["streamingPlaylists"][0]["playlistUrl"].as_str().expect("an address");
    let prefix = master.rsplit('/').next().and_then(|name| name.strip_suffix("-master.m3u8")).expect("a prefix");
    assert!(path.starts_with(&format!("/lazy-static/storyboards/{}_{prefix}-", live.uuid)), "{path}: it goes with its playlists");
    let folder = server.folder.path().join("streaming-playlists/hls").join(&live.uuid);
    let names = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().contains("manifests")));
    server.stop().await;
}
