//! How videos were watched, for their owners; and what players report while they play.

use std::time::Instant;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Login, VideoRef, Viewer};
use super::fields::{Fields, QueryFields};
use super::problem::{Problem, ProblemBody, Result};
use crate::app::App;
use crate::domain::{Timestamp, User, Video};
use crate::store::{Overall, RETENTION_BUCKETS, SLOT_MS, Tx, Watch};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Most that a player is believed to have got in the 15 s between two reports: 1 Gbit/s.
const MAX_REPORTED: i64 = 15 * 125_000_000;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(overall)).routes(routes!(timeseries)).routes(routes!(retention)).routes(routes!(playback))
}

/// A video of this user's, and the slots between `startDate` and `endDate` (from its beginning until now, unless they are named).
async fn watched(tx: &mut Tx, user: &User, id: VideoRef, fields: &Fields) -> Result<(Video, Span, Vec<(i64, Watch)>)> {
    let video = id.fetch_owned(tx, user).await?;
    let time = |name: &'static str| {
        let text = fields.text(name).filter(|text| !text.is_empty());
        text.map(|text| Timestamp::parse(text).ok_or_else(|| Problem::invalid(name, "must be an RFC 3339 time"))).transpose()
    };
    let now = Timestamp::now();
    let until = time("endDate")?.unwrap_or(now).min(now);
    // Nobody watched it before it was there.
    let from = time("startDate")?.unwrap_or(video.created_at).max(video.created_at);
    let span = Span { from, until };
    let slots = if from <= until { tx.stats().slots(video.id, from, until).await? } else { Vec::new() };
    Ok((video, span, slots))
}

/// A time.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: Timestamp,
    until: Timestamp,
}

/// Sums over a time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OverallView {
    /// Of one viewer, in seconds.
    average_watch_time: i64,
    /// Of all, in seconds.
    total_watch_time: i64,
    /// Most viewers at once.
    viewers_peak: i64,
    /// When that was.
    #[schema(value_type = Option<String>)]
    viewers_peak_date: Option<Timestamp>,
    /// Different viewers.
    total_viewers: i64,
    /// Where they are is not looked up.
    #[schema(value_type = Vec<Object>)]
    countries: Vec<serde_json::Value>,
    /// Where they are is not looked up.
    #[schema(value_type = Vec<Object>)]
    subdivisions: Vec<serde_json::Value>,
    /// Shoal's own: what players say that they got from this server, in bytes.
    http_bytes: i64,
    /// Shoal's own: what players say that they got from each other, in bytes.
    p2p_bytes: i64,
}

impl OverallView {
    fn of(sums: &Overall) -> Self {
        let total_watch_time = sums.watch_ms / 1000;
        Self {
            average_watch_time: if sums.viewers > 0 { total_watch_time / sums.viewers } else { 0 },
            total_watch_time,
            viewers_peak: sums.peak,
            viewers_peak_date: sums.peak_at,
            total_viewers: sums.viewers,
            countries: Vec::new(),
            subdivisions: Vec::new(),
            http_bytes: sums.http_bytes,
            p2p_bytes: sums.p2p_bytes,
        }
    }
}

/// How a video was watched in all. For its owner and moderators.
#[utoipa::path(
    get, path = "/api/v1/videos/{id}/stats/overall", operation_id = "video_stats_overall", tag = "Video Stats",
    params(("id" = String, Path), ("startDate" = Option<String>, Query), ("endDate" = Option<String>, Query)),
    responses((status = 200, body = OverallView), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn overall(State(app): State<App>, Login(user): Login, id: VideoRef, QueryFields(fields): QueryFields) -> Result<Json<OverallView>> {
    let mut tx = app.store.read().await?;
    let (_, _, slots) = watched(&mut tx, &user, id, &fields).await?;
    Ok(Json(OverallView::of(&Overall::of(&slots))))
}

/// A point of a series.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
struct Point {
    /// When its interval begins.
    #[schema(value_type = String)]
    date: Timestamp,
    /// Viewers, or seconds.
    value: i64,
}

/// What happened over time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SeriesView {
    /// In words.
    group_interval: &'static str,
    /// In order, without gaps.
    data: Vec<Point>,
}

