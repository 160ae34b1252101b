//! What the proxy knows of the stream it passes on.

use crate::playlist::{Media, Multivariant};
use bytes::Bytes;
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

/// Texts of a playlist remembered, to be served again when stale.
const TEXTS: usize = 64;

/// What has passed so far; a run is short, so nothing is forgotten but texts.
pub(super) struct Memory {
    pub began: Instant,
    /// File names of the media playlists, in the order of the multivariant one.
    playlists: Vec<String>,
    state: HashMap<String, State>,
    segments: HashSet<String>,
    parts: HashSet<String>,
    requests: HashMap<String, u64>,
    counts: HashMap<&'static str, u64>,
    pub ended: Option<Instant>,
}

#[derive(Default)]
struct State {
    listed: HashSet<String>,
    first: u64,
    last: u64,
    most_parts: usize,
    texts: VecDeque<(Instant, Bytes)>,
}

impl Memory {
    pub(super) fn new(began: Instant) -> Self {
        Self {
            began,
            playlists: Vec::new(),
            state: HashMap::new(),
            segments: HashSet::new(),
            parts: HashSet::new(),
            requests: HashMap::new(),
            counts: HashMap::new(),
            ended: None,
        }
    }

    /// Reads a playlist on its way.
    pub(super) fn learn(&mut self, name: &str, body: &Bytes) {
        let Ok(text) = std::str::from_utf8(body) else {
            return;
        };
        if let Ok(master) = Multivariant::parse(text) {
            let uris = master.media_playlists();
            self.playlists = uris.into_iter().map(str::to_owned).collect();
            return;
        }
        let Ok(media) = Media::parse(text) else {
            return;
        };
        if media.ended && self.ended.is_none() {
            self.ended = Some(Instant::now());
        }
        let state = self.state.entry(name.to_owned()).or_default();
        for segment in &media.segments {
            self.segments.extend(segment.uri.clone());
            self.parts.extend(segment.parts.iter().map(|p| p.uri.clone()));
            if segment.complete() {
                state.most_parts = state.most_parts.max(segment.parts.len());
            }
        }
        let last = media.last_msn().unwrap_or(0);
        if media.skipped.is_none() && (media.media_sequence, last) >= (state.first, state.last) {
            state.listed.clear();
            for segment in &media.segments {
                state.listed.extend(segment.uri.clone());
                let parts = segment.parts.iter().map(|part| part.uri.clone());
                state.listed.extend(parts);
            }
            (state.first, state.last) = (media.media_sequence, last);
            if state.texts.len() == TEXTS {
                state.texts.pop_front();
            }
            state.texts.push_back((Instant::now(), body.clone()));
        }
    }

    /// Whether a playlist is not the first rendition's.
    pub(super) fn is_second(&self, name: &str) -> bool {
        self.playlists.iter().position(|known| known == name) >= Some(1)
    }

    pub(super) fn is_segment(&self, name: &str) -> bool {
        self.segments.contains(name)
    }

    /// Whether a part has been listed by now.
    pub(super) fn is_part(&self, name: &str) -> bool {
        self.parts.contains(name)
    }

    /// Whether something was listed once and is no more.
    pub(super) fn is_removed(&self, name: &str) -> bool {
        (self.is_segment(name) || self.is_part(name)) && !self.state.values().any(|state| state.listed.contains(name))
    }

    /// First and last Media Sequence Number a playlist lists, and the most parts of a segment.
    pub(super) fn window(&self, name: &str) -> Option<(u64, u64, usize)> {
        let state = self.state.get(name)?;
        Some((state.first, state.last, state.most_parts))
    }

    /// A text of a playlist at least this old.
    pub(super) fn stale(&self, name: &str, age: Duration) -> Option<Bytes> {
        let texts = &self.state.get(name)?.texts;
        let old = texts.iter().rfind(|(at, _)| at.elapsed() >= age)?;
        Some(old.1.clone())
    }

    /// How often a name has been asked for, this time included.
    pub(super) fn request(&mut self, name: &str) -> u64 {
        let count = self.requests.entry(name.to_owned()).or_default();
        *count += 1;
        *count
    }

    /// Whether this is one of every so many.
    pub(super) fn every(&mut self, what: &'static str, period: u64) -> bool {
        let count = self.counts.entry(what).or_default();
        *count += 1;
        (*count).is_multiple_of(period)
    }
}
