//! The JSON of the API: PeerTube's fields, in its order. The fixtures in `tests/` were captured from it.

use serde::Serialize;
use utoipa::ToSchema;

use super::extract::Base;
use super::{hls, torrents};
use crate::app::App;
use crate::domain::{
    Account, Actor, ActorImage, ActorImages, CATEGORIES, Channel, LICENCES, LatencyMode, Live, LiveSession, Media, Place, Playlist,
    Privacy, RegistrationState, Timestamp, User, Video, VideoFile, VideoState, label_of, language_of, short_uuid,
};
use crate::store::Source;
use crate::torrent;

/// A value with its name; `id` null is "Unknown".
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Labelled<T> {
    /// The value.
    pub id: T,
    /// Its name.
    pub label: String,
}

/// A value with its name.
pub(super) fn labelled<T>(id: T, label: Option<&str>) -> Labelled<T> {
    Labelled { id, label: label.unwrap_or("Unknown").to_owned() }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// How many there are in all.
    pub total: i64,
    /// These.
    pub data: Vec<T>,
}

/// The ids of a video.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VideoIds {
    /// Row id.
    pub id: i64,
    /// Public id.
    pub uuid: String,
    /// Its short form.
    #[serde(rename = "shortUUID")]
    pub short_uuid: String,
}

impl VideoIds {
    /// Of this video.
    pub fn of(video: &Video) -> Self {
        Self { id: video.id.0, uuid: video.uuid.to_string(), short_uuid: short_uuid(video.uuid) }
    }
}

/// An answer that holds only a new video's ids.
#[derive(Debug, Serialize, ToSchema)]
pub struct Created {
    /// The new video.
    pub video: VideoIds,
}

/// A picture.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Where it is, without scheme and host; of remote ones the address.
    pub path: String,
    /// Where it is.
    pub file_url: String,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// When it was made.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// The same: pictures are never changed, only replaced.
    #[schema(value_type = String)]
    pub updated_at: Timestamp,
}

impl Image {
    /// Square pictures.
    pub fn avatars(images: &ActorImages, base: &Base) -> Vec<Self> {
        images.avatars.iter().map(|image| Self::of(image, "avatars", base)).collect()
    }

    /// Wide pictures.
    pub fn banners(images: &ActorImages, base: &Base) -> Vec<Self> {
        images.banners.iter().map(|image| Self::of(image, "banners", base)).collect()
    }

    fn of(image: &ActorImage, folder: &str, base: &Base) -> Self {
        let is_remote = image.file.contains("://");
        let path = if is_remote { image.file.clone() } else { format!("/lazy-static/{folder}/{}", image.file) };
        let file_url = if is_remote { path.clone() } else { format!("{}{path}", base.0) };
        Self { path, file_url, width: image.width, height: image.height, created_at: image.created_at, updated_at: image.created_at }
    }
}

/// An account or channel in short.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActorSummary {
    /// Row id.
    pub id: i64,
    /// As shown.
    pub display_name: String,
    /// Before the `@`.
    pub name: String,
    /// ActivityPub id.
    pub url: String,
    /// After the `@`.
    pub host: String,
    /// Pictures.
    pub avatars: Vec<Image>,
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    /// ActivityPub id.
    pub url: String,
    /// Before the `@`.
    pub name: String,
    /// After the `@`.
    pub host: String,
    /// Pictures.
    pub avatars: Vec<Image>,
    /// Row id.
    pub id: i64,
    /// Mirrors videos of that host.
    pub host_redundancy_allowed: bool,
    /// Follows.
    pub following_count: i64,
    /// Is followed by.
    pub followers_count: i64,
    /// When it was made.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// As shown.
    pub display_name: String,
    /// About them.
    pub description: Option<String>,
    /// When it last changed.
    #[schema(value_type = String)]
    pub updated_at: Timestamp,
    /// The user behind it; only local ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<i64>,
}

