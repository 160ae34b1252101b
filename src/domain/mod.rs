//! Aggregates, ids and invariants. No I/O: constructors parse, transitions are pure.

mod account;
mod caption;
mod chapter;
mod ids;
mod import;
mod labels;
mod live;
mod privacy;
mod rating;
mod media;
mod short_uuid;
mod timestamp;
mod user;
mod video;

pub use account::{Account, Actor, Channel, Handle};
pub use caption::{Caption, vtt_of};
pub use chapter::Chapter;
pub use ids::{AccountId, ActorId, ChannelId, FileId, ImportId, JobId, PasswordId, PlaylistId, SessionId, UserId, VideoId};
pub use import::{Import, ImportState};
pub use labels::{CATEGORIES, LANGUAGES, LICENCES, label_of, language_of};
pub use live::{LatencyMode, Live, LiveError, LiveSession, StreamKey};
pub use privacy::{Privacy, VideoPassword};
pub use rating::{Rating, hotness};
pub use media::{Media, Place, Storyboard};
pub use short_uuid::{decode as parse_short_uuid, encode as short_uuid};
pub use timestamp::Timestamp;
pub use user::{Role, User, Username};
pub use video::{CommentsPolicy, Playlist, Schedule, Video, VideoFile, VideoState};

/// A value that its type does not allow. The text is safe to show to whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub &'static str);
