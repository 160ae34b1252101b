//! What clients send: a query, a form, a multipart form or JSON, read alike. PeerTube's clients use
//! all four, and arrays as `tags[]=a`, `tags[0]=a`, repeated `tags` or JSON.

use axum::extract::{FromRequest, FromRequestParts, Multipart, Query, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use bytes::Bytes;
use serde_json::Value;

use super::problem::{Problem, Result};

/// Most fields of one request.
const MAX_FIELDS: usize = 300;
/// Longest value of a field.
const MAX_VALUE: usize = 64 * 1024;
/// Deepest nesting of JSON that is looked into.
const MAX_DEPTH: usize = 4;

/// Names and values; `None` is JSON's null.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Fields(Vec<(String, Option<String>)>);

impl Fields {
    /// As text, to be kept; [`Fields::from_kept`] reads it again.
    pub fn to_kept(&self) -> String {
        // Strings alone: always representable.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What [`Fields::to_kept`] wrote.
    pub fn from_kept(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Adds a field.
    pub(super) fn push(&mut self, name: &str, value: Option<String>) -> Result<()> {
        if self.0.len() >= MAX_FIELDS {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "Too many fields"));
        }
        if value.as_ref().is_some_and(|value| value.len() > MAX_VALUE) {
            return Err(Problem::invalid(name, "too long"));
        }
        self.0.push((normal(name), value));
        Ok(())
    }

    fn push_json(&mut self, name: &str, value: Value, depth: usize) -> Result<()> {
        match value {
            Value::Null => self.push(name, None),
            Value::Bool(value) => self.push(name, Some(value.to_string())),
            Value::Number(value) => self.push(name, Some(value.to_string())),
            Value::String(value) => self.push(name, Some(value)),
            Value::Array(values) if depth < MAX_DEPTH => values.into_iter().try_for_each(|value| self.push_json(name, value, depth + 1)),
            Value::Object(fields) if depth < MAX_DEPTH => fields.into_iter().try_for_each(|(key, value)| {
                let name = if name.is_empty() { key } else { format!("{name}[{key}]") };
                self.push_json(&name, value, depth + 1)
            }),
            _ => Err(Problem::invalid(name, "nested too deeply")),
        }
    }

    /// The field is there, even as null.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// A field's text; the last one wins. Absent and null are alike.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).and_then(|(_, value)| value.as_deref())
    }

    /// A field that can be taken away: `None` absent, `Some(None)` null or empty (forms say `null`).
    pub fn nullable(&self, name: &str) -> Option<Option<&str>> {
        self.has(name).then(|| self.text(name).filter(|text| !text.trim().is_empty() && *text != "null"))
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> Result<Option<i64>> {
        self.text(name).map(|text| text.trim().parse().map_err(|_| Problem::invalid(name, "must be a whole number"))).transpose()
    }

    /// A number.
    pub fn number(&self, name: &str) -> Result<Option<f64>> {
        self.text(name).map(|text| text.trim().parse().map_err(|_| Problem::invalid(name, "must be a number"))).transpose()
    }

    /// Yes or no.
    pub fn flag(&self, name: &str) -> Result<Option<bool>> {
        self.text(name)
            .map(|text| match text.trim() {
                "true" | "1" => Ok(true),
                "false" | "0" => Ok(false),
                _ => Err(Problem::invalid(name, "must be true or false")),
            })
            .transpose()
    }

    /// All values of an array.
    pub fn list(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(known, _)| known == name).filter_map(|(_, value)| value.as_deref()).collect()
    }

    /// All values of an array of whole numbers.
    pub fn integers(&self, name: &str) -> Result<Vec<i64>> {
        self.list(name).into_iter().map(|text| text.trim().parse().map_err(|_| Problem::invalid(name, "must be whole numbers"))).collect()
    }
}

/// `tags[]` and `tags[3]` are `tags`.
fn normal(name: &str) -> String {
    if let Some((head, tail)) = name.rsplit_once('[')
        && let Some(index) = tail.strip_suffix(']')
        && index.bytes().all(|byte| byte.is_ascii_digit())
    {
        return head.to_owned();
    }
    name.to_owned()
}

/// The query.
pub struct QueryFields(pub Fields);

impl<S: Send + Sync> FromRequestParts<S> for QueryFields {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await else {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "The query is malformed"));
        };
        let mut fields = Fields::default();
        for (name, value) in pairs {
            fields.push(&name, Some(value))?;
        }
        Ok(Self(fields))
    }
}

/// The body, whatever its form. Files in multipart forms are read over.
impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("").to_ascii_lowercase();
        let mut fields = Self::default();
        if kind.starts_with("multipart/form-data") {
            let malformed = |_| Problem::new(StatusCode::BAD_REQUEST, "The multipart form is malformed or too large");
            let mut form = Multipart::from_request(request, state)
                .await
                .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "The multipart form is malformed"))?;
            while let Some(mut field) = form.next_field().await.map_err(malformed)? {
                if field.file_name().is_some() {
                    while field.chunk().await.map_err(malformed)?.is_some() {}
                    continue;
                }
                let name = field.name().unwrap_or_default().to_owned();
                let value = field.text().await.map_err(malformed)?;
                fields.push(&name, Some(value))?;
            }
            return Ok(fields);
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large or broke off"))?;
        if body.is_empty() {
            return Ok(fields);
        }
        if kind.starts_with("application/x-www-form-urlencoded") {
            let text = std::str::from_utf8(&body).map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "The form is malformed"))?;
            let uri = format!("/?{text}").parse().map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "The form is malformed"))?;
            let pairs = Query::<Vec<(String, String)>>::try_from_uri(&uri)
                .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "The form is malformed"))?;
            for (name, value) in pairs.0 {
                fields.push(&name, Some(value))?;
            }
            return Ok(fields);
        }
        match serde_json::from_slice(&body) {
            Ok(value @ Value::Object(_)) => fields.push_json("", value, 0)?,
            _ => return Err(Problem::new(StatusCode::BAD_REQUEST, "The body is no JSON object")),
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_have_many_spellings() {
        assert_eq!(normal("tags[]"), "tags");
        assert_eq!(normal("tags[12]"), "tags");
        assert_eq!(normal("replaySettings[privacy]"), "replaySettings[privacy]");
    }

    #[test]
    fn json_is_flattened_and_bounded() {
        let mut fields = Fields::default();
        let value = serde_json::json!({ "tags": ["a", "b"], "replaySettings": { "privacy": 2 }, "support": null });
        fields.push_json("", value, 0).expect("good");
        assert_eq!(fields.list("tags"), ["a", "b"]);
        assert_eq!(fields.integer("replaySettings[privacy]").expect("number"), Some(2));
        assert_eq!(fields.nullable("support"), Some(None));
        assert_eq!(fields.nullable("description"), None);
        assert!(fields.flag("tags").is_err());
        assert_eq!(Fields::from_kept(&fields.to_kept()), Some(fields));
        let deep = serde_json::json!({ "a": { "b": { "c": { "d": { "e": 1 } } } } });
        assert!(Fields::default().push_json("", deep, 0).is_err());
    }
}
