//! What a form says of a video, new or not: fields that PeerTube's clients send alike for uploads, imports, lives and changes.

use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use rand::Rng as _;
use uuid::Uuid;

use super::fields::Fields;
use super::form::{Form, Slot};
use super::problem::{Problem, Result};
use super::videos::{apply, own_channel};
use crate::app::App;
use crate::domain::{ChannelId, Chapter, Privacy, Schedule, Timestamp, User, Video, VideoPassword, VideoState};
use crate::hangup::Unnamed;
use crate::images::{self, MAX_BYTES};
use crate::jobs::{Job as _, PublishScheduled};
use crate::pictures::{self, Names};
use crate::store::{NewVideo, Tx};

/// Pictures that come with a form.
pub(super) const PICTURES: [Slot; 2] =
    [Slot { name: "thumbnailfile", max_bytes: MAX_BYTES }, Slot { name: "previewfile", max_bytes: MAX_BYTES }];
/// Farthest publication to come: a job waits for it.
const FARTHEST: Duration = Duration::from_secs(10 * 365 * 86_400);

/// A public id that nobody can guess.
pub(super) fn new_uuid() -> Uuid {
    uuid::Builder::from_random_bytes(rand::rng().random()).into_uuid()
}

/// Adds a video that `fields` describe: `channelId` is needed, and `name` unless `filename` is to give it.
pub(super) async fn create(tx: &mut Tx, uuid: Uuid, fields: &Fields, user: &User, state: VideoState, filename: &str) -> Result<Video> {
    let channel_id = fields.integer("channelId")?.ok_or_else(|| Problem::invalid("channelId", "is needed"))?;
    let name = match fields.text("name") {
        Some(name) => name.to_owned(),
        None => name_of(filename),
    };
    let name = Video::parse_name(&name).map_err(|error| Problem::invalid("name", error.0))?;
    let channel = own_channel(tx, ChannelId(channel_id), user).await?;
    // Whoever says nothing has it for themselves, as PeerTube does.
    let new = NewVideo { is_live: false, privacy: Privacy::Private, state, ..NewVideo::live(uuid, channel.id, name) };
    let id = tx.videos().create(&new).await?;
    let mut video = tx.videos().by_id(id).await?.ok_or_else(|| Problem::not_found("Video"))?;
    change(tx, &mut video, fields, user).await?;
    Ok(video)
}

/// A title from a file's name, long enough to be one.
fn name_of(filename: &str) -> String {
    let stem = filename.rsplit_once('.').map_or(filename, |(stem, _)| stem);
    let mut name: String = stem.trim().chars().take(Video::MAX_NAME).collect();
    while name.chars().count() < 3 {
        name.push('_');
    }
    name
}

/// Sets and writes down what `fields` name: of the video, its tags, its passwords, its publication to come, and the chapters that its
/// description lists.
pub(super) async fn change(tx: &mut Tx, video: &mut Video, fields: &Fields, user: &User) -> Result<()> {
    let before = video.privacy;
    let description = video.description.clone();
    apply(tx, video, fields, user).await?;
    tx.videos().update(video).await?;
    if fields.has("tags") {
        let tags = fields.list("tags").into_iter().filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
        let tags = Video::parse_tags(tags).map_err(|error| Problem::invalid("tags", error.0))?;
        tx.videos().set_tags(video.id, &tags).await?;
    }
    passwords(tx, video, before, fields).await?;
    schedule(tx, video, fields).await?;
    if video.description != description {
        chapters(tx, video).await?;
    }
    Ok(())
}

async fn passwords(tx: &mut Tx, video: &Video, before: Privacy, fields: &Fields) -> Result<()> {
    if video.privacy != Privacy::Password {
        if before == Privacy::Password {
            tx.passwords().set(video.id, &[]).await?;
        }
        return Ok(());
    }
    if !fields.has("videoPasswords") {
        let has_some = before == Privacy::Password && !tx.passwords().of_video(video.id).await?.is_empty();
        return if has_some { Ok(()) } else { Err(Problem::invalid("videoPasswords", "is needed for this privacy")) };
    }
    let passwords = read_passwords(fields, "videoPasswords")?;
    Ok(tx.passwords().set(video.id, &passwords).await?)
}

