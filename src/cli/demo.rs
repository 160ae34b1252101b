//! `shoal serve --demo`: a live with a test picture, so that a newcomer without OBS sees a stream at once.

use std::net::{IpAddr, Ipv4Addr};
use std::process::Stdio;

use anyhow::{Context as _, Result};
use rand::Rng as _;
use tokio::process::{Child, Command};

use crate::app::App;
use crate::domain::{CommentsPolicy, Handle, Live, StreamKey, Video, VideoId, short_uuid};
use crate::store::NewVideo;

/// Names the demo's live in the settings, so that every start uses the same one.
const SETTING: &str = "demo_video";

/// Starts publishing to the demo's live; says where it is. The publisher ends when it is dropped.
pub(super) async fn start(app: &App) -> Result<Child> {
    let (video, key) = live(app).await?;
    let rtmp = app.addrs().rtmp.context("RTMP is off")?;
    let host = match rtmp.ip() {
        address if address.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        address => address,
    };
    let url = format!("rtmp://{}/live/{}", std::net::SocketAddr::new(host, rtmp.port()), key.expose());
    let child = Command::new(std::env::current_exe()?)
        .args(["publish", &url, "--test-pattern"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("cannot start the publisher")?;
    println!("  Demo      {}/w/{}\n", app.public_url(), short_uuid(video.uuid));
    Ok(child)
}

async fn live(app: &App) -> Result<(Video, StreamKey)> {
    let uuid = uuid::Builder::from_random_bytes(rand::rng().random()).into_uuid();
    let mut tx = app.store.write().await?;
    if let Some(id) = tx.settings().value(SETTING).await?.and_then(|id| id.parse().ok()).map(VideoId)
        && let (Some(video), Some(live)) = (tx.videos().by_id(id).await?, tx.lives().by_video(id).await?)
    {
        return Ok((video, live.stream_key));
    }
    let handle = Handle { name: "root_channel".into(), host: None };
    let channel = tx.channels().by_handle(&handle).await?.context("there is no channel root_channel")?;
    let video = NewVideo {
        description: Some("A test picture with a running clock.".into()),
        comments_policy: CommentsPolicy::Disabled,
        ..NewVideo::live(uuid, channel.id, "Demo".into())
    };
    let id = tx.videos().create(&video).await?;
    let live = Live { permanent: true, ..Live::new(id) };
    tx.lives().create(&live).await?;
    tx.settings().put(SETTING, &id.to_string()).await?;
    let video = tx.videos().by_id(id).await?.context("the demo's video is gone")?;
    tx.commit().await?;
    Ok((video, live.stream_key))
}
