//! Videos: lists, one in full, changes, views.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Instant;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::USER_AGENT;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Base, Login, MaybeLogin, Page, VideoRef, Viewer, owns};
use super::fields::{Fields, QueryFields};
use super::form::Form;
use super::model::{List, Parts, VideoDetails, VideoSummary};
use super::problem::{Problem, ProblemBody, Result};
use super::serve::Client;
use super::video_bodies::VideoForm;
use super::video_form::{Made, PICTURES, change};
use super::viewers::{Place, ViewerId};
use crate::app::App;
use crate::domain::{
    CATEGORIES, ChannelId, CommentsPolicy, LANGUAGES, LICENCES, Privacy, Timestamp, User, Video, VideoState, label_of, language_of,
};
use crate::jobs::RemoveFiles;
use crate::pictures;
use crate::store::{Sort, Tx, VideoFilter};

/// Most values that a list is narrowed by: each is a part of the query.
const MAX_VALUES: usize = 100;
/// Longest text that is searched for.
const MAX_SEARCH: usize = 200;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(categories))
        .routes(routes!(licences))
        .routes(routes!(languages))
        .routes(routes!(privacies))
        .routes(routes!(details, update, delete))
        .routes(routes!(description))
        .routes(routes!(view))
        .routes(routes!(search))
}

/// What every list of videos can be narrowed and ordered by.
pub(super) fn filter(fields: &Fields) -> Result<VideoFilter> {
    let page = Page::parse(fields)?;
    let sort = match fields.text("sort") {
        None | Some("") => Sort::default(),
        Some(name) => Sort::parse(name).ok_or_else(|| Problem::invalid("sort", "is no known order"))?,
    };
    let texts = |name: &str| fields.list(name).into_iter().map(str::to_owned).collect();
    let time = |name: &'static str| {
        let text = fields.text(name).filter(|text| !text.is_empty());
        text.map(|text| Timestamp::parse(text).ok_or_else(|| Problem::invalid(name, "must be an RFC 3339 time"))).transpose()
    };
    let mut filter = VideoFilter {
        is_live: fields.flag("isLive")?,
        is_local: fields.flag("isLocal")?,
        channel_names: texts("channelNameOneOf"),
        host: fields.text("host").map(str::to_ascii_lowercase),
        categories: fields.integers("categoryOneOf")?,
        licences: fields.integers("licenceOneOf")?,
        languages: texts("languageOneOf"),
        tags: texts("tagsOneOf"),
        all_tags: texts("tagsAllOf"),
        has_hls: fields.flag("hasHLSFiles")?,
        has_web_videos: fields.flag("hasWebVideoFiles")?,
        published_from: time("startDate")?,
        published_until: time("endDate")?,
        min_duration_s: fields.integer("durationMin")?,
        max_duration_s: fields.integer("durationMax")?,
        nsfw: match fields.text("nsfw") {
            None | Some("both") => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) => return Err(Problem::invalid("nsfw", "must be true, false or both")),
        },
        sort,
        start: page.start,
        count: page.count,
        skip_count: fields.flag("skipCount")?.unwrap_or(false),
        ..VideoFilter::default()
    };
    for code in fields.integers("privacyOneOf")? {
        filter.privacies.push(Privacy::from_code(code).ok_or_else(|| Problem::invalid("privacyOneOf", "is not known"))?);
    }
    for code in fields.integers("stateOneOf")? {
        filter.states.push(VideoState::from_code(code).ok_or_else(|| Problem::invalid("stateOneOf", "is not known"))?);
    }
    let values = filter.categories.len() + filter.licences.len() + filter.languages.len() + filter.tags.len() + filter.all_tags.len();
    if values > MAX_VALUES {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Too many values to narrow the list by"));
    }
    if let Some(text) = fields.text("search").map(str::trim).filter(|text| !text.is_empty()) {
        if text.len() > MAX_SEARCH {
            return Err(Problem::invalid("search", "too long"));
        }
        filter.search = Some(text.to_owned());
    }
    Ok(filter)
}

