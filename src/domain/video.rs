use uuid::Uuid;

use super::{Channel, FileId, Invalid, PlaylistId, Privacy, Timestamp, VideoId};

/// Where a video stands; PeerTube's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VideoState {
    /// 1: to be watched: a finished video, or a live that runs.
    Published,
    /// 2: being transcoded.
    ToTranscode,
    /// 3: its file is being fetched from elsewhere.
    ToImport,
    /// 4: a live that nobody publishes to yet.
    WaitingForLive,
    /// 5: a one-off live that is over, without a replay.
    LiveEnded,
    /// 7: its file could not be made into a video.
    TranscodingFailed,
}

impl VideoState {
    /// The number in the database and the API.
    pub fn code(self) -> i64 {
        match self {
            Self::Published => 1,
            Self::ToTranscode => 2,
            Self::ToImport => 3,
            Self::WaitingForLive => 4,
            Self::LiveEnded => 5,
            Self::TranscodingFailed => 7,
        }
    }

    /// From the number.
    pub fn from_code(code: i64) -> Option<Self> {
        match code {
            1 => Some(Self::Published),
            2 => Some(Self::ToTranscode),
            3 => Some(Self::ToImport),
            4 => Some(Self::WaitingForLive),
            5 => Some(Self::LiveEnded),
            7 => Some(Self::TranscodingFailed),
            _ => None,
        }
    }

    /// The label in the API.
    pub fn label(self) -> &'static str {
        match self {
            Self::Published => "Published",
            Self::ToTranscode => "To transcode",
            Self::ToImport => "To import",
            Self::WaitingForLive => "Waiting for livestream",
            Self::LiveEnded => "Livestream ended",
            Self::TranscodingFailed => "Transcoding failed",
        }
    }

    /// The state after a session ended: a permanent live waits for the next one; a one-off live is
    /// its own replay when it was recorded, else over.
    pub fn after_broadcast(permanent: bool, replay_ready: bool) -> Self {
        match (permanent, replay_ready) {
            (true, _) => Self::WaitingForLive,
            (false, true) => Self::Published,
            (false, false) => Self::LiveEnded,
        }
    }
}

/// Who may comment; PeerTube's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommentsPolicy {
    /// 1: everybody.
    Enabled,
    /// 2: nobody.
    Disabled,
    /// 3: after approval.
    RequiresApproval,
}

impl CommentsPolicy {
    /// The number in the database and the API.
    pub fn code(self) -> i64 {
        match self {
            Self::Enabled => 1,
            Self::Disabled => 2,
            Self::RequiresApproval => 3,
        }
    }

    /// From the number.
    pub fn from_code(code: i64) -> Option<Self> {
        match code {
            1 => Some(Self::Enabled),
            2 => Some(Self::Disabled),
            3 => Some(Self::RequiresApproval),
            _ => None,
        }
    }

    /// The label in the API.
    pub fn label(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
            Self::RequiresApproval => "Requires approval",
        }
    }
}

/// A change of privacy to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// When.
    pub update_at: Timestamp,
    /// To this.
    pub privacy: Privacy,
}

/// A video: recorded or live, ours or remote.
#[derive(Clone, Debug)]
pub struct Video {
    /// The row.
    pub id: VideoId,
    /// The public id.
    pub uuid: Uuid,
    /// Where it belongs.
    pub channel: Channel,
    /// Title.
    pub name: String,
    /// Markdown.
    pub description: Option<String>,
    /// How to support its makers.
    pub support: Option<String>,
    /// A key of [`super::CATEGORIES`].
    pub category: Option<i64>,
    /// A key of [`super::LICENCES`].
    pub licence: Option<i64>,
    /// A key of [`super::LANGUAGES`].
    pub language: Option<String>,
    /// Who may see it.
    pub privacy: Privacy,
    /// Not safe for work.
    pub nsfw: bool,
    /// Where it stands.
    pub state: VideoState,
    /// A live (also while it waits or after it ended without a replay).
    pub is_live: bool,
    /// From another instance.
    pub remote: bool,
    /// The object's URL, for remote ones.
    pub url: Option<String>,
    /// Length in milliseconds; 0 for a live.
    pub duration_ms: i64,
    /// Width over height.
    pub aspect_ratio: Option<f64>,
    /// Counted views.
    pub views: i64,
    /// Likes.
    pub likes: i64,
    /// Dislikes.
    pub dislikes: i64,
    /// File name of the small picture below the storage's thumbnails.
    pub thumbnail: Option<String>,
    /// File name of the large picture.
    pub preview: Option<String>,
    /// Who may comment.
    pub comments_policy: CommentsPolicy,
    /// Viewers may download.
    pub download_enabled: bool,
    /// Publish only once transcoded.
    pub wait_transcoding: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was published; a live: when its last session began.
    pub published_at: Timestamp,
    /// When it first appeared elsewhere.
    pub originally_published_at: Option<Timestamp>,
    /// When its file was last replaced.
    pub input_file_updated_at: Option<Timestamp>,
    /// Its privacy will change.
    pub schedule: Option<Schedule>,
}

