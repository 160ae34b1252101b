//! Attribute lists (4.2).

/// The attributes of one tag, taken one by one; what is left over is an error.
#[derive(Debug)]
pub(super) struct Attributes<'a> {
    pairs: Vec<(&'a str, Value<'a>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value<'a> {
    Quoted(&'a str),
    Plain(&'a str),
}

type Result<T> = std::result::Result<T, String>;

impl<'a> Attributes<'a> {
    /// Reads a list, by the grammar and nothing else.
    pub(super) fn parse(mut text: &'a str) -> Result<Self> {
        let mut pairs: Vec<(&str, Value<'_>)> = Vec::new();
        loop {
            let (name, rest) = text.split_once('=').ok_or_else(|| format!("no '=' in attribute {text:?}"))?;
            let named = !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-');
            if !named {
                return Err(format!("bad attribute name {name:?}"));
            }
            if pairs.iter().any(|(known, _)| *known == name) {
                return Err(format!("attribute {name} stands twice"));
            }
            let (value, rest) = if let Some(rest) = rest.strip_prefix('"') {
                let (value, rest) = rest.split_once('"').ok_or_else(|| format!("quoted string of {name} does not end"))?;
                (Value::Quoted(value), rest)
            } else {
                let end = rest.find(',').unwrap_or(rest.len());
                let (value, rest) = rest.split_at(end);
                if value.is_empty() || value.contains(|c: char| c.is_whitespace() || c == '"') {
                    return Err(format!("bad value {value:?} of {name}"));
                }
                (Value::Plain(value), rest)
            };
            pairs.push((name, value));
            match rest.strip_prefix(',') {
                Some(rest) => text = rest,
                None if rest.is_empty() => return Ok(Self { pairs }),
                None => return Err(format!("{rest:?} after the value of {name}")),
            }
        }
    }

    fn take(&mut self, name: &str) -> Option<Value<'a>> {
        let index = self.pairs.iter().position(|(known, _)| *known == name)?;
        Some(self.pairs.swap_remove(index).1)
    }

    /// A quoted string.
    pub(super) fn string(&mut self, name: &str) -> Result<Option<String>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Quoted(value)) => Ok(Some(value.to_owned())),
            Some(Value::Plain(value)) => Err(format!("{name}={value} is not quoted")),
        }
    }

    /// An unquoted word.
    pub(super) fn word(&mut self, name: &str) -> Result<Option<&'a str>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Plain(value)) => Ok(Some(value)),
            Some(Value::Quoted(_)) => Err(format!("{name} is quoted")),
        }
    }

    /// An enumerated string that can only be YES, or YES and NO.
    pub(super) fn yes(&mut self, name: &str, no_allowed: bool) -> Result<bool> {
        match self.word(name)? {
            None => Ok(false),
            Some("YES") => Ok(true),
            Some("NO") if no_allowed => Ok(false),
            Some(other) => Err(format!("{name}={other}")),
        }
    }

    /// A decimal integer.
    pub(super) fn integer(&mut self, name: &str) -> Result<Option<u64>> {
        self.word(name)?.map(|word| integer(word).ok_or_else(|| format!("{name}={word} is no integer"))).transpose()
    }

    /// A decimal floating-point number.
    pub(super) fn decimal(&mut self, name: &str) -> Result<Option<f64>> {
        self.word(name)?.map(|word| decimal(word).ok_or_else(|| format!("{name}={word} is no decimal"))).transpose()
    }

    /// Passes over attributes that exist but matter to no rule here.
    pub(super) fn allow(&mut self, names: &[&str]) {
        self.pairs.retain(|(name, _)| !names.contains(name));
    }

    /// Ends the reading: attributes not asked for are unknown ones.
    pub(super) fn finish(self) -> Result<()> {
        match self.pairs.first() {
            None => Ok(()),
            Some((name, _)) => Err(format!("unknown attribute {name}")),
        }
    }
}

/// A decimal-integer (4.2): digits only, within 64 bits.
pub(super) fn integer(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// A decimal-floating-point (4.2): digits and at most one point, no sign, no exponent.
pub(super) fn decimal(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (digits(whole) && digits(fraction)).then(|| text.parse().ok()).flatten()
}