/// Narrows a list to what is public (and internal, for users of this instance). Lives that wait or ended are left out, as PeerTube
/// does, unless a moderator asks for them with `include` bit 1 (NOT_PUBLISHED_STATE), or by `privacyOneOf` and `stateOneOf`.
pub(super) fn narrow_to_public(filter: &mut VideoFilter, fields: &Fields, user: Option<&User>) -> Result<()> {
    let include = fields.integer("include")?.unwrap_or(0);
    let asks_for_more = include != 0 || !filter.privacies.is_empty() || !filter.states.is_empty();
    if asks_for_more && !user.is_some_and(|user| user.role.moderates()) {
        return Err(Problem::unauthorized("You are not allowed to see all videos"));
    }
    if filter.privacies.is_empty() {
        filter.privacies.push(Privacy::Public);
        if user.is_some() {
            filter.privacies.push(Privacy::Internal);
        }
    }
    if filter.states.is_empty() {
        filter.states.push(VideoState::Published);
        if include & 1 != 0 {
            filter.states.extend([VideoState::WaitingForLive, VideoState::LiveEnded, VideoState::ToTranscode, VideoState::ToImport]);
        }
    }
    if fields.flag("excludeAlreadyWatched")?.unwrap_or(false) {
        let user = user.ok_or_else(|| Problem::invalid("excludeAlreadyWatched", "is for those who are logged in"))?;
        filter.not_watched_by = Some(user.id);
    }
    Ok(())
}

/// A page of what everybody may see.
#[utoipa::path(
    get, path = "/api/v1/videos", tag = "Video",
    params(
        ("start" = Option<i64>, Query), ("count" = Option<i64>, Query), ("sort" = Option<String>, Query),
        ("isLive" = Option<bool>, Query), ("isLocal" = Option<bool>, Query), ("nsfw" = Option<String>, Query),
        ("categoryOneOf" = Option<Vec<i64>>, Query), ("licenceOneOf" = Option<Vec<i64>>, Query),
        ("languageOneOf" = Option<Vec<String>>, Query), ("tagsOneOf" = Option<Vec<String>>, Query), ("tagsAllOf" = Option<Vec<String>>, Query),
        ("privacyOneOf" = Option<Vec<i64>>, Query), ("stateOneOf" = Option<Vec<i64>>, Query), ("host" = Option<String>, Query),
        ("hasHLSFiles" = Option<bool>, Query), ("hasWebVideoFiles" = Option<bool>, Query), ("excludeAlreadyWatched" = Option<bool>, Query),
        ("skipCount" = Option<bool>, Query), ("search" = Option<String>, Query), ("include" = Option<i64>, Query)
    ),
    responses((status = 200, body = List<VideoSummary>), (status = 400, body = ProblemBody))
)]
async fn list(
    State(app): State<App>,
    base: Base,
    MaybeLogin(user): MaybeLogin,
    QueryFields(fields): QueryFields,
) -> Result<Json<List<VideoSummary>>> {
    let mut wanted = filter(&fields)?;
    narrow_to_public(&mut wanted, &fields, user.as_ref())?;
    answer(&app, &base, &wanted).await
}

/// Videos whose title, or one of whose tags, contains `search`.
#[utoipa::path(
    get, path = "/api/v1/search/videos", tag = "Search",
    params(
        ("search" = String, Query), ("start" = Option<i64>, Query), ("count" = Option<i64>, Query), ("sort" = Option<String>, Query),
        ("isLive" = Option<bool>, Query), ("startDate" = Option<String>, Query), ("endDate" = Option<String>, Query),
        ("durationMin" = Option<i64>, Query), ("durationMax" = Option<i64>, Query)
    ),
    responses((status = 200, body = List<VideoSummary>), (status = 400, body = ProblemBody))
)]
async fn search(app: State<App>, base: Base, user: MaybeLogin, fields: QueryFields) -> Result<Json<List<VideoSummary>>> {
    list(app, base, user, fields).await
}