/// What a series is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Metric {
    Viewers,
    WatchTime,
}

/// How a video was watched over time. `metric`: `viewers`, or `aggregateWatchTime` in seconds. For its owner and moderators.
#[utoipa::path(
    get, path = "/api/v1/videos/{id}/stats/timeseries/{metric}", operation_id = "video_stats_timeseries", tag = "Video Stats",
    params(
        ("id" = String, Path), ("metric" = String, Path), ("startDate" = Option<String>, Query), ("endDate" = Option<String>, Query)
    ),
    responses((status = 200, body = SeriesView), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn timeseries(
    State(app): State<App>,
    Login(user): Login,
    Path((id, metric)): Path<(String, String)>,
    QueryFields(fields): QueryFields,
) -> Result<Json<SeriesView>> {
    let id = VideoRef::parse(&id).ok_or_else(|| Problem::invalid("id", "must be a number, a UUID or a short UUID"))?;
    let metric = match metric.as_str() {
        "viewers" => Metric::Viewers,
        "aggregateWatchTime" => Metric::WatchTime,
        _ => return Err(Problem::invalid("metric", "must be viewers or aggregateWatchTime")),
    };
    let mut tx = app.store.read().await?;
    let (_, span, slots) = watched(&mut tx, &user, id, &fields).await?;
    Ok(Json(series(metric, span, &slots)))
}

/// Intervals so long that a page can draw them all.
fn interval_of(span: Span) -> (i64, &'static str) {
    match span.until.as_millis() - span.from.as_millis() {
        length if length > 366 * DAY_MS => (7 * DAY_MS, "7 days"),
        length if length > 3 * DAY_MS => (DAY_MS, "1 day"),
        length if length > 6 * HOUR_MS => (HOUR_MS, "1 hour"),
        _ => (SLOT_MS, "10 minutes"),
    }
}

fn series(metric: Metric, span: Span, slots: &[(i64, Watch)]) -> SeriesView {
    let (interval_ms, group_interval) = interval_of(span);
    let mut data = Vec::new();
    let mut rest = slots;
    let mut begin = span.from.as_millis().div_euclid(interval_ms) * interval_ms;
    while begin <= span.until.as_millis() {
        let end = begin + interval_ms;
        let here = rest.partition_point(|(slot, _)| slot * SLOT_MS < end);
        let sums = Overall::of(&rest[..here]);
        rest = &rest[here..];
        let value = match metric {
            Metric::Viewers => sums.viewers,
            Metric::WatchTime => sums.watch_ms / 1000,
        };
        data.push(Point { date: Timestamp::from_millis(begin), value });
        begin = end;
    }
    SeriesView { group_interval, data }
}

/// How many were still there.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Retained {
    /// At this second of the video.
    second: i64,
    /// Of all its viewers.
    retention_percent: f64,
}

/// How many saw what of a video.
#[derive(Serialize, ToSchema)]
struct RetentionView {
    /// In order.
    data: Vec<Retained>,
}

