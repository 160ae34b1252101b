/// How many bytes of video somebody may have here; -1 is without limit, as in PeerTube's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// In all.
    pub total: i64,
    /// Added within 24 hours.
    pub daily: i64,
}

/// How many bytes of video somebody has here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// In all.
    pub total: i64,
    /// Added within 24 hours.
    pub daily: i64,
}

impl Quota {
    /// Without limit.
    pub const UNLIMITED: Self = Self { total: -1, daily: -1 };

    /// How many bytes there is room for; `None`: no limit.
    pub fn left(self, used: Used) -> Option<u64> {
        let left = |limit: i64, used: i64| u64::try_from(limit).ok().map(|limit| limit.saturating_sub(used.unsigned_abs()));
        match (left(self.total, used.total), left(self.daily, used.daily)) {
            (Some(total), Some(daily)) => Some(total.min(daily)),
            (total, daily) => total.or(daily),
        }
    }

    /// Whether there is room for `more` bytes.
    pub fn allows(self, used: Used, more: i64) -> bool {
        let fits = |limit: i64, used: i64| limit < 0 || used.saturating_add(more) <= limit;
        fits(self.total, used.total) && fits(self.daily, used.daily)
    }
}

impl Default for Quota {
    fn default() -> Self {
        Self::UNLIMITED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_count() {
        let used = Used { total: 90, daily: 5 };
        assert!(Quota::UNLIMITED.allows(used, i64::MAX));
        assert!(Quota { total: 100, daily: -1 }.allows(used, 10));
        assert!(!Quota { total: 100, daily: -1 }.allows(used, 11));
        assert!(!Quota { total: -1, daily: 10 }.allows(used, 6));
        assert!(!Quota { total: 0, daily: 0 }.allows(Used::default(), 1));
    }
}