pub(super) async fn answer(app: &App, base: &Base, wanted: &VideoFilter) -> Result<Json<List<VideoSummary>>> {
    let (total, videos) = app.store.read().await?.videos().list(wanted).await?;
    // As PeerTube: whoever lists what is not published is told how far it is.
    let unpublished = wanted.states.iter().any(|state| *state != VideoState::Published);
    let summary = |video: &Video| {
        let summary = VideoSummary::of(video, app, base, false);
        if unpublished { summary.with_state(video) } else { summary }
    };
    let data = videos.iter().map(summary).collect();
    Ok(Json(List { total, data }))
}

fn labels(vocabulary: &[(i64, &'static str)]) -> Json<BTreeMap<i64, &'static str>> {
    Json(vocabulary.iter().copied().collect())
}

/// Categories by id.
#[utoipa::path(get, path = "/api/v1/videos/categories", tag = "Video", responses((status = 200, body = Object)))]
async fn categories() -> Json<BTreeMap<i64, &'static str>> {
    labels(CATEGORIES)
}

/// Licences by id.
#[utoipa::path(get, path = "/api/v1/videos/licences", tag = "Video", responses((status = 200, body = Object)))]
async fn licences() -> Json<BTreeMap<i64, &'static str>> {
    labels(LICENCES)
}

/// Languages by code.
#[utoipa::path(get, path = "/api/v1/videos/languages", tag = "Video", responses((status = 200, body = Object)))]
async fn languages() -> Json<BTreeMap<&'static str, &'static str>> {
    Json(LANGUAGES.iter().copied().collect())
}

/// Privacies by id.
#[utoipa::path(get, path = "/api/v1/videos/privacies", tag = "Video", responses((status = 200, body = Object)))]
async fn privacies() -> Json<BTreeMap<i64, &'static str>> {
    Json(Privacy::ALL.into_iter().map(|privacy| (privacy.code(), privacy.label())).collect())
}

/// One video in full. `id`: row id, UUID or short UUID.
#[utoipa::path(
    get, path = "/api/v1/videos/{id}", tag = "Video", params(("id" = String, Path)),
    responses((status = 200, body = VideoDetails), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn details(State(app): State<App>, base: Base, viewer: Viewer, id: VideoRef) -> Result<Json<VideoDetails>> {
    let mut tx = app.store.read().await?;
    let (video, _) = viewer.fetch(&app, &mut tx, id).await?;
    let position_s = match &viewer.user {
        Some(user) => match app.viewers.position(user.id, video.id) {
            Some(position_s) => Some(position_s),
            None => tx.history().position(user.id, video.id).await?,
        },
        None => None,
    };
    let (own, files) = (owns(viewer.user.as_ref(), &video), tx.files().of_video(video.id).await?);
    let is_unmade = matches!(video.state, VideoState::ToTranscode | VideoState::TranscodingFailed) && !video.is_live;
    let parts = Parts {
        tags: tx.videos().tags(video.id).await?,
        playlist: tx.playlists().of_video(video.id).await?,
        original: match own && is_unmade && files.is_empty() {
            true => tx.sources().of_video(video.id).await?,
            false => None,
        },
        files,
        latency_mode: match video.is_live {
            true => tx.lives().by_video(video.id).await?.map(|live| live.latency_mode),
            false => None,
        },
        position_s,
        own,
        media: tx.media().of_video(video.id).await?,
    };
    Ok(Json(VideoDetails::of(&video, parts, &app, &base)))
}

/// A video's whole description.
#[utoipa::path(
    get, path = "/api/v1/videos/{id}/description", tag = "Video", params(("id" = String, Path)),
    responses((status = 200, body = Object), (status = 404, body = ProblemBody))
)]
async fn description(State(app): State<App>, viewer: Viewer, id: VideoRef) -> Result<Json<Value>> {
    let (video, _) = viewer.fetch(&app, &mut app.store.read().await?, id).await?;
    Ok(Json(json!({ "description": video.description })))
}

