//! A brake on requests that cost something: so many in a row from one address, then so many a second.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::auth::network;

/// Addresses remembered: 64 bytes each. Beyond, those who have long been quiet go, then everybody.
const REMEMBERED: usize = 50_000;

/// Counts by address.
#[derive(Debug)]
pub(super) struct Brake {
    burst: f64,
    per_second: f64,
    left: Mutex<HashMap<IpAddr, (f64, Instant)>>,
}

impl Brake {
    /// `burst` in a row, then `per_second`.
    pub fn new(burst: u32, per_second: u32) -> Self {
        Self { burst: burst.max(1).into(), per_second: per_second.max(1).into(), left: Mutex::default() }
    }

    /// Whether a request would pass now, without counting one.
    pub fn peek(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(&(left, at)) = left.get(&network(address)) else { return Ok(()) };
        let left = (left + self.per_second * now.saturating_duration_since(at).as_secs_f64()).min(self.burst);
        if left < 1.0 { Err(Duration::from_secs_f64((1.0 - left) / self.per_second)) } else { Ok(()) }
    }

    /// `burst` in a row, and as many again within `window`.
    pub fn slow(burst: u32, window: Duration) -> Self {
        let burst = f64::from(burst.max(1));
        Self { burst, per_second: burst / window.as_secs_f64().max(1.0), left: Mutex::default() }
    }

    /// Counts a request; the error says how long to wait.
    pub fn pass(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let refilled =
            |(left, at): (f64, Instant)| (left + self.per_second * now.saturating_duration_since(at).as_secs_f64()).min(self.burst);
        let address = network(address);
        if left.len() >= REMEMBERED && !left.contains_key(&address) {
            left.retain(|_, entry| refilled(*entry) < self.burst);
            if left.len() >= REMEMBERED {
                left.clear();
            }
        }
        let entry = left.entry(address).or_insert((self.burst, now));
        *entry = (refilled(*entry), now);
        if entry.0 < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - entry.0) / self.per_second));
        }
        entry.0 -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_allowance() {
        let brake = Brake::new(3, 2);
        let start = Instant::now();
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        for _ in 0..3 {
            assert_eq!(brake.pass(one, start), Ok(()));
        }
        assert_eq!(brake.pass(one, start), Err(Duration::from_millis(500)));
        assert_eq!((brake.peek(one, start), brake.peek(other, start)), (Err(Duration::from_millis(500)), Ok(())));
        assert_eq!(brake.pass(other, start), Ok(()));
        assert_eq!(brake.pass(one, start + Duration::from_millis(500)), Ok(()));
        assert!(brake.pass(one, start + Duration::from_millis(500)).is_err());
    }

    #[test]
    fn what_is_rare_is_counted_by_the_window() {
        let brake = Brake::slow(2, Duration::from_secs(64));
        let (start, address) = (Instant::now(), IpAddr::from([192, 0, 2, 1]));
        assert_eq!((brake.pass(address, start), brake.pass(address, start)), (Ok(()), Ok(())));
        assert_eq!(brake.pass(address, start), Err(Duration::from_secs(32)));
        assert_eq!(brake.pass(address, start + Duration::from_secs(32)), Ok(()));
    }

    #[test]
    fn strangers_do_not_grow_memory() {
        let brake = Brake::new(1, 1);
        let now = Instant::now();
        for number in 0..REMEMBERED as u32 + 10 {
            assert_eq!(brake.pass(IpAddr::from(number.to_be_bytes()), now), Ok(()));
        }
        assert!(brake.left.lock().expect("not poisoned").len() <= REMEMBERED);
    }
}
