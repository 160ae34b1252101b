//! A player without pictures: what the tests ask of a server's playlists.

use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::support::{Server, eventually};

/// No request of a test takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Looks often, and fails after 20 s.
pub async fn found<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..400 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within 20 s: {what}");
}

/// A live on a server, its owner's token, and where its media is.
pub struct Live {
    pub uuid: String,
    pub token: String,
    pub rtmp_url: String,
    base: String,
    http: reqwest::Client,
}

/// A media playlist's text with what is asked of it.
#[derive(Clone, Debug)]
pub struct Playlist(pub String);

impl Live {
    /// A new live with these fields.
    pub async fn create(server: &Server, fields: Value) -> Self {
        let token = server.root().await;
        let uuid = server.create_live(&token, fields).await;
        let mut live = Self {
            uuid,
            token,
            rtmp_url: String::new(),
            base: server.base.clone(),
            http: reqwest::Client::builder().timeout(PATIENCE).build().expect("a client"),
        };
        live.find_rtmp_url(server).await;
        live
    }

    /// After a restart of its server elsewhere, or with another key.
    pub async fn find_rtmp_url(&mut self, server: &Server) {
        let (status, settings) =
            server.call(reqwest::Method::GET, &format!("/api/v1/videos/live/{}", self.uuid), Some(&self.token), None).await;
        assert_eq!(status, StatusCode::OK, "{settings}");
        let key = settings["streamKey"].as_str().expect("the owner sees the key");
        let address = server.running.addrs.rtmp.expect("RTMP listens");
        self.find_base(server);
        self.rtmp_url = format!("rtmp://{address}/live/{key}");
    }

    /// After a restart of its server elsewhere, when nobody publishes any more.
    pub fn find_base(&mut self, server: &Server) {
        self.base.clone_from(&server.base);
    }

    /// The live as a client of a server that is a process of its own.
    pub fn at(base: &str, uuid: &str, token: &str) -> Self {
        let http = reqwest::Client::builder().timeout(PATIENCE).build().expect("a client");
        Self { uuid: uuid.to_owned(), token: token.to_owned(), rtmp_url: String::new(), base: base.to_owned(), http }
    }

    pub fn url(&self, file: &str) -> String {
        format!("{}/static/streaming-playlists/hls/{}/{file}", self.base, self.uuid)
    }

    pub async fn get(&self, file: &str) -> Response {
        self.http.get(self.url(file)).send().await.expect("an answer")
    }

    /// A request with headers, nothing decoded.
    pub async fn raw(&self, method: reqwest::Method, file: &str, headers: &[(&str, &str)]) -> Response {
        let http = reqwest::Client::builder().timeout(PATIENCE).no_gzip().build().expect("a client");
        let request = headers.iter().fold(http.request(method, self.url(file)), |request, (name, value)| request.header(*name, *value));
        request.send().await.expect("an answer")
    }

    /// The source's playlist now, or as the query wants it.
    pub async fn playlist(&self, query: &str) -> Playlist {
        let response = self.get(&format!("source.m3u8{query}")).await;
        let status = response.status();
        let text = response.text().await.expect("text");
        assert_eq!(status, StatusCode::OK, "{query}: {text}");
        Playlist(text)
    }

    /// Waits until players can start.
    pub async fn on_air(&self) {
        eventually("on the air", async || self.get("master.m3u8").await.status() == StatusCode::OK && self.state().await == "live").await;
    }

    /// Waits until the playlist holds a whole segment behind `msn`; gives the last one's number.
    pub async fn past(&self, msn: u64) -> u64 {
        let mut last = self.playlist("").await.next_msn();
        while last <= msn + 1 {
            last = self.playlist(&format!("?_HLS_msn={last}")).await.next_msn();
        }
        last - 1
    }

