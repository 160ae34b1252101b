//! Start, stop, restart; TLS; metrics.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shoal::app::App;

use crate::support::{Server, config, eventually};

#[tokio::test]
async fn a_server_starts_says_where_and_stops() {
    let server = Server::start().await;
    let text = std::fs::read_to_string(server.folder.path().join("addresses.json")).expect("addresses.json");
    let addresses: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(format!("http://{}", addresses["http"].as_str().expect("text")), server.base);
    assert_eq!(server.get("/healthz").await.0, StatusCode::OK);
    assert!(server.running.first_login.is_some());

    let second = App::start(config(server.folder.path())).await;
    let error = second.err().expect("one server per folder").to_string();
    assert!(error.contains("in use"), "{error}");

    let token = server.root().await;
    let uuid = server.create_live(&token, json!({})).await;
    let started = Instant::now();
    let server = server.restart().await;
    assert!(started.elapsed() < Duration::from_secs(10));
    assert!(server.running.first_login.is_none(), "the login is made once");
    assert_eq!(server.get(&format!("/api/v1/videos/{uuid}")).await.0, StatusCode::OK);
    assert_eq!(server.call(Method::GET, "/api/v1/users/me", Some(&token), None).await.0, StatusCode::OK, "sessions outlive a restart");
    let address = server.running.addrs.http.expect("HTTP");
    server.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn addresses_that_are_taken_are_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config(folder.path());
    config.http.listen = taken.local_addr().expect("an address");
    let error = App::start(config).await.err().expect("refused").to_string();
    assert!(error.contains("http.listen") && error.contains(&taken.local_addr().expect("an address").to_string()), "{error}");
}

#[tokio::test]
async fn metrics_have_their_names() {
    let server = Server::start().await;
    server.get("/healthz").await;
    let url = format!("http://{}/metrics", server.running.addrs.metrics.expect("metrics listen"));
    let text = server.http.get(url).send().await.expect("an answer").text().await.expect("text");
    for name in [
        "shoal_broadcasts 0",
        "shoal_ingest_bytes_total 0",
        "shoal_http_media_bytes_total 0",
        "shoal_http_playlist_requests_total 0",
        "shoal_swarm_peers 0",
        "shoal_viewer_media_bytes_total{source=\"http\"} 0",
        "shoal_viewer_media_bytes_total{source=\"p2p\"} 0",
        "shoal_segmenter_part_delay_seconds_count 0",
        "shoal_dropped_groups_total 0",
        "shoal_jobs{state=\"waiting\"} 0",
    ] {
        assert!(text.contains(&format!("\n{name}\n")), "{name} is missing in\n{text}");
    }
    server.stop().await;
}

#[tokio::test]
async fn tls_speaks_http2_and_follows_its_certificate() {
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate_path, key_path) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let renew = || {
        let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        std::fs::write(&certificate_path, signed.cert.pem()).expect("written");
        std::fs::write(&key_path, signed.signing_key.serialize_pem()).expect("written");
        reqwest::Certificate::from_pem(signed.cert.pem().as_bytes()).expect("a certificate")
    };
    let first = renew();
    let server = Server::start_with(|config| {
        config.https.listen = Some("127.0.0.1:0".parse().expect("an address"));
        config.https.certificate = Some(certificate_path.clone());
        config.https.key = Some(key_path.clone());
    })
    .await;
    let port = server.running.addrs.https.expect("HTTPS listens").port();
    let url = format!("https://localhost:{port}/healthz");
    let get = async |root: &reqwest::Certificate| {
        let client = reqwest::Client::builder()
            .tls_built_in_root_certs(false)
            .add_root_certificate(root.clone())
            .resolve("localhost", ([127, 0, 0, 1], port).into())
            .build()
            .expect("a client");
        client.get(&url).send().await
    };
    let response = get(&first).await.expect("an answer");
    assert_eq!((response.status(), response.version()), (StatusCode::OK, reqwest::Version::HTTP_2));
    // File systems keep times by the second at worst.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let second = renew();
    eventually("the new certificate", async || get(&second).await.is_ok()).await;
    assert!(get(&first).await.is_err());
    server.stop().await;
}

#[tokio::test]
async fn a_certificate_that_is_none_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cert.pem");
    std::fs::write(&path, "nonsense").expect("written");
    let mut config = config(&folder.path().join("data"));
    config.https.listen = Some("127.0.0.1:0".parse().expect("an address"));
    config.https.certificate = Some(path.clone());
    config.https.key = Some(path);
    let error = App::start(config).await.err().expect("refused").to_string();
    assert!(error.contains("https") && error.contains("cert.pem"), "{error}");
}

#[tokio::test]
async fn slow_and_broken_clients_do_not_hold_up_the_stop() {
    use tokio::io::AsyncWriteExt as _;
    let server = Server::start().await;
    let address = server.running.addrs.http.expect("HTTP");
    let mut idle = Vec::new();
    for request in ["", "GET / HT", "POST /api/v1/users/token HTTP/1.1\r\ncontent-length: 100\r\n\r\nhalf"] {
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("connected");
        stream.write_all(request.as_bytes()).await.expect("written");
        idle.push(stream);
    }
    assert_eq!(server.get("/healthz").await.0, StatusCode::OK);
    let started = Instant::now();
    server.stop().await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}
