//! The instance in numbers.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};
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
    OpenApiRouter::new().routes(routes!(stats))
}

/// Numbers of the instance.
#[utoipa::path(get, path = "/api/v1/server/stats", tag = "Stats", responses((status = 200, body = Object)))]
async fn stats(State(app): State<App>) -> Result<Json<Value>> {
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
    Ok(Json(all))
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
