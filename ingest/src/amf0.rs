//! AMF0 (Adobe, "Action Message Format -- AMF 0", 2007), bounded and tolerant.
//!
//! Encoders write what Flash once accepted: ECMA arrays with wrong counts, stray end markers, strings that are not UTF-8.
//! All of that is read; what is bounded is depth, the number of values and the size, which is that of the input.

/// Nesting taken; encoders use 2.
pub const MAX_DEPTH: usize = 16;
/// Values and properties in one message; the longest metadata seen has about 60.
pub const MAX_VALUES: usize = 4096;

mod marker {
    pub const NUMBER: u8 = 0x00;
    pub const BOOLEAN: u8 = 0x01;
    pub const STRING: u8 = 0x02;
    pub const OBJECT: u8 = 0x03;
    pub const NULL: u8 = 0x05;
    pub const UNDEFINED: u8 = 0x06;
    pub const REFERENCE: u8 = 0x07;
    pub const ECMA_ARRAY: u8 = 0x08;
    pub const OBJECT_END: u8 = 0x09;
    pub const STRICT_ARRAY: u8 = 0x0A;
    pub const DATE: u8 = 0x0B;
    pub const LONG_STRING: u8 = 0x0C;
    pub const UNSUPPORTED: u8 = 0x0D;
    pub const XML_DOCUMENT: u8 = 0x0F;
    pub const TYPED_OBJECT: u8 = 0x10;
}

/// Bytes that are not AMF0, or too much of it.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The input ends inside a value.
    #[error("the value is cut short")]
    Truncated,
    /// A marker that is reserved, or AMF3.
    #[error("unknown marker {0:#04x}")]
    UnknownMarker(u8),
    /// Deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// More than [`MAX_VALUES`].
    #[error("more than {MAX_VALUES} values")]
    TooManyValues,
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// A boolean.
    Boolean(bool),
    /// A string, long string or XML document; what is not UTF-8 is replaced.
    String(String),
    /// An object, typed object or ECMA array, in the order sent.
    Object(Vec<(String, Value)>),
    /// Null, undefined or unsupported.
    Null,
    /// A strict array.
    Array(Vec<Value>),
    /// Milliseconds since 1970.
    Date(f64),
    /// The index of an object sent before. Never resolved: no encoder needs it, and resolving multiplies.
    Reference(u16),
}

impl Value {
    /// The string in it.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(s) => Some(s),
            _ => None,
        }
    }

    /// The number in it.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(n) => Some(*n),
            _ => None,
        }
    }

    /// The property `name` of an object.
    pub fn property(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Object(properties) => properties.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Appends the encoded value. Strings past 64 kB become long strings; property names past it are cut.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Number(n) => {
                out.push(marker::NUMBER);
                out.extend_from_slice(&n.to_be_bytes());
            }
            Self::Boolean(b) => out.extend_from_slice(&[marker::BOOLEAN, u8::from(*b)]),
            Self::String(s) => match u16::try_from(s.len()) {
                Ok(len) => {
                    out.push(marker::STRING);
                    out.extend_from_slice(&len.to_be_bytes());
                    out.extend_from_slice(s.as_bytes());
                }
                Err(_) => {
                    out.push(marker::LONG_STRING);
                    out.extend_from_slice(&u32::try_from(s.len()).unwrap_or(u32::MAX).to_be_bytes());
                    out.extend_from_slice(s.as_bytes());
                }
            },
            Self::Object(properties) => {
                out.push(marker::OBJECT);
                for (key, value) in properties {
                    let key = &key.as_bytes()[..key.len().min(usize::from(u16::MAX))];
                    out.extend_from_slice(&(key.len() as u16).to_be_bytes());
                    out.extend_from_slice(key);
                    value.encode(out);
                }
                out.extend_from_slice(&[0, 0, marker::OBJECT_END]);
            }
            Self::Null => out.push(marker::NULL),
            Self::Array(values) => {
                out.push(marker::STRICT_ARRAY);
                out.extend_from_slice(&u32::try_from(values.len()).unwrap_or(u32::MAX).to_be_bytes());
                values.iter().for_each(|value| value.encode(out));
            }
            Self::Date(ms) => {
                out.push(marker::DATE);
                out.extend_from_slice(&ms.to_be_bytes());
                out.extend_from_slice(&[0, 0]);
            }
            Self::Reference(index) => {
                out.push(marker::REFERENCE);
                out.extend_from_slice(&index.to_be_bytes());
            }
        }
    }
}