/// A channel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelView {
    /// ActivityPub id.
    pub url: String,
    /// Before the `@`.
    pub name: String,
    /// After the `@`.
    pub host: String,
    /// Pictures.
    pub avatars: Vec<Image>,
    /// Row id.
    pub id: i64,
    /// Mirrors videos of that host.
    pub host_redundancy_allowed: bool,
    /// Follows.
    pub following_count: i64,
    /// Is followed by.
    pub followers_count: i64,
    /// When it was made.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// Wide pictures.
    pub banners: Vec<Image>,
    /// As shown.
    pub display_name: String,
    /// About it.
    pub description: Option<String>,
    /// How to support it.
    pub support: Option<String>,
    /// From this instance.
    pub is_local: bool,
    /// When it last changed.
    #[schema(value_type = String)]
    pub updated_at: Timestamp,
    /// Whose; absent where that is said already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_account: Option<AccountView>,
}

fn host(actor: &Actor, base: &Base) -> String {
    actor.host.clone().unwrap_or_else(|| base.authority().to_owned())
}

fn actor_url(actor: &Actor, kind: &str, base: &Base) -> String {
    actor.url.clone().unwrap_or_else(|| format!("{}/{kind}/{}", base.0, actor.name))
}

impl AccountView {
    /// Of this account.
    pub fn of(account: &Account, base: &Base) -> Self {
        Self {
            url: actor_url(&account.actor, "accounts", base),
            name: account.actor.name.clone(),
            host: host(&account.actor, base),
            avatars: Image::avatars(&account.actor.images, base),
            id: account.id.0,
            host_redundancy_allowed: false,
            following_count: account.actor.following_count,
            followers_count: account.actor.followers_count,
            created_at: account.actor.created_at,
            display_name: account.display_name.clone(),
            description: account.description.clone(),
            updated_at: account.actor.updated_at,
            user_id: account.user_id.map(|id| id.0),
        }
    }
}

impl ChannelView {
    /// Of this channel.
    pub fn of(channel: &Channel, base: &Base) -> Self {
        Self {
            url: actor_url(&channel.actor, "video-channels", base),
            name: channel.actor.name.clone(),
            host: host(&channel.actor, base),
            avatars: Image::avatars(&channel.actor.images, base),
            id: channel.id.0,
            host_redundancy_allowed: false,
            following_count: channel.actor.following_count,
            followers_count: channel.actor.followers_count,
            created_at: channel.actor.created_at,
            banners: Image::banners(&channel.actor.images, base),
            display_name: channel.display_name.clone(),
            description: channel.description.clone(),
            support: channel.support.clone(),
            is_local: channel.actor.host.is_none(),
            updated_at: channel.actor.updated_at,
            owner_account: Some(AccountView::of(&channel.account, base)),
        }
    }
}

/// A video in lists.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VideoSummary<A = ActorSummary, C = ActorSummary> {
    /// Row id.
    pub id: i64,
    /// Public id.
    pub uuid: String,
    /// Its short form.
    #[serde(rename = "shortUUID")]
    pub short_uuid: String,
    /// ActivityPub id.
    pub url: String,
    /// Title.
    pub name: String,
    /// What it is about.
    pub category: Labelled<Option<i64>>,
    /// What may be done with it.
    pub licence: Labelled<Option<i64>>,
    /// What is spoken.
    pub language: Labelled<Option<String>>,
    /// Who may see it.
    pub privacy: Labelled<i64>,
    /// Not safe for work.
    pub nsfw: bool,
    /// The first 250 characters of the description.
    pub truncated_description: Option<String>,
    /// Markdown; lists have the first 250 characters.
    pub description: Option<String>,
    /// From this instance.
    pub is_local: bool,
    /// In seconds; 0 for a live.
    pub duration: i64,
    /// Width over height.
    pub aspect_ratio: Option<f64>,
    /// Counted views.
    pub views: i64,
    /// Watching now.
    pub viewers: u64,
    /// Likes.
    pub likes: i64,
    /// Dislikes.
    pub dislikes: i64,
    /// Small picture.
    pub thumbnail_path: Option<String>,
    /// Large picture.
    pub preview_path: Option<String>,
    /// For iframes.
    pub embed_path: String,
    /// When it was made.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String)]
    pub updated_at: Timestamp,
    /// When it was published; a live: when its last session began.
    #[schema(value_type = String)]
    pub published_at: Timestamp,
    /// When it first appeared elsewhere.
    #[schema(value_type = Option<String>)]
    pub originally_published_at: Option<Timestamp>,
    /// A live, also while it waits.
    pub is_live: bool,
    /// Whose.
    pub account: A,
    /// Where.
    pub channel: C,
    /// Where it stands; in lists only for the owner and for lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Labelled<i64>>,
    /// Published only once transcoded; in lists only for the owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_transcoding: Option<bool>,
    /// Taken down; in lists only for the owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blacklisted: Option<bool>,
    /// Why; in lists only for the owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blacklisted_reason: Option<Option<String>>,
    /// Its privacy will change; only for the owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled_update: Option<ScheduledUpdate>,
    /// Where whoever asks stopped watching.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_history: Option<UserHistory>,
}

