//! Pages: the web client inside the binary, its shell filled for public addresses, the embed page,
//! and oEmbed.

use std::borrow::Cow;
use std::fmt::Write as _;

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderName, HeaderValue, IF_NONE_MATCH, REFERRER_POLICY, VARY,
};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};
use serde_json::{Value, json};

use super::extract::{Base, VideoRef, may_watch};
use super::fields::QueryFields;
use super::hls;
use super::problem::{Problem, Result};
use crate::app::App;
use crate::domain::{LatencyMode, Video, short_uuid};
use crate::live::{MULTIVARIANT, status};

/// The web client as `make build` left it.
#[derive(RustEmbed)]
#[folder = "web/app/build"]
#[allow_missing = true]
struct Client;

/// The part of the shell that is filled for public addresses.
const HEAD_BEGIN: &str = "<!--shoal:head-->";
/// Its end.
const HEAD_END: &str = "<!--/shoal:head-->";

/// Names below it carry a hash of their content.
const IMMUTABLE: &str = "_app/immutable/";

/// The embed page runs the player's bundle alone; any page may frame it.
const EMBED_CSP: &str = "default-src 'self'; worker-src 'self' blob:; connect-src 'self' ws: wss: http: https:; \
    img-src 'self' data: blob: http: https:; media-src 'self' blob: http: https:; style-src 'self' 'unsafe-inline'; \
    object-src 'none'; base-uri 'none'; form-action 'none'";

/// The media playlist that players begin with: the rendition as it is published.
const SOURCE_PLAYLIST: &str = "source.m3u8";

/// Shown while the web client is not in the binary.
const NO_CLIENT: &str = "<!doctype html><title>Shoal</title><p>The server runs, but this binary was built without the web client: \
    <code>make build</code> puts it in.</p>";

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/w/{id}", get(watch))
        .route("/videos/watch/{id}", get(watch))
        .route("/videos/embed/{id}", get(embed))
        .route("/services/oembed", get(oembed))
}

/// Any other path: a file of the client, or a page of it.
pub(super) async fn fallback(State(app): State<App>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("api/") || path.starts_with("static/") || path.starts_with("lazy-static/") {
        return Problem::not_found("Endpoint").into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Pages are only read").into_response();
    }
    if let Some(response) = asset(path, &headers) {
        return response;
    }
    let looks_like_file =
        path.rsplit('/').next().is_some_and(|name| name.contains('.')) && !path.starts_with("c/") && !path.starts_with("a/");
    if looks_like_file {
        return Problem::not_found("File").into_response();
    }
    page(StatusCode::OK, &format!("<title>{}</title>", escape(&app.config.instance.name)))
}

fn asset(path: &str, headers: &HeaderMap) -> Option<Response> {
    if path.is_empty() || path == "index.html" || path.ends_with(".br") || path.ends_with(".gz") {
        return None;
    }
    let plain = Client::get(path)?;
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("");
    let accepts = |coding: &str| accepted.split(',').any(|part| part.split(';').next().is_some_and(|name| name.trim() == coding));
    let compressed = [("br", "br"), ("gzip", "gz")]
        .into_iter()
        .filter(|(coding, _)| accepts(coding))
        .find_map(|(coding, suffix)| Some((coding, Client::get(&format!("{path}.{suffix}"))?)));
    let etag = etag(&plain);
    let cache = if path.starts_with(IMMUTABLE) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = if headers.get(IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == etag.as_bytes()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let (coding, file) = compressed.map_or((None, plain), |(coding, file)| (Some(coding), file));
        let mut response = Response::new(body(file.data));
        let kind = mime_guess::from_path(path).first_or_octet_stream();
        if let Ok(kind) = HeaderValue::from_str(kind.as_ref()) {
            response.headers_mut().insert(CONTENT_TYPE, kind);
        }
        if let Some(coding) = coding {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        response
    };
    let out = response.headers_mut();
    out.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    out.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        out.insert(ETAG, etag);
    }
    out.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    Some(response)
}

/// One tag for all codings: what is compared is the content.
fn etag(file: &EmbeddedFile) -> String {
    format!("W/\"{}\"", hex::encode(&file.metadata.sha256_hash()[..12]))
}

/// Files in the binary are sent from there, without a copy.
fn body(data: Cow<'static, [u8]>) -> Body {
    match data {
        Cow::Borrowed(data) => Body::from(bytes::Bytes::from_static(data)),
        Cow::Owned(data) => Body::from(data),
    }
}

/// The client's shell with `head` in place of its title.
fn page(status: StatusCode, head: &str) -> Response {
    let shell = Client::get("index.html").map(|file| file.data);
    let text = match shell.as_deref().map(String::from_utf8_lossy) {
        Some(text) => fill(&text, head),
        None => NO_CLIENT.to_owned(),
    };
    html(status, text, "frame-ancestors 'self'")
}

