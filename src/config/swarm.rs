//! What viewers do for each other, and how they find their addresses.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::Error;

/// Viewers that pass the stream on to each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Swarm {
    /// Whether pages share.
    pub policy: Policy,
    /// A page shares only when at least so many watch: no connection is made for a handful.
    pub minimum_viewers: u32,
    /// A page shares only after so many seconds of watching.
    pub delay_s: u32,
    /// Most that a viewer sends, in multiples of the stream's rate.
    pub uplink_ceiling: f64,
    /// Players of other makers may meet at this server's tracker.
    pub third_party: bool,
}

/// Whether pages share the stream with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Unless the viewer says no.
    On,
    /// Only if the viewer says yes.
    OptIn,
    /// Never: there is no swarm.
    Off,
}

impl Default for Swarm {
    fn default() -> Self {
        Self { policy: Policy::On, minimum_viewers: 3, delay_s: 10, uplink_ceiling: 2.0, third_party: true }
    }
}

impl Swarm {
    pub(super) fn check(&self) -> Result<(), Error> {
        let invalid = |key: &'static str, reason: &str| Err(Error::Invalid { key, reason: reason.to_owned() });
        if !(0.0..=100.0).contains(&self.uplink_ceiling) {
            return invalid("swarm.uplink_ceiling", "must lie between 0 and 100");
        }
        if self.delay_s > 3600 {
            return invalid("swarm.delay_s", "must not exceed an hour (3600)");
        }
        Ok(())
    }
}

/// Address discovery for peers (RFC 8489).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stun {
    /// Where to answer, by UDP.
    #[serde(skip_serializing_if = "StunListen::is_auto")]
    pub listen: StunListen,
}

/// Where STUN listens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StunListen {
    /// Port 3478 of every address when `http.public_url` is not local, else nowhere.
    #[default]
    Auto,
    /// Nowhere.
    Off,
    /// Here; port 0 takes a free one.
    At(SocketAddr),
}

/// The port of RFC 8489 section 18.6.
const STUN_PORT: u16 = 3478;

impl StunListen {
    fn is_auto(&self) -> bool {
        *self == Self::Auto
    }

    /// The address to listen on. `is_local`: `http.public_url` is this machine's own.
    pub fn address(self, is_local: bool) -> Option<SocketAddr> {
        match self {
            Self::Auto if is_local => None,
            // [::] takes IPv4 too.
            Self::Auto => Some(SocketAddr::from((Ipv6Addr::UNSPECIFIED, STUN_PORT))),
            Self::Off => None,
            Self::At(address) => Some(address),
        }
    }
}

impl fmt::Display for StunListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Off => f.write_str("off"),
            Self::At(address) => address.fmt(f),
        }
    }
}

impl Serialize for StunListen {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StunListen {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "" | "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            address => address.parse().map(Self::At).map_err(|_| serde::de::Error::custom(format!("{text:?} is not an address"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn parse(text: &str) -> Result<Config, Error> {
        Config::parse(text, Path::new("shoal.toml"), |_| None)
    }

    #[test]
    fn reads_the_policy() {
        let config = parse("[swarm]\npolicy = \"opt-in\"\nuplink_ceiling = 1.5\nthird_party = false").expect("good");
        assert_eq!(config.swarm.policy, Policy::OptIn);
        assert_eq!((config.swarm.uplink_ceiling, config.swarm.third_party, config.swarm.minimum_viewers), (1.5, false, 3));
        for bad in ["policy = \"maybe\"", "uplink_ceiling = -1.0", "delay_s = 4000", "peers = 3"] {
            assert!(parse(&format!("[swarm]\n{bad}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn stun_is_on_where_the_world_comes() {
        let listen = |text: &str| parse(text).expect("good").stun.listen;
        assert_eq!(listen("").address(true), None);
        assert_eq!(listen("").address(false).map(|address| address.port()), Some(3478));
        assert_eq!(listen("[stun]\nlisten = \"off\"").address(false), None);
        let at = listen("[stun]\nlisten = \"127.0.0.1:0\"");
        assert_eq!(at.address(true), Some(SocketAddr::from(([127, 0, 0, 1], 0))));
        let config = parse("[stun]\nlisten = \"off\"").expect("good");
        assert_eq!(parse(&config.to_toml()).expect("own output"), config);
        assert!(parse("[stun]\nlisten = \"3478\"").is_err());
    }
}