impl From<&str> for Value {
    fn from(s: &str) -> Self {
        Self::String(s.to_owned())
    }
}

impl From<f64> for Value {
    fn from(n: f64) -> Self {
        Self::Number(n)
    }
}

/// An object of `properties`.
pub fn object<const N: usize>(properties: [(&str, Value); N]) -> Value {
    Value::Object(properties.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// Encodes `values` one after another.
pub fn encode(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    values.iter().for_each(|value| value.encode(&mut out));
    out
}

/// Decodes the values that follow each other in `input`.
pub fn decode(input: &[u8]) -> Result<Vec<Value>, Error> {
    let (values, error) = decode_lossy(input);
    error.map_or(Ok(values), Err)
}

/// Decodes as many values as can be, and says what stopped it.
pub fn decode_lossy(input: &[u8]) -> (Vec<Value>, Option<Error>) {
    let mut decoder = Decoder { input, values: 0 };
    let mut values = Vec::new();
    while !decoder.input.is_empty() {
        match decoder.value(0) {
            Ok(Some(value)) => values.push(value),
            Ok(None) => {}
            Err(error) => return (values, Some(error)),
        }
    }
    (values, None)
}

struct Decoder<'a> {
    input: &'a [u8],
    values: usize,
}

impl<'a> Decoder<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.input.split_at_checked(count).ok_or(Error::Truncated)?;
        self.input = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.input.split_first_chunk().ok_or(Error::Truncated)?;
        self.input = rest;
        Ok(*taken)
    }

    fn number(&mut self) -> Result<f64, Error> {
        Ok(f64::from_be_bytes(self.array()?))
    }

    fn string(&mut self) -> Result<String, Error> {
        let len = u16::from_be_bytes(self.array()?);
        Ok(String::from_utf8_lossy(self.bytes(usize::from(len))?).into_owned())
    }

    fn long_string(&mut self) -> Result<String, Error> {
        let len = u32::from_be_bytes(self.array()?);
        Ok(String::from_utf8_lossy(self.bytes(len as usize)?).into_owned())
    }

    /// The next value; `None` for a stray end marker.
    fn value(&mut self, depth: usize) -> Result<Option<Value>, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Error::TooManyValues);
        }
        let [marker] = self.array()?;
        Ok(Some(match marker {
            marker::NUMBER => Value::Number(self.number()?),
            marker::BOOLEAN => Value::Boolean(self.array::<1>()? != [0]),
            marker::STRING => Value::String(self.string()?),
            marker::LONG_STRING | marker::XML_DOCUMENT => Value::String(self.long_string()?),
            marker::NULL | marker::UNDEFINED | marker::UNSUPPORTED => Value::Null,
            marker::OBJECT => self.object(depth)?,
            marker::TYPED_OBJECT => {
                self.string()?;
                self.object(depth)?
            }
            marker::ECMA_ARRAY => {
                // "associative-count" is often wrong; the end marker is what counts
                self.array::<4>()?;
                self.object(depth)?
            }
            marker::STRICT_ARRAY => {
                let count = u32::from_be_bytes(self.array()?);
                let mut values = Vec::new();
                for _ in 0..count {
                    if self.input.is_empty() {
                        break;
                    }
                    values.extend(self.value(depth + 1)?);
                }
                Value::Array(values)
            }
            marker::DATE => {
                let ms = self.number()?;
                // time zone, reserved
                self.array::<2>()?;
                Value::Date(ms)
            }
            marker::REFERENCE => Value::Reference(u16::from_be_bytes(self.array()?)),
            marker::OBJECT_END => return Ok(None),
            other => return Err(Error::UnknownMarker(other)),
        }))
    }

    /// Properties up to the end marker, or to the end of the input between two of them.
    fn object(&mut self, depth: usize) -> Result<Value, Error> {
        let mut properties = Vec::new();
        while !self.input.is_empty() {
            let key = self.string()?;
            if key.is_empty() {
                match self.input.first() {
                    Some(&marker::OBJECT_END) => {
                        self.input = &self.input[1..];
                        break;
                    }
                    None => break,
                    // an empty property name
                    Some(_) => {}
                }
            }
            if let Some(value) = self.value(depth + 1)? {
                properties.push((key, value));
            }
        }
        Ok(Value::Object(properties))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_it_writes() {
        let value = object([
            ("app", "live".into()),
            ("fpad", Value::Boolean(false)),
            ("capabilities", 31.0.into()),
            ("list", Value::Array(vec!["av01".into(), Value::Null, Value::Date(1e12)])),
            ("long", Value::String("x".repeat(70_000))),
            ("again", Value::Reference(1)),
        ]);
        let bytes = encode(&["connect".into(), 1.0.into(), value.clone()]);
        assert_eq!(decode(&bytes), Ok(vec!["connect".into(), 1.0.into(), value]));
    }

    #[test]
    fn reads_what_encoders_get_wrong() {
        // an ECMA array that counts 200 and has one, without end marker at the end of the message
        let array = [8, 0, 0, 0, 200, 0, 1, b'w', 0, 0x40, 0x94, 0, 0, 0, 0, 0, 0];
        assert_eq!(decode(&array), Ok(vec![object([("w", 1280.0.into())])]));
        // the same with its end marker, and one too many after it
        let mut ended = array.to_vec();
        ended.extend_from_slice(&[0, 0, 9, 0x09, 0x05]);
        assert_eq!(decode(&ended), Ok(vec![object([("w", 1280.0.into())]), Value::Null]));
        // Latin-1
        assert_eq!(decode(&[2, 0, 1, 0xE9]), Ok(vec!["\u{FFFD}".into()]));
        // a typed object, an undefined, XML
        assert_eq!(
            decode(&[16, 0, 1, b'T', 0, 1, b'a', 6, 0, 0, 9, 15, 0, 0, 0, 1, b'x']),
            Ok(vec![object([("a", Value::Null)]), "x".into()])
        );
        // a strict array that counts four thousand million
        assert_eq!(decode(&[10, 255, 255, 255, 255, 5]), Ok(vec![Value::Array(vec![Value::Null])]));
    }

    #[test]
    fn keeps_what_came_before_the_fault() {
        assert_eq!(decode_lossy(&[5, 2, 0, 9, b'x']), (vec![Value::Null], Some(Error::Truncated)));
        assert_eq!(decode(&[0x11]), Err(Error::UnknownMarker(0x11)));
    }

    #[test]
    fn bounds_depth_and_number() {
        let nested = |open: &[u8]| decode(&open.repeat(100_000));
        assert_eq!(nested(&[10, 0, 0, 0, 1]), Err(Error::TooDeep));
        assert_eq!(nested(&[3, 0, 1, b'a']), Err(Error::TooDeep));
        assert_eq!(nested(&[8, 0, 0, 0, 1, 0, 1, b'a']), Err(Error::TooDeep));
        assert_eq!(nested(&[5]), Err(Error::TooManyValues));
        let mut deepest = [10, 0, 0, 0, 1].repeat(MAX_DEPTH);
        deepest.push(5);
        assert!(decode(&deepest).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let (values, _) = decode_lossy(&bytes);
            prop_assert!(values.len() <= bytes.len());
        }

        #[test]
        fn any_markers_end(bytes in proptest::collection::vec(0_u8..20, 0..512)) {
            let _ = decode_lossy(&bytes);
        }
    }
}
