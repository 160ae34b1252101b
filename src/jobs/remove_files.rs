use std::io::ErrorKind;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Failure, Job};
use crate::app::App;
use crate::live::vod_folder;

/// Removes what a deleted video left on disk.
#[derive(Debug, Serialize, Deserialize)]
pub struct RemoveFiles {
    /// The video that was deleted.
    pub video: Uuid,
}

impl Job for RemoveFiles {
    const NAME: &'static str = "remove-files";

    async fn run(self, app: &App) -> Result<(), Failure> {
        match tokio::fs::remove_dir_all(vod_folder(&app.config.data_dir, self.video)).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}