/// A change of privacy to come.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledUpdate {
    /// When.
    #[schema(value_type = String)]
    pub update_at: Timestamp,
    /// To this.
    pub privacy: i64,
}

/// Where somebody stopped watching.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserHistory {
    /// In seconds.
    pub current_time: i64,
}

fn scheduled_update(video: &Video) -> Option<ScheduledUpdate> {
    video.schedule.map(|schedule| ScheduledUpdate { update_at: schedule.update_at, privacy: schedule.privacy.code() })
}

/// A file to play or download.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileView {
    /// Row id.
    pub id: i64,
    /// Lines; 0 is audio only.
    pub resolution: Labelled<i64>,
    /// In pixels.
    pub width: Option<i64>,
    /// In pixels.
    pub height: Option<i64>,
    /// Leads to the torrent and to `fileUrl`; null where there is no torrent, and until a job has hashed the file.
    pub magnet_uri: Option<String>,
    /// In bytes.
    pub size: i64,
    /// Frames per second; -1 unknown.
    pub fps: i64,
    /// A torrent that leads to `fileUrl`; none of what is in object storage or on another server.
    pub torrent_url: Option<String>,
    /// The same, to save it.
    pub torrent_download_url: Option<String>,
    /// To play.
    pub file_url: String,
    /// To download.
    pub file_download_url: String,
    /// What ffprobe would say; not kept.
    pub metadata_url: Option<String>,
    /// Sound.
    pub has_audio: bool,
    /// Pictures.
    pub has_video: bool,
    /// 0: on this server; 1: in object storage.
    pub storage: i64,
}

/// An HLS presentation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlaylistView {
    /// Row id.
    pub id: i64,
    /// 1: HLS.
    #[serde(rename = "type")]
    pub kind: i64,
    /// Multivariant playlist.
    pub playlist_url: String,
    /// Hashes of its segments.
    pub segments_sha256_url: Option<String>,
    /// Mirrors.
    #[schema(value_type = Vec<Object>)]
    pub redundancies: Vec<serde_json::Value>,
    /// Whole files.
    pub files: Vec<FileView>,
}

/// A video in full.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VideoDetails {
    /// What lists show too.
    #[serde(flatten)]
    pub summary: VideoSummary<AccountView, ChannelView>,
    /// HLS; empty while a live waits.
    pub streaming_playlists: Vec<PlaylistView>,
    /// Plain files.
    pub files: Vec<FileView>,
    /// How to support its makers.
    pub support: Option<String>,
    /// Where the whole description is.
    pub description_path: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Older form of `commentsPolicy`.
    pub comments_enabled: bool,
    /// Who may comment.
    pub comments_policy: Labelled<i64>,
    /// Viewers may download.
    pub download_enabled: bool,
    /// When its file was last replaced.
    #[schema(value_type = Option<String>)]
    pub input_file_updated_at: Option<Timestamp>,
    /// Where peers meet.
    pub tracker_urls: Vec<String>,
    /// Shoal's own: of a live, how far behind life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_mode: Option<i64>,
}

impl VideoSummary {
    /// With where whoever asks stopped watching.
    #[must_use]
    pub fn watched_until(mut self, position_s: i64) -> Self {
        self.user_history = Some(UserHistory { current_time: position_s });
        self
    }

