//! Where a publisher wants to publish: application and stream name.

use crate::event::StreamKey;

/// The application that publishers use: `rtmp://host/live/<stream key>`.
pub const APPLICATION: &str = "live";
/// Longest stream key taken; ours have 36 characters.
const MAX_KEY: usize = 256;

/// Whether `app` (of `connect`) leads to [`APPLICATION`]. An empty one may: the stream name can hold the whole path.
pub fn is_known_application(app: &str) -> bool {
    segments(app).next().is_none_or(|first| first == APPLICATION)
}

/// The stream key in `app` and `name`, and the query strings of both.
///
/// Encoders split the URL differently: app `live`, name `KEY`; app `live/KEY`, no name; no app, name `live/KEY`.
pub fn stream_key(app: &str, name: &str) -> Option<(StreamKey, String)> {
    let mut path = segments(app).chain(segments(name));
    if path.next()? != APPLICATION {
        return None;
    }
    let key = path.collect::<Vec<_>>().join("/");
    let queries = [app, name].map(|part| part.split_once('?').map_or("", |(_, query)| query));
    let query = queries.into_iter().filter(|query| !query.is_empty()).collect::<Vec<_>>().join("&");
    (!key.is_empty() && key.len() <= MAX_KEY).then(|| (StreamKey::new(key), query))
}

/// The application in a `tcUrl`, for clients that leave `app` out.
pub fn application_of_url(url: &str) -> &str {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    path.split_once('/').map_or("", |(_, path)| path)
}

fn segments(part: &str) -> impl Iterator<Item = &str> {
    let path = part.split_once('?').map_or(part, |(path, _)| path);
    path.split('/').map(str::trim).filter(|segment| !segment.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(app: &str, name: &str) -> Option<(String, String)> {
        stream_key(app, name).map(|(key, query)| (key.as_str().to_owned(), query))
    }

    #[test]
    fn finds_the_key_wherever_the_url_was_cut() {
        for (app, name) in [("live", "k"), ("live/", "k/"), ("/live", "/k"), ("live/k", ""), ("", "live/k"), ("live//", " k")] {
            assert_eq!(key(app, name), Some(("k".into(), String::new())), "{app} {name}");
            assert!(is_known_application(app));
        }
    }

    #[test]
    fn keeps_query_strings_apart() {
        assert_eq!(key("live?a=1", "k?token=x/y"), Some(("k".into(), "a=1&token=x/y".into())));
        assert_eq!(key("live/k?b", ""), Some(("k".into(), "b".into())));
    }

    #[test]
    fn refuses_what_is_not_there() {
        for (app, name) in [("live", ""), ("live", "?token=x"), ("app", "k"), ("", "k"), ("", "")] {
            assert_eq!(key(app, name), None, "{app} {name}");
        }
        assert_eq!(key("live", &"x".repeat(MAX_KEY + 1)), None);
        assert!(!is_known_application("vod") && !is_known_application("livestream"));
    }

    #[test]
    fn finds_the_application_in_a_url() {
        assert_eq!(application_of_url("rtmp://host:1935/live?x"), "live?x");
        assert_eq!(application_of_url("rtmp://host"), "");
    }

    #[test]
    fn never_prints_the_key() {
        let (key, _) = stream_key("live", "secret").expect("a key");
        assert!(!format!("{key:?} {key:#?}").contains("secret"));
    }
}
