//! Archives from elsewhere: what [`crate::export`], or PeerTube, wrote of somebody becomes theirs here. Nothing is unpacked to
//! disk; every text and picture is checked as if it were sent over the API.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::Value;
use uuid::Uuid;
use zip::ZipArchive;

use crate::domain::{
    Account, ActorImage, ActorImages, Channel, ChannelId, ChannelName, LatencyMode, Live, NsfwPolicy, Privacy, StreamKey, User, Video,
};
use crate::hangup::Unnamed;
use crate::images::{self, Images, Kind};
use crate::store::{self, NewChannel, NewVideo, Store, Tx, VideoFilter};
use crate::users::is_free;

/// Most entries of an archive that is read.
const MAX_ENTRIES: usize = 100_000;
/// Longest JSON in it: ten thousand videos at 3 kB each.
const MAX_JSON: u64 = 32 << 20;
/// Most bytes of pictures in all: they are kept in memory until they are decoded.
const MAX_PICTURES: u64 = 64 << 20;
/// Most lives that are taken over.
const MAX_LIVES: u32 = 100;

/// Why an archive is not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is no archive, or a broken one.
    #[error("archive: {0}")]
    Archive(#[from] zip::result::ZipError),
    /// It has more entries than anybody's data.
    #[error("archive: too many entries")]
    TooMany,
    /// It has nothing of PeerTube's layout.
    #[error("archive: there is no peertube/account.json in it")]
    Foreign,
    /// The disk; ours.
    #[error("disk: {0}")]
    Disk(#[from] std::io::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What became of the things of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Taken over.
    pub success: u32,
    /// Here already, and left as they are.
    pub duplicates: u32,
    /// Not understood, or not possible here.
    pub errors: u32,
}

/// What became of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Name, description and picture.
    pub account: Count,
    /// Settings of pages.
    pub settings: Count,
    /// Channels with their pictures.
    pub channels: Count,
    /// Lives with their keys.
    pub lives: Count,
    /// Finished videos: they are to be uploaded.
    pub videos_left_out: u32,
}

/// What an archive holds, as it is read.
#[derive(Default)]
struct Contents {
    account: Value,
    settings: Value,
    channels: Vec<(Value, Option<Bytes>, Option<Bytes>)>,
    videos: Vec<Value>,
    avatar: Option<Bytes>,
}

/// Makes the contents of `archive` this user's. `max_channels`: of one user.
pub async fn read(
    store: &Store,
    images: &Images,
    data_dir: &Path,
    user: &User,
    archive: PathBuf,
    max_channels: usize,
) -> Result<Summary, Error> {
    let contents = tokio::task::spawn_blocking(move || Contents::read(&archive, max_channels)).await.map_err(std::io::Error::other)??;
    // Before anything is written: decoding takes its time, and there is one writer.
    let pictures = Pictures { images, data_dir };
    let avatar = pictures.make(Kind::Avatar, contents.avatar).await;
    let mut channels = Vec::new();
    for (channel, avatar, banner) in contents.channels {
        let ((avatars, mut files), (banners, others)) =
            (pictures.make(Kind::Avatar, avatar).await, pictures.make(Kind::Banner, banner).await);
        files.add(others);
        channels.push((channel, ActorImages { avatars, banners }, files));
    }

    let (mut summary, mut named) = (Summary::default(), Unnamed::default());
    let mut tx = store.write().await?;
    let Some(mut user) = tx.users().hold(user.id).await? else { return Ok(summary) };
    summary.account = apply_account(&mut tx, &user, &contents.account, avatar, &mut named).await?;
    summary.settings = apply_settings(&mut user, &contents.settings);
    tx.users().update(&user).await?;
    for (channel, images, files) in channels {
        if apply_channel(&mut tx, &user, &channel, &images, max_channels, &mut summary.channels).await? {
            named.add(files);
        }
    }
    for video in &contents.videos {
        if video["isLive"] == true {
            apply_live(&mut tx, &user, video, &mut summary.lives).await?;
        } else {
            summary.videos_left_out += 1;
        }
    }
    named.commit(tx, || {}).await?;
    Ok(summary)
}

