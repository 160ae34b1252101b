//! A newtype for every row id.

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// An actor's row: what accounts and channels have in common.
    ActorId,
    /// An account's row.
    AccountId,
    /// A channel's row.
    ChannelId,
    /// A user's row.
    UserId,
    /// A video's row; `id` in the REST API.
    VideoId,
    /// A streaming playlist's row.
    PlaylistId,
    /// A video file's row.
    FileId,
    /// A live session's row.
    SessionId,
    /// A job's row.
    JobId,
    /// An import's row.
    ImportId,
    /// A row of a video's password.
    PasswordId,
    /// A registration's row.
    RegistrationId,
    /// An export's row.
    ExportId,
}
