//! What the instance is and can do.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::Result;
use crate::app::App;
use crate::config::Publishers;
use crate::export;
use crate::uploads::TRENDING_DAYS;
use crate::vod::uploaded::EXTENSIONS;

/// PeerTube's release whose API this is; its clients branch on the number.
const PEERTUBE_VERSION: &str = "6.3.0";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(config)).routes(routes!(about))
}

/// What the instance offers, as PeerTube says it.
#[utoipa::path(get, path = "/api/v1/config", tag = "Config", responses((status = 200, body = Object)))]
async fn config(State(app): State<App>) -> Result<Json<Value>> {
    let config = &app.config;
    let signup_is_open = super::registrations::is_open(&app, &mut app.store.read().await?).await?;
    let heights: Vec<_> = config.live.ladder.iter().map(|rendition| rendition.height).collect();
    let runners = json!({ "enabled": false });
    let pictures = json!({ "file": { "size": { "max": 4_194_304 }, "extensions": [".png", ".jpeg", ".jpg", ".webp"] } });
    Ok(Json(json!({
        "client": {
            "videos": { "miniature": { "displayAuthorAvatar": false, "preferAuthorDisplayName": false }, "resumableUpload": { "maxChunkSize": 0 } },
            "menu": { "login": { "redirectOnSingleExternalAuth": false } }
        },
        "defaults": {
            "publish": { "downloadEnabled": true, "commentsPolicy": 1, "commentsEnabled": true, "privacy": 1, "licence": null },
            "p2p": { "webapp": { "enabled": true }, "embed": { "enabled": true } }
        },
        "webadmin": { "configuration": { "edition": { "allowed": false } } },
        "instance": {
            "name": config.instance.name,
            "shortDescription": config.instance.short_description,
            "isNSFW": false,
            "defaultNSFWPolicy": "display",
            "defaultClientRoute": "/",
            "customizations": { "javascript": "", "css": "" },
            "avatars": [],
            "banners": []
        },
        "search": {
            "remoteUri": { "users": false, "anonymous": false },
            "searchIndex": { "enabled": false, "url": "", "disableLocalSearch": false, "isDefaultSearch": false }
        },
        "plugin": { "registered": [], "registeredExternalAuths": [], "registeredIdAndPassAuths": [] },
        "theme": { "registered": [], "default": "default" },
        "email": { "enabled": app.mailer.is_connected() },
        "contactForm": { "enabled": false },
        "serverVersion": PEERTUBE_VERSION,
        "serverCommit": "",
        "shoal": { "version": env!("CARGO_PKG_VERSION") },
        "transcoding": {
            "remoteRunners": runners,
            "hls": { "enabled": true },
            "web_videos": { "enabled": false },
            "enabledResolutions": [],
            "profile": "default",
            "availableProfiles": ["default"]
        },
        "live": {
            "enabled": config.live.publishers != Publishers::Nobody,
            "allowReplay": config.live.allow_replay,
            "latencySetting": { "enabled": true },
            "maxDuration": match config.live.max_duration_s { 0 => -1, seconds => i64::from(seconds) * 1000 },
            "maxInstanceLives": config.live.max_lives,
            "maxUserLives": config.live.max_user_lives,
            "dvr": { "maxWindow": config.live.dvr_window_s },
            "transcoding": {
                "enabled": !heights.is_empty(),
                "remoteRunners": runners,
                "enabledResolutions": heights,
                "profile": "default",
                "availableProfiles": ["default"]
            },
            "rtmp": { "port": app.addrs().rtmp.unwrap_or(config.rtmp.listen).port() }
        },
        "videoStudio": { "enabled": false, "remoteRunners": runners },
        "videoFile": { "update": { "enabled": true } },
        "videoTranscription": { "enabled": false, "remoteRunners": runners },
        "import": {
            "videos": { "http": { "enabled": config.videos.import_enabled }, "torrent": { "enabled": false } },
            "videoChannelSynchronization": { "enabled": false },
            "users": { "enabled": false }
        },
        "export": { "users": {
            "enabled": true,
            "exportExpiration": u64::try_from(export::LIFETIME.as_millis()).unwrap_or(u64::MAX),
            "maxUserVideoQuota": export::MAX_VIDEO_BYTES
        } },
        "autoBlacklist": { "videos": { "ofUsers": { "enabled": false } } },
        "avatar": pictures,
        "banner": pictures,
        "video": {
            "image": { "extensions": [".png", ".jpg", ".jpeg", ".webp"], "size": { "max": 4_194_304 } },
            "file": { "extensions": EXTENSIONS.iter().map(|end| format!(".{end}")).collect::<Vec<_>>() }
        },
        "videoCaption": { "file": { "size": { "max": super::captions::MAX_BYTES }, "extensions": [".vtt", ".srt"] } },
        "user": { "videoQuota": config.user.video_quota_bytes, "videoQuotaDaily": config.user.video_quota_daily_bytes },
        "videoChannels": { "maxPerUser": config.user.max_channels },
        "trending": {
            "videos": {
                "intervalDays": TRENDING_DAYS,
                "algorithms": { "enabled": ["hot", "most-viewed", "most-liked"], "default": "most-viewed" }
            }
        },
        "tracker": { "enabled": super::tracker::is_open(config) },
        "followings": { "instance": { "autoFollowIndex": { "indexUrl": "" } } },
        "broadcastMessage": { "enabled": false, "message": "", "level": "info", "dismissable": false },
        "homepage": { "enabled": false },
        "openTelemetry": { "metrics": { "enabled": false, "playbackStatsInterval": 15_000 } },
        "views": { "videos": { "watchingInterval": { "anonymous": 5000, "users": 5000 } } },
        "storyboards": { "enabled": false },
        "signup": {
            "allowed": signup_is_open,
            "allowedForCurrentIP": signup_is_open,
            "minimumAge": config.signup.minimum_age,
            "requiresApproval": config.signup.requires_approval,
            "requiresEmailVerification": config.signup.requires_email_verification
        }
    })))
}

/// The instance in words.
#[utoipa::path(get, path = "/api/v1/config/about", tag = "Config", responses((status = 200, body = Object)))]
async fn about(State(app): State<App>) -> Json<Value> {
    let instance = &app.config.instance;
    Json(json!({
        "instance": {
            "name": instance.name,
            "shortDescription": instance.short_description,
            "description": "",
            "terms": "",
            "codeOfConduct": "",
            "hardwareInformation": "",
            "creationReason": "",
            "moderationInformation": "",
            "administrator": "",
            "maintenanceLifetime": "",
            "businessModel": "",
            "languages": [],
            "categories": [],
            "avatars": [],
            "banners": []
        }
    }))
}