fn fill(shell: &str, head: &str) -> String {
    match (shell.find(HEAD_BEGIN), shell.find(HEAD_END)) {
        (Some(begin), Some(end)) if begin < end => format!("{}{head}{}", &shell[..begin], &shell[end + HEAD_END.len()..]),
        _ => shell.to_owned(),
    }
}

fn html(status: StatusCode, text: String, policy: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, policy),
        (REFERRER_POLICY, "strict-origin-when-cross-origin"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
    ];
    (status, headers, text).into_response()
}

/// The video of an address, if everybody may watch it.
async fn public_video(app: &App, id: &str) -> Result<Option<Video>> {
    let Some(id) = VideoRef::parse(id) else { return Ok(None) };
    let video = match id {
        VideoRef::Id(_) => return Ok(None),
        VideoRef::Uuid(uuid) => app.store.read().await?.videos().by_uuid(uuid).await?,
    };
    Ok(video.filter(|video| may_watch(None, video)))
}

async fn watch(State(app): State<App>, base: Base, Path(id): Path<String>) -> Result<Response> {
    // A private video's page looks like any other: its owner's client is let in by its token.
    Ok(match public_video(&app, &id).await? {
        Some(video) => page(StatusCode::OK, &head(&video, &app, &base)),
        None => page(StatusCode::OK, &format!("<title>{}</title>", escape(&app.config.instance.name))),
    })
}

fn head(video: &Video, app: &App, base: &Base) -> String {
    let instance = &app.config.instance.name;
    let url = format!("{}/w/{}", base.0, short_uuid(video.uuid));
    let description = video
        .truncated_description()
        .map(|text| crate::markdown::plain_text(&text))
        .unwrap_or_else(|| app.config.instance.short_description.clone());
    let mut head = String::with_capacity(2048);
    let _ = write!(head, "<title>{} - {}</title>", escape(&video.name), escape(instance));
    let _ = write!(head, "<meta name=\"description\" content=\"{}\">", escape(&description));
    let _ = write!(head, "<link rel=\"canonical\" href=\"{}\">", escape(&url));
    let oembed = format!("{}/services/oembed?url={}", base.0, percent(&url));
    let _ = write!(
        head,
        "<link rel=\"alternate\" type=\"application/json+oembed\" href=\"{}\" title=\"{}\">",
        escape(&oembed),
        escape(&video.name)
    );
    let embed = format!("{}/videos/embed/{}", base.0, video.uuid);
    let mut meta = vec![
        // Programs recognise PeerTube's API by it.
        ("og:platform", "PeerTube".to_owned()),
        ("og:site_name", instance.clone()),
        ("og:type", "video".to_owned()),
        ("og:title", video.name.clone()),
        ("og:description", description),
        ("og:url", url),
        ("og:video:url", embed.clone()),
        ("og:video:secure_url", embed.clone()),
        ("og:video:type", "text/html".to_owned()),
        ("og:video:width", "560".to_owned()),
        ("og:video:height", "315".to_owned()),
        ("twitter:card", "player".to_owned()),
        ("twitter:player", embed),
    ];
    if let Some(preview) = &video.preview {
        meta.push(("og:image", format!("{}/lazy-static/previews/{preview}", base.0)));
    }
    for (name, content) in meta {
        let _ = write!(head, "<meta property=\"{name}\" content=\"{}\">", escape(&content));
    }
    head.push_str(&preload(app, video));
    head
}

/// Lets the browser fetch a running live's playlists while the page's scripts are still on their way.
fn preload(app: &App, video: &Video) -> String {
    if app.live.status(video.uuid).is_none_or(|now| now.state != status::State::Live) {
        return String::new();
    }
    [MULTIVARIANT, SOURCE_PLAYLIST]
        .map(|name| format!("<link rel=\"preload\" as=\"fetch\" crossorigin href=\"{}{}/{name}\">", hls::FOLDER, video.uuid))
        .concat()
}