    /// With how far it is: for lists of what is not published as well.
    #[must_use]
    pub fn with_state(mut self, video: &Video) -> Self {
        self.state = Some(state(video.state));
        self.wait_transcoding = Some(video.wait_transcoding);
        self
    }

    /// For lists. `own` adds what only the owner sees.
    pub fn of(video: &Video, app: &App, base: &Base, own: bool) -> Self {
        let mut summary = summary(video, app, base, actor_summary(&video.channel.account, base), channel_summary(&video.channel, base));
        summary.description = summary.truncated_description.clone();
        if own || video.is_live {
            summary.state = Some(state(video.state));
        }
        if own {
            summary.scheduled_update = scheduled_update(video);
            summary.wait_transcoding = Some(video.wait_transcoding);
            summary.blacklisted = Some(false);
            summary.blacklisted_reason = Some(None);
        }
        summary
    }
}

fn actor_summary(account: &Account, base: &Base) -> ActorSummary {
    ActorSummary {
        id: account.id.0,
        display_name: account.display_name.clone(),
        name: account.actor.name.clone(),
        url: actor_url(&account.actor, "accounts", base),
        host: host(&account.actor, base),
        avatars: Image::avatars(&account.actor.images, base),
    }
}

fn channel_summary(channel: &Channel, base: &Base) -> ActorSummary {
    ActorSummary {
        id: channel.id.0,
        display_name: channel.display_name.clone(),
        name: channel.actor.name.clone(),
        url: actor_url(&channel.actor, "video-channels", base),
        host: host(&channel.actor, base),
        avatars: Image::avatars(&channel.actor.images, base),
    }
}

fn state(state: VideoState) -> Labelled<i64> {
    labelled(state.code(), Some(state.label()))
}

fn summary<A, C>(video: &Video, app: &App, base: &Base, account: A, channel: C) -> VideoSummary<A, C> {
    VideoSummary {
        id: video.id.0,
        uuid: video.uuid.to_string(),
        short_uuid: short_uuid(video.uuid),
        url: video.url.clone().unwrap_or_else(|| format!("{}/videos/watch/{}", base.0, video.uuid)),
        name: video.name.clone(),
        category: labelled(video.category, video.category.and_then(|id| label_of(CATEGORIES, id))),
        licence: labelled(video.licence, video.licence.and_then(|id| label_of(LICENCES, id))),
        language: labelled(video.language.clone(), video.language.as_deref().and_then(language_of)),
        privacy: privacy(video.privacy),
        nsfw: video.nsfw,
        truncated_description: video.truncated_description(),
        description: video.description.clone(),
        is_local: !video.remote,
        // To the nearest second, as PeerTube.
        duration: (video.duration_ms + 500) / 1000,
        aspect_ratio: video.aspect_ratio.map(|ratio| (ratio * 10_000.0).round() / 10_000.0),
        views: video.views,
        viewers: app.viewers.count(video.uuid),
        likes: video.likes,
        dislikes: video.dislikes,
        thumbnail_path: video.thumbnail.as_ref().map(|name| format!("/lazy-static/thumbnails/{name}")),
        preview_path: video.preview.as_ref().map(|name| format!("/lazy-static/previews/{name}")),
        embed_path: format!("/videos/embed/{}", video.uuid),
        created_at: video.created_at,
        updated_at: video.updated_at,
        published_at: video.published_at,
        originally_published_at: video.originally_published_at,
        is_live: video.is_live,
        account,
        channel,
        state: None,
        wait_transcoding: None,
        blacklisted: None,
        blacklisted_reason: None,
        scheduled_update: None,
        user_history: None,
    }
}

fn privacy(privacy: Privacy) -> Labelled<i64> {
    labelled(privacy.code(), Some(privacy.label()))
}

/// What belongs to a video besides its row.
#[derive(Debug, Default)]
pub struct Parts {
    /// Words to find it by.
    pub tags: Vec<String>,
    /// HLS, if there is something to play.
    pub playlist: Option<Playlist>,
    /// Whole files.
    pub files: Vec<VideoFile>,
    /// Of a live.
    pub latency_mode: Option<LatencyMode>,
    /// Where whoever asks stopped watching, in seconds.
    pub position_s: Option<i64>,
    /// Whoever asks owns it, or moderates.
    pub own: bool,
    /// Where the files are.
    pub media: Media,
    /// What it is being made from, for its owner while there are no files.
    pub original: Option<Source>,
}

