//! Failures as clients see them: `application/problem+json` (RFC 9457) with PeerTube's `code` where
//! it has one. A failure of ours never shows its cause.

use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::auth;
use crate::domain::Invalid;
use crate::{store, users};

/// Where PeerTube documents its error codes.
const CODES: &str = "https://docs.joinpeertube.org/api-rest-reference.html#section/Errors/";

/// The code of a login that lacks its second factor.
const MISSING_TWO_FACTOR: &str = "missing_two_factor";
/// Carries a code of the second factor, and asks for one.
pub(super) const OTP: HeaderName = HeaderName::from_static("x-peertube-otp");

/// What handlers return.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

/// A failure with what may be said of it.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: Option<&'static str>,
    detail: Cow<'static, str>,
    invalid: Vec<(String, String)>,
    retry_after: Option<Duration>,
}

impl Problem {
    /// A failure with this status; `detail` is shown.
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code: None, detail: detail.into(), invalid: Vec::new(), retry_after: None }
    }

    /// With PeerTube's code.
    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// 404.
    pub fn not_found(what: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("{what} not found"))
    }

    /// 403.
    pub fn forbidden(detail: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// 401: nobody's token, or none.
    pub fn unauthorized(detail: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail).code("unauthorized_request")
    }

    /// 400 because of one field of the request.
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        let field = field.into();
        Self {
            detail: format!("Incorrect request parameters: {field}").into(),
            invalid: vec![(field, reason.into())],
            ..Self::new(StatusCode::BAD_REQUEST, "")
        }
    }

    /// 429: not before this time has passed.
    pub fn too_many(retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests, please try again later") }
    }

    /// 500; the cause is logged here and shown nowhere.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "http.internal");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The server failed; the administrator finds the cause in its log")
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Conflict => Self::new(StatusCode::CONFLICT, "Already exists"),
            error => Self::internal(&error),
        }
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::new(StatusCode::BAD_REQUEST, invalid.0)
    }
}

impl From<auth::Error> for Problem {
    fn from(error: auth::Error) -> Self {
        match error {
            auth::Error::Credentials => {
                Self::new(StatusCode::BAD_REQUEST, "Invalid grant: user credentials are invalid").code("invalid_grant")
            }
            auth::Error::Refresh => Self::new(StatusCode::BAD_REQUEST, "Invalid grant: refresh token is invalid").code("invalid_grant"),
            auth::Error::Blocked => Self::new(StatusCode::BAD_REQUEST, "User is blocked.").code("account_blocked"),
            auth::Error::TooMany(retry_after) => Self {
                retry_after: Some(retry_after),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many attempts, please try again later.")
            },
            // PeerTube's pages know it by its text.
            auth::Error::Unverified => Self::new(StatusCode::BAD_REQUEST, "User email is not verified.").code("access_denied"),
            auth::Error::MissingTwoFactor => Self::new(StatusCode::UNAUTHORIZED, "Missing two factor header").code(MISSING_TWO_FACTOR),
            auth::Error::InvalidTwoFactor => Self::new(StatusCode::BAD_REQUEST, "Invalid two factor header").code("invalid_two_factor"),
            auth::Error::AwaitsApproval => Self::new(StatusCode::BAD_REQUEST, "Registration for this account is awaiting approval")
                .code("account_waiting_for_approval"),
            auth::Error::Rejected => Self::new(StatusCode::BAD_REQUEST, "Registration approval for this account has been rejected")
                .code("account_approval_rejected"),
            auth::Error::Password(error) => error.into(),
            auth::Error::Store(error) => error.into(),
        }
    }
}

impl From<users::Error> for Problem {
    fn from(error: users::Error) -> Self {
        match error {
            users::Error::Invalid(invalid) => Self::invalid("password", invalid.0),
            users::Error::Taken(_) => Self::new(StatusCode::CONFLICT, "User with this username or email already exists."),
            users::Error::Unknown(_) => Self::not_found("User"),
            users::Error::Store(error) => error.into(),
            error => Self::internal(&error),
        }
    }
}

impl Problem {
    /// What clients are told.
    pub(super) fn body(&self) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("type".into(), self.code.map_or("about:blank".into(), |code| format!("{CODES}{code}")).into());
        body.insert("title".into(), self.status.canonical_reason().unwrap_or("Error").into());
        body.insert("detail".into(), self.detail.clone().into());
        body.insert("status".into(), self.status.as_u16().into());
        if let Some(code) = self.code {
            body.insert("code".into(), code.into());
        }
        if !self.invalid.is_empty() {
            let fields: Map<String, Value> = self
                .invalid
                .iter()
                .map(|(field, reason)| (field.clone(), json!({ "type": "field", "msg": reason, "path": field })))
                .collect();
            body.insert("invalid-params".into(), fields.into());
        }
        // PeerTube's older clients read this one.
        body.insert("error".into(), self.detail.clone().into());
        body
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.code == Some(MISSING_TWO_FACTOR) {
            headers.insert(OTP, HeaderValue::from_static("required; app"));
        }
        if let Some(pause) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(pause.as_secs().max(1)));
        }
        response
    }
}

/// The body of every failure.
#[derive(Serialize, ToSchema)]
pub struct ProblemBody {
    /// Stable; `about:blank` when the status says it all.
    #[serde(rename = "type")]
    kind: String,
    /// The status in words.
    title: String,
    /// What went wrong.
    detail: String,
    /// As in the status line.
    status: u16,
    /// PeerTube's code, where it has one.
    code: Option<String>,
    /// The same as `detail`.
    error: String,
}
