//! Aggregates, ids and invariants. No I/O: constructors parse, transitions are pure.

mod account;
mod caption;
mod chapter;
mod email;
mod export;
mod ids;
mod import;
mod labels;
mod live;
mod media;
mod otp;
mod preferences;
mod privacy;
mod quota;
mod rating;
mod registration;
mod short_uuid;
mod timestamp;
mod user;
mod video;

pub use account::{Account, Actor, ActorImage, ActorImages, Channel, ChannelName, Handle};
pub use caption::{Caption, vtt_of};
pub use chapter::Chapter;
pub use email::Email;
pub use export::{Export, ExportState};
pub use ids::{
    AccountId, ActorId, ChannelId, ExportId, FileId, ImportId, JobId, PasswordId, PlaylistId, RegistrationId, SessionId, UserId, VideoId,
};
pub use import::{Import, ImportState};
pub use labels::{CATEGORIES, LANGUAGES, LICENCES, label_of, language_of};
pub use live::{LatencyMode, Live, LiveError, LiveSession, StreamKey};
pub use media::{Media, Place, Storyboard};
pub use otp::{CODE_PERIOD_S, OtpSecret};
pub use preferences::{NsfwPolicy, Preferences};
pub use privacy::{Privacy, VideoPassword};
pub use quota::{Quota, Used};
pub use rating::{Rating, hotness};
pub use registration::{Registration, RegistrationState};
pub use short_uuid::{decode as parse_short_uuid, encode as short_uuid};
pub use timestamp::Timestamp;
pub use user::{Role, User, Username};
pub use video::{CommentsPolicy, Playlist, Schedule, Video, VideoFile, VideoState};

/// A value that its type does not allow. The text is safe to show to whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub &'static str);