impl VideoDetails {
    /// In full.
    pub fn of(video: &Video, parts: Parts, app: &App, base: &Base) -> Self {
        let account = AccountView::of(&video.channel.account, base);
        let channel = ChannelView::of(&video.channel, base);
        let mut summary = summary(video, app, base, account, channel);
        summary.state = Some(state(video.state));
        summary.wait_transcoding = Some(video.wait_transcoding);
        summary.blacklisted = Some(false);
        summary.blacklisted_reason = Some(None);
        summary.scheduled_update = scheduled_update(video).filter(|_| parts.own);
        summary.user_history = parts.position_s.map(|current_time| UserHistory { current_time });
        let file = |file: &VideoFile| file_view(video, file, parts.media.place, base);
        let (hls, plain): (Vec<_>, Vec<_>) = parts.files.iter().partition(|file| file.playlist_id.is_some());
        Self {
            streaming_playlists: parts
                .playlist
                .iter()
                .map(|playlist| PlaylistView {
                    id: playlist.id.0,
                    kind: 1,
                    playlist_url: hls_url(video, &playlist.playlist, base),
                    segments_sha256_url: playlist.segments_sha256.as_ref().map(|name| hls_url(video, name, base)),
                    redundancies: Vec::new(),
                    files: hls.iter().copied().map(file).collect(),
                })
                .collect(),
            files: match &parts.original {
                Some(source) if plain.is_empty() => vec![original_view(video, source, base)],
                _ => plain.into_iter().map(file).collect(),
            },
            support: video.support.clone(),
            description_path: format!("/api/v1/videos/{}/description", video.uuid),
            tags: parts.tags,
            comments_enabled: video.comments_policy != crate::domain::CommentsPolicy::Disabled,
            comments_policy: labelled(video.comments_policy.code(), Some(video.comments_policy.label())),
            download_enabled: video.download_enabled,
            input_file_updated_at: video.input_file_updated_at,
            tracker_urls: super::tracker::urls(video, app, base),
            latency_mode: parts.latency_mode.map(LatencyMode::code),
            summary,
        }
    }
}

/// The address of a file in a video's HLS folder; remote ones are addresses already.
fn hls_url(video: &Video, name: &str, base: &Base) -> String {
    if video.remote { name.to_owned() } else { format!("{}{}{}/{name}", base.0, hls::FOLDER, video.uuid) }
}

/// Where a file is fetched from.
pub(super) fn file_address(video: &Video, file: &VideoFile, base: &Base) -> String {
    if video.remote || file.playlist_id.is_some() {
        hls_url(video, &file.file, base)
    } else {
        format!("{}/static/web-videos/{}", base.0, file.file)
    }
}

/// Where its owner fetches what a video was made from.
pub(super) fn original_address(video: &Video, source: &Source, base: &Base) -> String {
    let end = source.file.rsplit('.').next().unwrap_or("bin");
    format!("{}/download/original-video-files/{}.{end}", base.0, video.uuid)
}

fn file_view(video: &Video, file: &VideoFile, place: Place, base: &Base) -> FileView {
    let file_url = file_address(video, file, base);
    let torrent = (place == Place::Disk && !video.remote).then(|| torrents::name_of(video.uuid, file));
    let torrent_url = torrent.as_ref().map(|name| format!("{}/lazy-static/torrents/{name}", base.0));
    let magnet_uri = match (&file.info_hash, &torrent_url) {
        (Some(hash), Some(address)) => Some(torrent::magnet(hash, &video.name, address, &file_url)),
        _ => None,
    };
    FileView {
        id: file.id.0,
        resolution: labelled(
            file.resolution,
            Some(&if file.resolution == 0 { "Audio only".to_owned() } else { format!("{}p", file.resolution) }),
        ),
        width: file.width,
        height: file.height,
        magnet_uri,
        size: file.size_bytes,
        fps: file.fps,
        torrent_url,
        torrent_download_url: torrent.as_ref().map(|name| format!("{}/download/torrents/{name}", base.0)),
        file_download_url: format!("{file_url}?download=1"),
        file_url,
        metadata_url: None,
        has_audio: file.has_audio,
        has_video: file.has_video,
        storage: place.code(),
    }
}