/// At least one password, none of them twice.
pub(super) fn read_passwords(fields: &Fields, field: &str) -> Result<Vec<VideoPassword>> {
    let mut texts = fields.list(field);
    if texts.is_empty() || texts.len() > VideoPassword::MAX {
        return Err(Problem::invalid(field, "must be 1 to 100 passwords"));
    }
    let passwords: Vec<_> =
        texts.iter().map(|text| VideoPassword::parse(text).map_err(|error| Problem::invalid(field, error.0))).collect::<Result<_>>()?;
    texts.sort_unstable();
    if texts.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Problem::invalid(field, "must not repeat"));
    }
    Ok(passwords)
}

async fn schedule(tx: &mut Tx, video: &Video, fields: &Fields) -> Result<()> {
    const AT: &str = "scheduleUpdate[updateAt]";
    const PRIVACY: &str = "scheduleUpdate[privacy]";
    if matches!(fields.nullable("scheduleUpdate"), Some(None)) {
        tx.jobs().withdraw(video.id, PublishScheduled::NAME).await?;
        return Ok(tx.schedules().set(video.id, None).await?);
    }
    let Some(at) = fields.nullable(AT).flatten() else {
        return if fields.has(PRIVACY) { Err(Problem::invalid(AT, "is needed")) } else { Ok(()) };
    };
    let update_at = Timestamp::parse(at).ok_or_else(|| Problem::invalid(AT, "must be an RFC 3339 time"))?;
    if update_at > Timestamp::now().plus(FARTHEST) {
        return Err(Problem::invalid(AT, "lies too far in the future"));
    }
    let privacy = match fields.integer(PRIVACY)? {
        None => Privacy::Public,
        Some(code) => Privacy::from_code(code)
            .filter(|privacy| matches!(privacy, Privacy::Public | Privacy::Unlisted | Privacy::Internal))
            .ok_or_else(|| Problem::invalid(PRIVACY, "must be 1, 2 or 4"))?,
    };
    tx.schedules().set(video.id, Some(Schedule { update_at, privacy })).await?;
    // One for each video, however often it is put off.
    tx.jobs().withdraw(video.id, PublishScheduled::NAME).await?;
    tx.jobs().enqueue_at(&PublishScheduled { video: video.id }, update_at).await?;
    Ok(())
}

/// A description that lists chapters brings them along, unless the video has some already.
async fn chapters(tx: &mut Tx, video: &Video) -> Result<()> {
    if !tx.chapters().of_video(video.id).await?.is_empty() {
        return Ok(());
    }
    // Not known before the file was probed.
    let duration_s = if video.duration_ms > 0 { video.duration_ms / 1000 } else { i64::MAX };
    let chapters = Chapter::of_description(video.description.as_deref().unwrap_or(""), duration_s);
    if !chapters.is_empty() {
        tx.chapters().set(video.id, &chapters).await?;
    }
    Ok(())
}

/// Pictures made of what came with a form, removed again when dropped before they were kept.
pub(super) struct Made {
    names: Option<Names>,
    files: Unnamed,
}

impl Made {
    /// Of a form's pictures, if it has any.
    pub async fn of(app: &App, form: &Form) -> Result<Self> {
        Self::from_bytes(app, form.bytes(PICTURES[0].name), form.bytes(PICTURES[1].name)).await
    }

    async fn from_bytes(app: &App, thumbnail: Option<Bytes>, preview: Option<Bytes>) -> Result<Self> {
        let field = if thumbnail.is_some() { PICTURES[0].name } else { PICTURES[1].name };
        let made = pictures::store(&app.images, &app.config.data_dir, thumbnail, preview).await.map_err(|error| match error {
            error @ (images::Error::Disk(_) | images::Error::Busy) => error.into(),
            error => Problem::invalid(field, error.to_string()),
        })?;
        let (names, files) = made.unzip();
        Ok(Self { names, files: files.unwrap_or_default() })
    }

