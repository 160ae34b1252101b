//! More answers beside PeerTube's captured ones: lists, words and numbers that came with finished videos and with people.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shoal::domain::Privacy;

use crate::support::{PASSWORD, Server, assert_shape, fixture, mail::MailServer, on_both_databases};

#[tokio::test]
async fn more_answers_have_peertubes_shape() {
    on_both_databases("more_shapes", |_| {}, more).await;
}

async fn more(server: &Server, _mail: &MailServer) {
    let token = server.root().await;
    let get = async |path: &str| {
        let (status, answer) = server.call(Method::GET, path, Some(&token), None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    };
    let compare = |name: &str, answer: &Value| assert_shape(&fixture(name), answer, name);
    let channel = server.channel(&token).await;
    let (_, uuid) = server.video(channel, "A finished video", Privacy::Public).await;
    let path = format!("/api/v1/videos/{uuid}");
    let change = json!({ "description": "VOD *description*", "tags": ["vod"], "category": 1, "language": "en" });
    assert_eq!(server.call(Method::PUT, &path, Some(&token), Some(change)).await.0, StatusCode::NO_CONTENT);
    server.create_live(&token, json!({ "name": "A live to come" })).await;

    assert_eq!(get("/api/v1/videos/privacies").await, fixture("api-privacies.json"));
    assert_eq!(get(&format!("{path}/description")).await, fixture("api-video-vod-description.json"));
    let mut vod = fixture("api-video-vod.json");
    // It was made without a file.
    vod["files"] = json!([]);
    vod["streamingPlaylists"] = json!([]);
    assert_shape(&vod, &get(&path).await, "vod");

    // Whoever searches gets what lists give.
    let found = get("/api/v1/search/videos?search=finished").await;
    compare("api-search-videos.json", &found);
    compare("api-videos.json", &found);
    assert_eq!((&found["total"], &found["data"][0]["uuid"]), (&json!(1), &json!(uuid)));
    compare("api-videos.json", &get("/api/v1/videos?isLocal=true").await);
    compare("api-videos.json", &get("/api/v1/accounts/root/videos").await);
    compare("api-videos.json", &get("/api/v1/video-channels/root_channel/videos").await);
    let unpublished = get("/api/v1/videos?isLive=true&include=1").await;
    compare("api-videos-live-only.json", &unpublished);
    assert_eq!(unpublished["data"][0]["state"]["id"], 4, "{unpublished}");
    let (_, published) = server.get("/api/v1/videos").await;
    assert!(published["data"][0].get("waitTranscoding").is_none(), "{published}");

    // One's own, the history and the channels of an account hold the same videos and channels as other lists.
    compare("api-my-videos.json", &get("/api/v1/users/me/videos?isLive=false").await);
    let watched = server.call(Method::POST, &format!("{path}/views"), Some(&token), Some(json!({ "currentTime": 5 }))).await;
    assert_eq!(watched.0, StatusCode::NO_CONTENT);
    compare("api-videos.json", &get("/api/v1/users/me/history/videos").await);
    compare("api-channels.json", &get("/api/v1/accounts/root/video-channels").await);
    compare("api-accounts.json", &get("/api/v1/accounts").await["data"][0]);

    // A user as moderators see them is the user as they see themselves, but for their settings.
    let body = json!({ "username": "ann", "password": PASSWORD, "email": "ann@mail.example", "role": 2 });
    let (status, created) = server.call(Method::POST, "/api/v1/users", Some(&token), Some(body)).await;
    assert_eq!(status, StatusCode::OK, "{created}");
    let me = fixture("api-users-me.json");
    let ann = get(&format!("/api/v1/users/{}", created["user"]["id"])).await;
    for field in ["id", "username", "email", "emailVerified", "role", "account", "videoQuota", "videoQuotaDaily", "blocked", "createdAt"] {
        assert_shape(&json!({ field: me[field] }), &ann, "user");
    }

    let stats = get("/api/v1/server/stats").await;
    compare("api-server-stats.json", &stats);
    let seen = |name: &str| stats[name].as_i64().expect("a number");
    assert_eq!((seen("totalUsers"), seen("totalAdmins"), seen("totalModerators")), (2, 1, 0), "{stats}");
    assert_eq!((seen("totalDailyActiveUsers"), seen("totalMonthlyActiveUsers")), (1, 1), "one logged in: {stats}");
    assert_eq!((seen("totalLocalVideos"), seen("totalLocalDailyActiveVideoChannels")), (2, 1), "{stats}");
    server.video(channel, "Another one", Privacy::Public).await;
    assert_eq!(get("/api/v1/server/stats").await, stats, "they are not counted for everybody who asks");
}
