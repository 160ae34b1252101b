//! Videos that come as files: in one form, in parts, in place of another. Everything or nothing, over a restart too.

use reqwest::header::{CONTENT_RANGE, LOCATION, RANGE};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method, Response, StatusCode};
use serde_json::{Value, json};
use shoal::domain::{Media, Privacy, Quota, Schedule, Timestamp, VideoId};
use shoal::jobs::PublishScheduled;
use shoal::store::Source;
use shoal::vod::uploaded;
use tokio::sync::watch;
use uuid::Uuid;

use crate::support::videos::{in_an_hour, png};
use crate::support::{Server, eventually, fixture, postgres};

const UPLOAD: &str = "/api/v1/videos/upload";
const RESUMABLE: &str = "/api/v1/videos/upload-resumable";

#[tokio::test]
async fn files_become_videos() {
    let server = Server::start().await;
    one_form(&server).await;
    parts(&server).await;
    quotas(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn files_become_videos_on_postgresql() {
    let cluster = postgres::Cluster::start();
    let url = cluster.database("uploads");
    let server = Server::start_with(|config| config.database_url = url).await;
    one_form(&server).await;
    parts(&server).await;
    quotas(&server).await;
    server.stop().await;
}

async fn one_form(server: &Server) {
    let token = server.root().await;
    let channel = server.channel(&token).await;
    let fields = [
        ("channelId", channel.to_string()),
        ("name", "From a form".to_owned()),
        ("privacy", "1".to_owned()),
        ("category", "15".to_owned()),
        ("language", "en".to_owned()),
        ("tags[0]", "one".to_owned()),
        ("tags[1]", "two".to_owned()),
        ("description", "0:00 Start\n0:30 End".to_owned()),
        ("waitTranscoding", "true".to_owned()),
    ];
    let files = [("videofile", "my video.mp4", b"not really media".to_vec()), ("thumbnailfile", "a.png", png(64, 64))];
    let (status, created) = server.send_form(Method::POST, UPLOAD, Some(&token), &fields, &files).await;
    assert_eq!(status, StatusCode::OK, "{created}");
    let uuid = created["video"]["uuid"].as_str().expect("a uuid").to_owned();
    assert_eq!(created["video"]["shortUUID"].as_str().map(str::len), Some(22));

    let path = format!("/api/v1/videos/{uuid}");
    let (_, video) = server.call(Method::GET, &path, Some(&token), None).await;
    assert_eq!((&video["name"], &video["tags"], &video["waitTranscoding"]), (&json!("From a form"), &json!(["one", "two"]), &json!(true)));
    assert_eq!((&video["isLive"], &video["category"]["id"]), (&json!(false), &json!(15)));
    let thumbnail = server.http.get(server.url(video["thumbnailPath"].as_str().expect("a path"))).send().await.expect("an answer");
    let picture = image::load_from_memory(&thumbnail.bytes().await.expect("bytes")).expect("a picture");
    assert_eq!((picture.width(), picture.height()), (280, 157));
    let (_, chapters) = server.call(Method::GET, &format!("{path}/chapters"), Some(&token), None).await;
    assert_eq!(chapters["chapters"][1], json!({ "title": "End", "timecode": 30 }), "from the description");

    // Its file is its own, and nobody else's to see.
    let (_, source) = server.call(Method::GET, &format!("{path}/source"), Some(&token), None).await;
    let mut expected = fixture("api-video-source.json");
    expected["metadata"] = Value::Null;
    crate::support::assert_shape(&expected, &source, "source");
    assert_eq!((&source["inputFilename"], &source["size"]), (&json!("my video.mp4"), &json!(16)));
    let originals = server.originals(&uuid);
    assert_eq!(originals.iter().map(|path| std::fs::read(path).expect("a file")).collect::<Vec<_>>(), [b"not really media".to_vec()]);
    assert_eq!(server.call(Method::GET, &format!("{path}/source"), None, None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(std::fs::read_dir(server.folder.path().join("uploads")).expect("the folder").count(), 0, "nothing is left behind");

    // Deleting really deletes.
    assert_eq!(server.call(Method::DELETE, &path, Some(&token), None).await.0, StatusCode::NO_CONTENT);
    crate::support::eventually("the file is gone", async || server.originals(&uuid).is_empty()).await;
}

struct Uploader<'a> {
    server: &'a Server,
    token: String,
    path: String,
}

impl Uploader<'_> {
    async fn begin(&self, size: usize, fields: Value) -> Response {
        let request = self.server.http.post(self.server.url(&self.path)).bearer_auth(&self.token);
        request
            .header("x-upload-content-length", size)
            .header("x-upload-content-type", "video/mp4")
            .json(&fields)
            .send()
            .await
            .expect("an answer")
    }

    async fn put(&self, id: &str, range: &str, bytes: &[u8]) -> Response {
        let url = self.server.url(&format!("{}?upload_id={id}", self.path));
        let request = self.server.http.put(url).bearer_auth(&self.token).header(CONTENT_RANGE, range);
        request.header("content-type", "application/octet-stream").body(bytes.to_vec()).send().await.expect("an answer")
    }
}

fn id_of(response: &Response) -> String {
    let location = response.headers()[LOCATION].to_str().expect("text");
    location.split_once("upload_id=").expect("an id").1.to_owned()
}

fn range_of(response: &Response) -> Option<&str> {
    response.headers().get(RANGE).map(|value| value.to_str().expect("text"))
}

async fn parts(server: &Server) {
    let token = server.root().await;
    let fields = json!({ "channelId": server.channel(&token).await, "name": "In parts", "filename": "parts.mkv", "privacy": 1 });
    let uploader = Uploader { server, token: token.clone(), path: RESUMABLE.into() };
    let begun = uploader.begin(10, fields.clone()).await;
    assert_eq!(begun.status(), StatusCode::CREATED);
    let id = id_of(&begun);
    let asked = uploader.put(&id, "bytes */10", b"").await;
    assert_eq!((asked.status().as_u16(), range_of(&asked)), (308, None));
    let part = uploader.put(&id, "bytes 0-3/10", b"0123").await;
    assert_eq!((part.status().as_u16(), range_of(&part)), (308, Some("bytes=0-3")));
    // A gap, another length, more than is said, more than the file: all are refused, and nothing is lost.
    for (range, bytes) in [("bytes 6-7/10", "67"), ("bytes 4-5/11", "45"), ("bytes 4-5/10", "4567"), ("bytes 8-12/10", "89abc")] {
        assert_eq!(uploader.put(&id, range, bytes.as_bytes()).await.status(), StatusCode::CONFLICT, "{range}");
    }
    assert_eq!(uploader.put(&id, "bytes 5", b"").await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(range_of(&uploader.put(&id, "bytes */10", b"").await), Some("bytes=0-3"));
    // Who forgot where they were begins again and is told that some of it is there; what comes twice is written once.
    let again = uploader.begin(10, fields.clone()).await;
    assert_eq!((again.status(), id_of(&again)), (StatusCode::OK, id.clone()));
    assert_eq!(range_of(&uploader.put(&id, "bytes 2-5/10", b"2345").await), Some("bytes=0-5"));
    let last = uploader.put(&id, "bytes 6-9/10", b"6789").await;
    assert_eq!(last.status(), StatusCode::OK);
    let made: Value = last.json().await.expect("JSON");
    let uuid = made["video"]["uuid"].as_str().expect("a uuid").to_owned();
    assert_eq!(
        server.originals(&uuid).iter().map(|path| std::fs::read(path).expect("a file")).collect::<Vec<_>>(),
        [b"0123456789".to_vec()]
    );
    // The answer got lost: the same again.
    let repeated: Value = uploader.put(&id, "bytes 6-9/10", b"6789").await.json().await.expect("JSON");
    assert_eq!(repeated["video"]["uuid"], made["video"]["uuid"]);

    // Somebody else's upload does not exist.
    let begun = uploader.begin(5, fields.clone()).await;
    let id = id_of(&begun);
    let other = Uploader { server, token: server.user("uploader").await, path: RESUMABLE.into() };
    assert_eq!(other.put(&id, "bytes 0-4/5", b"01234").await.status(), StatusCode::NOT_FOUND);
    let delete = format!("{RESUMABLE}?upload_id={id}");
    assert_eq!(server.call(Method::DELETE, &delete, Some(&other.token), None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(server.call(Method::DELETE, &delete, Some(&token), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(server.call(Method::DELETE, &delete, Some(&token), None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(uploader.put(&id, "bytes 0-4/5", b"01234").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(uploader.put("../../shoal", "bytes 0-4/5", b"01234").await.status(), StatusCode::NOT_FOUND);

    // What is wrong with a form is said before anything is sent.
    for (size, change, status) in [
        (0, json!({}), StatusCode::BAD_REQUEST),
        (5, json!({ "filename": "page.html" }), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (5, json!({ "name": "x" }), StatusCode::BAD_REQUEST),
        (5, json!({ "channelId": 999_999 }), StatusCode::BAD_REQUEST),
        (5, json!({ "privacy": 5 }), StatusCode::BAD_REQUEST),
        (1 << 50, json!({}), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let mut wrong = fields.clone();
        for (key, value) in change.as_object().expect("an object") {
            wrong[key] = value.clone();
        }
        assert_eq!(uploader.begin(size, wrong).await.status(), status, "{change}");
    }

    // In place of another file.
    let (video, uuid) = server.video(server.channel(&token).await, "To be replaced", Privacy::Public).await;
    let path = format!("/api/v1/videos/{uuid}/source/replace-resumable");
    let replacer = Uploader { server, token: token.clone(), path: path.clone() };
    let begun = replacer.begin(4, json!({ "filename": "better.mp4" })).await;
    assert_eq!(begun.status(), StatusCode::CREATED);
    let id = id_of(&begun);
    assert_eq!(uploader.put(&id, "bytes 0-3/4", b"new!").await.status(), StatusCode::NOT_FOUND, "not for a new video");
    assert_eq!(replacer.put(&id, "bytes 0-3/4", b"new!").await.status(), StatusCode::NO_CONTENT);
    let (_, details) = server.get(&format!("/api/v1/videos/{uuid}")).await;
    assert!(details["inputFileUpdatedAt"].is_string(), "{details}");
    assert_eq!(server.originals(&uuid.to_string()).len(), 1);
    let mut tx = server.running.app.store.read().await.expect("the store");
    assert_eq!(tx.sources().of_video(video).await.expect("the store").map(|source| source.input_filename).as_deref(), Some("better.mp4"));
    drop(tx);
    let thief = Uploader { server, token: other.token, path };
    assert_eq!(thief.begin(4, json!({ "filename": "worse.mp4" })).await.status(), StatusCode::FORBIDDEN);
}

async fn set_quota(server: &Server, name: &str, total: i64) {
    let mut tx = server.running.app.store.write().await.expect("the store");
    let mut user = tx.users().by_login(name).await.expect("the store").expect("the user");
    user.quota = Quota { total, daily: -1 };
    tx.users().update(&user).await.expect("updated");
    tx.commit().await.expect("committed");
}

/// All that somebody has and begins is counted, however it comes.
async fn quotas(server: &Server) {
    const TOO_LARGE: StatusCode = StatusCode::PAYLOAD_TOO_LARGE;
    server.running.app.jobs.pause().await;
    let token = server.user("counted").await;
    let channel = server.channel(&token).await;
    set_quota(server, "counted", 100).await;
    let uploader = Uploader { server, token: token.clone(), path: RESUMABLE.into() };
    let begin = async |name: &str, size: usize| uploader.begin(size, json!({ "channelId": channel, "filename": name })).await;
    let (one, other) = tokio::join!(begin("one.mp4", 60), begin("other.mp4", 60));
    let mut answers = [one.status(), other.status()];
    answers.sort();
    assert_eq!(answers, [StatusCode::CREATED, TOO_LARGE], "there is room for one of them");
    let (begun, name) = if one.status() == StatusCode::CREATED { (one, "one.mp4") } else { (other, "other.mp4") };
    let id = id_of(&begun);
    let again = begin(name, 60).await;
    assert_eq!((again.status(), id_of(&again)), (StatusCode::CREATED, id.clone()), "what was begun does not count against itself");

    let fields = [("channelId", channel.to_string()), ("name", "In one form".to_owned())];
    let send = async |size: usize| {
        let file = [("videofile", "a.mp4", vec![0; size])];
        server.send_form(Method::POST, UPLOAD, Some(&token), &fields, &file).await
    };
    let (status, problem) = send(50).await;
    assert_eq!((status, &problem["code"]), (TOO_LARGE, &json!("quota_reached")), "beside what was begun");
    assert_eq!(uploader.put(&id, "bytes 0-59/60", &[0; 60]).await.status(), StatusCode::OK);
    assert_eq!(send(30).await.0, StatusCode::OK);
    // It is not taken to its end before it is refused.
    let (open, gate) = watch::channel(false);
    let form = Form::new().text("channelId", channel.to_string()).text("name", "Endless");
    let form = form.part("videofile", Part::stream(halves(&[0; 11], &[0; 1], gate)).file_name("a.mp4"));
    let answer = server.http.post(server.url(UPLOAD)).bearer_auth(&token).multipart(form).send().await.expect("an answer");
    assert_eq!(answer.status(), TOO_LARGE);
    drop(open);

    // In place of another file: the room is asked for at the end too.
    let (video, uuid) = server.video(channel, "To be replaced", Privacy::Public).await;
    let path = format!("/api/v1/videos/{uuid}/source/replace-resumable");
    let replacer = Uploader { server, token: token.clone(), path };
    assert_eq!(replacer.begin(11, json!({ "filename": "better.mp4" })).await.status(), TOO_LARGE);
    let id = id_of(&replacer.begin(10, json!({ "filename": "better.mp4" })).await);
    set_quota(server, "counted", 99).await;
    assert_eq!(replacer.put(&id, "bytes 0-9/10", &[0; 10]).await.status(), TOO_LARGE);
    let source = async || server.running.app.store.read().await.expect("the store").sources().of_video(video).await.expect("the store");
    assert_eq!((source().await, server.originals(&uuid.to_string()).len()), (None, 0), "it is as it was");
    set_quota(server, "counted", 100).await;
    assert_eq!(replacer.put(&id, "bytes 0-9/10", &[0; 10]).await.status(), StatusCode::NO_CONTENT);
    assert!(source().await.is_some());
    server.running.app.jobs.resume();
}

/// Puts a file where uploads leave theirs, kept as what the video was made from; its name.
async fn keep_original(server: &Server, video: VideoId, uuid: Uuid) -> String {
    let from = server.folder.path().join("original");
    std::fs::write(&from, "media").expect("written");
    let file = uploaded::place(server.folder.path(), uuid, &from, "mp4").await.expect("placed");
    let source = Source {
        video_id: video,
        file: file.clone(),
        input_filename: "a.mp4".to_owned(),
        size_bytes: 5,
        resolution: None,
        width: None,
        height: None,
        fps: None,
        created_at: Timestamp::now(),
    };
    let mut tx = server.running.app.store.write().await.expect("the store");
    tx.sources().put(&source).await.expect("put");
    tx.media().put(video, &Media { original: Some(file.clone()), ..Media::default() }).await.expect("put");
    tx.commit().await.expect("committed");
    file
}

#[tokio::test]
async fn what_videos_were_made_from_goes() {
    let server = Server::start().await;
    let (app, token) = (&server.running.app, server.root().await);
    let (video, uuid) = server.video(server.channel(&token).await, "With an original", Privacy::Public).await;
    let original = async || app.store.read().await.expect("the store").media().of_video(video).await.expect("the store").original;
    let source = format!("/api/v1/videos/{uuid}/source");
    let delete = async || server.call(Method::DELETE, &format!("{source}/file"), Some(&token), None).await.0;
    let file = keep_original(&server, video, uuid).await;
    assert_eq!(original().await, Some(file));
    assert_eq!(delete().await, StatusCode::NO_CONTENT);
    assert_eq!((original().await, server.originals(&uuid.to_string()).len()), (None, 0), "no later move looks for it");
    assert_eq!(server.call(Method::GET, &source, Some(&token), None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(delete().await, StatusCode::NOT_FOUND);

    // One that is replaced is gone at once; the new one is still needed.
    app.jobs.pause().await;
    keep_original(&server, video, uuid).await;
    let replacer = Uploader { server: &server, token: token.clone(), path: format!("{source}/replace-resumable") };
    let id = id_of(&replacer.begin(4, json!({ "filename": "better.mp4" })).await);
    assert_eq!(replacer.put(&id, "bytes 0-3/4", b"new!").await.status(), StatusCode::NO_CONTENT);
    let left: Vec<_> = server.originals(&uuid.to_string()).iter().map(|path| std::fs::read(path).expect("a file")).collect();
    assert_eq!((original().await, left), (None, vec![b"new!".to_vec()]));
    assert_eq!(delete().await, StatusCode::CONFLICT);
    server.stop().await;
}

/// A body whose second half comes when the gate is open; if that is gone, never.
fn halves(first: &'static [u8], second: &'static [u8], gate: watch::Receiver<bool>) -> Body {
    let next = move |(half, mut gate): (u8, watch::Receiver<bool>)| async move {
        let bytes = match half {
            0 => first,
            1 => {
                if gate.wait_for(|is_open| *is_open).await.is_err() {
                    return None;
                }
                second
            }
            _ => return None,
        };
        Some((Ok::<_, std::convert::Infallible>(bytes), (half + 1, gate)))
    };
    Body::wrap_stream(futures_util::stream::unfold((0, gate), next))
}

#[tokio::test]
async fn who_is_kept_out_publishes_nothing_more() {
    let server = Server::start().await;
    let (app, root, ann) = (&server.running.app, server.root().await, server.user("ann").await);
    let user = server.call(Method::GET, "/api/v1/users/me", Some(&ann), None).await.1["id"].clone();
    let channel = server.channel(&ann).await;
    let (_, uuid) = server.video(channel, "Published", Privacy::Public).await;
    let (later, _) = server.video(channel, "To come", Privacy::Private).await;
    let mut tx = app.store.write().await.expect("the store");
    let schedule = Schedule { update_at: Timestamp::now(), privacy: Privacy::Public };
    tx.schedules().set(later, Some(schedule)).await.expect("set");
    tx.commit().await.expect("committed");

    // Everything that makes a video of a file, half-way.
    let (open, gate) = watch::channel(false);
    let uploads = server.folder.path().join("uploads");
    let mut requests = Vec::new();
    for path in [RESUMABLE.to_owned(), format!("/api/v1/videos/{uuid}/source/replace-resumable")] {
        let uploader = Uploader { server: &server, token: ann.clone(), path };
        let id = id_of(&uploader.begin(8, json!({ "channelId": channel, "name": "In parts", "filename": "a.mp4" })).await);
        let url = server.url(&format!("{}?upload_id={id}", uploader.path));
        let request = server.http.put(url).bearer_auth(&ann).header(CONTENT_RANGE, "bytes 0-7/8");
        requests.push(tokio::spawn(request.body(halves(b"0123", b"4567", gate.clone())).send()));
        eventually("it is on its way", async || uploads.join(&id).exists()).await;
    }
    let form = Form::new().text("channelId", channel.to_string()).text("name", "In one form");
    let form = form.part("videofile", Part::stream(halves(b"0123", b"4567", gate)).file_name("a.mp4"));
    requests.push(tokio::spawn(server.http.post(server.url(UPLOAD)).bearer_auth(&ann).multipart(form).send()));
    eventually("all are on their way", async || std::fs::read_dir(&uploads).expect("the folder").count() == 3).await;

    let block = format!("/api/v1/users/{user}/block");
    assert_eq!(server.call(Method::POST, &block, Some(&root), Some(json!({}))).await.0, StatusCode::NO_CONTENT);
    open.send(true).expect("they wait");
    for request in requests {
        let answer = request.await.expect("no panic").expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{}", answer.url());
    }
    let folders = std::fs::read_dir(server.folder.path().join("original-video-files")).expect("the folder");
    let left: usize = folders.map(|folder| std::fs::read_dir(folder.expect("a folder").path()).expect("a folder").count()).sum();
    assert_eq!(left, 0, "nothing of it is kept");

    // Nor does what was to come.
    let mut tx = app.store.write().await.expect("the store");
    tx.jobs().enqueue(&PublishScheduled { video: later }).await.expect("enqueued");
    tx.commit().await.expect("committed");
    app.jobs.wake();
    let video = async || app.store.read().await.expect("the store").videos().by_id(later).await.expect("the store").expect("the video");
    eventually("the time has come", async || video().await.schedule.is_none()).await;
    assert_eq!(video().await.privacy, Privacy::Private);
    server.stop().await;
}

#[tokio::test]
async fn bad_uploads_leave_nothing() {
    let server = Server::start_with(|config| config.videos.max_file_bytes = 1000).await;
    let token = server.root().await;
    let channel = server.channel(&token).await.to_string();
    let good = [("channelId", channel.clone()), ("name", "A video".to_owned())];
    let media = ("videofile", "a.mp4", b"media".to_vec());
    type Case<'a> = (&'a [(&'static str, String)], Vec<(&'static str, &'static str, Vec<u8>)>, StatusCode);
    let nameless = [("channelId", channel.clone()), ("name", "x".to_owned())];
    let nowhere = [("channelId", "999999".to_owned()), ("name", "A video".to_owned())];
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>".to_vec();
    let cases: [Case<'_>; 7] = [
        (&good, vec![], StatusCode::BAD_REQUEST),
        (&good, vec![("videofile", "a.mp4", vec![])], StatusCode::BAD_REQUEST),
        (&good, vec![("videofile", "a.exe", b"MZ".to_vec())], StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (&good, vec![("videofile", "a.mp4", vec![0; 1001])], StatusCode::PAYLOAD_TOO_LARGE),
        (&good, vec![media.clone(), ("thumbnailfile", "a.svg", svg)], StatusCode::BAD_REQUEST),
        (&nameless, vec![media.clone()], StatusCode::BAD_REQUEST),
        (&nowhere, vec![media.clone()], StatusCode::BAD_REQUEST),
    ];
    for (fields, files, expected) in cases {
        let (status, problem) = server.send_form(Method::POST, UPLOAD, Some(&token), fields, &files).await;
        assert_eq!(status, expected, "{problem}");
    }
    assert_eq!(server.send_form(Method::POST, UPLOAD, None, &good, &[media]).await.0, StatusCode::UNAUTHORIZED);
    let (_, mine) = server.call(Method::GET, "/api/v1/users/me/videos", Some(&token), None).await;
    assert_eq!(mine["total"], 0);
    let data = server.folder.path();
    for folder in ["uploads", "original-video-files", "thumbnails", "previews"] {
        let left = std::fs::read_dir(data.join(folder)).map_or(0, Iterator::count);
        assert_eq!(left, 0, "{folder}");
    }
    server.stop().await;
}

#[tokio::test]
async fn uploads_go_on_after_a_restart_and_expire() {
    let server = Server::start().await;
    let token = server.root().await;
    let fields = json!({ "channelId": server.channel(&token).await, "name": "Over a restart", "filename": "a.mp4" });
    let uploader = Uploader { server: &server, token, path: RESUMABLE.into() };
    let id = id_of(&uploader.begin(8, fields.clone()).await);
    assert_eq!(uploader.put(&id, "bytes 0-3/8", b"0123").await.status().as_u16(), 308);
    let server = server.restart().await;
    let uploader = Uploader { server: &server, token: server.root().await, path: RESUMABLE.into() };
    assert_eq!(range_of(&uploader.put(&id, "bytes */8", b"").await), Some("bytes=0-3"));
    assert_eq!(uploader.put(&id, "bytes 4-7/8", b"4567").await.status(), StatusCode::OK);

    // Given up: the row, the file and its pictures go.
    let begun = uploader.begin(100, fields).await;
    let id = id_of(&begun);
    assert_eq!(uploader.put(&id, "bytes 0-3/100", b"0123").await.status().as_u16(), 308);
    let file = server.folder.path().join("uploads").join(&id);
    let app = &server.running.app;
    shoal::uploads::tidy(app, Timestamp::now()).await.expect("tidied");
    assert!(file.exists(), "not yet");
    shoal::uploads::tidy(app, in_an_hour().plus(shoal::uploads::EXPIRY)).await.expect("tidied");
    assert!(!file.exists());
    assert_eq!(uploader.put(&id, "bytes 4-7/100", b"4567").await.status(), StatusCode::NOT_FOUND);
    server.stop().await;
}
