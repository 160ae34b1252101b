//! Bytes as a response: HEAD, and single byte ranges (RFC 9110 section 14).

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use bytes::Bytes;

/// Takes `Range` out of requests that it means nothing in: any but GET (RFC 9110 section 14.2).
pub async fn of_get_only(mut request: Request) -> Request {
    if request.method() != Method::GET {
        request.headers_mut().remove(header::RANGE);
    }
    request
}

/// What a `Range` header asks of a resource of a known length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The whole resource: no range, several, or a unit we do not know (RFC 9110 section 14.2 lets us ignore those).
    All,
    /// `start..end`, never empty.
    Range(u64, u64),
    /// Nothing of the resource is in the range: 416.
    Unsatisfiable,
}

/// Reads `Range` for a resource of `length` bytes.
pub fn wanted(headers: &HeaderMap, length: u64) -> Wanted {
    let Some(value) = headers.get(header::RANGE).and_then(|v| v.to_str().ok()) else { return Wanted::All };
    let Some(spec) = value.trim().strip_prefix("bytes=") else { return Wanted::All };
    let Some((first, last)) = spec.split_once('-') else { return Wanted::All };
    let (first, last) = (first.trim(), last.trim());
    if first.is_empty() {
        // The last so many bytes.
        return match last.parse::<u64>() {
            Ok(0) => Wanted::Unsatisfiable,
            Ok(_) if length == 0 => Wanted::Unsatisfiable,
            Ok(suffix) => Wanted::Range(length.saturating_sub(suffix), length),
            Err(_) => Wanted::All,
        };
    }
    let Ok(start) = first.parse::<u64>() else { return Wanted::All };
    let end = match last {
        "" => length,
        last => match last.parse::<u64>() {
            Ok(last) if last >= start => last.saturating_add(1).min(length),
            _ => return Wanted::All,
        },
    };
    if start >= length { Wanted::Unsatisfiable } else { Wanted::Range(start, end) }
}

/// Answers with `bytes`, or the range of it that was asked for.
pub fn respond(request: &HeaderMap, bytes: Bytes, content_type: &'static str, cache_control: HeaderValue) -> Response<Body> {
    let length = bytes.len() as u64;
    let mut response = match wanted(request, length) {
        Wanted::All => Response::new(Body::from(bytes)),
        // `wanted` clamps both ends to the length, which is a usize.
        Wanted::Range(start, end) => {
            let mut response = Response::new(Body::from(bytes.slice(start as usize..end as usize)));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            content_range(response.headers_mut(), &format!("bytes {start}-{}/{length}", end - 1));
            response
        }
        Wanted::Unsatisfiable => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            content_range(response.headers_mut(), &format!("bytes */{length}"));
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, cache_control);
    response
}

/// Sets `Content-Range`.
pub fn content_range(headers: &mut HeaderMap, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(header::CONTENT_RANGE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(value: &'static str, length: u64) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static(value));
        wanted(&headers, length)
    }

    #[test]
    fn reads_single_ranges() {
        assert_eq!(range("bytes=0-9", 100), Wanted::Range(0, 10));
        assert_eq!(range("bytes=90-", 100), Wanted::Range(90, 100));
        assert_eq!(range("bytes=-5", 100), Wanted::Range(95, 100));
        assert_eq!(range("bytes=-500", 100), Wanted::Range(0, 100));
        assert_eq!(range("bytes=0-18446744073709551615", 100), Wanted::Range(0, 100));
    }

    #[test]
    fn refuses_what_lies_outside() {
        assert_eq!(range("bytes=100-", 100), Wanted::Unsatisfiable);
        assert_eq!(range("bytes=-0", 100), Wanted::Unsatisfiable);
        assert_eq!(range("bytes=0-", 0), Wanted::Unsatisfiable);
    }

    #[test]
    fn ignores_what_it_does_not_know() {
        for value in ["bytes=5-2", "bytes=0-1,4-5", "lines=1-2", "bytes=", "bytes=x-y"] {
            assert_eq!(range(value, 100), Wanted::All, "{value}");
        }
    }
}