    async fn json(&self, path: &str) -> Value {
        let response = self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.token).send().await.expect("an answer");
        response.json().await.expect("JSON")
    }

    /// The live as its owner's page sees it.
    pub async fn status(&self) -> Value {
        self.json(&format!("/api/shoal/v1/videos/{}/live", self.uuid)).await
    }

    /// `waiting`, `live`, `interrupted` or `ended`.
    pub async fn state(&self) -> String {
        self.status().await["state"].as_str().unwrap_or("none").to_owned()
    }

    pub async fn wait_for(&self, state: &str) {
        eventually(state, async || self.state().await == state).await;
    }

    pub async fn video(&self) -> Value {
        self.json(&format!("/api/v1/videos/{}", self.uuid)).await
    }

    pub async fn sessions(&self) -> Vec<Value> {
        let list = self.json(&format!("/api/v1/videos/live/{}/sessions", self.uuid)).await;
        list["data"].as_array().expect("sessions").clone()
    }

    /// The last session once nothing is left to do for it.
    pub async fn concluded(&self, sessions: usize) -> Value {
        found("the session is concluded", async || {
            let mut all = self.sessions().await;
            let last = all.pop()?;
            (all.len() + 1 == sessions && last["endingProcessed"] == true).then_some(last)
        })
        .await
    }

    pub async fn end(&self) -> StatusCode {
        let url = format!("{}/api/shoal/v1/videos/{}/end", self.base, self.uuid);
        self.http.post(url).bearer_auth(&self.token).send().await.expect("an answer").status()
    }

    /// A finished video's playlist, and its plain file for download once that is made.
    pub async fn replay(&self, uuid: &str) -> (String, String) {
        found("the download is made", async || {
            let video = self.json(&format!("/api/v1/videos/{uuid}")).await;
            let playlist = video["streamingPlaylists"][0]["playlistUrl"].as_str();
            let playlist = playlist.unwrap_or_else(|| panic!("playable at once: {video}"));
            Some((playlist.to_owned(), video["files"][0]["fileUrl"].as_str()?.to_owned()))
        })
        .await
    }
}

impl Playlist {
    pub fn has(&self, text: &str) -> bool {
        self.0.contains(text)
    }

    /// The value of `NAME=` in the lines of this tag.
    pub fn attributes(&self, tag: &str, name: &str) -> Vec<String> {
        let lines = self.0.lines().filter_map(|line| line.strip_prefix(tag)?.strip_prefix(':'));
        let values = lines.flat_map(|line| line.split(',')).filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        values.map(|value| value.trim_matches('"').to_owned()).collect()
    }

    pub fn parts(&self) -> Vec<String> {
        self.attributes("#EXT-X-PART", "URI")
    }

    /// The part that comes next.
    pub fn hint(&self) -> String {
        self.attributes("#EXT-X-PRELOAD-HINT", "URI").pop().expect("a hint")
    }

    pub fn media_sequence(&self) -> u64 {
        let line = self.0.lines().find_map(|line| line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:"));
        line.expect("a media sequence").parse().expect("a number")
    }

    /// Addresses of whole segments, absent ones too.
    pub fn listed(&self) -> Vec<&str> {
        self.0.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
    }

    /// Addresses of whole segments that are there, with the number of each.
    pub fn segments(&self) -> Vec<(u64, String)> {
        let mut found = Vec::new();
        let (mut msn, mut gap) = (self.media_sequence(), false);
        for line in self.0.lines().filter(|line| !line.is_empty()) {
            if line == "#EXT-X-GAP" {
                gap = true;
            } else if !line.starts_with('#') {
                if !std::mem::take(&mut gap) {
                    found.push((msn, line.to_owned()));
                }
                msn += 1;
            }
        }
        found
    }

    /// The number that the next whole segment will have; not of deltas.
    pub fn next_msn(&self) -> u64 {
        self.media_sequence() + self.listed().len() as u64
    }

    /// Parts of the segment that is not whole yet.
    pub fn open_parts(&self) -> u64 {
        let after = self.0.lines().rev().take_while(|line| line.is_empty() || line.starts_with('#'));
        after.filter(|line| line.starts_with("#EXT-X-PART:")).count() as u64
    }

    /// What every name of this broadcast begins with.
    pub fn prefix(&self) -> String {
        let parts = self.hint();
        parts.split('-').next().expect("a name").to_owned()
    }
}
