//! Jobs as administrators see them.

use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shoal::app::App;
use shoal::domain::{JobId, Timestamp};
use shoal::jobs::{Failure, Hopeless, Job, Postponed, Registry, run_next};
use shoal::store::Class;

use crate::clips::within;
use crate::support::{Server, assert_shape, fixture, postgres};

/// Does what it is told.
#[derive(Serialize, Deserialize)]
struct Told {
    outcome: String,
}

impl Told {
    fn to(outcome: &str) -> Self {
        Self { outcome: outcome.to_owned() }
    }
}

impl Job for Told {
    const NAME: &'static str = "test-told";
    const MAX_ATTEMPTS: i64 = 2;

    async fn run(self, app: &App) -> Result<(), Failure> {
        let attempt = shoal::jobs::attempt().expect("it runs as a job");
        let mut tx = app.store.write().await?;
        assert!(tx.jobs().set_progress(attempt.id, 40).await?);
        tx.commit().await?;
        match self.outcome.as_str() {
            "hopeless" => Err(Hopeless("never".into()).into()),
            "postponed" => Err(Postponed { reason: "not today".into(), pause: std::time::Duration::from_secs(3600) }.into()),
            "fails" => Err(format!("last: {}", attempt.is_last).into()),
            _ => Ok(()),
        }
    }
}

/// Works hard on nothing.
#[derive(Serialize, Deserialize)]
struct Hard;

impl Job for Hard {
    const NAME: &'static str = "test-hard";
    const HEAVY: bool = true;

    async fn run(self, _app: &App) -> Result<(), Failure> {
        Ok(())
    }
}

async fn enqueue<J: Job>(server: &Server, job: &J) -> JobId {
    let mut tx = server.running.app.store.write().await.expect("the store");
    let id = tx.jobs().enqueue(job).await.expect("enqueued");
    tx.commit().await.expect("committed");
    id
}