async fn embed(State(app): State<App>, base: Base, Path(id): Path<String>) -> Result<Response> {
    let Some(video) = public_video(&app, &id).await? else {
        let text =
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Not found</title><p>This video does not exist, or is private.";
        return Ok(html(StatusCode::NOT_FOUND, text.to_owned(), EMBED_CSP));
    };
    let mut tx = app.store.read().await?;
    let playlist = tx.playlists().of_video(video.id).await?;
    let latency_mode = tx.lives().by_video(video.id).await?.map_or(LatencyMode::Default, |live| live.latency_mode);
    drop(tx);
    let name = playlist.map_or_else(|| "master.m3u8".to_owned(), |playlist| playlist.playlist);
    let playlist_url = if video.remote { name } else { format!("{}{}/{name}", hls::FOLDER, video.uuid) };
    let state = match app.live.status(video.uuid) {
        Some(status) => json!(status.state),
        None => json!(video.state.code()),
    };
    let facts = json!({
        "uuid": video.uuid,
        "playlistUrl": playlist_url,
        "state": state,
        "isLive": video.is_live,
        "title": video.name,
        "latencyMode": latency_mode.code(),
        "url": format!("{}/w/{}", base.0, short_uuid(video.uuid)),
    });
    Ok(html(StatusCode::OK, embed_page(&video.name, &facts, &preload(&app, &video)), EMBED_CSP))
}

fn embed_page(title: &str, facts: &Value, preload: &str) -> String {
    // Inside a script only `</` and `<!--` could end it early.
    let facts = facts.to_string().replace('<', "\\u003c");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <meta property=\"og:platform\" content=\"PeerTube\">\n\
         <link rel=\"stylesheet\" href=\"/embed/embed.css\">{preload}<link rel=\"modulepreload\" href=\"/embed/hls.js\">\n<script type=\"application/json\" id=\"shoal-embed\">{facts}</script>\n\
         <script type=\"module\" src=\"/embed/embed.js\"></script>\n</head>\n\
         <body><shoal-player></shoal-player><noscript>This player needs JavaScript.</noscript></body>\n</html>\n",
        escape(title)
    )
}

/// oEmbed 1.0 for a video's addresses.
async fn oembed(State(app): State<App>, base: Base, QueryFields(fields): QueryFields) -> Result<Response> {
    let url = fields.text("url").ok_or_else(|| Problem::invalid("url", "is needed"))?;
    if fields.text("format").is_some_and(|format| format != "json") {
        return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "Only the format json is there"));
    }
    let own = [base.0.clone(), app.public_url()];
    let path = own.iter().find_map(|own| url.strip_prefix(own.as_str()));
    let id = path.and_then(|path| {
        let path = path.split(['?', '#', ';']).next()?;
        ["/w/", "/videos/watch/", "/videos/embed/"].iter().find_map(|prefix| path.strip_prefix(prefix))
    });
    let id = id.ok_or_else(|| Problem::invalid("url", "is no video of this server"))?;
    let video = public_video(&app, id).await?.ok_or_else(|| Problem::not_found("Video"))?;
    let bound = |name: &str, default: i64| {
        Ok::<_, Problem>(fields.integer(name)?.filter(|most| *most > 0).map_or(default, |most| most.min(default)))
    };
    let mut width = bound("maxwidth", 560)?;
    let mut height = bound("maxheight", 315)?;
    // 16:9 inside what was asked for.
    if width * 9 > height * 16 {
        width = height * 16 / 9;
    } else {
        height = width * 9 / 16;
    }
    let embed = format!("{}/videos/embed/{}", base.0, video.uuid);
    let mut answer = json!({
        "type": "video",
        "version": "1.0",
        "html": format!(
            "<iframe width=\"{width}\" height=\"{height}\" src=\"{embed}\" title=\"{}\" frameborder=\"0\" allowfullscreen \
             sandbox=\"allow-same-origin allow-scripts allow-popups allow-forms\"></iframe>",
            escape(&video.name)
        ),
        "width": width,
        "height": height,
        "provider_name": app.config.instance.name,
        "provider_url": base.0,
        "title": video.name,
        "author_name": video.channel.display_name,
        "author_url": format!("{}/c/{}", base.0, video.channel.actor.name)
    });
    if let Some(preview) = &video.preview {
        answer["thumbnail_url"] = format!("{}/lazy-static/previews/{preview}", base.0).into();
        answer["thumbnail_width"] = 850.into();
        answer["thumbnail_height"] = 480.into();
    }
    Ok(([(ACCESS_CONTROL_ALLOW_ORIGIN, "*")], Json(answer)).into_response())
}

/// For text and for attributes in double quotes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// For the value of a query's parameter.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_is_filled_between_its_marks() {
        let shell = "<head><!--shoal:head--><title>x</title><!--/shoal:head--></head>";
        assert_eq!(fill(shell, "<title>y</title>"), "<head><title>y</title></head>");
        assert_eq!(fill("<head></head>", "y"), "<head></head>");
    }

    #[test]
    fn nothing_breaks_out_of_the_page() {
        let page = embed_page("</title><script>", &json!({ "title": "</script><script>alert(1)</script>" }), "");
        assert!(!page.contains("<script>alert"), "{page}");
        assert!(page.contains("&lt;/title&gt;"));
        assert_eq!(escape("\"<&'"), "&quot;&lt;&amp;&#39;");
    }
}
