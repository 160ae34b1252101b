//! After a restart: broadcasts whose grace is not over wait for their publisher again, the others are concluded.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use segmenter::journal::{self, Recorder, Rotation};
use tokio::task::spawn_blocking;

use super::broadcast::{Broadcast, Outcome, Remains};
use super::clerk::{Subject, parse_resume};
use super::pipeline::{Pipeline, ROTATION, Recovered, SOURCE, Settings, recorded_renditions};
use super::{recording_folder, replay};
use crate::allowance::Share;
use crate::app::App;
use crate::domain::{LiveSession, Timestamp};
use crate::store;

/// Encoders retry every few seconds, with growing pauses: whoever was still in its grace has at least this long.
const LEAST_GRACE: Duration = Duration::from_secs(15);

/// Looks at everything that was left open.
pub(super) async fn run(app: &App) {
    let sessions = match left_open(app).await {
        Ok(sessions) => sessions,
        Err(error) => {
            tracing::error!(%error, "live.recover");
            return;
        }
    };
    let mut in_use = HashSet::new();
    for session in sessions {
        if let Some(resume) = parse_resume(&session) {
            in_use.insert(resume.prefix);
        }
        let id = session.id;
        if let Err(error) = take_up(app, session).await {
            tracing::error!(%error, session = %id, "live.recover");
        }
    }
    remove_orphans(app, &in_use).await;
}

async fn left_open(app: &App) -> store::Result<Vec<LiveSession>> {
    let mut tx = app.store.read().await?;
    let mut sessions = tx.sessions().open().await?;
    sessions.extend(tx.sessions().unprocessed().await?);
    Ok(sessions)
}

async fn take_up(app: &App, session: LiveSession) -> store::Result<()> {
    let mut tx = app.store.read().await?;
    let video = tx.videos().by_id(session.video_id).await?;
    let live = tx.lives().by_video(session.video_id).await?;
    drop(tx);
    let (Some(video), Some(live), Some(resume)) = (video, live, parse_resume(&session)) else {
        return close(app, &session).await;
    };
    let subject = Arc::new(Subject { video, live, prefix: resume.prefix.clone(), replay: resume.replay, started_at: session.started_at });
    let folder = recording_folder(&app.config.data_dir, &subject.prefix);
    let settings = Settings::new(app, &subject.prefix, folder.clone(), session.save_replay, subject.live.longest_keyframe_interval_ms)
        .within(allowance_of(app, &subject).await?);

    if session.ended_at.is_none() {
        let rotation = if session.save_replay { Rotation::Never } else { Rotation::Every(ROTATION) };
        let recovered = recover(folder, rotation).await;
        if let Some(ends_at) = grace(app, &recovered, resume.grace_ends_at)
            && let Some(pipeline) = Pipeline::resume(settings, recovered)
        {
            tracing::info!(video = %subject.video.uuid, "live.recover: waits for its publisher");
            let (task_app, group, id) = (app.clone(), pipeline.group(), session.id);
            app.live.open(app, subject.clone(), group, |status| Broadcast::resumed(task_app, subject, pipeline, status, id, ends_at));
            return Ok(());
        }
        close(app, &session).await?;
    }
    tracing::info!(video = %subject.video.uuid, "live.recover: concluded");
    let remains = Remains { outcome: Outcome::Ended, session: Some(session), played: true, allowance: None, waiting: Vec::new() };
    if replay::finish(app, &subject, remains).await {
        replay::remove_folder(&recording_folder(&app.config.data_dir, &subject.prefix)).await;
    }
    Ok(())
}

/// What the live's owner may still record.
async fn allowance_of(app: &App, subject: &Subject) -> store::Result<Option<Share>> {
    let Some(id) = subject.video.channel.account.user_id else { return Ok(None) };
    let mut tx = app.store.read().await?;
    let Some(owner) = tx.users().by_id(id).await? else { return Ok(None) };
    let room_bytes = crate::users::room(&mut tx, &owner).await?;
    Ok(Some(app.allowances.share(id, room_bytes)))
}

/// Until when the broadcast waits for its publisher; `None`: no longer.
fn grace(app: &App, recovered: &[Recovered], noted: Option<i64>) -> Option<Timestamp> {
    let source = recovered.iter().find(|found| found.journal.rendition == SOURCE && !found.journal.finished)?;
    let lost = Duration::from_secs(app.config.live.grace_lost_s.into());
    let ends_at = match noted {
        Some(millis) => Timestamp::from_millis(millis),
        // Killed while media came in: its last part tells when.
        None => Timestamp::from_millis(source.journal.end_date_time()?).plus(lost),
    };
    let now = Timestamp::now();
    (now < ends_at).then(|| ends_at.max(now.plus(LEAST_GRACE)))
}

async fn recover(folder: std::path::PathBuf, rotation: Rotation) -> Vec<Recovered> {
    let recover = move || {
        let each = recorded_renditions(&folder).into_iter().filter_map(|name| match Recorder::recover(&folder.join(name), rotation) {
            Ok((recorder, journal)) => Some(Recovered { recorder, journal }),
            Err(journal::Error::Empty(_)) => None,
            Err(error) => {
                tracing::warn!(%error, "live.recover");
                None
            }
        });
        each.collect()
    };
    spawn_blocking(recover).await.unwrap_or_default()
}

/// Notes that a session is over.
async fn close(app: &App, session: &LiveSession) -> store::Result<()> {
    let mut tx = app.store.write().await?;
    tx.sessions().end(session.id, Timestamp::now(), None).await?;
    if session.resume.is_none() {
        tx.sessions().processed(session.id, None).await?;
    }
    tx.commit().await
}

/// Recordings of broadcasts that were concluded while viewers could still fetch the rest.
async fn remove_orphans(app: &App, in_use: &HashSet<String>) {
    let folder = recording_folder(&app.config.data_dir, "");
    let Ok(mut entries) = tokio::fs::read_dir(&folder).await else { return };
    while let Ok(Some(entry)) = entries.next_entry().await {
        let name = entry.file_name();
        if !name.to_str().is_some_and(|name| in_use.contains(name)) {
            replay::remove_folder(&Path::new(&folder).join(name)).await;
        }
    }
}