impl Video {
    /// Longest title.
    pub const MAX_NAME: usize = 120;
    /// Longest description.
    pub const MAX_DESCRIPTION: usize = 10_000;
    /// Most tags.
    pub const MAX_TAGS: usize = 5;

    /// Checks a title: 3 to 120 characters, as PeerTube requires.
    pub fn parse_name(text: &str) -> Result<String, Invalid> {
        let text = text.trim();
        if (3..=Self::MAX_NAME).contains(&text.chars().count()) {
            Ok(text.to_owned())
        } else {
            Err(Invalid("a name has 3 to 120 characters"))
        }
    }

    /// Checks tags: at most 5, each 2 to 30 characters, without repetition.
    pub fn parse_tags(tags: Vec<String>) -> Result<Vec<String>, Invalid> {
        let mut result: Vec<String> = Vec::new();
        for tag in tags {
            let tag = tag.trim().to_owned();
            if !(2..=30).contains(&tag.chars().count()) {
                return Err(Invalid("a tag has 2 to 30 characters"));
            }
            if !result.contains(&tag) {
                result.push(tag);
            }
        }
        if result.len() > Self::MAX_TAGS {
            return Err(Invalid("a video has at most 5 tags"));
        }
        Ok(result)
    }

    /// Sees to what a change of privacy brings along: a video that was hidden is new to those who see it now.
    pub fn set_privacy(&mut self, privacy: Privacy, now: Timestamp) {
        if self.privacy.is_hidden() && !privacy.is_hidden() {
            self.published_at = now;
        }
        self.privacy = privacy;
    }

    /// The first 250 characters of the description, as lists carry it.
    pub fn truncated_description(&self) -> Option<String> {
        let text = self.description.as_deref()?;
        Some(match text.char_indices().nth(250) {
            Some((end, _)) => {
                let cut = text.char_indices().nth(247).map_or(end, |(at, _)| at);
                format!("{}...", &text[..cut])
            }
            None => text.to_owned(),
        })
    }
}

/// An HLS presentation of a video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playlist {
    /// The row.
    pub id: PlaylistId,
    /// Of which video.
    pub video_id: VideoId,
    /// Multivariant playlist: a file name below the video's HLS folder, or a URL for remote ones.
    pub playlist: String,
    /// Hashes of its segments: a file name below the video's HLS folder, or a URL for remote ones.
    pub segments_sha256: Option<String>,
}

/// A whole file of a video, to download or play.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoFile {
    /// The row.
    pub id: FileId,
    /// Of which video.
    pub video_id: VideoId,
    /// Part of this HLS presentation; `None` for a plain file.
    pub playlist_id: Option<PlaylistId>,
    /// File name below the video's folder, or a URL for remote ones.
    pub file: String,
    /// Height in lines; 0 is audio only.
    pub resolution: i64,
    /// In pixels.
    pub width: Option<i64>,
    /// In pixels.
    pub height: Option<i64>,
    /// In bytes.
    pub size_bytes: i64,
    /// Frames per second; -1 unknown.
    pub fps: i64,
    /// Sound.
    pub has_audio: bool,
    /// Pictures.
    pub has_video: bool,
    /// Of its torrent, hex; `None` as long as nobody hashed the file.
    pub info_hash: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permanent_live_always_waits_again() {
        assert_eq!(VideoState::after_broadcast(true, true), VideoState::WaitingForLive);
        assert_eq!(VideoState::after_broadcast(false, true), VideoState::Published);
        assert_eq!(VideoState::after_broadcast(false, false), VideoState::LiveEnded);
    }

    #[test]
    fn names_and_tags_are_checked() {
        assert_eq!(Video::parse_name("  hello "), Ok("hello".into()));
        assert!(Video::parse_name("ab").is_err());
        assert!(Video::parse_name(&"x".repeat(121)).is_err());
        assert_eq!(Video::parse_tags(vec!["ab".into(), "ab".into()]), Ok(vec!["ab".into()]));
        assert!(Video::parse_tags((0..6).map(|n| format!("tag{n}")).collect()).is_err());
    }
}
