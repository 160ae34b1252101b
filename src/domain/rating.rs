/// What somebody thinks of a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rating {
    /// Thumb up.
    Like,
    /// Thumb down.
    Dislike,
}

impl Rating {
    /// The number in the database.
    pub fn code(self) -> i64 {
        match self {
            Self::Like => 1,
            Self::Dislike => -1,
        }
    }

    /// From the number.
    pub fn from_code(code: i64) -> Option<Self> {
        match code {
            1 => Some(Self::Like),
            -1 => Some(Self::Dislike),
            _ => None,
        }
    }

    /// The word in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Like => "like",
            Self::Dislike => "dislike",
        }
    }

    /// From the word in the API; `Some(None)` is `none`.
    pub fn parse(word: &str) -> Option<Option<Self>> {
        match word {
            "like" => Some(Some(Self::Like)),
            "dislike" => Some(Some(Self::Dislike)),
            "none" => Some(None),
            _ => None,
        }
    }
}

/// How high a video stands in `-hot`: ten times the esteem weighs as much as 13 hours of age. As PeerTube reckons it
/// (a like counts 3, a dislike -3, a view a third).
pub fn hotness(views: i64, likes: i64, dislikes: i64, published_at: super::Timestamp) -> i64 {
    /// Units of one power of ten of esteem.
    const POWER: f64 = 1e6;
    /// Milliseconds that weigh as much as one unit: 47,000 s are a power of ten.
    const MS_PER_UNIT: i64 = 47;
    let esteem = (3 * (likes - dislikes)) as f64 + views as f64 / 3.0;
    (POWER * esteem.max(1.0).log10()).round() as i64 + published_at.as_millis() / MS_PER_UNIT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    #[test]
    fn words_and_numbers_go_together() {
        for rating in [Rating::Like, Rating::Dislike] {
            assert_eq!(Rating::from_code(rating.code()), Some(rating));
            assert_eq!(Rating::parse(rating.word()), Some(Some(rating)));
        }
        assert_eq!(Rating::parse("none"), Some(None));
        assert_eq!(Rating::parse("love"), None);
    }

    #[test]
    fn age_and_esteem_outweigh_each_other() {
        let day = |days: i64| Timestamp::from_millis(days * 86_400_000);
        assert!(hotness(0, 0, 0, day(101)) > hotness(0, 0, 0, day(100)), "newer");
        assert!(hotness(3000, 0, 0, day(100)) > hotness(0, 0, 0, day(101)), "a thousand times the esteem is more than a day");
        assert!(hotness(3, 0, 5, day(100)) == hotness(0, 0, 0, day(100)), "esteem never falls below nothing");
    }
}
