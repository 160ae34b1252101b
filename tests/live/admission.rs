//! Who may publish.

use reqwest::{Method, StatusCode};
use serde_json::json;
use shoal::config::Publishers;
use shoal::domain::LiveError;

use crate::player::{Live, found};
use crate::publisher::{Clip, Publisher};
use crate::support::{Server, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_surplus_publishers_are_sent_away() {
    let server = Server::start_with(|config| config.live.max_lives = 1).await;
    let mut live = Live::create(&server, json!({})).await;
    let other = Live::create(&server, json!({})).await;
    let address = server.running.addrs.rtmp.expect("RTMP listens");
    assert!(!Publisher::start(Clip::Plain, &format!("rtmp://{address}/live/not-a-key")).ended().await);

    let mut publisher = Publisher::start(Clip::Plain, &live.rtmp_url);
    live.on_air().await;
    assert!(!Publisher::start(Clip::Plain, &other.rtmp_url).ended().await, "one live at a time");
    assert_eq!(other.state().await, "waiting");
    assert!(other.sessions().await.is_empty());

    // Another key: who is there stays, the old one opens nothing any more.
    let old = live.rtmp_url.clone();
    let path = format!("/api/shoal/v1/videos/{}/stream-key", live.uuid);
    assert_eq!(server.call(Method::POST, &path, Some(&live.token), None).await.0, StatusCode::OK);
    live.find_rtmp_url(&server).await;
    assert_ne!(live.rtmp_url, old);
    let next = live.playlist("").await.next_msn();
    live.past(next).await;
    assert!(publisher.runs());
    drop(publisher);
    live.wait_for("interrupted").await;
    assert!(!Publisher::start(Clip::Plain, &old).ended().await);
    let _publisher = Publisher::start(Clip::Plain, &live.rtmp_url);
    live.wait_for("live").await;

    assert_eq!(live.end().await, StatusCode::NO_CONTENT);
    eventually("there is room again", async || {
        let mut publisher = Publisher::start_for(Clip::Plain, &other.rtmp_url, std::time::Duration::from_secs(1));
        publisher.ended().await
    })
    .await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_go_live_who_may() {
    let server = Server::start_with(|config| config.live.publishers = Publishers::Moderators).await;
    let ann = server.user("ann").await;
    let (_, me) = server.call(Method::GET, "/api/v1/users/me", Some(&ann), None).await;
    let channel = me["videoChannels"][0]["id"].clone();
    let body = json!({ "channelId": channel, "name": "A live" });
    assert_eq!(server.call(Method::POST, "/api/v1/videos/live", Some(&ann), Some(body)).await.0, StatusCode::FORBIDDEN);
    // One that she has nevertheless, as if it were from before.
    let hers = Live::create(&server, json!({ "channelId": channel })).await;
    assert!(!Publisher::start(Clip::Plain, &hers.rtmp_url).ended().await);
    assert_eq!(hers.state().await, "waiting");
    assert!(hers.sessions().await.is_empty());
    let live = Live::create(&server, json!({})).await;
    let _publisher = Publisher::start(Clip::Plain, &live.rtmp_url);
    live.on_air().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_ends_when_it_is_as_long_as_it_may_be() {
    let server = Server::start_with(|config| config.live.max_duration_s = 3).await;
    let live = Live::create(&server, json!({})).await;
    let mut publisher = Publisher::start(Clip::Plain, &live.rtmp_url);
    assert!(!publisher.ended().await, "it is sent away");
    let session = live.concluded(1).await;
    assert_eq!(session["error"], LiveError::DurationExceeded.code(), "{session}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coding_that_cannot_be_played_is_told_to_its_owner() {
    let server = Server::start().await;
    let live = Live::create(&server, json!({})).await;
    let mut publisher = Publisher::start(Clip::Sorenson, &live.rtmp_url);
    assert!(!publisher.ended().await);
    let session = live.concluded(1).await;
    assert!(session["error"].is_number(), "{session}");
    assert!(!Publisher::start(Clip::Sorenson, &live.rtmp_url).ended().await);
    found("an encoder that tries again leaves no other session", async || {
        let again = live.concluded(1).await;
        (again["endDate"] != session["endDate"]).then_some(())
    })
    .await;
    assert_eq!(live.state().await, "waiting", "nothing was seen: the live is still to come");
    // Two at once: one of them is let in.
    let mut twins = [Publisher::start(Clip::Plain, &live.rtmp_url), Publisher::start(Clip::Plain, &live.rtmp_url)];
    found("one is sent away", async || (running(&mut twins) == 1).then_some(())).await;
    live.on_air().await;
    assert_eq!(live.sessions().await.len(), 2);
    assert_eq!(running(&mut twins), 1);
    server.stop().await;
}

fn running(publishers: &mut [Publisher]) -> usize {
    publishers.iter_mut().map(|publisher| usize::from(publisher.runs())).sum()
}
