//! What peers ask of the origin: a token to join the swarm of a broadcast or a finished video; for roots the stripes
//! themselves, for a video's viewers its manifests.

use std::io::SeekFrom;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Path, Query, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response};
use axum::{Extension, Json};
use p2p_peer::wire::Place;
use serde::{Deserialize, Serialize};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::brake::Brake;
use super::extract::{Base, VideoRef};
use super::media_access::Answer;
use super::problem::{Problem, ProblemBody, Result};
use super::serve::Client;
use crate::app::App;
use crate::config::{Policy, StunListen};
use crate::live::swarm::{Swarm, Swarms};

/// Tokens and manifests that one address may ask for in a row: a school's or a carrier's whole audience may share one...
const BURST: u32 = 300;
/// ...and per second after that. Answering takes microseconds.
const PER_SECOND: u32 = 20;

pub(super) fn router() -> OpenApiRouter<App> {
    let routes = OpenApiRouter::new().routes(routes!(swarm_token)).routes(routes!(stripes)).routes(routes!(manifests));
    routes.layer(Extension(Arc::new(Brake::new(BURST, PER_SECOND))))
}

/// Most segments whose manifests one request may ask for: a megabyte at worst, some 100 kB as a rule.
const MAX_MANIFESTS: u32 = 256;
/// Bytes of a file that are sent at once.
const CHUNK: usize = 64 * 1024;

/// What kind of video it is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// It runs: parts are pushed along trees.
    Live,
    /// It does not change any more: peers ask each other for segments.
    Vod,
}

/// What a player needs to join a video's swarm (docs/swarm-protocol.md).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Token {
    /// How it works.
    kind: Kind,
    /// Its id, 40 hexadecimal digits: the `info_hash` at the tracker.
    swarm: String,
    /// Opens it.
    token: String,
    /// Seconds that the token is good for.
    expires_in: u64,
    /// The tracker's WebSocket.
    tracker: String,
    /// STUN servers.
    stun: Vec<String>,
    /// The Ed25519 key of its manifests, 64 hexadecimal digits.
    key: String,
    /// Stripes of each rendition.
    stripes: u8,
    /// Names of the renditions; elsewhere they are named by their index.
    renditions: Vec<String>,
    /// Whether players share.
    policy: Policy,
    /// Not below so many viewers.
    minimum_viewers: u32,
    /// Not before so many seconds of watching.
    delay_seconds: u32,
    /// Most that a player sends, in multiples of the stream's rate.
    uplink_ceiling: f64,
    /// The folder of the playlists.
    base: String,
}

/// A token for the swarm of a running broadcast, or of a finished video. Any page may ask; for a video that is not open to everybody with an access token, as for its media.
#[utoipa::path(
    get, path = "/api/shoal/v1/swarms/{uuid}/token", tag = "Shoal", params(("uuid" = Uuid, Path)),
    responses((status = 200, body = Token), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 429, body = ProblemBody))
)]
async fn swarm_token(
    State(app): State<App>,
    Extension(brake): Extension<Arc<Brake>>,
    client: Client,
    base: Base,
    Path(uuid): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Json<Token>> {
    brake.pass(client.address, Instant::now()).map_err(Problem::too_many)?;
    let uuid = video(&uuid)?;
    match app.media_access.check(&app, uuid, &headers, query.as_deref()).await? {
        Answer::Allowed => {}
        Answer::Forbidden => return Err(Problem::forbidden("This video is not open to everybody")),
        Answer::Unknown => return Err(Problem::not_found("Video")),
    }
    let (kind, invitation) = match app.swarms.find(uuid) {
        Some(swarm) => (Kind::Live, app.swarms.invite(&swarm)),
        None => (Kind::Vod, app.vod.invite(&app, uuid).await?.ok_or_else(no_swarm)?),
    };
    let config = &app.config.swarm;
    Ok(Json(Token {
        kind,
        swarm: invitation.swarm.to_string(),
        token: invitation.token,
        expires_in: invitation.expires_in.as_secs(),
        tracker: super::tracker::url(&base),
        stun: stun(&app, &base).into_iter().collect(),
        key: hex::encode(invitation.key),
        stripes: invitation.stripes,
        renditions: invitation.renditions,
        policy: config.policy,
        minimum_viewers: config.minimum_viewers,
        delay_seconds: config.delay_s,
        uplink_ceiling: config.uplink_ceiling,
        base: format!("{}/static/streaming-playlists/hls/{uuid}/", base.0),
    }))
}

fn video(text: &str) -> Result<Uuid> {
    match VideoRef::parse(text) {
        Some(VideoRef::Uuid(uuid)) => Ok(uuid),
        _ => Err(Problem::not_found("Video")),
    }
}

fn running(swarms: &Swarms, video: Uuid) -> Result<Arc<Swarm>> {
    swarms.find(video).ok_or_else(no_swarm)
}

fn no_swarm() -> Problem {
    Problem::not_found("Swarm").code("no_swarm")
}

/// The address of this server's STUN, if it answers.
fn stun(app: &App, base: &Base) -> Option<String> {
    let port = app.addrs().stun?.port();
    (app.config.stun.listen != StunListen::Off).then(|| format!("stun:{}:{port}", base.host()))
}

/// Which stripes, from where on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Numbers, separated by commas.
    stripes: String,
    /// The first part wanted (`msn << 10 | part`), as far as it is in memory; absent: from the next one.
    from: Option<u32>,
    /// From the token endpoint.
    token: String,
}

