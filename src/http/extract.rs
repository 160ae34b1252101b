//! What handlers need to know about a request.

use axum::extract::{FromRequestParts, Path, RawPathParams};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST, USER_AGENT};
use axum::http::request::Parts;
use uuid::Uuid;

use super::auth::Place;
use super::fields::Fields;
use super::problem::{Problem, Result};
use super::serve::Client;
use crate::app::App;
use crate::domain::{PasswordId, Privacy, User, UserId, Video, VideoId, VideoState, parse_short_uuid};
use crate::store::{Token, Tx};

/// Most rows of one answer, as PeerTube has it.
const MAX_COUNT: i64 = 100;
/// Rows of an answer that nobody bounded.
const DEFAULT_COUNT: i64 = 15;

/// Somebody who is logged in.
pub struct Login(pub User);

impl FromRequestParts<App> for Login {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        match MaybeLogin::from_request_parts(parts, app).await?.0 {
            Some(user) => Ok(Self(user)),
            None => Err(Problem::unauthorized("Unauthorized request: no authentication given")),
        }
    }
}

/// Whoever it is. A token that is no good is refused all the same: its owner believes to be logged in.
pub struct MaybeLogin(pub Option<User>);

impl FromRequestParts<App> for MaybeLogin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        Ok(Self(session(parts, app).await?.map(|(_, user)| user)))
    }
}

/// Whoever wants to watch: somebody, with a video's password or without.
pub struct Viewer {
    /// Who, if they are logged in.
    pub user: Option<User>,
    /// `x-peertube-video-password`
    password: Option<String>,
    address: std::net::IpAddr,
}

/// Where clients put a video's password.
pub const PASSWORD_HEADER: &str = "x-peertube-video-password";

impl FromRequestParts<App> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let MaybeLogin(user) = MaybeLogin::from_request_parts(parts, app).await?;
        let password = parts.headers.get(PASSWORD_HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let client = Client::from_request_parts(parts, app).await?;
        Ok(Self { user, password, address: client.address })
    }
}

impl Viewer {
    /// Somebody who does not come with a request of their own.
    pub fn new(user: Option<User>, password: Option<String>, address: std::net::IpAddr) -> Self {
        Self { user, password, address }
    }

    /// Fetches a video that they may watch, and which of its passwords let them in.
    pub async fn fetch(&self, app: &App, tx: &mut Tx, id: VideoRef) -> Result<(Video, Option<PasswordId>)> {
        if let Some(password) = &self.password {
            let video = id.fetch(tx).await?;
            if video.privacy == Privacy::Password && !owns(self.user.as_ref(), &video) && is_shown(&video) {
                let unlocked = app.video_tokens.unlock(tx, &video, password, Some(self.address)).await?;
                return Ok((video, Some(unlocked)));
            }
        }
        Ok((id.fetch_for(tx, self.user.as_ref()).await?, None))
    }
}

/// The request's access token, unchecked.
pub struct AccessToken(pub String);

impl FromRequestParts<App> for AccessToken {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self> {
        bearer(parts)
            .map(|token| Self(token.to_owned()))
            .ok_or_else(|| Problem::unauthorized("Unauthorized request: no authentication given"))
    }
}

/// The session of a request that carries a token, and whose it is.
async fn session(parts: &Parts, app: &App) -> Result<Option<(Token, User)>> {
    let Some(token) = bearer(parts) else { return Ok(None) };
    let Some((session, user)) = app.auth.session(&app.store, token).await? else {
        return Err(Problem::unauthorized("Token is invalid"));
    };
    if let Some(client) = parts.extensions.get::<Client>() {
        let device = device(&parts.headers);
        if let Err(error) = app.auth.seen(&app.store, &session, Place { address: client.address, device }).await {
            // Only a list of sessions would have told.
            tracing::warn!(%error, "http.session");
        }
    }
    Ok(Some((session, user)))
}

/// What the program of whoever asks calls itself.
pub fn device(headers: &HeaderMap) -> Option<&str> {
    headers.get(USER_AGENT).and_then(|value| value.to_str().ok())
}

