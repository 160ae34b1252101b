//! Videos for tests: rows made by hand, and files that come in.

use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use shoal::domain::{ChannelId, Privacy, Timestamp, VideoId, VideoState};
use shoal::store::NewVideo;
use uuid::Uuid;

use super::Server;

impl Server {
    /// The first channel of the user of this token.
    pub async fn channel(&self, token: &str) -> i64 {
        let (_, me) = self.call(Method::GET, "/api/v1/users/me", Some(token), None).await;
        me["videoChannels"][0]["id"].as_i64().expect("a channel")
    }

    /// A published video of a minute in this channel, without any file.
    pub async fn video(&self, channel: i64, name: &str, privacy: Privacy) -> (VideoId, Uuid) {
        let uuid = Uuid::new_v4();
        let new = NewVideo {
            is_live: false,
            state: VideoState::Published,
            privacy,
            duration_ms: 60_000,
            ..NewVideo::live(uuid, ChannelId(channel), name.to_owned())
        };
        let mut tx = self.running.app.store.write().await.expect("the store");
        let id = tx.videos().create(&new).await.expect("a video");
        tx.commit().await.expect("committed");
        (id, uuid)
    }

    /// Sends a form with files: fields, and (field, file name, bytes).
    pub async fn send_form(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        fields: &[(&'static str, String)],
        files: &[(&'static str, &'static str, Vec<u8>)],
    ) -> (StatusCode, Value) {
        let mut form = Form::new();
        for (name, value) in fields {
            form = form.text(*name, value.clone());
        }
        for (name, filename, bytes) in files {
            form = form.part(*name, Part::bytes(bytes.clone()).file_name(*filename));
        }
        let mut request = self.http.request(method, self.url(path)).multipart(form);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let text = response.text().await.expect("a body");
        (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) })
    }

    /// The files that a video was made from.
    pub fn originals(&self, uuid: &str) -> Vec<std::path::PathBuf> {
        let folder = self.folder.path().join("original-video-files").join(uuid);
        match std::fs::read_dir(folder) {
            Ok(entries) => entries.map(|entry| entry.expect("an entry").path()).collect(),
            Err(_) => Vec::new(),
        }
    }
}

/// A PNG of this size, all of one colour.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_pixel(width, height, image::Rgb([10, 120, 200]));
    picture.write_to(&mut bytes, image::ImageFormat::Png).expect("encoded");
    bytes.into_inner()
}

/// An hour from now.
pub fn in_an_hour() -> Timestamp {
    Timestamp::now().plus(std::time::Duration::from_secs(3600))
}
