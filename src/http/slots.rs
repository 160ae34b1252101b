//! Places that are few: so many in all, and so many for one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::auth::network;

/// Hands out places; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Slots(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    total: usize,
    per_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// By network; those without any are not in it.
    by_address: HashMap<IpAddr, usize>,
}

impl Slots {
    /// `total` places, of which one address has `per_address` at most.
    pub fn new(total: usize, per_address: usize) -> Self {
        Self(Arc::new(Inner { total, per_address, taken: Mutex::default() }))
    }

    /// A place for this address; `None` when there is none. This machine itself may take all of them: behind a proxy that
    /// `http.trusted_proxies` lacks it is everybody.
    pub fn take(&self, address: IpAddr) -> Option<Slot> {
        let address = network(address);
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.by_address.get(&address).copied().unwrap_or(0);
        if taken.all >= self.0.total || (own >= self.0.per_address && !address.is_loopback()) {
            return None;
        }
        taken.all += 1;
        taken.by_address.insert(address, own + 1);
        Some(Slot { slots: self.0.clone(), address })
    }
}

/// A place that was taken; given back when this is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Inner>,
    address: IpAddr,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        if let Some(own) = taken.by_address.get_mut(&self.address) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn places_are_few_for_one_and_for_all() {
        let slots = Slots::new(3, 2);
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let (first, second) = (slots.take(one), slots.take(one));
        assert!(first.is_some() && second.is_some() && slots.take(one).is_none());
        let third = slots.take(other);
        assert!(third.is_some() && slots.take(other).is_none(), "all three are taken");
        drop(first);
        assert!(slots.take(one).is_some(), "and given back at once");
        drop((second, third));
        assert!(slots.0.taken.lock().expect("not poisoned").by_address.is_empty());
    }

    #[test]
    fn this_machine_may_take_all() {
        let slots = Slots::new(4, 1);
        let home = IpAddr::from([127, 0, 0, 1]);
        let held: Vec<_> = std::iter::from_fn(|| slots.take(home)).collect();
        assert_eq!(held.len(), 4);
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let slots = Slots::new(9, 1);
        let held = slots.take(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 1).into());
        assert!(held.is_some() && slots.take(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 9, 9, 9, 9).into()).is_none());
    }
}