/// Somebody who is logged in, with the session that the request is part of.
pub struct LoginSession(pub Token, pub User);

impl FromRequestParts<App> for LoginSession {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        match session(parts, app).await? {
            Some((session, user)) => Ok(Self(session, user)),
            None => Err(Problem::unauthorized("Unauthorized request: no authentication given")),
        }
    }
}

/// Somebody who may manage users.
pub struct Moderator(pub User);

impl FromRequestParts<App> for Moderator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let Login(user) = Login::from_request_parts(parts, app).await?;
        if user.role.moderates() { Ok(Self(user)) } else { Err(Problem::forbidden("You do not have enough rights.")) }
    }
}

/// The whole number `name` in a path.
pub async fn path_number(parts: &mut Parts, app: &App, name: &'static str) -> Result<i64> {
    let wrong = || Problem::invalid(name, "must be a whole number");
    let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| wrong())?;
    let text = params.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned());
    text.and_then(|text| text.parse().ok()).ok_or_else(wrong)
}

/// The user that a path names by row id, as `{id}`.
pub struct UserPath(pub UserId);

impl FromRequestParts<App> for UserPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        path_number(parts, app, "id").await.map(|id| Self(UserId(id)))
    }
}

fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

impl FromRequestParts<App> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self> {
        parts.extensions.get().copied().ok_or_else(|| Problem::internal(&"a request without its connection"))
    }
}

/// Scheme and authority that this client reaches the server by: the configured public address, or
/// what the request names while that was left at its default (a phone on the same network).
#[derive(Clone, Debug)]
pub struct Base(pub String);

impl FromRequestParts<App> for Base {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        if app.has_public_url() {
            return Ok(Self(app.public_url()));
        }
        let secure = parts.extensions.get::<Client>().is_some_and(|client| client.secure);
        let authority = match parts.uri.authority() {
            // HTTP/2 has it here.
            Some(authority) => Some(authority.as_str()),
            None => parts.headers.get(HOST).and_then(|value| value.to_str().ok()),
        };
        let plain = |text: &&str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c));
        Ok(Self(match authority.filter(plain) {
            Some(authority) => format!("{}://{authority}", if secure { "https" } else { "http" }),
            None => app.public_url(),
        }))
    }
}

impl Base {
    /// Host and port.
    pub fn authority(&self) -> &str {
        self.0.split_once("://").map_or("localhost", |(_, authority)| authority)
    }

    /// Host without port; an IPv6 literal keeps its brackets.
    pub fn host(&self) -> &str {
        let authority = self.authority();
        match authority.rfind(']') {
            Some(end) => &authority[..=end],
            None => authority.split(':').next().unwrap_or(authority),
        }
    }
}

/// A page of a list.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Rows skipped.
    pub start: i64,
    /// Most rows.
    pub count: i64,
}

impl Page {
    /// From `start` and `count`.
    pub fn parse(fields: &Fields) -> Result<Self> {
        let start = fields.integer("start")?.unwrap_or(0);
        let count = fields.integer("count")?.unwrap_or(DEFAULT_COUNT);
        if start < 0 {
            return Err(Problem::invalid("start", "must not be negative"));
        }
        if !(0..=MAX_COUNT).contains(&count) {
            return Err(Problem::invalid("count", "must lie between 0 and 100"));
        }
        Ok(Self { start, count })
    }
}

/// A row id in a path.
#[derive(Clone, Copy, Debug)]
pub struct RowId(pub i64);

impl FromRequestParts<App> for RowId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let text = Path::<String>::from_request_parts(parts, app).await.map(|Path(text)| text);
        text.ok().and_then(|text| text.parse().ok()).map(Self).ok_or_else(|| Problem::invalid("id", "must be a number"))
    }
}

/// How a path names a video: row id, UUID or short UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VideoRef {
    /// Row id.
    Id(VideoId),
    /// Public id.
    Uuid(Uuid),
}

