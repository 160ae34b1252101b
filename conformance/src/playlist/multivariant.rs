//! Multivariant playlists (4.4.6).

use super::attributes::{Attributes, integer};
use super::{Error, passed_over};

/// A multivariant playlist, as written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Multivariant {
    /// EXT-X-STREAM-INF with their URIs.
    pub variants: Vec<Variant>,
    /// EXT-X-MEDIA.
    pub renditions: Vec<Rendition>,
}

/// EXT-X-STREAM-INF (4.4.6.2).
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the attributes by their names")]
pub struct Variant {
    pub uri: String,
    pub bandwidth: u64,
    pub average_bandwidth: Option<u64>,
    pub codecs: Option<String>,
    pub resolution: Option<(u64, u64)>,
    /// As written, because its form is part of the rule.
    pub frame_rate: Option<String>,
    pub audio: Option<String>,
}

/// EXT-X-MEDIA (4.4.6.1).
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the attributes by their names")]
pub struct Rendition {
    pub kind: String,
    pub group: String,
    pub uri: Option<String>,
}

impl Multivariant {
    /// The URI of every media playlist, each once.
    pub fn media_playlists(&self) -> Vec<&str> {
        let mut uris: Vec<&str> = Vec::new();
        let variants = self.variants.iter().map(|variant| variant.uri.as_str());
        let renditions = self.renditions.iter().filter_map(|r| r.uri.as_deref());
        for uri in variants.chain(renditions) {
            if !uris.contains(&uri) {
                uris.push(uri);
            }
        }
        uris
    }

    /// Reads a playlist.
    ///
    /// # Errors
    /// The first line that breaks the grammar of section 4.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut playlist = Self::default();
        let mut stream: Option<Variant> = None;
        for (index, line) in text.lines().enumerate() {
            playlist.line(index, line, &mut stream).map_err(|reason| Error { line: index + 1, reason })?;
        }
        let end = |reason: &str| Error { line: text.lines().count(), reason: reason.to_owned() };
        if stream.is_some() {
            return Err(end("EXT-X-STREAM-INF without a URI at the end"));
        }
        if playlist.variants.is_empty() {
            return Err(end("no variant"));
        }
        Ok(playlist)
    }

    fn line(&mut self, index: usize, line: &str, stream: &mut Option<Variant>) -> Result<(), String> {
        if index == 0 {
            return if line == "#EXTM3U" { Ok(()) } else { Err("the first line is not #EXTM3U".into()) };
        }
        if passed_over(line) {
            return Ok(());
        }
        let Some(tag) = line.strip_prefix('#') else {
            let mut variant = stream.take().ok_or("a URI without EXT-X-STREAM-INF")?;
            line.clone_into(&mut variant.uri);
            self.variants.push(variant);
            return Ok(());
        };
        if stream.is_some() {
            return Err("a tag between EXT-X-STREAM-INF and its URI".into());
        }
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        match name {
            "EXT-X-VERSION" => {
                integer(value).ok_or_else(|| format!("version {value}"))?;
            }
            "EXT-X-STREAM-INF" => *stream = Some(variant(value)?),
            "EXT-X-MEDIA" => self.renditions.push(rendition(value)?),
            "EXT-X-INDEPENDENT-SEGMENTS"
            | "EXT-X-START"
            | "EXT-X-DEFINE"
            | "EXT-X-I-FRAME-STREAM-INF"
            | "EXT-X-SESSION-DATA"
            | "EXT-X-SESSION-KEY"
            | "EXT-X-CONTENT-STEERING" => {}
            _ => return Err(format!("unknown tag {name}")),
        }
        Ok(())
    }
}

fn variant(value: &str) -> Result<Variant, String> {
    let mut attributes = Attributes::parse(value)?;
    let variant = Variant {
        uri: String::new(),
        bandwidth: attributes.integer("BANDWIDTH")?.ok_or("EXT-X-STREAM-INF without BANDWIDTH")?,
        average_bandwidth: attributes.integer("AVERAGE-BANDWIDTH")?,
        codecs: attributes.string("CODECS")?,
        resolution: attributes
            .word("RESOLUTION")?
            .map(|word| {
                word.split_once('x').and_then(|(w, h)| Some((integer(w)?, integer(h)?))).ok_or_else(|| format!("RESOLUTION={word}"))
            })
            .transpose()?,
        frame_rate: attributes.word("FRAME-RATE")?.map(str::to_owned),
        audio: attributes.string("AUDIO")?,
    };
    attributes.allow(&[
        "SCORE",
        "SUPPLEMENTAL-CODECS",
        "HDCP-LEVEL",
        "ALLOWED-CPC",
        "VIDEO-RANGE",
        "REQ-VIDEO-LAYOUT",
        "STABLE-VARIANT-ID",
        "VIDEO",
        "SUBTITLES",
        "CLOSED-CAPTIONS",
        "PATHWAY-ID",
    ]);
    attributes.finish()?;
    Ok(variant)
}

fn rendition(value: &str) -> Result<Rendition, String> {
    let mut attributes = Attributes::parse(value)?;
    let rendition = Rendition {
        kind: attributes.word("TYPE")?.ok_or("EXT-X-MEDIA without TYPE")?.to_owned(),
        group: attributes.string("GROUP-ID")?.ok_or("EXT-X-MEDIA without GROUP-ID")?,
        uri: attributes.string("URI")?,
    };
    attributes.string("NAME")?.ok_or("EXT-X-MEDIA without NAME")?;
    let chosen = attributes.yes("DEFAULT", true)?;
    if !attributes.yes("AUTOSELECT", true)? && chosen {
        return Err("DEFAULT=YES without AUTOSELECT=YES".into());
    }
    attributes.allow(&[
        "LANGUAGE",
        "ASSOC-LANGUAGE",
        "STABLE-RENDITION-ID",
        "FORCED",
        "INSTREAM-ID",
        "BIT-DEPTH",
        "SAMPLE-RATE",
        "CHARACTERISTICS",
        "CHANNELS",
    ]);
    attributes.finish()?;
    Ok(rendition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_each_media_playlist_once() {
        let text = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\",URI=\"a.m3u8\"\n#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=30.000,AUDIO=\"a\"\nv.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"mp4a.40.2\"\na.m3u8\n";
        let master = Multivariant::parse(text).expect("correct");
        assert_eq!(master.media_playlists(), ["v.m3u8", "a.m3u8"]);
        assert_eq!(master.variants[0].resolution, Some((1280, 720)));
        assert!(Multivariant::parse("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n").is_err());
        assert!(Multivariant::parse(&text.replace("BANDWIDTH=9,", "")).is_err());
    }
}