/// How many viewers saw each part of a video. For its owner and moderators.
#[utoipa::path(
    get, path = "/api/v1/videos/{id}/stats/retention", operation_id = "video_stats_retention", tag = "Video Stats", params(("id" = String, Path)),
    responses((status = 200, body = RetentionView), (status = 400, body = ProblemBody), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn retention(State(app): State<App>, Login(user): Login, id: VideoRef) -> Result<Json<RetentionView>> {
    let mut tx = app.store.read().await?;
    let video = id.fetch_owned(&mut tx, &user).await?;
    if video.is_live {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Cannot get retention stats of live video"));
    }
    let seen = tx.stats().retention(video.id).await?;
    Ok(Json(RetentionView { data: retained(&seen, video.duration_ms) }))
}

/// Everybody who saw any part saw the part that most saw, or nearly: it stands for all viewers.
fn retained(seen: &[(i64, i64)], duration_ms: i64) -> Vec<Retained> {
    let all = seen.iter().map(|(_, viewers)| *viewers).max().unwrap_or(0);
    let mut data: Vec<Retained> = Vec::new();
    if all == 0 {
        return data;
    }
    for bucket in 0..i64::from(RETENTION_BUCKETS) {
        let second = bucket * duration_ms / i64::from(RETENTION_BUCKETS) / 1000;
        let viewers = seen.iter().find(|(known, _)| *known == bucket).map_or(0, |(_, viewers)| *viewers);
        let percent = (viewers as f64 * 10_000.0 / all as f64).round() / 100.0;
        // Of a short video several parts begin in one second.
        if data.last().is_none_or(|last| last.second < second) {
            data.push(Retained { second, retention_percent: percent });
        }
    }
    data
}

/// What a player got.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
struct PlaybackForm {
    /// Row id, UUID or short UUID.
    #[serde(rename = "videoId")]
    video_id: String,
    /// Bytes from the server.
    #[serde(rename = "downloadedBytesHTTP")]
    http_bytes: Option<i64>,
    /// Bytes from other viewers.
    #[serde(rename = "downloadedBytesP2P")]
    p2p_bytes: Option<i64>,
}

/// What a player reports every 15 s: what it got since the last time, by HTTP and from other viewers.
#[utoipa::path(
    post, path = "/api/v1/metrics/playback", operation_id = "playback_metrics", tag = "Stats", request_body = PlaybackForm,
    responses((status = 204), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody))
)]
async fn playback(State(app): State<App>, viewer: Viewer, fields: Fields) -> Result<StatusCode> {
    let bytes = |name: &str| match fields.integer(name)? {
        Some(bytes) if bytes < 0 => Err(Problem::invalid(name, "must not be negative")),
        bytes => Ok(bytes.unwrap_or(0).min(MAX_REPORTED)),
    };
    let (http_bytes, p2p_bytes) = (bytes("downloadedBytesHTTP")?, bytes("downloadedBytesP2P")?);
    let id = fields.text("videoId").and_then(VideoRef::parse);
    let id = id.ok_or_else(|| Problem::invalid("videoId", "must be a number, a UUID or a short UUID"))?;
    let (video, _) = viewer.fetch(&app, &mut app.store.read().await?, id).await?;
    app.viewers.traffic(video.uuid, http_bytes, p2p_bytes, Instant::now());
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(present: i64, started: i64, watch_ms: i64) -> Watch {
        Watch { present, started, watch_ms, ..Watch::default() }
    }

    #[test]
    fn series_have_no_gaps_and_count_nobody_twice() {
        let span = |from, until| Span { from: Timestamp::from_millis(from), until: Timestamp::from_millis(until) };
        let slots = [(0, slot(3, 3, 60_000)), (2, slot(4, 1, 30_000))];
        let fine = series(Metric::Viewers, span(0, 3 * SLOT_MS - 1), &slots);
        assert_eq!(fine.group_interval, "10 minutes");
        assert_eq!(fine.data.iter().map(|point| point.value).collect::<Vec<_>>(), [3, 0, 4]);
        let coarse = series(Metric::Viewers, span(0, 7 * HOUR_MS), &slots);
        assert_eq!((coarse.group_interval, coarse.data.len(), coarse.data[0].value), ("1 hour", 8, 4));
        assert_eq!(series(Metric::WatchTime, span(0, 7 * HOUR_MS), &slots).data[0].value, 90);
        assert_eq!(interval_of(span(0, 10 * 366 * DAY_MS)), (7 * DAY_MS, "7 days"));
        assert!(series(Metric::Viewers, span(10, 0), &[]).data.len() <= 1);
    }

    #[test]
    fn retention_is_relative_to_the_most_seen_part() {
        let percent = retained(&[(0, 4), (1, 2)], 200_000);
        assert_eq!(percent.len(), 100);
        assert_eq!(percent[0], Retained { second: 0, retention_percent: 100.0 });
        assert_eq!(percent[1], Retained { second: 2, retention_percent: 50.0 });
        assert_eq!(percent[99].retention_percent, 0.0);
        assert_eq!(retained(&[(0, 1)], 3000).len(), 3, "a short one has few seconds");
        assert_eq!(retained(&[], 3000), []);
    }
}
