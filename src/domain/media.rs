use uuid::Uuid;

/// Where a video's files are; PeerTube's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// 0: in the data folder.
    #[default]
    Disk,
    /// 1: in a bucket.
    ObjectStorage,
}

impl Place {
    /// The number in the database and the API.
    pub fn code(self) -> i64 {
        match self {
            Self::Disk => 0,
            Self::ObjectStorage => 1,
        }
    }

    /// From the number.
    pub fn from_code(code: i64) -> Option<Self> {
        match code {
            0 => Some(Self::Disk),
            1 => Some(Self::ObjectStorage),
            _ => None,
        }
    }
}

/// What is known of the files of a local video, besides their rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// Where the files with pictures and sound are. Playlists are always on disk.
    pub place: Place,
    /// What its renditions were made as; names begin with it.
    pub version: Option<Uuid>,
    /// What was uploaded, if it is kept: a name in the folder of originals.
    pub original: Option<String>,
    /// Why its files could not be made; for its owner.
    pub error: Option<String>,
}

/// Sprites of a video in one picture, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storyboard {
    /// Its name in the video's folder.
    pub file: String,
    /// In pixels.
    pub total_width: i64,
    /// In pixels.
    pub total_height: i64,
    /// In pixels.
    pub sprite_width: i64,
    /// In pixels.
    pub sprite_height: i64,
    /// Seconds of video that each sprite stands for.
    pub sprite_duration_s: i64,
}