/// As PeerTube, whose first file is what was uploaded: its clients wait for it.
fn original_view(video: &Video, source: &Source, base: &Base) -> FileView {
    let file_url = original_address(video, source, base);
    let torrent = torrents::name_of_original(video.uuid);
    let lines = source.resolution.unwrap_or(0);
    FileView {
        id: 0,
        resolution: labelled(lines, Some("Original")),
        width: source.width,
        height: source.height,
        magnet_uri: None,
        size: source.size_bytes,
        fps: source.fps.unwrap_or(-1),
        torrent_url: Some(format!("{}/lazy-static/torrents/{torrent}", base.0)),
        torrent_download_url: Some(format!("{}/download/torrents/{torrent}", base.0)),
        file_download_url: file_url.clone(),
        file_url,
        metadata_url: None,
        has_audio: true,
        has_video: true,
        storage: Place::Disk.code(),
    }
}

/// What happens to the recordings of a live.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplaySettings {
    /// Who may see them.
    pub privacy: Labelled<i64>,
}

/// The live side of a video; address and key only for its owner and moderators.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveView {
    /// The publisher's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_key: Option<String>,
    /// Where to publish.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtmp_url: Option<String>,
    /// The same with TLS; null when that is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtmps_url: Option<Option<String>>,
    /// The address survives a session.
    pub permanent_live: bool,
    /// Keep what was broadcast.
    pub save_replay: bool,
    /// Present when `saveReplay`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_settings: Option<ReplaySettings>,
    /// 1 default, 2 high, 3 small.
    pub latency_mode: i64,
}

impl LiveView {
    /// For somebody who `owns` it, or not.
    pub fn of(live: &Live, app: &App, base: &Base, owns: bool) -> Self {
        let addrs = app.addrs();
        let rtmp_port = addrs.rtmp.unwrap_or(app.config.rtmp.listen).port();
        let rtmp_url = if app.has_public_url() || !app.config.rtmp.public_url.is_empty() {
            app.config.rtmp_url(rtmp_port)
        } else {
            format!("rtmp://{}:{rtmp_port}/live", base.host())
        };
        Self {
            stream_key: owns.then(|| live.stream_key.expose().to_owned()),
            rtmp_url: owns.then_some(rtmp_url),
            rtmps_url: owns.then(|| addrs.rtmps.map(|address| format!("rtmps://{}:{}/live", base.host(), address.port()))),
            permanent_live: live.permanent,
            save_replay: live.save_replay,
            replay_settings: live.save_replay.then(|| ReplaySettings { privacy: privacy(live.replay_privacy) }),
            latency_mode: live.latency_mode.code(),
        }
    }
}

/// One broadcast of a live.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// Row id.
    pub id: i64,
    /// When the publisher came.
    #[schema(value_type = String)]
    pub start_date: Timestamp,
    /// When it ended; null while it runs.
    #[schema(value_type = Option<String>)]
    pub end_date: Option<Timestamp>,
    /// The replay is there, or there will be none.
    pub ending_processed: bool,
    /// Whether it was to be kept.
    pub save_replay: bool,
    /// PeerTube's number of what went wrong.
    pub error: Option<i64>,
    /// The video that holds the recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_video: Option<VideoIds>,
}

impl SessionView {
    /// Of this session.
    pub fn of(session: &LiveSession, replay: Option<&Video>) -> Self {
        Self {
            id: session.id.0,
            start_date: session.started_at,
            end_date: session.ended_at,
            ending_processed: session.ending_processed,
            save_replay: session.save_replay,
            error: session.error,
            replay_video: replay.map(VideoIds::of),
        }
    }
}

/// The label of a role.
pub fn role(user: &User) -> Labelled<i64> {
    labelled(user.role.code(), Some(user.role.label()))
}

/// The label of a registration's state.
pub fn registration_state(state: RegistrationState) -> Labelled<i64> {
    labelled(state.code(), Some(state.label()))
}
