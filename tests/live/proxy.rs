//! The nginx sample of the README, run by nginx itself in front of a live.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::{Client, StatusCode, Version, header};
use serde_json::json;

use crate::player::{Live, Playlist};
use crate::publisher::{Clip, Publisher};
use crate::support::{Server, eventually};

const SAMPLE: &str = include_str!("../../packaging/nginx.conf");
const HOST: &str = "live.example.org";

struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Nginx {
    /// The sample with only its addresses and certificate exchanged.
    fn start(folder: &Path, shoal: SocketAddr, plain: SocketAddr, tls: SocketAddr) -> Self {
        let signed = rcgen::generate_simple_self_signed(vec![HOST.to_owned()]).expect("a certificate");
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        std::fs::write(&certificate, signed.cert.pem()).expect("written");
        std::fs::write(&key, signed.signing_key.serialize_pem()).expect("written");
        let changes = [
            ("server 127.0.0.1:9000;", format!("server {shoal};")),
            ("listen 80;", format!("listen {plain};")),
            ("listen [::]:80;", String::new()),
            ("listen 443 ssl http2;", format!("listen {tls} ssl http2;")),
            ("listen [::]:443 ssl http2;", String::new()),
            ("/etc/letsencrypt/live/live.example.org/fullchain.pem", certificate.display().to_string()),
            ("/etc/letsencrypt/live/live.example.org/privkey.pem", key.display().to_string()),
        ];
        let sample = changes.iter().fold(SAMPLE.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "the sample has no {from}");
            text.replace(from, to)
        });
        let folder = folder.display();
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path {folder}/{name};")).concat();
        // Worker processes would outlive a killed master.
        let text = format!(
            "daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr; events {{ }} http {{ access_log off; {paths} {sample} }}"
        );
        let path = format!("{folder}/nginx.conf");
        std::fs::write(&path, text).expect("written");
        let nginx = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
        let child = Command::new(nginx).args(["-c", &path, "-p", &folder.to_string()]).stdout(Stdio::null()).spawn();
        Self(child.expect("nginx runs; `make deps-test` installs it"))
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nginx_sample_carries_pages_sockets_and_waiting_requests() {
    let (plain, tls) = (free_address(), free_address());
    let server = Server::start_with(|config| {
        config.http.public_url = format!("https://{HOST}:{}", tls.port());
        config.http.trusted_proxies = ["127.0.0.1", "::1"].iter().filter_map(|text| shoal::config::Network::parse(text)).collect();
    })
    .await;
    let live = Live::create(&server, json!({})).await;
    let folder = tempfile::tempdir().expect("a folder");
    let _nginx = Nginx::start(folder.path(), server.running.addrs.http.expect("HTTP listens"), plain, tls);
    let builder = || {
        let builder = Client::builder().danger_accept_invalid_certs(true).timeout(Duration::from_secs(20));
        builder.resolve(HOST, tls).redirect(reqwest::redirect::Policy::none())
    };
    let client = builder().build().expect("a client");
    let base = format!("https://{HOST}:{}", tls.port());
    eventually("nginx is there", async || client.get(format!("{base}/healthz")).send().await.is_ok_and(|r| r.status() == StatusCode::OK))
        .await;

    let _publisher = Publisher::start(Clip::Plain, &live.rtmp_url);
    live.on_air().await;
    let media = format!("{base}/static/streaming-playlists/hls/{}", live.uuid);
    let first = client.get(format!("{media}/source.m3u8")).send().await.expect("an answer");
    assert_eq!((first.status(), first.version()), (StatusCode::OK, Version::HTTP_2));
    let first = Playlist(first.text().await.expect("text"));
    // The hinted part and the playlist that lists it, both asked for before they exist.
    let (msn, hint) = (first.next_msn(), first.hint());
    let (part, next) = tokio::join!(
        client.get(format!("{media}/{hint}")).send(),
        client.get(format!("{media}/source.m3u8?_HLS_msn={msn}&_HLS_part={}", first.open_parts())).send(),
    );
    assert_eq!(part.expect("an answer").status(), StatusCode::OK);
    let next = Playlist(next.expect("an answer").text().await.expect("text"));
    assert!(next.parts().contains(&hint), "{}", next.0);

    let video = client.get(format!("{base}/api/v1/videos/{}", live.uuid)).send().await.expect("an answer");
    let video: serde_json::Value = video.json().await.expect("JSON");
    let url = video["streamingPlaylists"][0]["playlistUrl"].as_str().expect("an address");
    assert_eq!(url, format!("{media}/master.m3u8"));

    // HTTP/1.1: the page's WebSocket is passed on.
    let upgrade = builder().http1_only().build().expect("a client").get(format!("{base}/api/shoal/v1/socket"));
    let upgrade = upgrade.header(header::CONNECTION, "Upgrade").header(header::UPGRADE, "websocket");
    let upgrade = upgrade.header("sec-websocket-version", "13").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let upgrade = upgrade.header(header::ORIGIN, &base).send().await.expect("an answer");
    assert_eq!(upgrade.status(), StatusCode::SWITCHING_PROTOCOLS);

    let redirect = builder().resolve(HOST, plain).build().expect("a client");
    let redirect = redirect.get(format!("http://{HOST}:{}/w/x", plain.port())).send().await.expect("an answer");
    assert_eq!(redirect.status(), StatusCode::MOVED_PERMANENTLY);
    assert_eq!(redirect.headers()[header::LOCATION], format!("https://{HOST}/w/x"));
    server.stop().await;
}
