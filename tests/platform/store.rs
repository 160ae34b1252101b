//! The same queries on both databases, and jobs that survive.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shoal::app::App;
use shoal::domain::{LatencyMode, LiveError, Privacy, StreamKey, Timestamp, VideoId};
use shoal::jobs::{Failure, Job, Registry, run_next};
use shoal::store::{Backend, Error, NewToken, Store, Visit};

use crate::support::{Server, postgres};

#[tokio::test]
async fn sqlite_keeps_what_it_is_given() {
    let server = Server::start().await;
    assert_eq!(server.running.app.store.backend(), Backend::Sqlite);
    rows(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn postgresql_keeps_what_it_is_given() {
    let cluster = postgres::Cluster::start();
    let url = cluster.database("store");
    let server = Server::start_with(|config| config.database_url = url).await;
    assert_eq!(server.running.app.store.backend(), Backend::Postgres);
    rows(&server).await;
    // SQLite has one writer.
    held_users(&server).await;
    changed_users(&server).await;
    jobs(&server).await;
    server.stop().await;
}

async fn rows(server: &Server) {
    let store: &Store = &server.running.app.store;
    let token = server.root().await;
    let uuid = server.create_live(&token, json!({ "saveReplay": true })).await;
    let mut tx = store.read().await.expect("the store");
    let video = tx.videos().by_uuid(uuid.parse().expect("a uuid")).await.expect("the store").expect("the video");
    let live = tx.lives().by_video(video.id).await.expect("the store").expect("the live");
    drop(tx);

    // The key finds its live, and only it.
    let mut tx = store.write().await.expect("the store");
    let found = tx.lives().by_stream_key(&live.stream_key).await.expect("the store").expect("the live");
    assert_eq!(found.video_id, video.id);
    assert!(tx.lives().by_stream_key(&StreamKey::from_text("' OR '1'='1")).await.expect("the store").is_none());
    let mut changed = found;
    changed.latency_mode = LatencyMode::High;
    changed.replay_privacy = Privacy::Unlisted;
    tx.lives().update(&changed).await.expect("updated");
    tx.lives().set_longest_keyframe_interval(video.id, 8333).await.expect("updated");
    tx.commit().await.expect("committed");
    let mut tx = store.read().await.expect("the store");
    let live = tx.lives().by_video(video.id).await.expect("the store").expect("the live");
    assert_eq!((live.latency_mode, live.replay_privacy), (LatencyMode::High, Privacy::Unlisted));
    assert_eq!(live.longest_keyframe_interval_ms, Some(8333));
    drop(tx);

    // A session that a crash leaves open is found, with what it needs to go on.
    let mut tx = store.write().await.expect("the store");
    let session = tx.sessions().start(video.id, Timestamp::from_millis(1000), true).await.expect("a session");
    tx.sessions().set_resume(session, Some("{\"prefix\":\"abc\"}")).await.expect("kept");
    tx.commit().await.expect("committed");
    let mut tx = store.write().await.expect("the store");
    let open = tx.sessions().open().await.expect("the store");
    assert_eq!((open.len(), open[0].id, open[0].resume.as_deref()), (1, session, Some("{\"prefix\":\"abc\"}")));
    tx.sessions().end(session, Timestamp::from_millis(2000), Some(LiveError::Blacklisted)).await.expect("ended");
    tx.sessions().processed(session, Some(video.id)).await.expect("processed");
    tx.commit().await.expect("committed");
    let mut tx = store.read().await.expect("the store");
    let ended = tx.sessions().by_id(session).await.expect("the store").expect("the session");
    assert_eq!((ended.ended_at, ended.error), (Some(Timestamp::from_millis(2000)), Some(5)));
    assert!(ended.ending_processed && ended.resume.is_none());
    assert_eq!(tx.sessions().behind(video.id).await.expect("the store").map(|session| session.id), Some(session));
    drop(tx);

    // What is not committed never happened.
    let mut tx = store.write().await.expect("the store");
    tx.videos().delete(video.id).await.expect("deleted");
    drop(tx);
    assert!(store.read().await.expect("the store").videos().by_id(video.id).await.expect("the store").is_some());

    // Views are summed by day.
    let mut tx = store.write().await.expect("the store");
    tx.videos().add_views(video.uuid, 2, Timestamp::now()).await.expect("counted");
    tx.videos().add_views(video.uuid, 3, Timestamp::now()).await.expect("counted");
    tx.videos().add_views(uuid::Uuid::nil(), 3, Timestamp::now()).await.expect("nothing");
    tx.commit().await.expect("committed");
    let mut tx = store.read().await.expect("the store");
    assert_eq!(tx.videos().by_id(video.id).await.expect("the store").expect("the video").views, 5);
    assert_eq!(tx.videos().totals().await.expect("the store"), (1, 5));
    drop(tx);

    // Names are unique; deleting takes everything along.
    let taken = shoal::users::create_user(store, "root", "", shoal::domain::Role::User, "password").await;
    assert!(matches!(taken, Err(shoal::users::Error::Taken(_))), "{taken:?}");
    let mut tx = store.write().await.expect("the store");
    assert!(tx.videos().delete(video.id).await.expect("deleted"));
    assert!(!tx.videos().delete(VideoId(video.id.0)).await.expect("gone"));
    assert!(tx.lives().by_video(video.id).await.expect("the store").is_none());
    assert!(tx.sessions().by_id(session).await.expect("the store").is_none());
    tx.commit().await.expect("committed");

    // Writers queue; none fails because another one writes.
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..50 {
        let store = store.clone();
        writers.spawn(async move {
            let mut tx = store.write().await?;
            let key = format!("writer-{number}");
            tx.settings().put(&key, "1").await?;
            tx.settings().put(&key, "2").await?;
            tx.commit().await?;
            Ok::<_, Error>(())
        });
    }
    while let Some(result) = writers.join_next().await {
        result.expect("no panic").expect("written");
    }
    assert_eq!(store.read().await.expect("the store").settings().value("writer-49").await.expect("the store").as_deref(), Some("2"));
}

/// Whoever ends the sessions of a user finds those that are being made.
async fn held_users(server: &Server) {
    let store: &Store = &server.running.app.store;
    let id = shoal::users::create_user(store, "held", "", shoal::domain::Role::User, "password").await.expect("a user");
    let mut tx = store.write().await.expect("the store");
    tx.users().hold(id).await.expect("the store").expect("the user");
    let mut blocking = tokio::spawn({
        let store = store.clone();
        async move {
            let mut tx = store.write().await?;
            let user = tx.users().by_id(id).await?.map(|user| shoal::domain::User { blocked: true, ..user });
            tx.users().update(&user.expect("the user")).await?;
            tx.tokens().delete_of(id).await?;
            tx.commit().await
        }
    });
    // It waits. (Were it slow to begin, this would say nothing, but never anything wrong.)
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut blocking).await.is_err(), "the user is held");
    let (until, visit) = (Timestamp::now().plus(Duration::from_secs(60)), Visit::default());
    let token = NewToken {
        user_id: id,
        access_hash: "access",
        access_expires_at: until,
        refresh_hash: "refresh",
        refresh_expires_at: until,
        login: &visit,
        active: &visit,
    };
    tx.tokens().create(token).await.expect("a session");
    tx.commit().await.expect("committed");
    blocking.await.expect("no panic").expect("blocked");
    let mut tx = store.read().await.expect("the store");
    assert!(tx.tokens().by_access("access").await.expect("the store").is_none());
    assert!(tx.users().by_id(id).await.expect("the store").expect("the user").blocked);
}

