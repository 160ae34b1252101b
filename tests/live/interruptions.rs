//! A broadcast outlives its connections, and its server.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::json;
use shoal::app::App;
use shoal::config::Config;

use crate::player::{Live, Playlist};
use crate::publisher::{Clip, Publisher, probe_duration};
use crate::support::program::Program;
use crate::support::{self, Server};

/// The same broadcast goes on behind a break.
fn assert_goes_on(before: &Playlist, after: &Playlist) {
    assert_eq!(before.prefix(), after.prefix());
    assert!(after.next_msn() > before.next_msn(), "{} {}", before.next_msn(), after.next_msn());
    assert!(after.has("#EXT-X-DISCONTINUITY\n"), "{}", after.0);
    assert!(!after.has("#EXT-X-ENDLIST"));
}

/// Waits until media of a new publisher is in a whole segment.
async fn resumed(live: &Live) -> Playlist {
    live.wait_for("live").await;
    let next = live.playlist("").await.next_msn();
    live.past(next).await;
    live.playlist("").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_publisher_comes_back_or_is_replaced() {
    let server = Server::start_with(|config| config.live.grace_lost_s = 30).await;
    let live = Live::create(&server, json!({ "saveReplay": true })).await;
    let publisher = Publisher::start(Clip::Plain, &live.rtmp_url);
    live.on_air().await;
    live.past(7).await;
    let before = live.playlist("").await;

    // Lost: the playlist keeps its cadence.
    drop(publisher);
    live.wait_for("interrupted").await;
    let next = live.playlist("").await.next_msn();
    live.past(next).await;
    assert!(live.playlist("").await.has("#EXT-X-GAP"));
    assert_eq!(live.video().await["state"]["id"], 1, "viewers may stay");
    let mut second = Publisher::start(Clip::Plain, &live.rtmp_url);
    let after = resumed(&live).await;
    assert_goes_on(&before, &after);

    // A healthy publisher is not replaced, one without media for three seconds is.
    let mut other = Publisher::start(Clip::Plain, &live.rtmp_url);
    assert!(!other.ended().await, "busy");
    assert!(second.runs());
    second.freeze();
    let frozen = Instant::now();
    let third = loop {
        let mut third = Publisher::start(Clip::Plain, &live.rtmp_url);
        tokio::time::sleep(Duration::from_millis(1500)).await;
        if third.runs() {
            break third;
        }
        assert!(frozen.elapsed() < Duration::from_secs(15), "never let in");
    };
    assert_goes_on(&after, &resumed(&live).await);

    assert_eq!(live.end().await, StatusCode::NO_CONTENT);
    drop(third);
    let session = live.concluded(1).await;
    assert_eq!(session["replayVideo"]["uuid"], live.uuid.as_str());
    let (playlist, file) = live.replay(&live.uuid).await;
    let video = live.video().await;
    let told = video["duration"].as_f64().expect("a duration");
    let measured = probe_duration(&playlist).await;
    assert!((measured - told).abs() <= 1.0 + told / 10.0, "{measured} s, told {told} s");
    // The file for download keeps the breaks as long as they were.
    let measured = probe_duration(&file).await;
    assert!(measured >= told - 1.0, "{measured} s, told {told} s");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_waits_for_no_player_and_the_live_goes_on() {
    let server = Server::start().await;
    let mut live = Live::create(&server, json!({ "permanentLive": true })).await;
    let publisher = Publisher::start(Clip::Plain, &live.rtmp_url);
    live.on_air().await;
    live.past(7).await;
    let before = live.playlist("").await;
    // These wait for more than comes before the stop.
    let url = live.url(&format!("source.m3u8?_HLS_msn={}", before.next_msn() + 1));
    let waiting: Vec<_> = (0..20).map(|_| tokio::spawn(reqwest::get(url.clone()))).collect();
    let started = Instant::now();
    let Server { running, folder, http, .. } = server;
    running.stop().await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    for request in waiting {
        let answer = tokio::time::timeout(Duration::from_secs(1), request).await.expect("over").expect("no panic");
        assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == StatusCode::SERVICE_UNAVAILABLE));
    }
    drop(publisher);

    let mut config: Config = support::config(folder.path());
    config.live.grace_stopped_s = 1;
    let running = App::start(config).await.expect("it starts again");
    let base = format!("http://{}", running.addrs.http.expect("HTTP listens"));
    let server = Server { running, base, http, folder };
    live.find_rtmp_url(&server).await;
    assert_eq!(live.state().await, "interrupted");
    let publisher = Publisher::start(Clip::Plain, &live.rtmp_url);
    let after = resumed(&live).await;
    assert_goes_on(&before, &after);
    let (_, old) = before.segments().pop().expect("a segment");
    assert_eq!(live.get(&old).await.status(), StatusCode::OK, "what was there before can be seen");
    publisher.stop();
    live.wait_for("waiting").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_takes_its_lives_up_again() {
    let folder = tempfile::tempdir().expect("a folder");
    // Users and lives are made by a server in here; the program finds them.
    let server = Server::start_with(|config| config.data_dir = folder.path().to_owned()).await;
    let live = Live::create(&server, json!({ "saveReplay": true })).await;
    let key = live.rtmp_url.rsplit('/').next().expect("a key").to_owned();
    server.stop().await;

    let settings = [("SHOAL_LIVE_GRACE_STOPPED_S", "1")];
    let program = Program::start(folder.path(), &settings).await;
    let live = Live::at(&program.base, &live.uuid, &live.token);
    let publisher = Publisher::start(Clip::Plain, &program.rtmp_url(&key));
    live.on_air().await;
    live.past(8).await;
    let before = live.playlist("").await;
    // SIGKILL: nobody has time to write anything down.
    drop(program);
    drop(publisher);

    let program = Program::start(folder.path(), &settings).await;
    let live = Live::at(&program.base, &live.uuid, &live.token);
    assert_eq!(live.state().await, "interrupted");
    let publisher = Publisher::start(Clip::Plain, &program.rtmp_url(&key));
    let after = resumed(&live).await;
    assert_goes_on(&before, &after);
    let segments = after.segments();
    publisher.stop();
    let session = live.concluded(1).await;
    assert_eq!(session["replayVideo"]["uuid"], live.uuid.as_str());

    let (playlist, file) = live.replay(&live.uuid).await;
    let text = reqwest::get(playlist.replace("-master", "-source")).await.expect("an answer").text().await.expect("text");
    assert!(text.contains("#EXT-X-ENDLIST") && text.contains("#EXT-X-DISCONTINUITY"), "{text}");
    let measured = probe_duration(&file).await;
    // Two seconds each, but for the last that may be cut.
    let least = segments.len() as f64 * 2.0 * 0.8;
    assert!(measured >= least, "{measured} s hold both halves of {} segments", segments.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_comes_when_nobody_returns() {
    let server = Server::start_with(|config| config.live.grace_lost_s = 1).await;
    let live = Live::create(&server, json!({})).await;
    let publisher = Publisher::start(Clip::Plain, &live.rtmp_url);
    live.on_air().await;
    drop(publisher);
    live.wait_for("ended").await;
    assert!(live.playlist("").await.has("#EXT-X-ENDLIST"), "players that are there play to the end");
    live.concluded(1).await;
    assert_eq!(live.video().await["state"]["id"], 5);
    let (status, _) = server.call(Method::POST, &format!("/api/shoal/v1/videos/{}/end", live.uuid), Some(&live.token), None).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let mut publisher = Publisher::start(Clip::Plain, &live.rtmp_url);
    assert!(!publisher.ended().await, "a one-off live is over for good");
    server.stop().await;
}
