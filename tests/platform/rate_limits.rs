//! The limit of requests to the API.

use reqwest::{Response, StatusCode, header};
use serde_json::{Value, json};
use shoal::config::Network;

use crate::support::Server;

async fn ask(server: &Server, path: &str, from: Option<&str>) -> Response {
    let mut request = server.http.get(server.url(path));
    if let Some(address) = from {
        request = request.header("x-forwarded-for", address);
    }
    request.send().await.expect("an answer")
}

#[tokio::test]
async fn one_address_asks_only_so_much() {
    let server = Server::start_with(|config| {
        config.http.trusted_proxies = vec![Network::parse("127.0.0.1").expect("an address")];
        config.rate_limits.api_requests = 5;
        config.rate_limits.api_window_s = 3600;
    })
    .await;
    let list = "/api/v1/videos";
    for _ in 0..5 {
        assert_eq!(ask(&server, list, Some("192.0.2.1")).await.status(), StatusCode::OK);
    }
    let refused = ask(&server, list, Some("192.0.2.1")).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let headers = refused.headers();
    let pause: u64 = headers[header::RETRY_AFTER].to_str().expect("text").parse().expect("seconds");
    assert!((600..=720).contains(&pause), "{pause}");
    assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*", "pages of others can read why");
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    let body: Value = refused.json().await.expect("JSON");
    assert_eq!((&body["status"], &body["title"]), (&json!(429), &json!("Too Many Requests")));

    // What is no API goes on, and so do others; a customer's IPv6 network is one address.
    assert_eq!(ask(&server, "/healthz", Some("192.0.2.1")).await.status(), StatusCode::OK);
    assert_eq!(ask(&server, list, Some("192.0.2.2")).await.status(), StatusCode::OK);
    for last in 1..=5 {
        assert_eq!(ask(&server, list, Some(&format!("2001:db8::{last}"))).await.status(), StatusCode::OK);
    }
    assert_eq!(ask(&server, list, Some("2001:db8::6")).await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(ask(&server, list, Some("2001:db8:0:1::6")).await.status(), StatusCode::OK);
    // This machine's own programs are not counted.
    for _ in 0..20 {
        assert_eq!(ask(&server, list, None).await.status(), StatusCode::OK);
    }
    let url = format!("http://{}/metrics", server.running.addrs.metrics.expect("metrics listen"));
    let metrics = server.http.get(url).send().await.expect("an answer").text().await.expect("text");
    assert!(metrics.contains("\nshoal_http_rate_limited_total 2\n"), "{metrics}");
    server.stop().await;
}
