//! Addresses, as far as limits are concerned.

use std::net::IpAddr;

/// Whom a limit counts: an IPv4 address, or the /64 network that one IPv6 host has to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressKey(u64);

impl AddressKey {
    /// `None` for loopback: behind it is a proxy that does not say for whom it speaks, or a test.
    pub fn of(address: IpAddr) -> Option<Self> {
        match address.to_canonical() {
            address if address.is_loopback() => None,
            // No IPv6 address but mapped ones begins with zeros like these.
            IpAddr::V4(address) => Some(Self(0xffff << 32 | u64::from(u32::from(address)))),
            IpAddr::V6(address) => Some(Self((u128::from(address) >> 64) as u64)),
        }
    }

    /// The same for neighbours: a /24 or /56 network.
    pub fn neighbourhood(self) -> u64 {
        self.0 >> 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Option<AddressKey> {
        AddressKey::of(text.parse().expect("an address"))
    }

    #[test]
    fn hosts_are_told_apart_and_networks_put_together() {
        assert_eq!(key("127.0.0.1"), None);
        assert_eq!(key("::1"), None);
        assert_eq!(key("::ffff:127.0.0.1"), None);
        assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:2"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        let near = |a, b| key(a).map(AddressKey::neighbourhood) == key(b).map(AddressKey::neighbourhood);
        assert!(near("192.0.2.1", "192.0.2.200") && !near("192.0.2.1", "192.0.3.1"));
        assert!(near("2001:db8::1", "2001:db8:0:ff::1") && !near("2001:db8::1", "2001:db8:0:100::1"));
    }
}
