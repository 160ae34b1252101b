use super::Invalid;

/// An e-mail address in small letters: what we are ready to write to (a part of RFC 5321's grammar: no quotes, no comments, no
/// address literals, ASCII alone).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

/// Longest address (RFC 5321 section 4.5.3.1.3).
const MAX_LENGTH: usize = 254;
/// Longest part before the `@` (RFC 5321 section 4.5.3.1.1).
const MAX_LOCAL: usize = 64;

impl Email {
    /// Checks the form.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim().to_ascii_lowercase();
        let good = text.len() <= MAX_LENGTH && text.rsplit_once('@').is_some_and(|(local, domain)| is_local(local) && is_domain(domain));
        if good { Ok(Self(text)) } else { Err(Invalid("must be an e-mail address")) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_local(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
    (1..=MAX_LOCAL).contains(&text.len()) && text.bytes().all(allowed) && text.split('.').all(|atom| !atom.is_empty())
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.contains('.') && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_form() {
        assert_eq!(Email::parse(" Ann.B+tv@Mail.Example ").expect("good").as_str(), "ann.b+tv@mail.example");
        for bad in [
            "",
            "ann",
            "ann@",
            "@mail.example",
            "ann@localhost",
            "ann@-a.example",
            "ann@a..example",
            "a..b@mail.example",
            "ann bee@mail.example",
            "ann@mail.example\r\nBcc: all@mail.example",
            "\"ann\"@mail.example",
            "ann@[127.0.0.1]",
        ] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Email::parse(&format!("{}@mail.example", "x".repeat(65))).is_err());
    }
}
