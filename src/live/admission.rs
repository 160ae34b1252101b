//! Who may publish: the key is looked up and the answer given before the publisher is told that it may start.

use std::io;
use std::sync::Arc;

use ingest::{Publish, Rejection, Server};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::broadcast::{Broadcast, Command};
use super::clerk::{Subject, new_prefix};
use super::pipeline::{self, Pipeline};
use super::{Listening, recording_folder};
use crate::allowance::Share;
use crate::app::App;
use crate::domain::{self, StreamKey, Timestamp, UserId, Video, VideoState};
use crate::{store, users};

/// Attempts to find a broadcast that takes a publisher while others end.
const ROUNDS: usize = 3;

/// Listens for publishers and lets them in, each in a task of its own.
pub(super) async fn start(app: &App) -> io::Result<Listening> {
    let config = &app.config;
    let mut limits = ingest::Limits::default();
    limits.publishers = limits.publishers.max(config.live.max_lives as usize * 2);
    let rtmp = Server::bind(ingest::Config { limits: limits.clone(), ..ingest::Config::new(config.rtmp.listen) }).await?;
    let mut listening = Listening { rtmp: Some(rtmp.local_addr()), rtmps: None };
    serve(app, rtmp);
    if let Some(address) = config.rtmps.listen {
        let tls = crate::tls::server_config(&config.rtmps, &[], app.stop.clone())?;
        let tls = tls.ok_or_else(|| io::Error::other("`rtmps` needs a certificate and a key"))?;
        let tls: ingest::Tls = Arc::new(move || tls.clone());
        let rtmps = Server::bind(ingest::Config { tls: Some(tls), limits, ..ingest::Config::new(address) }).await?;
        listening.rtmps = Some(rtmps.local_addr());
        serve(app, rtmps);
    }
    Ok(listening)
}

fn serve(app: &App, mut server: Server) {
    let app = app.clone();
    tokio::spawn(async move {
        loop {
            let publish = tokio::select! {
                publish = server.accept() => publish,
                () = app.stop.cancelled() => None,
            };
            let Some(publish) = publish else { return };
            let app = app.clone();
            tokio::spawn(async move { admit(&app, publish).await });
        }
    });
}

async fn admit(app: &App, publish: Publish) {
    let address = publish.remote_addr();
    let key = StreamKey::from_text(publish.stream_key().as_str());
    match offer(app, &key).await {
        Ok(commands) => {
            let encoder = publish.encoder().map(str::to_owned);
            let reader = publish.accept().await;
            // A broadcast that ended in the meantime drops the reader, which ends the publish.
            let _ = commands.send(Command::Publish { reader, encoder }).await;
        }
        Err(rejection) => {
            tracing::info!(%address, reason = %rejection, "live.publish refused");
            publish.reject(rejection).await;
        }
    }
}

/// The broadcast that a publisher with this key may join.
async fn offer(app: &App, key: &StreamKey) -> Result<tokio::sync::mpsc::Sender<Command>, Rejection> {
    for _ in 0..ROUNDS {
        let found = find(app, key).await.map_err(|error| {
            tracing::error!(%error, "live.publish");
            Rejection::Limit("The server has a problem with its database. Try again in a moment.".into())
        })?;
        let Found { video, live, may_publish, owner, room_bytes } = found.ok_or(Rejection::UnknownKey)?;
        if !may_publish {
            return Err(Rejection::Disabled);
        }
        let commands = {
            // Two publishers that come at once must not begin a broadcast each.
            let _opening = app.live.opening();
            match app.live.running(video.uuid) {
                Some(entry) => entry.commands,
                None => {
                    may_begin(app, &video, &live)?;
                    return Ok(begin(app, video, live, app.allowances.share(owner, room_bytes)));
                }
            }
        };
        let (reply, answer) = oneshot::channel();
        // One that ends at this moment does not answer; the next round begins another.
        if commands.send(Command::Offer { reply }).await.is_ok()
            && let Ok(answer) = answer.await
        {
            return answer.map(|()| commands);
        }
    }
    Err(Rejection::Busy)
}

/// The live that a key belongs to.
struct Found {
    video: Video,
    live: domain::Live,
    /// Its owner may go live.
    may_publish: bool,
    owner: UserId,
    /// What its owner may still record.
    room_bytes: Option<u64>,
}

async fn find(app: &App, key: &StreamKey) -> store::Result<Option<Found>> {
    let mut tx = app.store.read().await?;
    let Some(live) = tx.lives().by_stream_key(key).await? else { return Ok(None) };
    let Some(video) = tx.videos().by_id(live.video_id).await? else { return Ok(None) };
    let owner = match video.channel.account.user_id {
        Some(id) => tx.users().by_id(id).await?,
        None => None,
    };
    let Some(owner) = owner else { return Ok(None) };
    let may_publish = !owner.blocked && app.config.live.publishers.include(owner.role);
    let room_bytes = users::room(&mut tx, &owner).await?;
    Ok(Some(Found { video, live, may_publish, owner: owner.id, room_bytes }))
}

fn may_begin(app: &App, video: &Video, live: &domain::Live) -> Result<(), Rejection> {
    if app.live.is_stopping() {
        return Err(Rejection::ShuttingDown);
    }
    if !live.permanent && video.state != VideoState::WaitingForLive {
        return Err(Rejection::Disabled);
    }
    if app.live.count() >= app.config.live.max_lives as usize {
        return Err(Rejection::Full);
    }
    Ok(())
}

/// Registers a broadcast with a place for the publisher whose offer this is.
fn begin(app: &App, video: Video, live: domain::Live, allowance: Share) -> tokio::sync::mpsc::Sender<Command> {
    let prefix = new_prefix();
    let folder = recording_folder(&app.config.data_dir, &prefix);
    let hint = live.longest_keyframe_interval_ms;
    let subject = Arc::new(Subject { video, live, prefix, replay: Uuid::new_v4(), started_at: Timestamp::now() });
    let settings = pipeline::Settings::new(app, &subject.prefix, folder, subject.live.save_replay, hint).within(Some(allowance));
    let pipeline = Pipeline::new(settings);
    let group = pipeline.group();
    app.live.open(app, subject.clone(), group, {
        let (app, subject) = (app.clone(), subject);
        |status| Broadcast::new(app, subject, pipeline, status, None)
    })
}
