//! The origin: tokens, parts and their ranges, the stripe stream.

use std::time::Duration;

use bytes::Bytes;
use ed25519_dalek::VerifyingKey;
use reqwest::{Client, StatusCode, Url, header::RANGE};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::{Event, JoinError};
use crate::wire::{Message, Place, SwarmId, message::Frames};

/// A part is there by then, or it is too late for it anyway.
const FETCH: Duration = Duration::from_secs(4);
/// Bytes of a part at most: as many slices of the largest size as messages can count.
const MAX_PART_BYTES: usize = 255 * 24_576;

/// What the token endpoint says.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Token {
    pub swarm: SwarmId,
    pub token: String,
    pub tracker: String,
    #[serde(default)]
    pub stun: Vec<String>,
    key: String,
    pub stripes: u8,
    #[serde(default = "twice")]
    pub uplink_ceiling: f64,
    base: String,
}

fn twice() -> f64 {
    2.0
}

/// The origin of one broadcast.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    client: Client,
    token_url: Url,
}

impl Origin {
    pub(super) fn new(token_url: &str) -> Result<Self, JoinError> {
        let token_url = Url::parse(token_url).map_err(|_| JoinError::Url)?;
        Ok(Self { client: Client::new(), token_url })
    }

    pub(super) async fn token(&self) -> Result<(Token, VerifyingKey, Url), JoinError> {
        let token: Token =
            self.client.get(self.token_url.clone()).timeout(Duration::from_secs(10)).send().await?.error_for_status()?.json().await?;
        let mut key = [0; 32];
        hex::decode_to_slice(&token.key, &mut key).map_err(|_| JoinError::Token)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| JoinError::Token)?;
        if !(1..=16).contains(&token.stripes) || !(0.0..=100.0).contains(&token.uplink_ceiling) {
            return Err(JoinError::Token);
        }
        let base = format!("{}/", token.base.trim_end_matches('/'));
        let base = self.token_url.join(&base).map_err(|_| JoinError::Token)?;
        Ok((token, key, base))
    }

    /// Bytes `start` up to `end` of a part of `size` bytes.
    pub(super) async fn range(&self, url: Url, start: u32, end: u32, size: u32) -> Option<Bytes> {
        let whole = start == 0 && end == size;
        let mut request = self.client.get(url).timeout(FETCH);
        if !whole {
            request = request.header(RANGE, format!("bytes={start}-{}", end.checked_sub(1)?));
        }
        let mut response = request.send().await.ok()?.error_for_status().ok()?;
        let all = response.status() == StatusCode::OK;
        let mut data = Vec::new();
        while let Some(chunk) = response.chunk().await.ok()? {
            if data.len() + chunk.len() > MAX_PART_BYTES {
                return None;
            }
            data.extend_from_slice(&chunk);
        }
        let data = Bytes::from(data);
        let data = if all && !whole { (data.len() >= end as usize).then(|| data.slice(start as usize..end as usize))? } else { data };
        (data.len() == (end - start) as usize).then_some(data)
    }

    /// Reads the stripe stream until it ends or breaks.
    pub(super) async fn stream(self, rendition: u8, stripes: Vec<u8>, from: Place, token: String, turn: u64, events: mpsc::Sender<Event>) {
        let list: Vec<_> = stripes.iter().map(u8::to_string).collect();
        let mut url = self.token_url.clone();
        let path = url.path().strip_suffix("/token").map(|path| format!("{path}/stripes/{rendition}"));
        if let Some(path) = path {
            url.set_path(&path);
            url.query_pairs_mut()
                .clear()
                .append_pair("stripes", &list.join(","))
                .append_pair("from", &from.0.to_string())
                .append_pair("token", &token);
            self.read(url, turn, &events).await;
        }
        let _ = events.send(Event::StreamClosed { turn }).await;
    }

    async fn read(&self, url: Url, turn: u64, events: &mpsc::Sender<Event>) -> Option<()> {
        let mut response = self.client.get(url).send().await.ok()?.error_for_status().ok()?;
        events.send(Event::StreamOpen { turn }).await.ok()?;
        let mut frames = Frames::default();
        while let Some(chunk) = response.chunk().await.ok()? {
            frames.push(&chunk);
            while let Some(message) = frames.next().ok()? {
                if matches!(message, Message::Slice(_) | Message::Manifest(_)) {
                    events.send(Event::Stream { turn, message }).await.ok()?;
                }
            }
        }
        Some(())
    }
}

/// The address of a part, of the lines of its manifest.
pub(super) fn part_url(text: &str, base: &Url) -> Option<Url> {
    let line = text.lines().find_map(|line| line.strip_prefix("#EXT-X-PART:"))?;
    let uri = line.split_once("URI=\"")?.1.split('"').next()?;
    base.join(uri).ok()
}