#[tokio::test]
async fn jobs_are_seen_and_tried_again() {
    let server = Server::start().await;
    seen(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn jobs_are_seen_and_tried_again_on_postgresql() {
    let cluster = postgres::Cluster::start();
    let url = cluster.database("jobs");
    let server = Server::start_with(|config| config.database_url = url).await;
    seen(&server).await;
    server.stop().await;
}

async fn seen(server: &Server) {
    let token = server.root().await;
    let app = &server.running.app;
    // The server's own runner leaves these alone, and takes none meanwhile.
    app.jobs.pause().await;
    let registry = Registry::default().with::<Told>().with::<Hard>();
    let get = async |path: &str| {
        let (status, answer) = server.call(Method::GET, path, Some(&token), None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    };
    for outcome in ["done", "fails", "hopeless", "postponed"] {
        enqueue(server, &Told::to(outcome)).await;
        assert!(run_next(app, &registry).await.expect("run"), "{outcome}");
    }
    let state = async |outcome: &str| -> Value {
        let all = get("/api/v1/jobs?jobType=test-told&sort=createdAt").await;
        let jobs = all["data"].as_array().expect("a list").iter();
        jobs.clone().find(|job| job["data"]["outcome"] == outcome).expect("the job").clone()
    };
    let all = get("/api/v1/jobs").await;
    let mut captured = fixture("api-jobs.json");
    // What it is about is different for each kind.
    captured["data"][0]["data"] = json!({});
    assert_shape(&captured, &all, "api-jobs.json");
    assert_eq!((&state("done").await["state"], &state("done").await["progress"]), (&json!("completed"), &json!(100)));
    let failed = state("fails").await;
    assert_eq!((&failed["state"], &failed["error"], &failed["attempts"]), (&json!("delayed"), &json!("last: false"), &json!(1)));
    assert_eq!((&state("hopeless").await["state"], &state("hopeless").await["error"]), (&json!("failed"), &json!("never")));
    let postponed = state("postponed").await;
    assert_eq!((&postponed["state"], &postponed["error"], &postponed["attempts"]), (&json!("delayed"), &json!("not today"), &json!(0)));
    for (state, total) in [("active", 0), ("completed", 1), ("failed", 1), ("waiting", 0), ("delayed", 2)] {
        assert_eq!(get(&format!("/api/v1/jobs/{state}?jobType=test-told&count=1")).await["total"], total, "{state}");
    }
    assert_eq!(get("/api/v1/jobs?jobType=nothing").await, json!({ "total": 0, "data": [] }));
    assert_eq!(get("/api/shoal/v1/jobs").await["paused"], true);

    // Once more, with all attempts; then the last one.
    let path = |job: &Value, end: &str| format!("/api/shoal/v1/jobs/{}{end}", job["id"].as_str().expect("text"));
    let call = async |method: Method, path: String| server.call(method, &path, Some(&token), None).await.0;
    assert_eq!(call(Method::POST, path(&failed, "/retry")).await, StatusCode::NO_CONTENT);
    assert!(run_next(app, &registry).await.expect("run"));
    let mut tx = app.store.write().await.expect("the store");
    tx.jobs().hurry().await.expect("hurried");
    tx.jobs().delete(JobId(postponed["id"].as_str().expect("text").parse().expect("a number"))).await.expect("deleted");
    tx.commit().await.expect("committed");
    assert!(run_next(app, &registry).await.expect("run"));
    assert_eq!((&state("fails").await["state"], &state("fails").await["error"]), (&json!("failed"), &json!("last: true")));
    let done = state("done").await;
    assert_eq!(call(Method::POST, path(&done, "/retry")).await, StatusCode::CONFLICT);
    assert_eq!(call(Method::DELETE, path(&done, "")).await, StatusCode::NO_CONTENT);
    assert_eq!(call(Method::DELETE, path(&done, "")).await, StatusCode::NOT_FOUND);
    assert_eq!(call(Method::POST, path(&done, "/retry")).await, StatusCode::NOT_FOUND);
    classes(server).await;
    refusals(server, &token).await;
}

/// Heavy jobs are claimed by those who do heavy ones.
async fn classes(server: &Server) {
    enqueue(server, &Hard).await;
    let mut tx = server.running.app.store.write().await.expect("the store");
    let now = Timestamp::now();
    assert!(tx.jobs().claim_of(Class::Light, now).await.expect("claimed").is_none());
    assert!(tx.jobs().next_due_of(Class::Light).await.expect("looked").is_none());
    let claimed = tx.jobs().claim_of(Class::Heavy, now).await.expect("claimed").expect("a job");
    assert_eq!(claimed.name, Hard::NAME);
    assert!(tx.jobs().set_progress(claimed.id, 50).await.expect("noted"));
    assert!(tx.jobs().delete(claimed.id).await.expect("deleted"));
    assert!(!tx.jobs().set_progress(claimed.id, 60).await.expect("noted"), "nobody wants it any more");
    tx.commit().await.expect("committed");
}

async fn refusals(server: &Server, root: &str) {
    let alice = server.user("alice").await;
    let routes = [
        (Method::GET, "/api/v1/jobs"),
        (Method::GET, "/api/v1/jobs/active"),
        (Method::POST, "/api/v1/jobs/pause"),
        (Method::POST, "/api/v1/jobs/resume"),
        (Method::GET, "/api/shoal/v1/jobs"),
        (Method::POST, "/api/shoal/v1/jobs/1/retry"),
        (Method::DELETE, "/api/shoal/v1/jobs/1"),
    ];
    for (method, path) in routes {
        assert_eq!(server.call(method.clone(), path, None, None).await.0, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(server.call(method, path, Some(&alice), None).await.0, StatusCode::FORBIDDEN, "{path}");
    }
    for path in ["/api/v1/jobs/lost", "/api/v1/jobs?count=1000", "/api/v1/jobs?start=-1", "/api/v1/jobs?sort=name"] {
        assert_eq!(server.call(Method::GET, path, Some(root), None).await.0, StatusCode::BAD_REQUEST, "{path}");
    }
    for id in ["x", "1e3", "99999999999999999999"] {
        let path = format!("/api/shoal/v1/jobs/{id}/retry");
        assert_eq!(server.call(Method::POST, &path, Some(root), None).await.0, StatusCode::BAD_REQUEST, "{path}");
    }
    assert_eq!(server.call(Method::POST, "/api/shoal/v1/jobs/999999/retry", Some(root), None).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_paused_queue_stands_still() {
    let server = Server::start().await;
    let token = server.root().await;
    assert_eq!(server.call(Method::POST, "/api/v1/jobs/pause", Some(&token), None).await.0, StatusCode::NO_CONTENT);
    // Of no kind that this server has: once it runs, it fails.
    enqueue(&server, &Told::to("done")).await;
    server.running.app.jobs.wake();
    let attempts = async || {
        let (_, jobs) = server.call(Method::GET, "/api/v1/jobs?jobType=test-told", Some(&token), None).await;
        jobs["data"][0]["attempts"].as_i64().expect("a number")
    };
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(attempts().await, 0);
    assert_eq!(server.call(Method::POST, "/api/v1/jobs/resume", Some(&token), None).await.0, StatusCode::NO_CONTENT);
    within(20, "it runs", async || attempts().await >= 1).await;
    server.stop().await;
}

#[tokio::test]
async fn jobs_and_storage_are_in_the_metrics() {
    let server = Server::start().await;
    let app = &server.running.app;
    app.jobs.pause().await;
    enqueue(&server, &Told::to("done")).await;
    assert!(run_next(app, &Registry::default().with::<Told>()).await.expect("run"));
    let url = format!("http://{}/metrics", server.running.addrs.metrics.expect("metrics listen"));
    let text = server.http.get(url).send().await.expect("an answer").text().await.expect("text");
    for name in [
        "shoal_job_attempts_total{type=\"test-told\",result=\"success\"} 1",
        "shoal_storage_files{place=\"disk\"} 0",
        "shoal_storage_bytes{place=\"s3\"} 0",
        "shoal_object_storage_requests_total 0",
    ] {
        assert!(text.contains(&format!("\n{name}\n")), "{name} is missing in\n{text}");
    }
    assert!(text.contains("\nshoal_disk_free_bytes "), "{text}");
    server.stop().await;
}
