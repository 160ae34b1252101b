//! The instance in numbers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::{Extension, Json};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::Result;
use crate::app::App;
use crate::domain::{Place, Role, Timestamp};

const DAY: Duration = Duration::from_secs(86_400);
/// What PeerTube counts as a week and as a month, in days.
const WEEK_DAYS: u32 = 7;
/// See [`WEEK_DAYS`].
const MONTH_DAYS: u32 = 30;
/// Everything is counted, which takes a pass over all videos and files: no more often than this, however many ask. PeerTube's
/// numbers are four hours old; somebody who watches them grow should see them do so.
const KEPT: Duration = Duration::from_secs(60);
/// Kinds of ActivityPub messages that PeerTube counts one by one.
const ACTIVITIES: [&str; 14] = [
    "Create",
    "Update",
    "Delete",
    "Follow",
    "Accept",
    "Reject",
    "Announce",
    "Undo",
    "Like",
    "Dislike",
    "Flag",
    "View",
    "ApproveReply",
    "RejectReply",
];

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(stats)).layer(Extension(Arc::<Mutex<Counted>>::default()))
}

/// What was counted last, and when.
#[derive(Default)]
struct Counted(Option<(Instant, Value)>);

impl Counted {
    /// What is still good enough at `now`.
    fn fresh(&self, now: Instant) -> Option<&Value> {
        self.0.as_ref().filter(|(at, _)| now.saturating_duration_since(*at) < KEPT).map(|(_, numbers)| numbers)
    }
}

/// Numbers of the instance; up to a minute old.
#[utoipa::path(get, path = "/api/v1/server/stats", tag = "Stats", responses((status = 200, body = Object)))]
async fn stats(State(app): State<App>, Extension(counted): Extension<Arc<Mutex<Counted>>>) -> Result<Json<Value>> {
    // Held while it is counted: whoever asks meanwhile waits for the same numbers.
    let mut counted = counted.lock().await;
    if let Some(numbers) = counted.fresh(Instant::now()) {
        return Ok(Json(numbers.clone()));
    }
    let numbers = count(&app).await?;
    counted.0 = Some((Instant::now(), numbers.clone()));
    Ok(Json(numbers))
}

async fn count(app: &App) -> Result<Value> {
    let now = Timestamp::now();
    let mut tx = app.store.read().await?;
    let users = tx.users().count().await?;
    let (videos, views) = tx.videos().totals().await?;
    let (channels, _) = tx.channels().list(0, 0).await?;
    let (disk, bucket) = (tx.media().stored(Place::Disk).await?, tx.media().stored(Place::ObjectStorage).await?);
    let registrations = tx.census().registrations().await?;
    let mut all = json!({
        "totalUsers": users,
        "totalModerators": tx.census().users_of(Role::Moderator).await?,
        "totalAdmins": tx.census().users_of(Role::Administrator).await?,
        "totalLocalVideos": videos,
        "totalVideos": videos,
        "totalLocalVideoViews": views,
        "totalLocalVideoFilesSize": disk.bytes + bucket.bytes,
        "totalLocalVideoChannels": channels,
        "totalRegistrationRequests": registrations.total,
        "totalRegistrationRequestsProcessed": registrations.processed,
        "averageRegistrationRequestResponseTimeMs": registrations.average_response_ms,
        // There is nothing of these here yet.
        "totalLocalVideoComments": 0,
        "totalVideoComments": 0,
        "totalLocalPlaylists": 0,
        "totalInstanceFollowers": 0,
        "totalInstanceFollowing": 0,
        "videosRedundancy": [],
        "totalAbuses": 0,
        "totalAbusesProcessed": 0,
        "averageAbuseResponseTimeMs": null
    });
    for (name, days) in [("Daily", 1), ("Weekly", WEEK_DAYS), ("Monthly", MONTH_DAYS)] {
        let since = now.minus(DAY * days);
        all[format!("total{name}ActiveUsers")] = tx.census().users_since(since).await?.into();
        all[format!("totalLocal{name}ActiveVideoChannels")] = tx.census().channels_since(since).await?.into();
    }
    if let Some(all) = all.as_object_mut() {
        all.append(&mut activities());
    }
    Ok(all)
}

/// Messages from other servers: none are taken yet.
fn activities() -> Map<String, Value> {
    let mut all = Map::new();
    for kind in ACTIVITIES {
        for end in ["Successes", "Errors"] {
            all.insert(format!("totalActivityPub{kind}Messages{end}"), 0.into());
        }
    }
    for name in [
        "totalActivityPubMessagesProcessed",
        "totalActivityPubMessagesSuccesses",
        "totalActivityPubMessagesErrors",
        "totalActivityPubMessagesWaiting",
        "activityPubMessagesProcessedPerSecond",
    ] {
        all.insert(name.to_owned(), 0.into());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_counted_anew_after_a_while() {
        let now = Instant::now();
        let counted = Counted(Some((now, json!(1))));
        assert_eq!(counted.fresh(now + KEPT / 2), Some(&json!(1)));
        assert_eq!((counted.fresh(now + KEPT), Counted::default().fresh(now)), (None, None));
    }
}
