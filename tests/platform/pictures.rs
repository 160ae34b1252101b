//! Avatars and banners: what is uploaded is decoded and written anew, or refused.

use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::mail::MailServer;
use crate::support::{Server, on_both_databases};

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::DynamicImage::from(image::RgbImage::from_pixel(width, height, image::Rgb([90, 20, 20])))
        .write_to(&mut bytes, image::ImageFormat::Png)
        .expect("encoded");
    bytes.into_inner()
}

async fn upload(server: &Server, path: &str, token: Option<&str>, field: &'static str, bytes: Vec<u8>) -> (StatusCode, Value) {
    let form = Form::new().part(field, Part::bytes(bytes).file_name("picture.png"));
    let mut request = server.http.post(server.url(path)).multipart(form);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.expect("an answer");
    (response.status(), response.json().await.unwrap_or(Value::Null))
}

#[tokio::test]
async fn pictures_are_taken_shown_and_taken_away() {
    on_both_databases("pictures", |_| {}, pictures).await;
}

async fn pictures(server: &Server, _mail: &MailServer) {
    const MINE: &str = "/api/v1/users/me/avatar/pick";
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let (status, answer) = upload(server, MINE, Some(&ann), "avatarfile", png(700, 500)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let widths: Vec<_> = answer["avatars"].as_array().expect("a list").iter().map(|avatar| avatar["width"].as_i64()).collect();
    assert_eq!(widths, [Some(600), Some(120), Some(48)]);
    let first = answer["avatars"][0].clone();
    let path = first["path"].as_str().expect("text");
    assert!(path.starts_with("/lazy-static/avatars/") && path.ends_with(".jpg"), "{path}");
    assert_eq!(first["fileUrl"], server.url(path));
    let response = server.http.get(server.url(path)).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "image/jpeg");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    let bytes = response.bytes().await.expect("a body");
    let picture = image::load_from_memory(&bytes).expect("a picture");
    assert_eq!((picture.width(), picture.height()), (600, 600));
    // Wherever the account is shown, in lists too.
    server.create_live(&ann, json!({})).await;
    assert_eq!(server.get("/api/v1/accounts/ann").await.1["avatars"][0]["path"], path);
    let (_, mine) = server.call(Method::GET, "/api/v1/users/me/videos", Some(&ann), None).await;
    assert_eq!(mine["data"][0]["account"]["avatars"][0]["path"], path);
    assert_eq!(mine["data"][0]["channel"]["avatars"], json!([]));

    // A new one replaces the old one, on disk too.
    let (_, answer) = upload(server, MINE, Some(&ann), "avatarfile", png(60, 60)).await;
    assert_eq!(answer["avatars"].as_array().map(Vec::len), Some(2));
    assert_eq!(server.http.get(server.url(path)).send().await.expect("an answer").status(), StatusCode::NOT_FOUND);
    for (bytes, status) in [
        (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec(), StatusCode::BAD_REQUEST),
        (b"<html><script>alert(1)</script></html>".to_vec(), StatusCode::BAD_REQUEST),
        (Vec::new(), StatusCode::BAD_REQUEST),
        (vec![0; (4 << 20) + 1], StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let length = bytes.len();
        assert_eq!(upload(server, MINE, Some(&ann), "avatarfile", bytes).await.0, status, "{length} bytes");
    }
    assert_eq!(upload(server, MINE, Some(&ann), "otherfile", png(60, 60)).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(upload(server, MINE, None, "avatarfile", png(60, 60)).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(server.call(Method::POST, MINE, Some(&ann), Some(json!({}))).await.0, StatusCode::BAD_REQUEST, "no form");

    // Channels have both kinds; their owner and moderators choose.
    let channel = "/api/v1/video-channels/ann_channel";
    let (avatar_pick, banner_pick) = (format!("{channel}/avatar/pick"), format!("{channel}/banner/pick"));
    let (avatar, banner) = tokio::join!(
        upload(server, &avatar_pick, Some(&ann), "avatarfile", png(800, 800)),
        upload(server, &banner_pick, Some(&ann), "bannerfile", png(800, 800)),
    );
    let (_, both) = server.get(channel).await;
    for ((status, answer), list) in [(avatar, "avatars"), (banner, "banners")] {
        assert_eq!((status, &answer[list]), (StatusCode::OK, &both[list]), "neither takes the other away");
        assert_ne!(answer[list], json!([]));
    }
    for (kind, field) in [("avatar", "avatarfile"), ("banner", "bannerfile")] {
        let pick = format!("{channel}/{kind}/pick");
        assert_eq!(upload(server, &pick, Some(&bob), field, png(60, 60)).await.0, StatusCode::FORBIDDEN);
        assert_eq!(upload(server, &pick, None, field, png(60, 60)).await.0, StatusCode::UNAUTHORIZED);
        let none = format!("/api/v1/video-channels/none/{kind}/pick");
        assert_eq!(upload(server, &none, Some(&ann), field, png(60, 60)).await.0, StatusCode::NOT_FOUND);
        for (width, height) in [(12_000, 1), (1, 12_000)] {
            let (status, answer) = upload(server, &pick, Some(&ann), field, png(width, height)).await;
            assert_eq!(status, StatusCode::OK, "{width} x {height}: {answer}");
        }
        let (status, answer) = upload(server, &pick, Some(&ann), field, png(1920, 400)).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let list = format!("{kind}s");
        assert!(!answer[&list].as_array().expect("a list").is_empty());
        assert_eq!(server.get(channel).await.1[&list], answer[&list]);
    }
    let (_, both) = server.get(channel).await;
    assert_eq!((&both["banners"][0]["width"], &both["banners"][0]["height"]), (&json!(1920), &json!(320)));
    let banner = both["banners"][0]["path"].as_str().expect("text").to_owned();
    for kind in ["avatar", "banner"] {
        let path = format!("{channel}/{kind}");
        assert_eq!(server.call(Method::DELETE, &path, Some(&bob), None).await.0, StatusCode::FORBIDDEN);
        assert_eq!(server.call(Method::DELETE, &path, Some(&server.root().await), None).await.0, StatusCode::NO_CONTENT);
        assert_eq!(server.get(channel).await.1[format!("{kind}s")], json!([]));
    }
    assert_eq!(server.http.get(server.url(&banner)).send().await.expect("an answer").status(), StatusCode::NOT_FOUND);
    assert_eq!(server.call(Method::DELETE, "/api/v1/users/me/avatar", None, None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(server.call(Method::DELETE, "/api/v1/users/me/avatar", Some(&ann), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(server.get("/api/v1/accounts/ann").await.1["avatars"], json!([]));
    for folder in ["avatars", "banners"] {
        let left = std::fs::read_dir(server.folder.path().join(folder)).expect("the folder").count();
        assert_eq!(left, 0, "{folder}");
    }
    for path in ["/lazy-static/avatars/..%2fshoal.sqlite", "/lazy-static/avatars/.hidden", "/lazy-static/banners/none.jpg"] {
        assert_eq!(server.http.get(server.url(path)).send().await.expect("an answer").status(), StatusCode::NOT_FOUND, "{path}");
    }
    of_uploads_on_their_way(server).await;
}

/// Whoever goes takes along what they have begun to upload.
async fn of_uploads_on_their_way(server: &Server) {
    let cleo = server.user("cleo").await;
    let form = Form::new().text("channelId", server.channel(&cleo).await.to_string()).text("name", "Never whole").text("filename", "a.mp4");
    let form = form.part("thumbnailfile", Part::bytes(png(64, 64)).file_name("picture.png"));
    let begin = server.http.post(server.url("/api/v1/videos/upload-resumable")).bearer_auth(&cleo).header("x-upload-content-length", 10);
    let begun = begin.multipart(form).send().await.expect("an answer");
    assert_eq!(begun.status(), StatusCode::CREATED);
    let part = server.url(begun.headers()["location"].to_str().expect("text"));
    let put = server.http.put(part).bearer_auth(&cleo).header("content-range", "bytes 0-3/10").body("0123");
    assert_eq!(put.send().await.expect("an answer").status(), StatusCode::PERMANENT_REDIRECT);
    let files = || {
        let count = |folder: &str| std::fs::read_dir(server.folder.path().join(folder)).expect("the folder").count();
        ["thumbnails", "previews", "uploads"].map(count)
    };
    assert_eq!(files(), [1, 1, 1]);
    assert_eq!(server.call(Method::DELETE, "/api/v1/users/me", Some(&cleo), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(files(), [0, 0, 0]);
}