/// Stripes of a rendition (its index or its name), part by part as soon as each is there: for roots. A response without end, each message with its
/// length (u32, little-endian) before it.
#[utoipa::path(
    get, path = "/api/shoal/v1/swarms/{uuid}/stripes/{rendition}", tag = "Shoal",
    params(("uuid" = Uuid, Path), ("rendition" = String, Path), Wanted),
    responses(
        (status = 200, content_type = "application/octet-stream"), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 429, body = ProblemBody)
    )
)]
async fn stripes(
    State(app): State<App>,
    Path((uuid, rendition)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Result<Response<Body>> {
    let swarm = running(&app.swarms, video(&uuid)?)?;
    if !app.swarms.admits(&swarm, &wanted.token) {
        return Err(Problem::forbidden("This token does not open the swarm"));
    }
    let rendition = swarm.rendition(&rendition).ok_or_else(|| Problem::not_found("Rendition"))?;
    let bits = bits(&wanted.stripes, swarm.stripes()).ok_or_else(|| Problem::invalid("stripes", "must be numbers of stripes"))?;
    let stream = swarm.stream(rendition, bits, wanted.from.map(Place)).ok_or_else(|| Problem::too_many(super::tracker::RETRY))?;
    let body = futures_util::stream::unfold((app, stream), async |(app, mut stream)| {
        let frames = stream.next().await?;
        app.metrics.http_media_bytes.add(frames.len() as u64);
        Some((Ok::<_, std::convert::Infallible>(frames), (app, stream)))
    });
    let mut response = frames(Body::from_stream(body));
    // nginx passes each part on at once.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

/// Messages with their lengths.
fn frames(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Which segments' manifests.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Segments {
    /// Media sequence number of the first segment.
    from: u32,
    /// How many segments, 1 to 256.
    #[param(minimum = 1, maximum = 256)]
    count: u32,
    /// From the token endpoint.
    token: String,
}

/// Manifests of a finished video's rendition (its index or its name), in order, each message with its length (u32, little-endian) before it.
/// Fewer at the video's end; none for a segment that is not shared.
#[utoipa::path(
    get, path = "/api/shoal/v1/swarms/{uuid}/manifests/{rendition}", tag = "Shoal",
    params(("uuid" = Uuid, Path), ("rendition" = String, Path), Segments),
    responses(
        (status = 200, content_type = "application/octet-stream"), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 429, body = ProblemBody)
    )
)]
async fn manifests(
    State(app): State<App>,
    Extension(brake): Extension<Arc<Brake>>,
    client: Client,
    Path((uuid, rendition)): Path<(String, String)>,
    Query(wanted): Query<Segments>,
) -> Result<Response<Body>> {
    brake.pass(client.address, Instant::now()).map_err(Problem::too_many)?;
    let (swarm, admitted) = app.vod.find(&app, video(&uuid)?, &wanted.token).await?.ok_or_else(no_swarm)?;
    if !admitted {
        return Err(Problem::forbidden("This token does not open the swarm"));
    }
    let index = swarm.manifests(&rendition).ok_or_else(|| Problem::not_found("Rendition"))?;
    if !(1..=MAX_MANIFESTS).contains(&wanted.count) {
        return Err(Problem::invalid("count", "must lie between 1 and 256"));
    }
    let span = index.span(wanted.from, wanted.count);
    // It goes with its video.
    let mut file = File::open(index.path()).await.map_err(|_| no_swarm())?;
    file.seek(SeekFrom::Start(span.start)).await.map_err(|error| Problem::internal(&error))?;
    let length = span.end - span.start;
    app.metrics.http_media_bytes.add(length);
    let mut response = frames(Body::from_stream(ReaderStream::with_capacity(file.take(length), CHUNK)));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    Ok(response)
}

/// A bit for each number of a list; `None` for an empty list, or a number that no stripe has.
fn bits(list: &str, stripes: u8) -> Option<u32> {
    let mut bits = 0;
    for number in list.split(',') {
        let number = number.parse::<u8>().ok().filter(|number| *number < stripes)?;
        bits |= 1 << number;
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lists_of_stripes() {
        assert_eq!(bits("0,2", 4), Some(0b101));
        assert_eq!(bits("3,3", 4), Some(0b1000));
        for bad in ["", "4", "0,", "x", "-1", "0;1", "300"] {
            assert_eq!(bits(bad, 4), None, "{bad}");
        }
    }
}
