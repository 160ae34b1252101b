//! Who may fetch a video's media. Open videos are asked for thousands of times a second, so answers are kept for a moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode, header};
use uuid::Uuid;

use super::extract::{PASSWORD_HEADER, is_shown, may_watch};
use super::files::{NO_STORE, plain};
use super::video_tokens::Grant;
use crate::app::App;
use crate::domain::{Privacy, Timestamp, User, Video};
use crate::store;

/// How long a change of privacy takes to reach media requests.
const FRESH: Duration = Duration::from_secs(3);
/// Videos remembered; more are asked for in the database each time.
const MAX_KNOWN: usize = 4096;

/// What is to be said to a request for media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Allowed,
    /// 403.
    Forbidden,
    /// 404.
    Unknown,
}

/// Remembers which videos anybody may watch.
#[derive(Clone, Debug, Default)]
pub struct MediaAccess {
    known: Arc<Mutex<HashMap<Uuid, (Instant, bool)>>>,
}

impl MediaAccess {
    /// What to answer a request for media of `video` with that is not to have it; see [`MediaAccess::check`].
    pub(super) async fn refusal(&self, app: &App, video: Uuid, headers: &HeaderMap, query: Option<&str>) -> Option<Response<Body>> {
        let (status, text) = match self.check(app, video, headers, query).await {
            Ok(Answer::Allowed) => return None,
            Ok(Answer::Forbidden) => (StatusCode::FORBIDDEN, "this video is not open to everybody"),
            Ok(Answer::Unknown) => (StatusCode::NOT_FOUND, "no such video"),
            Err(error) => {
                tracing::error!(%error, "http.media");
                (StatusCode::INTERNAL_SERVER_ERROR, "try again")
            }
        };
        Some(plain(status, text, NO_STORE))
    }

    /// Whether this request may fetch media of `video`: it is open, or the request carries a token for its media (in the query as
    /// `videoFileToken`), an access token (there too, or as `Authorization: Bearer`) of somebody who may watch it, or its password.
    pub async fn check(&self, app: &App, video: Uuid, headers: &HeaderMap, query: Option<&str>) -> store::Result<Answer> {
        let now = Instant::now();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&video).copied();
        if let Some((_, true)) = known.filter(|(at, _)| now.duration_since(*at) < FRESH) {
            return Ok(Answer::Allowed);
        }
        let Some(found) = app.store.read().await?.videos().by_uuid(video).await? else { return Ok(Answer::Unknown) };
        let is_open = may_watch(None, &found);
        self.remember(video, now, is_open);
        let may = is_open || may(app, &found, headers, query).await?;
        Ok(if may { Answer::Allowed } else { Answer::Forbidden })
    }

    fn remember(&self, video: Uuid, now: Instant, is_open: bool) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KNOWN {
            known.retain(|_, (at, _)| now.duration_since(*at) < FRESH);
        }
        if known.len() < MAX_KNOWN {
            known.insert(video, (now, is_open));
        }
    }
}

/// Whether what this request carries opens a video that is not open. One connection to the database at a time: whoever holds one
/// must not wait for another.
async fn may(app: &App, video: &Video, headers: &HeaderMap, query: Option<&str>) -> store::Result<bool> {
    let locked = video.privacy == Privacy::Password && is_shown(video);
    if let Some(token) = token(headers, query) {
        let user = match app.video_tokens.read(video.uuid, token, Timestamp::now()) {
            Some(Grant::Password(id)) => return Ok(locked && app.store.read().await?.passwords().has(video.id, id).await?),
            Some(Grant::User(id)) => app.store.read().await?.users().by_id(id).await?.filter(|user| !user.blocked),
            None => app.auth.user(&app.store, token).await?,
        };
        if may_watch(user.as_ref(), video) {
            return Ok(true);
        }
    }
    let Some(password) = headers.get(PASSWORD_HEADER).and_then(|value| value.to_str().ok()).filter(|_| locked) else { return Ok(false) };
    let mut tx = app.store.read().await?;
    Ok(app.video_tokens.unlock(&mut tx, video, password, None).await.is_ok())
}

/// Whose token this request carries, for the media of `video` or for everything; nobody's for a password's.
pub(super) async fn user(app: &App, video: Uuid, headers: &HeaderMap, query: Option<&str>) -> store::Result<Option<User>> {
    let Some(token) = token(headers, query) else { return Ok(None) };
    match app.video_tokens.read(video, token, Timestamp::now()) {
        Some(Grant::User(id)) => Ok(app.store.read().await?.users().by_id(id).await?.filter(|user| !user.blocked)),
        Some(Grant::Password(_)) => Ok(None),
        None => app.auth.user(&app.store, token).await,
    }
}

fn token<'a>(headers: &'a HeaderMap, query: Option<&'a str>) -> Option<&'a str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    bearer.or_else(|| query?.split('&').find_map(|pair| pair.strip_prefix("videoFileToken=")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn finds_the_token_where_players_put_it() {
        let mut headers = HeaderMap::new();
        assert_eq!(token(&headers, Some("_HLS_msn=4&videoFileToken=abc")), Some("abc"));
        assert_eq!(token(&headers, None), None);
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer xyz"));
        assert_eq!(token(&headers, Some("videoFileToken=abc")), Some("xyz"));
    }
}
