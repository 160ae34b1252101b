//! The limit of all requests to the API, by address. What is dear (logins, letters, passwords of videos, tokens of swarms) has a
//! narrower [`Brake`] of its own.
//!
//! Requests of this machine itself are not counted: they are the administrator's programs, or come through a proxy that
//! `http.trusted_proxies` lacks, and then one count would stand for all viewers. Nobody else is let off, administrators
//! neither: to know one, each refused request would cost a look at the database, which is what the limit is to spare.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::brake::Brake;
use super::problem::Problem;
use super::serve::Client;
use crate::app::App;
use crate::metrics::Metrics;

/// The limit, and where its refusals are counted.
pub(super) struct ApiLimit {
    /// `None`: there is none.
    brake: Option<Brake>,
    metrics: Arc<Metrics>,
}

impl ApiLimit {
    /// As configured.
    pub fn new(app: &App) -> Arc<Self> {
        let limits = &app.config.rate_limits;
        let window = Duration::from_secs(limits.api_window_s.into());
        let brake = (limits.api_requests > 0).then(|| Brake::slow(limits.api_requests, window));
        Arc::new(Self { brake, metrics: app.metrics.clone() })
    }

    /// Counts a request; the error says how long to wait.
    fn pass(&self, client: Option<&Client>, now: Instant) -> Result<(), Duration> {
        match (&self.brake, client) {
            (Some(brake), Some(client)) if !client.address.is_loopback() => brake.pass(client.address, now),
            _ => Ok(()),
        }
    }
}

/// Lets a request pass, or answers 429 with `Retry-After`.
pub(super) async fn api(State(limit): State<Arc<ApiLimit>>, request: Request, next: Next) -> Response {
    match limit.pass(request.extensions().get(), Instant::now()) {
        Ok(()) => next.run(request).await,
        Err(pause) => {
            limit.metrics.http_rate_limited.increment();
            Problem::too_many(pause).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn limit(requests: u32) -> ApiLimit {
        let brake = (requests > 0).then(|| Brake::slow(requests, Duration::from_secs(10)));
        ApiLimit { brake, metrics: Arc::default() }
    }

    fn client(address: [u8; 4]) -> Client {
        Client { address: IpAddr::from(address), secure: false }
    }

    #[test]
    fn strangers_are_counted_and_this_machine_is_not() {
        let (limit, now) = (limit(2), Instant::now());
        let (stranger, other, own) = (client([192, 0, 2, 1]), client([192, 0, 2, 2]), client([127, 0, 0, 1]));
        for _ in 0..2 {
            assert_eq!(limit.pass(Some(&stranger), now), Ok(()));
        }
        assert_eq!(limit.pass(Some(&stranger), now), Err(Duration::from_secs(5)));
        assert_eq!(limit.pass(Some(&other), now), Ok(()));
        for _ in 0..10 {
            assert_eq!(limit.pass(Some(&own), now), Ok(()));
        }
        assert_eq!(limit.pass(Some(&stranger), now + Duration::from_secs(5)), Ok(()));
    }

    #[test]
    fn there_may_be_none() {
        let (limit, now, stranger) = (limit(0), Instant::now(), client([192, 0, 2, 1]));
        for _ in 0..1000 {
            assert_eq!(limit.pass(Some(&stranger), now), Ok(()));
        }
    }
}
