//! Pages, the embed page, oEmbed.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::Server;

async fn text(server: &Server, path: &str) -> (StatusCode, reqwest::header::HeaderMap, String) {
    let response = server.http.get(server.url(path)).send().await.expect("an answer");
    (response.status(), response.headers().clone(), response.text().await.expect("text"))
}

#[tokio::test]
async fn public_addresses_describe_the_video() {
    let server = Server::start().await;
    let token = server.root().await;
    let uuid = server.create_live(&token, json!({ "name": "Cats & <script>alert(1)</script>", "latencyMode": 3 })).await;
    let (_, details) = server.get(&format!("/api/v1/videos/{uuid}")).await;
    let short = details["shortUUID"].as_str().expect("text");

    let (status, headers, page) = text(&server, &format!("/w/{short}")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(headers["content-security-policy"], "frame-ancestors 'self'");
    assert!(!page.contains("<script>alert"), "the name must not become code");
    if page.contains("without the web client") {
        // The other half of this test needs `make build`'s web client in the binary.
        eprintln!("skipped: no web client in this build");
    } else {
        assert!(page.contains("Cats &amp; &lt;script&gt;"), "{page}");
        assert!(page.contains("property=\"og:platform\" content=\"PeerTube\""));
        assert!(page.contains("application/json+oembed"));
    }

    let (status, headers, page) = text(&server, &format!("/videos/embed/{uuid}")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(!headers["content-security-policy"].to_str().expect("text").contains("frame-ancestors"), "any page may frame it");
    assert!(!page.contains("<script>alert"));
    let facts = page.split("id=\"shoal-embed\">").nth(1).and_then(|rest| rest.split("</script>").next()).expect("the facts");
    let facts: Value = serde_json::from_str(facts).expect("JSON");
    assert_eq!(facts["uuid"], uuid.as_str());
    assert_eq!(facts["playlistUrl"], format!("/static/streaming-playlists/hls/{uuid}/master.m3u8"));
    assert_eq!((&facts["state"], &facts["isLive"], &facts["latencyMode"]), (&json!(4), &json!(true), &json!(3)));
    assert_eq!(facts["title"], "Cats & <script>alert(1)</script>");

    let (status, oembed) = server.get(&format!("/services/oembed?url={}/w/{short}&maxwidth=320", server.base)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&oembed["type"], &oembed["width"], &oembed["height"]), (&json!("video"), &json!(320), &json!(180)));
    let frame = oembed["html"].as_str().expect("text");
    assert!(frame.contains(&format!("{}/videos/embed/{uuid}", server.base)) && !frame.contains("<script"), "{frame}");
    assert_eq!(server.get("/services/oembed?url=https://elsewhere.example/w/abc").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(server.get("/services/oembed").await.0, StatusCode::BAD_REQUEST);
    server.stop().await;
}

#[tokio::test]
async fn unknown_addresses_are_pages_or_problems() {
    let server = Server::start().await;
    let (status, headers, _) = text(&server, "/my-library").await;
    assert_eq!((status, headers["content-type"].to_str().expect("text")), (StatusCode::OK, "text/html; charset=utf-8"));
    for path in [
        "/api/v1/nothing",
        "/api/nothing",
        "/nothing.js",
        "/static/nothing",
        "/lazy-static/previews/nothing.jpg",
        "/lazy-static/previews/..%2fshoal.sqlite",
    ] {
        let (status, headers, _) = text(&server, path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        if !path.starts_with("/lazy-static") {
            assert_eq!(headers["content-type"], "application/problem+json", "{path}");
        }
    }
    assert_eq!(text(&server, "/videos/embed/00000000-0000-4000-8000-000000000000").await.0, StatusCode::NOT_FOUND);
    let posted = server.http.post(server.url("/my-library")).send().await.expect("an answer");
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    server.stop().await;
}

#[tokio::test]
async fn pictures_come_from_the_data_folder() {
    let server = Server::start().await;
    let folder = server.folder.path().join("previews");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("some-name.jpg"), b"\xff\xd8picture").expect("a file");
    let response = server.http.get(server.url("/lazy-static/previews/some-name.jpg")).send().await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "image/jpeg");
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert_eq!(response.bytes().await.expect("a body").as_ref(), b"\xff\xd8picture");
    server.stop().await;
}
