//! Names of resources on the wire: parsed and printed here, never used as paths.

use std::fmt;

/// Prefix and rendition that every name of one rendition begins with.
///
/// The prefix is random per broadcast session, so that no cache answers with another session's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    prefix: String,
    rendition: String,
}

/// A prefix or rendition that is not made of 1 to 64 ASCII letters and digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a name of 1 to 64 ASCII letters and digits: {0:?}")]
pub struct InvalidName(pub String);

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A media segment, by media sequence number.
    Segment(u64),
    /// A partial segment, by running number.
    Part(u64),
    /// A media initialisation section, by running number.
    Init(u32),
}

/// Keeps names short enough for every file system and log.
const MAX_NAME: usize = 64;

impl Names {
    /// Both are ASCII letters and digits, 1 to 64 of them: nothing that needs escaping in a URI or playlist.
    pub fn new(prefix: &str, rendition: &str) -> Result<Self, InvalidName> {
        for name in [prefix, rendition] {
            let fits = (1..=MAX_NAME).contains(&name.len());
            if !fits || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
                return Err(InvalidName(name.chars().take(MAX_NAME).collect()));
            }
        }
        Ok(Self { prefix: prefix.to_owned(), rendition: rendition.to_owned() })
    }

    /// The session's prefix.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The rendition's name; its playlist is `{rendition}.m3u8`.
    pub fn rendition(&self) -> &str {
        &self.rendition
    }

    /// The name of `resource`, for printing.
    pub fn of(&self, resource: Resource) -> Name<'_> {
        Name { names: self, resource }
    }

    /// The inverse of [`Names::of`]: exactly the names it prints, nothing else.
    pub fn parse(&self, name: &str) -> Option<Resource> {
        let rest = name.strip_prefix(self.prefix.as_str())?.strip_prefix('-')?;
        let rest = rest.strip_prefix(self.rendition.as_str())?.strip_prefix('-')?;
        if let Some(number) = rest.strip_prefix("init") {
            let number = decimal(number.strip_suffix(".mp4")?)?;
            return u32::try_from(number).ok().map(Resource::Init);
        }
        let stem = rest.strip_suffix(".m4s")?;
        match stem.strip_prefix('p') {
            Some(number) => decimal(number).map(Resource::Part),
            None => decimal(stem).map(Resource::Segment),
        }
    }
}

/// A `decimal-integer` (section 4.2) in its one canonical form: digits only, no leading zero, below 2^64.
fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
    if canonical { text.parse().ok() } else { None }
}

/// A resource's name; prints as it stands in the playlist.
pub struct Name<'a> {
    names: &'a Names,
    resource: Resource,
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Names { prefix, rendition } = self.names;
        match self.resource {
            Resource::Segment(msn) => write!(f, "{prefix}-{rendition}-{msn}.m4s"),
            Resource::Part(number) => write!(f, "{prefix}-{rendition}-p{number}.m4s"),
            Resource::Init(number) => write!(f, "{prefix}-{rendition}-init{number}.mp4"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_it_prints_and_nothing_else() {
        let names = Names::new("ab12cd34", "720").expect("letters and digits");
        for resource in [Resource::Segment(0), Resource::Segment(u64::MAX), Resource::Part(17), Resource::Init(0), Resource::Init(3)] {
            assert_eq!(names.parse(&names.of(resource).to_string()), Some(resource));
        }
        for name in [
            "",
            "ab12cd34",
            "ab12cd34-720-",
            "ab12cd34-720-.m4s",
            "ab12cd34-720-p.m4s",
            "ab12cd34-720-01.m4s",
            "ab12cd34-720-+1.m4s",
            "ab12cd34-720--1.m4s",
            "ab12cd34-720-1.mp4",
            "ab12cd34-720-init1.m4s",
            "ab12cd34-720-18446744073709551616.m4s",
            "ab12cd34-720-init4294967296.mp4",
            "ab12cd34-audio-1.m4s",
            "../ab12cd34-720-1.m4s",
            "ab12cd34-720-1.m4s/..",
            "ab12cd34-720-1.m4s\0",
            "AB12cd34-720-1.m4s",
        ] {
            assert_eq!(names.parse(name), None, "{name}");
        }
    }

    #[test]
    fn refuses_names_that_would_need_escaping() {
        for bad in ["", "a-b", "a/b", "..", "ü", "a b", "\"", &"x".repeat(65)] {
            assert!(Names::new(bad, "source").is_err());
            assert!(Names::new("source", bad).is_err());
        }
    }
}