/// Change a video: only the fields that are sent, and its pictures (`thumbnailfile`, `previewfile`). For its owner and moderators.
#[utoipa::path(
    put, path = "/api/v1/videos/{id}", tag = "Video", params(("id" = String, Path)), request_body = VideoForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn update(State(app): State<App>, Login(user): Login, id: VideoRef, request: Request) -> Result<StatusCode> {
    // Whose it is says who may send pictures at all.
    id.fetch_owned(&mut app.store.read().await?, &user).await?;
    let form = Form::read(request, &app, &PICTURES, None).await?;
    let made = Made::of(&app, &form).await?;
    let mut tx = app.store.write().await?;
    let mut video = id.fetch_owned(&mut tx, &user).await?;
    let before = video.clone();
    change(&mut tx, &mut video, &form.fields, &user).await?;
    if video.privacy != before.privacy && video.is_live && video.state == VideoState::Published {
        // Viewers are there already.
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Cannot update privacy of a live that has already started"));
    }
    made.give(&mut tx, &mut video).await?;
    let are_replaced = made.names().is_some();
    made.commit(tx, move || {
        if are_replaced {
            pictures::remove(&app.config.data_dir, before.thumbnail.as_deref(), before.preview.as_deref());
        }
        app.jobs.wake();
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sets what `fields` name, for new videos and changed ones alike.
pub(super) async fn apply(tx: &mut Tx, video: &mut Video, fields: &Fields, user: &User) -> Result<()> {
    let known = |field: &str, good: bool| if good { Ok(()) } else { Err(Problem::invalid(field, "is not known")) };
    if let Some(name) = fields.text("name") {
        video.name = Video::parse_name(name).map_err(|error| Problem::invalid("name", error.0))?;
    }
    for (field, place) in [("description", &mut video.description), ("support", &mut video.support)] {
        if let Some(text) = fields.nullable(field) {
            if text.is_some_and(|text| text.chars().count() > Video::MAX_DESCRIPTION) {
                return Err(Problem::invalid(field, "has at most 10000 characters"));
            }
            *place = text.map(str::to_owned);
        }
    }
    for (field, vocabulary, place) in [("category", CATEGORIES, &mut video.category), ("licence", LICENCES, &mut video.licence)] {
        match fields.nullable(field) {
            Some(Some(_)) => {
                let id = fields.integer(field)?;
                known(field, id.is_none_or(|id| label_of(vocabulary, id).is_some()))?;
                *place = id;
            }
            Some(None) => *place = None,
            None => {}
        }
    }
    if let Some(language) = fields.nullable("language") {
        known("language", language.is_none_or(|code| language_of(code).is_some()))?;
        video.language = language.map(str::to_owned);
    }
    if let Some(code) = fields.integer("privacy")? {
        let privacy = Privacy::from_code(code).ok_or_else(|| Problem::invalid("privacy", "is not known"))?;
        video.set_privacy(privacy, Timestamp::now());
    }
    if let Some(nsfw) = fields.flag("nsfw")? {
        video.nsfw = nsfw;
    }
    if let Some(enabled) = fields.flag("commentsEnabled")? {
        video.comments_policy = if enabled { CommentsPolicy::Enabled } else { CommentsPolicy::Disabled };
    }
    if let Some(code) = fields.integer("commentsPolicy")? {
        video.comments_policy = CommentsPolicy::from_code(code).ok_or_else(|| Problem::invalid("commentsPolicy", "is not known"))?;
    }
    if let Some(enabled) = fields.flag("downloadEnabled")? {
        video.download_enabled = enabled;
    }
    if let Some(wait) = fields.flag("waitTranscoding")? {
        video.wait_transcoding = wait;
    }
    match fields.nullable("originallyPublishedAt") {
        Some(Some(text)) => {
            let time = Timestamp::parse(text).ok_or_else(|| Problem::invalid("originallyPublishedAt", "must be an RFC 3339 time"))?;
            video.originally_published_at = Some(time);
        }
        Some(None) => video.originally_published_at = None,
        None => {}
    }
    if let Some(id) = fields.integer("channelId")?
        && id != video.channel.id.0
    {
        video.channel = own_channel(tx, ChannelId(id), user).await?;
    }
    Ok(())
}

/// A channel that this user may put videos into.
pub(super) async fn own_channel(tx: &mut Tx, id: ChannelId, user: &User) -> Result<crate::domain::Channel> {
    let channel = tx.channels().by_id(id).await?.filter(|channel| channel.actor.host.is_none());
    let channel = channel.ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "Unknown video channel on this instance."))?;
    if channel.account.id == user.account_id || user.role.moderates() {
        Ok(channel)
    } else {
        Err(Problem::forbidden("Cannot put a video into a channel of another user"))
    }
}

/// Delete a video; a running broadcast ends. For its owner and moderators.
#[utoipa::path(
    delete, path = "/api/v1/videos/{id}", tag = "Video", params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn delete(State(app): State<App>, Login(user): Login, id: VideoRef) -> Result<StatusCode> {
    let video = id.fetch_owned(&mut app.store.read().await?, &user).await?;
    app.live.end(video.uuid).await;
    let mut tx = app.store.write().await?;
    // Again: the end of its broadcast may have changed it.
    let video = VideoRef::Id(video.id).fetch(&mut tx).await?;
    let files = tx.files().of_video(video.id).await?;
    tx.videos().delete(video.id).await?;
    tx.jobs().enqueue(&RemoveFiles::of(&video, &files)).await?;
    tx.commit().await?;
    app.jobs.wake();
    app.vod.close(&app.metrics, video.uuid);
    Ok(StatusCode::NO_CONTENT)
}

/// Where a viewer is.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct ViewForm {
    /// Seconds from the video's beginning.
    current_time: f64,
    /// `seek` after a jump.
    view_event: Option<String>,
    /// Tells viewers behind one address apart; at most 100 bytes.
    session_id: Option<String>,
}

