//! Describes what clients send of videos, for the API's description: it is read field by field, by [`video_form`](super::video_form).
#![expect(dead_code, reason = "describes bodies")]

use utoipa::ToSchema;

/// What a form says of a video. What it leaves out stays as it is, or as the instance has it.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct VideoForm {
    /// Title, 3 to 120 characters.
    name: Option<String>,
    /// Where it belongs: a channel of one's own.
    channel_id: Option<i64>,
    /// Vocabulary id.
    category: Option<i64>,
    /// Vocabulary id.
    licence: Option<i64>,
    /// Vocabulary id.
    language: Option<String>,
    /// Markdown, at most 10000 characters.
    description: Option<String>,
    /// How to support its makers.
    support: Option<String>,
    /// 1 public, 2 unlisted, 3 private, 4 internal, 5 by password.
    privacy: Option<i64>,
    /// What opens it with privacy 5.
    video_passwords: Option<Vec<String>>,
    /// Not safe for work.
    nsfw: Option<bool>,
    /// At most five.
    tags: Option<Vec<String>>,
    /// Who may comment, as yes or no.
    comments_enabled: Option<bool>,
    /// Who may comment: 1 everybody, 2 nobody, 3 after approval.
    comments_policy: Option<i64>,
    /// Viewers may download it.
    download_enabled: Option<bool>,
    /// It is published when all of it is made.
    wait_transcoding: Option<bool>,
    /// RFC 3339; null takes it away.
    originally_published_at: Option<String>,
    /// A change of privacy to come; null takes it away.
    schedule_update: Option<ScheduleForm>,
}

/// A change of privacy to come.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScheduleForm {
    /// RFC 3339.
    update_at: String,
    /// 1, 2 or 4; 1 unless it says so.
    privacy: Option<i64>,
}

/// A video with its file.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UploadForm {
    /// The video.
    #[schema(value_type = String, format = Binary)]
    videofile: Vec<u8>,
    /// Where it belongs.
    channel_id: i64,
    /// JPEG, PNG or WebP.
    #[schema(value_type = Option<String>, format = Binary)]
    thumbnailfile: Option<Vec<u8>>,
    /// JPEG, PNG or WebP.
    #[schema(value_type = Option<String>, format = Binary)]
    previewfile: Option<Vec<u8>>,
    #[serde(flatten)]
    video: VideoForm,
}

/// A video whose file comes in parts.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResumableForm {
    /// What the file is called; its end says of which kind it is.
    filename: String,
    /// Where it belongs.
    channel_id: i64,
    #[serde(flatten)]
    video: VideoForm,
}

/// Another file for a video, which comes in parts.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReplacementForm {
    /// What the file is called; its end says of which kind it is.
    filename: String,
}

/// A video whose file is fetched.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImportForm {
    /// Where the file is: http or https.
    target_url: String,
    /// Where it belongs.
    channel_id: i64,
    /// JPEG, PNG or WebP.
    #[schema(value_type = Option<String>, format = Binary)]
    thumbnailfile: Option<Vec<u8>>,
    /// JPEG, PNG or WebP.
    #[schema(value_type = Option<String>, format = Binary)]
    previewfile: Option<Vec<u8>>,
    #[serde(flatten)]
    video: VideoForm,
}

/// A live to be.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LiveForm {
    /// Where it belongs.
    channel_id: i64,
    /// Title, 3 to 120 characters.
    name: String,
    #[serde(flatten)]
    settings: LiveSettingsForm,
    #[serde(flatten)]
    video: VideoForm,
}

/// A live's settings.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LiveSettingsForm {
    /// The address survives a session.
    permanent_live: Option<bool>,
    /// Keep what is broadcast.
    save_replay: Option<bool>,
    /// What happens to the recordings.
    replay_settings: Option<ReplaySettingsForm>,
    /// 1 default, 2 high, 3 small.
    latency_mode: Option<i64>,
}

/// What happens to the recordings of a live.
#[derive(ToSchema)]
pub(super) struct ReplaySettingsForm {
    /// Who may see them, as a video's privacy.
    privacy: i64,
}
