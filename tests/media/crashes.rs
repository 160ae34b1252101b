//! Work that is cut off goes on, and leaves nothing behind.

use std::path::Path;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shoal::app::App;
use shoal::domain::VideoState;

use crate::clips::{Clip, Upload, clip, names, server, settings, within};
use crate::support::program::Program;
use crate::support::{Server, config};

/// Somebody works on something.
pub fn begun(folder: &Path) -> bool {
    let work = folder.join("transcoding");
    names(&work).iter().any(|job| names(&work.join(job)).iter().any(|name| work.join(job).join(name).join("run-0.mp4").exists()))
}

/// Any disk has room, and encoders are the same everywhere.
pub const WORK: [(&str, &str); 2] = [("SHOAL_TRANSCODING_MIN_FREE_DISK_BYTES", "1048576"), ("SHOAL_TRANSCODING_HARDWARE", "off")];

/// Processes that work on files below this folder.
pub fn workers(folder: &Path) -> usize {
    let folder = folder.to_str().expect("text");
    let processes = std::fs::read_dir("/proc").expect("/proc").filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let works = |process: &String| {
        let line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        let is_work = line.split(|byte| *byte == 0).any(|word| word == b"work");
        // What it writes is open.
        is_work
            && std::fs::read_dir(format!("/proc/{process}/fd")).is_ok_and(|mut files| {
                files.any(|file| {
                    file.is_ok_and(|file| std::fs::read_link(file.path()).is_ok_and(|to| to.to_string_lossy().contains(folder)))
                })
            })
    };
    processes.filter(works).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_finishes_its_work_at_the_next_start() {
    let server = server().await;
    let token = server.root().await;
    server.call(Method::POST, "/api/v1/jobs/pause", Some(&token), None).await;
    let upload = Upload::of(&server, &token, clip(Clip::Heavy), true).await;
    let Server { running, folder, http, .. } = server;
    running.stop().await;

    let program = Program::start(folder.path(), &WORK).await;
    within(60, "it has begun", async || begun(folder.path()) && workers(folder.path()) == 1).await;
    let address = format!("{}/api/v1/videos/{}", program.base, upload.uuid);
    assert_eq!(http.get(&address).send().await.expect("an answer").status(), StatusCode::UNAUTHORIZED, "nothing half-visible");
    // SIGKILL: nobody has time to clean up.
    drop(program);
    within(10, "its process ends with it", async || workers(folder.path()) == 0).await;

    let program = Program::start(folder.path(), &WORK).await;
    let address = format!("{}/api/v1/videos/{}", program.base, upload.uuid);
    let mut video = Value::Null;
    within(90, "it is published", async || {
        let response = http.get(&address).send().await.expect("an answer");
        let is_there = response.status() == StatusCode::OK;
        video = response.json().await.expect("JSON");
        is_there
    })
    .await;
    assert_eq!(video["duration"], 12);
    assert!(video["files"].as_array().is_some_and(|files| files.len() >= 2), "{video}");
    within(20, "nothing is left", async || names(&folder.path().join("transcoding")).is_empty()).await;
    drop(program);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_ends_its_work_in_good_order() {
    let server = server().await;
    let token = server.root().await;
    let upload = Upload::of(&server, &token, clip(Clip::Heavy), false).await;
    within(60, "it has begun", async || begun(server.folder.path())).await;
    let Server { running, folder, .. } = server;
    let began = std::time::Instant::now();
    running.stop().await;
    assert!(began.elapsed() < Duration::from_secs(10));
    within(5, "no process is left", async || workers(folder.path()) == 0).await;

    // What remains of a job that nobody knows is removed; this one goes on, with all its attempts.
    std::fs::create_dir_all(folder.path().join("transcoding/424242/720p")).expect("a folder");
    let mut again = config(folder.path());
    settings(&mut again);
    let running = App::start(again).await.expect("it starts again");
    let base = format!("http://{}", running.addrs.http.expect("HTTP listens"));
    let server = Server { running, base, http: reqwest::Client::new(), folder };
    assert_eq!(upload.ended(&server, &token).await, "completed");
    let (_, jobs) = server.call(Method::GET, "/api/v1/jobs/completed?jobType=video-transcoding", Some(&token), None).await;
    assert_eq!(jobs["data"][0]["attempts"], 1, "{jobs}");
    within(20, "nothing is left", async || names(&server.folder.path().join("transcoding")).is_empty()).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_nobody_wants_any_more_ends() {
    let server = server().await;
    let token = server.root().await;
    let upload = Upload::of(&server, &token, clip(Clip::Heavy), false).await;
    within(60, "it has begun", async || begun(server.folder.path())).await;
    let (_, jobs) = server.call(Method::GET, "/api/v1/jobs/active?jobType=video-transcoding", Some(&token), None).await;
    let job = jobs["data"][0]["id"].as_str().expect("a job").to_owned();
    let (status, _) = server.call(Method::DELETE, &format!("/api/shoal/v1/jobs/{job}"), Some(&token), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    within(20, "it ends", async || {
        upload.state(&server).await == VideoState::TranscodingFailed && names(&server.folder.path().join("transcoding")).is_empty()
    })
    .await;
    assert_eq!(workers(server.folder.path()), 0);
    assert_eq!(upload.progress(&server, &token).await["error"], "it was cancelled");
    assert_eq!(upload.details(&server, Some(&token)).await["streamingPlaylists"], json!([]));
    assert_eq!(names(&upload.folder(&server)), Vec::<String>::new());

    // The same when its video goes.
    let other = Upload::of(&server, &token, clip(Clip::Heavy), false).await;
    within(60, "it has begun", async || begun(server.folder.path())).await;
    let (status, _) = server.call(Method::DELETE, &format!("/api/v1/videos/{}", other.uuid), Some(&token), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    within(20, "all of it is gone", async || {
        names(&server.folder.path().join("transcoding")).is_empty() && !other.folder(&server).exists() && workers(server.folder.path()) == 0
    })
    .await;
    server.stop().await;
}