/// A viewer is watching: sent every few seconds while playing. `currentTime` in seconds; `viewEvent` `seek` after a jump.
#[utoipa::path(
    post, path = "/api/v1/videos/{id}/views", tag = "Video", params(("id" = String, Path)), request_body = ViewForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn view(
    State(app): State<App>,
    client: Client,
    headers: HeaderMap,
    viewer: Viewer,
    id: VideoRef,
    fields: Fields,
) -> Result<StatusCode> {
    let position = fields.number("currentTime")?.ok_or_else(|| Problem::invalid("currentTime", "is needed"))?;
    if !position.is_finite() || position < 0.0 {
        return Err(Problem::invalid("currentTime", "must not be negative"));
    }
    let jumped = match fields.text("viewEvent") {
        None | Some("") => false,
        Some("seek") => true,
        Some(_) => return Err(Problem::invalid("viewEvent", "must be seek")),
    };
    let (video, _) = viewer.fetch(&app, &mut app.store.read().await?, id).await?;
    // An owner who looks at their own stream counts like anybody else.
    let session = fields.text("sessionId").filter(|text| text.len() <= 100);
    // Of a live there is no place to go back to.
    let place = (!video.is_live).then_some(Place { position_s: position, duration_ms: video.duration_ms, jumped });
    app.viewers.beat_at(video.uuid, viewer_id(client, session, &headers), place, Instant::now());
    if let Some(user) = viewer.user.filter(|user| user.preferences.videos_history && !video.is_live) {
        app.viewers.remember(user.id, video.id, position as i64);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Who shares address, program and session id is one viewer.
fn viewer_id(client: Client, session: Option<&str>, headers: &HeaderMap) -> ViewerId {
    let mut hasher = DefaultHasher::new();
    client.address.hash(&mut hasher);
    match session {
        Some(session) => session.hash(&mut hasher),
        None => headers.get(USER_AGENT).map(|value| value.as_bytes()).hash(&mut hasher),
    }
    ViewerId(hasher.finish())
}