    /// Pictures that are somebody else's until they are given.
    pub fn lent(names: Option<Names>) -> Self {
        Self { names, files: Unnamed::default() }
    }

    /// What they are called.
    pub fn names(&self) -> Option<&Names> {
        self.names.as_ref()
    }

    /// Gives them to a video; they stay its own after [`Made::commit`]. The video's names are changed as well.
    pub async fn give(&self, tx: &mut Tx, video: &mut Video) -> Result<()> {
        if let Some(names) = &self.names {
            tx.videos().set_pictures(video.id, &names.thumbnail, &names.preview).await?;
            video.thumbnail = Some(names.thumbnail.clone());
            video.preview = Some(names.preview.clone());
        }
        Ok(())
    }

    /// They are somebody's from this commit on. `then` follows it, as in [`Tx::commit_then`].
    pub async fn commit(self, tx: Tx, then: impl FnOnce() + Send + 'static) -> Result<()> {
        Ok(self.files.commit(tx, then).await?)
    }
}

/// A user read again, after something that takes longer than their login may last: they may be gone by now, or kept out.
pub(super) fn unless_blocked(user: Option<User>) -> Result<User> {
    user.filter(|user| !user.blocked).ok_or_else(|| Problem::unauthorized("Token is invalid"))
}

/// The bounds on what a user brings: largest file, free disk, quota. `size_bytes` as far as it is known.
pub(super) async fn check_room(app: &App, user: &User, size_bytes: u64) -> Result<()> {
    check_size(app, size_bytes)?;
    let coming_bytes = app.allowances.coming_bytes(user.id);
    check_quota(&mut app.store.read().await?, user, size_bytes.saturating_add(coming_bytes)).await
}

/// Whether a file of `size_bytes` is taken by anybody, and fits on the disk.
pub(super) fn check_size(app: &App, size_bytes: u64) -> Result<()> {
    if size_bytes > app.config.videos.max_file_bytes {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "The file is larger than this server takes").code("max_file_size_reached"));
    }
    if !crate::uploads::has_space(app, size_bytes) {
        return Err(super::form::no_space());
    }
    Ok(())
}

/// Whether a file of `size_bytes` still fits what the user may have.
pub(super) async fn check_quota(tx: &mut Tx, user: &User, size_bytes: u64) -> Result<()> {
    if crate::users::has_room(tx, user, i64::try_from(size_bytes).unwrap_or(i64::MAX)).await? {
        return Ok(());
    }
    Err(quota_reached())
}

/// Whether the owner of a video, which may not be whoever brought it, may have all that this transaction added.
pub(super) async fn check_owner(tx: &mut Tx, video: &Video) -> Result<()> {
    if crate::users::owner_has_room(tx, video).await? { Ok(()) } else { Err(quota_reached()) }
}

/// There is no room for it.
pub(super) fn quota_reached() -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "The user video quota is exceeded with this video.").code("quota_reached")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_files() {
        assert_eq!(name_of("Holiday 2026.mp4"), "Holiday 2026");
        assert_eq!(name_of("a.mp4"), "a__");
        assert!(Video::parse_name(&name_of("")).is_ok());
        assert!(Video::parse_name(&name_of(&"x".repeat(500))).is_ok());
    }

    #[test]
    fn passwords_are_read_from_lists() {
        let mut fields = Fields::default();
        assert!(read_passwords(&fields, "videoPasswords").is_err());
        fields.push("videoPasswords[0]", Some("one".into())).expect("good");
        fields.push("videoPasswords[1]", Some("two".into())).expect("good");
        assert_eq!(read_passwords(&fields, "videoPasswords").expect("good").len(), 2);
        fields.push("videoPasswords[2]", Some("one".into())).expect("good");
        assert!(read_passwords(&fields, "videoPasswords").is_err());
    }
}