/// Whoever writes a user back takes nothing back that somebody else changed meanwhile.
async fn changed_users(server: &Server) {
    let store: &Store = &server.running.app.store;
    let root = server.root().await;
    let id = shoal::users::create_user(store, "changed", "", shoal::domain::Role::User, "password").await.expect("a user");
    let path = format!("/api/v1/users/{id}");
    let block = format!("{path}/block");
    for (method, path, body) in [(Method::PUT, &path, json!({ "adminFlags": 1 })), (Method::POST, &block, json!({}))] {
        let mut tx = store.write().await.expect("the store");
        let mut user = tx.users().hold(id).await.expect("the store").expect("the user");
        user.quota.total += 5;
        let expected = user.quota.total;
        let other = async {
            // By then the request waits. (Were it slow to begin, this would say nothing, but never anything wrong.)
            tokio::time::sleep(Duration::from_millis(200)).await;
            tx.users().update(&user).await.expect("updated");
            tx.commit().await.expect("committed");
        };
        let ((status, problem), ()) = tokio::join!(server.call(method, path, Some(&root), Some(body)), other);
        assert_eq!(status, StatusCode::NO_CONTENT, "{problem}");
        let user = store.read().await.expect("the store").users().by_id(id).await.expect("the store").expect("the user");
        assert_eq!(user.quota.total, expected, "{path}");
    }
    let user = store.read().await.expect("the store").users().by_id(id).await.expect("the store").expect("the user");
    assert!(user.blocked && user.admin_flags == 1);
}

