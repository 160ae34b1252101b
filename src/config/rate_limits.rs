//! How much one address may ask.

use serde::{Deserialize, Serialize};

use super::Error;

/// How much one address (or, of IPv6, one /64) may ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateLimits {
    /// Requests below `/api` in a row; 0: no limit.
    pub api_requests: u32,
    /// As many again come within so many seconds.
    pub api_window_s: u32,
}

impl Default for RateLimits {
    fn default() -> Self {
        // PeerTube allows 50 in 10 s, which some of its own pages meet. A page of ours asks some 20 times when it opens, and a
        // class or an office behind one address opens dozens at once; whoever copies the whole instance asks far more.
        Self { api_requests: 500, api_window_s: 10 }
    }
}

impl RateLimits {
    pub(super) fn check(&self) -> Result<(), Error> {
        if !(1..=3600).contains(&self.api_window_s) {
            return Err(Error::Invalid { key: "rate_limits.api_window_s", reason: "must lie between 1 and 3600".into() });
        }
        Ok(())
    }
}
