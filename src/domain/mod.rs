//! Aggregates, ids and invariants. No I/O: constructors parse, transitions are pure.

mod account;
mod ids;
mod labels;
mod live;
mod media;
mod short_uuid;
mod timestamp;
mod user;
mod video;

pub use account::{Account, Actor, Channel, Handle};
pub use ids::{AccountId, ActorId, ChannelId, FileId, JobId, PlaylistId, SessionId, UserId, VideoId};
pub use labels::{CATEGORIES, LANGUAGES, LICENCES, label_of, language_of};
pub use live::{LatencyMode, Live, LiveError, LiveSession, StreamKey};
pub use media::{Media, Place, Storyboard};
pub use short_uuid::{decode as parse_short_uuid, encode as short_uuid};
pub use timestamp::Timestamp;
pub use user::{Role, User, Username};
pub use video::{CommentsPolicy, Playlist, Privacy, Video, VideoFile, VideoState};

/// A value that its type does not allow. The text is safe to show to whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub &'static str);