static RUNS: AtomicU32 = AtomicU32::new(0);

/// Fails the first two times.
#[derive(Serialize, Deserialize)]
struct Stubborn {
    word: String,
}

impl Job for Stubborn {
    const NAME: &'static str = "test-stubborn";

    async fn run(self, _app: &App) -> Result<(), Failure> {
        assert_eq!(self.word, "hello");
        match RUNS.fetch_add(1, Ordering::SeqCst) {
            0 => Err("not yet".into()),
            1 => panic!("not yet either"),
            _ => Ok(()),
        }
    }
}

/// Never works.
#[derive(Serialize, Deserialize)]
struct Hopeless;

impl Job for Hopeless {
    const NAME: &'static str = "test-hopeless";
    const MAX_ATTEMPTS: i64 = 1;

    async fn run(self, _app: &App) -> Result<(), Failure> {
        Err("never".into())
    }
}

#[tokio::test]
async fn jobs_are_retried_and_given_up() {
    let server = Server::start().await;
    jobs(&server).await;
    server.stop().await;
}

async fn jobs(server: &Server) {
    let app = &server.running.app;
    // The server's own runner stands still: this test runs jobs by hand.
    app.stop.cancel();
    RUNS.store(0, Ordering::SeqCst);
    let registry = Registry::default().with::<Stubborn>().with::<Hopeless>();
    let make_due = async || {
        let mut tx = app.store.write().await.expect("the store");
        tx.jobs().hurry().await.expect("hurried");
        tx.commit().await.expect("committed");
    };
    let counts = async || app.store.read().await.expect("the store").jobs().counts().await.expect("counts");

    let mut tx = app.store.write().await.expect("the store");
    tx.jobs().enqueue(&Stubborn { word: "hello".into() }).await.expect("enqueued");
    drop(tx);
    assert!(!run_next(app, &registry).await.expect("run"), "its transaction never happened");

    let mut tx = app.store.write().await.expect("the store");
    tx.jobs().enqueue(&Stubborn { word: "hello".into() }).await.expect("enqueued");
    tx.commit().await.expect("committed");
    for _ in 0..2 {
        assert!(run_next(app, &registry).await.expect("run"));
        assert!(!run_next(app, &registry).await.expect("run"), "it waits before the next attempt");
        assert_eq!((counts().await.waiting, counts().await.failed), (1, 0));
        make_due().await;
    }
    assert!(run_next(app, &registry).await.expect("run"));
    assert_eq!(RUNS.load(Ordering::SeqCst), 3);
    assert_eq!((counts().await.waiting, counts().await.active), (0, 0));

    let mut tx = app.store.write().await.expect("the store");
    tx.jobs().enqueue(&Hopeless).await.expect("enqueued");
    tx.commit().await.expect("committed");
    assert!(run_next(app, &registry).await.expect("run"));
    assert_eq!((counts().await.waiting, counts().await.failed), (0, 1));

    // A job that ran when the server died waits again.
    let mut tx = app.store.write().await.expect("the store");
    tx.jobs().enqueue(&Stubborn { word: "hello".into() }).await.expect("enqueued");
    let claimed = tx.jobs().claim(Timestamp::now()).await.expect("claimed").expect("a job");
    assert!(tx.jobs().claim(Timestamp::now()).await.expect("claimed").is_none(), "only once");
    assert_eq!((claimed.name.as_str(), claimed.attempts), (Stubborn::NAME, 1));
    assert_eq!(tx.jobs().recover().await.expect("recovered"), 1);
    assert_eq!(tx.jobs().claim(Timestamp::now()).await.expect("claimed").map(|job| job.attempts), Some(2));
    tx.commit().await.expect("committed");
}
