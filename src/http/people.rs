//! The JSON of users: PeerTube's fields, in its order.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::extract::Base;
use super::model::{AccountView, ChannelView, Labelled, role};
use super::problem::{Problem, Result};
use crate::domain::{Timestamp, Used, User};
use crate::store::Tx;

/// PeerTube's kinds of notification: there are none here, so all are off.
const NOTIFICATIONS: [&str; 18] = [
    "newCommentOnMyVideo",
    "newVideoFromSubscription",
    "abuseAsModerator",
    "videoAutoBlacklistAsModerator",
    "blacklistOnMyVideo",
    "myVideoPublished",
    "myVideoImportFinished",
    "newUserRegistration",
    "commentMention",
    "newFollow",
    "newInstanceFollower",
    "autoInstanceFollowing",
    "abuseNewMessage",
    "abuseStateChange",
    "newPeerTubeVersion",
    "myVideoStudioEditionFinished",
    "myVideoTranscriptionGenerated",
    "newPluginVersion",
];

/// A user, as they see themselves and as moderators see them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserView {
    /// Row id.
    pub id: i64,
    /// Login name.
    pub username: String,
    /// May be empty.
    pub email: String,
    /// Of the pages.
    pub theme: String,
    /// What `email` is to be once it is proven.
    pub pending_email: Option<String>,
    /// Others may see the address.
    pub email_public: bool,
    /// Whether the address is proven; null: nobody asked for a proof.
    pub email_verified: Option<bool>,
    /// What to do with videos not safe for work.
    pub nsfw_policy: String,
    /// Their pages share videos with other viewers.
    pub p2p_enabled: bool,
    /// Keep what was watched.
    pub videos_history_enabled: bool,
    /// Play when a page opens.
    pub auto_play_video: bool,
    /// Then play what is suggested.
    pub auto_play_next_video: bool,
    /// Then play what comes next in the playlist.
    pub auto_play_next_video_playlist: bool,
    /// Only show videos in these languages; null: all.
    pub video_languages: Option<Vec<String>>,
    /// Of the pages and letters.
    pub language: Option<String>,
    /// What they may do.
    pub role: Labelled<i64>,
    /// Bytes of video in all; -1: no limit.
    pub video_quota: i64,
    /// Bytes of video within 24 hours; -1: no limit.
    pub video_quota_daily: i64,
    /// Bytes of video there are; only for moderators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_quota_used: Option<i64>,
    /// Bytes of video added within 24 hours; only for moderators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_quota_used_daily: Option<i64>,
    /// Videos there are; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub videos_count: Option<i64>,
    /// Do not tell again what the instance lacks.
    pub no_instance_config_warning_modal: bool,
    /// Do not welcome again.
    pub no_welcome_modal: bool,
    /// Do not tell again what the account lacks.
    pub no_account_setup_warning_modal: bool,
    /// Kept out.
    pub blocked: bool,
    /// Why.
    pub blocked_reason: Option<String>,
    /// Their account.
    pub account: AccountView,
    /// How they are told of what; only for themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub notification_settings: Option<Map<String, Value>>,
    /// Their channels; only for themselves.
    pub video_channels: Vec<ChannelView>,
    /// When they were added.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// No plugin lets anybody in.
    pub plugin_auth: Option<String>,
    /// When they last logged in.
    #[schema(value_type = Option<String>)]
    pub last_login_date: Option<Timestamp>,
    /// They are asked for a code at each login.
    pub two_factor_enabled: bool,
    /// 1: their videos need no review.
    pub admin_flags: i64,
    /// Playlists that everybody has; only for themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub special_playlists: Option<Vec<Value>>,
}

impl UserView {
    async fn of(tx: &mut Tx, user: &User, base: &Base) -> Result<Self> {
        let account = tx.accounts().by_id(user.account_id).await?.ok_or_else(|| Problem::not_found("Account"))?;
        let preferences = &user.preferences;
        Ok(Self {
            id: user.id.0,
            username: user.username.clone(),
            email: user.email.clone(),
            theme: preferences.theme.clone(),
            pending_email: user.pending_email.clone(),
            email_public: preferences.email_public,
            email_verified: user.email_verified,
            nsfw_policy: preferences.nsfw_policy.as_str().to_owned(),
            p2p_enabled: user.p2p_enabled,
            videos_history_enabled: preferences.videos_history,
            auto_play_video: preferences.auto_play_video,
            auto_play_next_video: preferences.auto_play_next_video,
            auto_play_next_video_playlist: preferences.auto_play_next_video_playlist,
            video_languages: preferences.video_languages.clone(),
            language: preferences.language.clone(),
            role: role(user),
            video_quota: user.quota.total,
            video_quota_daily: user.quota.daily,
            video_quota_used: None,
            video_quota_used_daily: None,
            videos_count: None,
            no_instance_config_warning_modal: preferences.no_instance_config_warning_modal,
            no_welcome_modal: preferences.no_welcome_modal,
            no_account_setup_warning_modal: preferences.no_account_setup_warning_modal,
            blocked: user.blocked,
            blocked_reason: user.blocked_reason.clone(),
            account: AccountView::of(&account, base),
            notification_settings: None,
            video_channels: Vec::new(),
            created_at: user.created_at,
            plugin_auth: None,
            last_login_date: user.last_login_at,
            two_factor_enabled: user.otp_secret.is_some(),
            admin_flags: user.admin_flags,
            special_playlists: None,
        })
    }

    /// For themselves.
    pub async fn of_oneself(tx: &mut Tx, user: &User, base: &Base) -> Result<Self> {
        let channels = tx.channels().of_account(user.account_id).await?;
        Ok(Self {
            notification_settings: Some(NOTIFICATIONS.iter().map(|name| ((*name).to_owned(), Value::from(0))).collect()),
            video_channels: channels.iter().map(|channel| ChannelView { owner_account: None, ..ChannelView::of(channel, base) }).collect(),
            special_playlists: Some(Vec::new()),
            ..Self::of(tx, user, base).await?
        })
    }

    /// For moderators.
    pub async fn of_managed(tx: &mut Tx, user: &User, base: &Base, with_stats: bool) -> Result<Self> {
        let Used { total, daily } = tx.users().used(user.account_id).await?;
        let videos_count = if with_stats { Some(tx.users().count_videos(user.account_id).await?) } else { None };
        let view = Self::of(tx, user, base).await?;
        Ok(Self { video_quota_used: Some(total), video_quota_used_daily: Some(daily), videos_count, ..view })
    }
}