impl VideoRef {
    /// Reads any of the three forms.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(uuid) = parse_short_uuid(text) {
            return Some(Self::Uuid(uuid));
        }
        if text.len() == 36 {
            return Uuid::parse_str(text).ok().map(Self::Uuid);
        }
        text.parse().ok().map(|id| Self::Id(VideoId(id)))
    }

    /// Fetches it, whoever asks.
    pub async fn fetch(self, tx: &mut Tx) -> Result<Video> {
        let video = match self {
            Self::Id(id) => tx.videos().by_id(id).await?,
            Self::Uuid(uuid) => tx.videos().by_uuid(uuid).await?,
        };
        video.ok_or_else(|| Problem::not_found("Video"))
    }

    /// Fetches it for somebody who wants to watch it.
    pub async fn fetch_for(self, tx: &mut Tx, caller: Option<&User>) -> Result<Video> {
        let video = self.fetch(tx).await?;
        if matches!(self, Self::Id(_)) && video.privacy == Privacy::Unlisted && !owns(caller, &video) {
            // Row ids can be counted through; who has the address has the UUID.
            return Err(Problem::not_found("Video"));
        }
        if may_watch(caller, &video) {
            Ok(video)
        } else if video.privacy == Privacy::Password && is_shown(&video) {
            Err(Problem::forbidden("Please provide a password to access this password protected video").code("video_requires_password"))
        } else if caller.is_none() {
            Err(Problem::unauthorized("Authentication is required to watch this video"))
        } else {
            Err(Problem::forbidden("Cannot fetch information of private or internal video"))
        }
    }

    /// Fetches it for its owner or a moderator.
    pub async fn fetch_owned(self, tx: &mut Tx, user: &User) -> Result<Video> {
        let video = self.fetch(tx).await?;
        if video.remote {
            return Err(Problem::forbidden("Cannot manage a video of another server"));
        }
        if owns(Some(user), &video) { Ok(video) } else { Err(Problem::forbidden("Cannot manage a video of another user")) }
    }
}

impl FromRequestParts<App> for VideoRef {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let Ok(Path(id)) = Path::<String>::from_request_parts(parts, app).await else {
            return Err(Problem::invalid("id", "must be a number, a UUID or a short UUID"));
        };
        Self::parse(&id).ok_or_else(|| Problem::invalid("id", "must be a number, a UUID or a short UUID"))
    }
}

/// Whether this user made the video or moderates.
pub fn owns(user: Option<&User>, video: &Video) -> bool {
    user.is_some_and(|user| user.role.moderates() || user.account_id == video.channel.account.id)
}

/// Whether this user, or nobody in particular, may watch the video.
pub fn may_watch(caller: Option<&User>, video: &Video) -> bool {
    if owns(caller, video) {
        return true;
    }
    is_shown(video)
        && match video.privacy {
            Privacy::Public | Privacy::Unlisted => true,
            Privacy::Internal => caller.is_some(),
            // A password opens it, which is asked for elsewhere.
            Privacy::Private | Privacy::Password => false,
        }
}

/// It has something to show to others than its owner, or will have.
pub fn is_shown(video: &Video) -> bool {
    !matches!(video.state, VideoState::ToTranscode | VideoState::ToImport | VideoState::TranscodingFailed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_video_has_three_names() {
        let uuid = Uuid::parse_str("3a8e34f6-4c52-43ae-83fb-8157a2d0c8ea").expect("a uuid");
        assert_eq!(VideoRef::parse("3a8e34f6-4c52-43ae-83fb-8157a2d0c8ea"), Some(VideoRef::Uuid(uuid)));
        assert_eq!(VideoRef::parse("8eo1SBoaXSzJCibAofJ6gy"), Some(VideoRef::Uuid(uuid)));
        assert_eq!(VideoRef::parse("42"), Some(VideoRef::Id(VideoId(42))));
        assert_eq!(VideoRef::parse("../etc"), None);
        assert_eq!(VideoRef::parse(""), None);
    }

    #[test]
    fn hosts_lose_their_port() {
        assert_eq!(Base("http://tv.example:9000".into()).host(), "tv.example");
        assert_eq!(Base("http://[::1]:9000".into()).host(), "[::1]");
        assert_eq!(Base("http://[::1]".into()).host(), "[::1]");
    }
}
