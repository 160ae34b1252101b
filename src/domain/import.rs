use super::{ImportId, Timestamp, UserId, VideoId};

/// Where an import stands; PeerTube's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportState {
    /// 1: to be done.
    Pending,
    /// 2: the file is here.
    Success,
    /// 3: given up.
    Failed,
    /// 5: by whoever began it.
    Cancelled,
    /// 6: being fetched.
    Processing,
}

impl ImportState {
    /// The number in the database and the API.
    pub fn code(self) -> i64 {
        match self {
            Self::Pending => 1,
            Self::Success => 2,
            Self::Failed => 3,
            Self::Cancelled => 5,
            Self::Processing => 6,
        }
    }

    /// From the number.
    pub fn from_code(code: i64) -> Option<Self> {
        match code {
            1 => Some(Self::Pending),
            2 => Some(Self::Success),
            3 => Some(Self::Failed),
            5 => Some(Self::Cancelled),
            6 => Some(Self::Processing),
            _ => None,
        }
    }

    /// The label in the API.
    pub fn label(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Success => "Success",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
            Self::Processing => "Processing",
        }
    }

    /// Nothing more will happen.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Pending | Self::Processing)
    }
}

/// A video whose file is fetched from elsewhere.
#[derive(Clone, Debug)]
pub struct Import {
    /// The row.
    pub id: ImportId,
    /// Who began it.
    pub user_id: UserId,
    /// What it becomes; `None` once that was deleted.
    pub video_id: Option<VideoId>,
    /// Where the file is.
    pub target_url: String,
    /// Where it stands.
    pub state: ImportState,
    /// Why it failed; may be shown to its user.
    pub error: Option<String>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