impl Contents {
    fn read(path: &Path, max_channels: usize) -> Result<Self, Error> {
        let mut archive = ZipArchive::new(File::open(path)?)?;
        if archive.len() > MAX_ENTRIES {
            return Err(Error::TooMany);
        }
        let account = json(&mut archive, "account.json").ok_or(Error::Foreign)?;
        let mut room = MAX_PICTURES;
        let avatar = picture(&mut archive, &account, "avatar", &mut room);
        let channels = list(json(&mut archive, "channels.json"), "channels");
        let channels = channels
            .into_iter()
            .take(max_channels)
            .map(|channel| {
                let avatar = picture(&mut archive, &channel, "avatar", &mut room);
                let banner = picture(&mut archive, &channel, "banner", &mut room);
                (channel, avatar, banner)
            })
            .collect();
        Ok(Self {
            avatar,
            channels,
            settings: json(&mut archive, "user-settings.json").unwrap_or_default(),
            videos: list(json(&mut archive, "videos.json"), "videos"),
            account,
        })
    }
}

/// A text of the archive, within its bound; `None` when there is none or it is no JSON.
fn json(archive: &mut ZipArchive<File>, name: &str) -> Option<Value> {
    serde_json::from_slice(&entry(archive, &format!("peertube/{name}"), MAX_JSON)?).ok()
}

/// The picture that a JSON names, as long as there is `room` for it.
fn picture(archive: &mut ZipArchive<File>, value: &Value, kind: &str, room: &mut u64) -> Option<Bytes> {
    let name = value["archiveFiles"][kind].as_str()?.strip_prefix("../")?;
    let bytes = entry(archive, name, (images::MAX_BYTES as u64).min(*room))?;
    *room -= bytes.len() as u64;
    Some(Bytes::from(bytes))
}

/// An entry, unless it is longer than `most` bytes: what its head says of its length is not believed.
fn entry(archive: &mut ZipArchive<File>, name: &str, most: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    archive.by_name(name).ok()?.take(most + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= most).then_some(bytes)
}

