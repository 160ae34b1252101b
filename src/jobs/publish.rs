use serde::{Deserialize, Serialize};

use super::{Failure, Job};
use crate::app::App;
use crate::domain::{Privacy, Timestamp, VideoId};

/// Changes a video's privacy at the time that its owner chose.
#[derive(Debug, Serialize, Deserialize)]
pub struct PublishScheduled {
    /// The video's row.
    pub video: VideoId,
}

impl Job for PublishScheduled {
    const NAME: &'static str = "publish-scheduled";

    fn video(&self) -> Option<VideoId> {
        Some(self.video)
    }

    async fn run(self, app: &App) -> Result<(), Failure> {
        let mut tx = app.store.write().await?;
        let now = Timestamp::now();
        // Taken back, or put off: then there is another job for it.
        let Some(schedule) = tx.schedules().of_video(self.video).await?.filter(|schedule| schedule.update_at <= now) else { return Ok(()) };
        let Some(mut video) = tx.videos().by_id(self.video).await? else { return Ok(()) };
        tx.schedules().set(self.video, None).await?;
        let owner = match video.channel.account.user_id {
            Some(id) => tx.users().by_id(id).await?,
            None => None,
        };
        // Whoever is kept out publishes nothing more.
        if owner.is_some_and(|owner| !owner.blocked) {
            if video.privacy == Privacy::Password {
                tx.passwords().set(self.video, &[]).await?;
            }
            video.set_privacy(schedule.privacy, now);
            tx.videos().update(&video).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
