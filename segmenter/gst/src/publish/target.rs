//! RTMP addresses.

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::{Error, pipeline};

/// OBS's chunk size; the sink's own 128 bytes would add a byte to each of them.
const CHUNK_SIZE: u32 = 4096;

/// An RTMP address, taken apart.
#[derive(PartialEq, Eq, Clone)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Location {
    tls: bool,
    host: String,
    port: u16,
    application: String,
    stream: String,
}

impl Location {
    /// `rtmp[s]://host[:port]/app[/more]/stream[?query]`; the last part of the path is the stream key.
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let invalid = |reason: &str| Error::InvalidOption(format!("RTMP address: {reason}"));
        let (scheme, rest) = url.split_once("://").ok_or_else(|| invalid("it begins with rtmp:// or rtmps://"))?;
        let tls = match scheme {
            "rtmp" => false,
            "rtmps" => true,
            _ => return Err(invalid("it begins with rtmp:// or rtmps://")),
        };
        let (authority, path) = rest.split_once('/').ok_or_else(|| invalid("the application and the stream key are missing"))?;
        // A query may hold slashes; it belongs to the stream key.
        let key_start = path.split('?').next().unwrap_or(path).rfind('/').ok_or_else(|| invalid("the stream key is missing"))?;
        let (application, stream) = (path[..key_start].to_owned(), path[key_start + 1..].to_owned());
        if application.is_empty() || stream.is_empty() {
            return Err(invalid("the application or the stream key is missing"));
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| invalid("the port is not a number"))?),
            _ => (authority, if tls { 443 } else { 1935 }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() || host.contains('@') {
            return Err(invalid("the host is missing"));
        }
        Ok(Self { tls, host, port, application, stream })
    }

    /// For logs and errors.
    pub(super) fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The sink that connects there as soon as it starts.
    pub(super) fn sink(&self, verify_certificate: bool) -> Result<gst::Element, Error> {
        let sink = pipeline::element("rtmp2sink")?;
        sink.set_property_from_str("scheme", if self.tls { "rtmps" } else { "rtmp" });
        sink.set_property("host", &self.host);
        sink.set_property("port", i32::from(self.port));
        sink.set_property("application", &self.application);
        sink.set_property("stream", &self.stream);
        sink.set_property("chunk-size", CHUNK_SIZE);
        // It need not hold the pipeline in PAUSED until the first frame: sources pace themselves.
        sink.set_property("async", false);
        sink.set_property("sync", false);
        sink.set_property("enable-last-sample", false);
        if !verify_certificate {
            sink.set_property_from_str("tls-validation-flags", "no-flags");
        }
        Ok(sink)
    }
}

/// The server's own words out of the sink's message, which may hold the answer's JSON and places in GStreamer's source.
pub(super) fn reason(message: &str) -> String {
    let field = |name: &str| {
        let (_, rest) = message.split_once(&format!("\"{name}\": \""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    match (field("code"), field("description")) {
        (Some(code), Some(description)) => format!("{description} ({code})"),
        (Some(text), None) | (None, Some(text)) => text,
        (None, None) => message.split(" (domain ").next().unwrap_or(message).split(" (../").next().unwrap_or(message).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> (bool, String, u16, String, String) {
        let Location { tls, host, port, application, stream } = Location::parse(url).expect("valid");
        (tls, host, port, application, stream)
    }

    #[test]
    fn addresses_are_taken_apart() {
        let owned = |tls, host: &str, port, application: &str, stream: &str| {
            (tls, host.to_owned(), port, application.to_owned(), stream.to_owned())
        };
        assert_eq!(parts("rtmp://localhost/live/key"), owned(false, "localhost", 1935, "live", "key"));
        assert_eq!(parts("rtmps://h:1936/a/b/key?t=1/2"), owned(true, "h", 1936, "a/b", "key?t=1/2"));
        assert_eq!(parts("rtmps://[::1]/live/k"), owned(true, "::1", 443, "live", "k"));
        assert_eq!(parts("rtmp://[::1]:19/live/k"), owned(false, "::1", 19, "live", "k"));
    }

    #[test]
    fn others_are_refused() {
        for url in ["", "http://h/live/k", "rtmp://h", "rtmp://h/live", "rtmp://h/live/", "rtmp:///live/k", "rtmp://h:x/live/k"] {
            assert!(Location::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_reason_is_the_servers_own() {
        let json = "x (Failed to connect: stream already exists: { \"level\": \"error\", \"code\": \"NetStream.Publish.BadName\", \
                    \"description\": \"Already publishing\" } (domain g-io-error-quark, code 2))";
        assert_eq!(reason(json), "Already publishing (NetStream.Publish.BadName)");
        assert_eq!(reason("Connection refused (../gst/rtmp2/gstrtmp2sink.c(1114): x)"), "Connection refused");
    }
}
