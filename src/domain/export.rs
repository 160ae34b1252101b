use super::{ExportId, Timestamp, UserId};

/// Where an export stands; PeerTube's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportState {
    /// 1: not begun.
    Pending,
    /// 2: being written.
    Processing,
    /// 3: to be fetched.
    Completed,
    /// 4: did not work.
    Errored,
}

impl ExportState {
    /// The number in the database and the API.
    pub fn code(self) -> i64 {
        match self {
            Self::Pending => 1,
            Self::Processing => 2,
            Self::Completed => 3,
            Self::Errored => 4,
        }
    }

    /// From the number.
    pub fn from_code(code: i64) -> Option<Self> {
        [Self::Pending, Self::Processing, Self::Completed, Self::Errored].into_iter().find(|state| state.code() == code)
    }

    /// The label in the API.
    pub fn label(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Processing => "Processing",
            Self::Completed => "Completed",
            Self::Errored => "Failed",
        }
    }
}

/// An archive of what a user has here.
#[derive(Clone, Debug)]
pub struct Export {
    /// The row.
    pub id: ExportId,
    /// Whose.
    pub user_id: UserId,
    /// Where it stands.
    pub state: ExportState,
    /// With the files of the videos.
    pub with_video_files: bool,
    /// File name below the folder of exports.
    pub file: String,
    /// In bytes; 0 until it is complete.
    pub size_bytes: i64,
    /// When it was asked for.
    pub created_at: Timestamp,
}