fn list(value: Option<Value>, field: &str) -> Vec<Value> {
    match value {
        Some(Value::Object(mut fields)) => match fields.remove(field) {
            Some(Value::Array(values)) => values,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Where pictures are made.
struct Pictures<'a> {
    images: &'a Images,
    data_dir: &'a Path,
}

impl Pictures<'_> {
    /// Writes a picture in its sizes; none when there is none or it is not taken.
    async fn make(&self, kind: Kind, bytes: Option<Bytes>) -> (Vec<ActorImage>, Unnamed) {
        match bytes {
            Some(bytes) => self.images.store(self.data_dir, kind, bytes).await.unwrap_or_default(),
            None => Default::default(),
        }
    }
}

/// A text within the bound of descriptions; nothing instead of one beyond it.
fn text_of(value: &Value, field: &str, most: usize) -> Option<String> {
    value[field].as_str().map(str::trim).filter(|text| !text.is_empty() && text.chars().count() <= most).map(str::to_owned)
}

async fn apply_account(
    tx: &mut Tx,
    user: &User,
    value: &Value,
    (avatar, files): (Vec<ActorImage>, Unnamed),
    named: &mut Unnamed,
) -> Result<Count, Error> {
    let Some(mut account) = tx.accounts().by_id(user.account_id).await? else { return Ok(Count::default()) };
    let mut count = Count { success: 1, ..Count::default() };
    match value["displayName"].as_str().map(Account::parse_display_name) {
        Some(Ok(name)) => account.display_name = name,
        Some(Err(_)) => count = Count { errors: 1, ..Count::default() },
        None => {}
    }
    account.description = text_of(value, "description", Account::MAX_TEXT).or(account.description);
    tx.accounts().update(&account).await?;
    if account.actor.images.avatars.is_empty() && !avatar.is_empty() {
        account.actor.images.avatars = avatar;
        tx.accounts().set_images(account.actor.id, &account.actor.images).await?;
        named.add(files);
    }
    Ok(count)
}

/// The address is not taken over: it would have to be proven, and is known here.
fn apply_settings(user: &mut User, value: &Value) -> Count {
    let Some(fields) = value.as_object() else { return Count::default() };
    let preferences = &mut user.preferences;
    for (field, place) in [
        ("p2pEnabled", &mut user.p2p_enabled),
        ("emailPublic", &mut preferences.email_public),
        ("videosHistoryEnabled", &mut preferences.videos_history),
        ("autoPlayVideo", &mut preferences.auto_play_video),
        ("autoPlayNextVideo", &mut preferences.auto_play_next_video),
        ("autoPlayNextVideoPlaylist", &mut preferences.auto_play_next_video_playlist),
    ] {
        if let Some(value) = fields.get(field).and_then(Value::as_bool) {
            *place = value;
        }
    }
    if let Some(policy) = value["nsfwPolicy"].as_str().and_then(NsfwPolicy::parse) {
        preferences.nsfw_policy = policy;
    }
    Count { success: 1, ..Count::default() }
}

async fn own_channel(tx: &mut Tx, user: &User, name: &str) -> Result<Option<Channel>, Error> {
    Ok(tx.channels().of_account(user.account_id).await?.into_iter().find(|channel| channel.actor.name == name))
}

/// Whether the channel was made.
async fn apply_channel(
    tx: &mut Tx,
    user: &User,
    value: &Value,
    images: &ActorImages,
    max_channels: usize,
    count: &mut Count,
) -> Result<bool, Error> {
    let parsed = (
        value["name"].as_str().map(ChannelName::parse).and_then(Result::ok),
        value["displayName"].as_str().map(Account::parse_display_name).and_then(Result::ok),
    );
    let (Some(name), Some(display_name)) = parsed else {
        count.errors += 1;
        return Ok(false);
    };
    if own_channel(tx, user, name.as_str()).await?.is_some() {
        count.duplicates += 1;
        return Ok(false);
    }
    if !is_free(tx, name.as_str()).await? || tx.channels().of_account(user.account_id).await?.len() >= max_channels {
        count.errors += 1;
        return Ok(false);
    }
    let (description, support) = (text_of(value, "description", Account::MAX_TEXT), text_of(value, "support", Account::MAX_TEXT));
    let new = NewChannel {
        account_id: user.account_id,
        name: name.as_str(),
        display_name: &display_name,
        description: description.as_deref(),
        support: support.as_deref(),
    };
    let id = tx.channels().create(new).await?;
    if let Some(channel) = tx.channels().by_id(id).await? {
        tx.accounts().set_images(channel.actor.id, images).await?;
    }
    count.success += 1;
    Ok(true)
}

async fn apply_live(tx: &mut Tx, user: &User, value: &Value, count: &mut Count) -> Result<(), Error> {
    let name = value["name"].as_str().map(Video::parse_name).and_then(Result::ok);
    let channel = match value["channel"]["name"].as_str() {
        Some(channel) => own_channel(tx, user, &channel.to_ascii_lowercase()).await?,
        None => None,
    };
    let (Some(name), Some(channel), true) = (name, channel, count.success < MAX_LIVES) else {
        count.errors += 1;
        return Ok(());
    };
    if has_live(tx, channel.id, &name).await? {
        count.duplicates += 1;
        return Ok(());
    }
    let tags = value["tags"].as_array().map(|tags| tags.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<String>>());
    // What is closed in a way that is not known here is open to nobody.
    let privacy = value["privacy"].as_i64().and_then(Privacy::from_code).unwrap_or(Privacy::Private);
    let new = NewVideo {
        description: text_of(value, "description", Video::MAX_DESCRIPTION),
        support: text_of(value, "support", Video::MAX_DESCRIPTION),
        privacy,
        nsfw: value["nsfw"] == true,
        tags: tags.and_then(|tags| Video::parse_tags(tags).ok()).unwrap_or_default(),
        ..NewVideo::live(Uuid::new_v4(), channel.id, name)
    };
    let id = tx.videos().create(&new).await?;
    let settings = &value["live"];
    let mut live = Live {
        permanent: settings["permanentLive"] == true,
        save_replay: settings["saveReplay"] == true,
        replay_privacy: settings["replaySettings"]["privacy"].as_i64().and_then(Privacy::from_code).unwrap_or(privacy),
        latency_mode: settings["latencyMode"].as_i64().and_then(LatencyMode::from_code).unwrap_or(LatencyMode::Default),
        ..Live::new(id)
    };
    // Encoders need not be told of a new key, unless somebody else has it.
    if let Some(key) = settings["streamKey"].as_str().filter(|key| Uuid::parse_str(key).is_ok()).map(StreamKey::from_text)
        && tx.lives().by_stream_key(&key).await?.is_none()
    {
        live.stream_key = key;
    }
    tx.lives().create(&live).await?;
    count.success += 1;
    Ok(())
}

async fn has_live(tx: &mut Tx, channel: ChannelId, name: &str) -> Result<bool, Error> {
    let filter = VideoFilter { channel: Some(channel), is_live: Some(true), count: 100, ..VideoFilter::default() };
    Ok(tx.videos().list(&filter).await?.1.iter().any(|video| video.name == name))
}
