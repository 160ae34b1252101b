//! Archives of what somebody has here, laid out as PeerTube's: JSON below `peertube/`, files below `files/`.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::app::App;
use crate::domain::{Account, ActorImage, ActorImages, Channel, Export, ExportId, ExportState, Live, Timestamp, User, Video, VideoFile};
use crate::images::Kind;
use crate::jobs::{Failure, Job, Postponed};
use crate::live::thumbnail::{previews_folder, thumbnails_folder};
use crate::live::{vod_folder, web_videos_folder};
use crate::mail::Letter;
use crate::store::{Sort, Tx, VideoFilter};
use crate::uploads::has_space;

/// How long an archive can be fetched, as PeerTube has it.
pub const LIFETIME: Duration = Duration::from_secs(2 * 86_400);
/// Most bytes of video that go into one archive, as PeerTube has it.
pub const MAX_VIDEO_BYTES: i64 = 10 << 30;
/// Most videos in one archive: their JSON is made in memory, some 2 kB each.
const MAX_VIDEOS: i64 = 10_000;
/// Videos that are read together.
const BATCH: i64 = 100;
/// Bytes copied between two looks at whether anybody still wants it.
const CHUNK: usize = 1 << 20;
/// Bytes copied between two looks at the free space of the disk.
const SPACE_CHECK: usize = 64 << 20;
/// How often is looked whether an archive was deleted, alone or with its user.
const LOOK: Duration = Duration::from_secs(2);
/// While the disk is full somebody makes room.
const DISK_PAUSE: Duration = Duration::from_secs(300);

/// Folder of the archives.
pub fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("exports")
}

/// Removes an archive that no row names any more, and what there is of it while it is being written.
pub async fn remove_file(data_dir: &Path, file: &str) {
    let _ = tokio::fs::remove_file(folder(data_dir).join(file)).await;
    let _ = tokio::fs::remove_file(partial(data_dir, file)).await;
}

/// Where an archive is until it is whole.
fn partial(data_dir: &Path, file: &str) -> PathBuf {
    folder(data_dir).join(format!("{file}.part"))
}

/// Writes an archive.
#[derive(Debug, Serialize, Deserialize)]
pub struct WriteExport {
    /// Which.
    pub export: ExportId,
}

impl Job for WriteExport {
    const NAME: &'static str = "create-user-export";
    const MAX_ATTEMPTS: i64 = 3;
    // Gigabytes may be copied: letters do not wait for that.
    const HEAVY: bool = true;

    async fn run(self, app: &App) -> Result<(), Failure> {
        let Some(export) = begin(app, self.export).await? else { return Ok(()) };
        let result = write(app, &export).await;
        let mut tx = app.store.write().await?;
        let kept = match &result {
            Ok(size) => tx.exports().set_state(export.id, ExportState::Completed, *size, None).await?,
            Err(error) if error.is::<Postponed>() => tx.exports().set_state(export.id, ExportState::Pending, 0, None).await?,
            Err(error) => tx.exports().set_state(export.id, ExportState::Errored, 0, Some(&error.to_string())).await?,
        };
        if kept && result.is_ok() {
            tx.jobs().enqueue(&Letter::ExportReady(export.user_id)).await?;
            tx.jobs().enqueue_at(&RemoveExport { export: export.id }, Timestamp::now().plus(LIFETIME)).await?;
        }
        tx.commit().await?;
        if !kept {
            // Deleted while it was written.
            remove_file(&app.config.data_dir, &export.file).await;
            return Ok(());
        }
        app.jobs.wake();
        result.map(drop)
    }
}

/// Removes an archive whose time is over.
#[derive(Debug, Serialize, Deserialize)]
pub struct RemoveExport {
    /// Which.
    pub export: ExportId,
}

impl Job for RemoveExport {
    const NAME: &'static str = "remove-user-export";

    async fn run(self, app: &App) -> Result<(), Failure> {
        let mut tx = app.store.write().await?;
        let Some(export) = tx.exports().by_id(self.export).await? else { return Ok(()) };
        tx.exports().delete(export.id).await?;
        tx.commit().await?;
        remove_file(&app.config.data_dir, &export.file).await;
        Ok(())
    }
}

async fn begin(app: &App, id: ExportId) -> Result<Option<Export>, Failure> {
    let mut tx = app.store.write().await?;
    let Some(export) = tx.exports().by_id(id).await? else { return Ok(None) };
    if export.state == ExportState::Completed {
        return Ok(None);
    }
    tx.exports().set_state(id, ExportState::Processing, 0, None).await?;
    tx.commit().await?;
    Ok(Some(export))
}

/// Writes the archive; its size in bytes.
async fn write(app: &App, export: &Export) -> Result<i64, Failure> {
    let contents = Contents::read(app, export).await?;
    let folder = folder(&app.config.data_dir);
    tokio::fs::create_dir_all(&folder).await?;
    let (partial, path) = (partial(&app.config.data_dir, &export.file), folder.join(&export.file));
    // Cancelled with the server, with this job, and when nobody wants it any more.
    let stop = app.stop.child_token();
    let _guard = stop.clone().drop_guard();
    let (room, stopped) = (app.clone(), stop.clone());
    let mut writing = tokio::task::spawn_blocking(move || {
        let written = contents.write(&partial, &stopped, |bytes| has_space(&room, bytes));
        let written = written.and_then(|size| std::fs::rename(&partial, &path).map(|()| size));
        if written.is_err() {
            let _ = std::fs::remove_file(&partial);
        }
        written
    });
    let mut look = tokio::time::interval(LOOK);
    let written = loop {
        tokio::select! {
            written = &mut writing => break written?,
            _ = look.tick() => {
                // A database that does not answer has not deleted it.
                let found = async { app.store.read().await?.exports().by_id(export.id).await };
                if matches!(found.await, Ok(None)) {
                    stop.cancel();
                }
            }
        }
    };
    match written {
        Err(_) if app.stop.is_cancelled() => Err(Postponed { reason: "the server stopped".to_owned(), pause: Duration::ZERO }.into()),
        Err(error) if error.kind() == io::ErrorKind::StorageFull => {
            Err(Postponed { reason: "the server's disk is full".to_owned(), pause: DISK_PAUSE }.into())
        }
        written => Ok(i64::try_from(written?)?),
    }
}

/// What goes into an archive.
#[derive(Default)]
struct Contents {
    texts: Vec<(String, Value)>,
    /// Name in the archive, and where it is.
    files: Vec<(String, PathBuf)>,
}

impl Contents {
    async fn read(app: &App, export: &Export) -> Result<Self, Failure> {
        let mut contents = Self::default();
        let mut tx = app.store.read().await?;
        let user = tx.users().by_id(export.user_id).await?.ok_or("the user is gone")?;
        let account = tx.accounts().by_id(user.account_id).await?.ok_or("the account is gone")?;
        contents.add("user-settings.json", settings(&user));
        let avatar = contents.add_image(app, Kind::Avatar, "account/avatars", &account.actor.name, &account.actor.images);
        contents.add("account.json", account_json(app, &account, avatar));
        let mut channels = Vec::new();
        for channel in tx.channels().of_account(account.id).await? {
            let (name, images) = (&channel.actor.name, &channel.actor.images);
            let avatar = contents.add_image(app, Kind::Avatar, "channels/avatars", name, images);
            let banner = contents.add_image(app, Kind::Banner, "channels/banners", name, images);
            channels.push(channel_json(app, &channel, avatar, banner));
        }
        contents.add("channels.json", json!({ "channels": channels }));
        let videos = contents.read_videos(app, &mut tx, &account, export.with_video_files).await?;
        contents.add("videos.json", json!({ "videos": videos }));
        Ok(contents)
    }

    fn add(&mut self, name: &str, value: Value) {
        self.texts.push((format!("peertube/{name}"), value));
    }

    /// Adds a file; its path as seen from the JSON.
    fn add_file(&mut self, name: String, path: PathBuf) -> String {
        let seen = format!("../files/{name}");
        self.files.push((format!("files/{name}"), path));
        seen
    }

    /// Adds the largest picture of a kind.
    fn add_image(&mut self, app: &App, kind: Kind, folder: &str, name: &str, images: &ActorImages) -> Option<String> {
        let image = match kind {
            Kind::Avatar => images.avatars.first()?,
            Kind::Banner => images.banners.first()?,
        };
        let path = kind.folder(&app.config.data_dir).join(&image.file);
        Some(self.add_file(format!("{folder}/{name}.{}", extension(&image.file)), path))
    }

    async fn read_videos(&mut self, app: &App, tx: &mut Tx, account: &Account, with_files: bool) -> Result<Vec<Value>, Failure> {
        let mut filter = VideoFilter { account: Some(account.id), sort: Sort::OldestCreated, count: BATCH, ..VideoFilter::default() };
        let mut videos = Vec::new();
        while filter.start < MAX_VIDEOS {
            let (_, batch) = tx.videos().list(&filter).await?;
            if batch.is_empty() {
                break;
            }
            for video in &batch {
                let tags = tx.videos().tags(video.id).await?;
                let files = tx.files().of_video(video.id).await?;
                let live = if video.is_live { tx.lives().by_video(video.id).await? } else { None };
                let archived = self.add_video_files(app, video, with_files.then_some(&files[..]));
                videos.push(video_json(app, video, &tags, &files, live.as_ref(), archived));
            }
            filter.start += BATCH;
        }
        Ok(videos)
    }

    /// Adds a video's picture and, where asked for, its best file.
    fn add_video_files(&mut self, app: &App, video: &Video, files: Option<&[VideoFile]>) -> Value {
        let data_dir = &app.config.data_dir;
        let picture = match (&video.preview, &video.thumbnail) {
            (Some(preview), _) => Some(previews_folder(data_dir).join(preview)),
            (None, Some(thumbnail)) => Some(thumbnails_folder(data_dir).join(thumbnail)),
            (None, None) => None,
        };
        let thumbnail = picture.map(|path| self.add_file(format!("videos/thumbnails/{}.jpg", video.uuid), path));
        // A whole file with sound before a rendition of the same size.
        let best = files.and_then(|files| files.iter().max_by_key(|file| (file.resolution, file.has_audio, file.playlist_id.is_none())));
        let video_file = best.map(|file| {
            let path = match file.playlist_id {
                None => web_videos_folder(data_dir).join(&file.file),
                Some(_) => vod_folder(data_dir, video.uuid).join(&file.file),
            };
            self.add_file(format!("videos/video-files/{}.{}", video.uuid, extension(&file.file)), path)
        });
        json!({ "videoFile": video_file, "thumbnail": thumbnail, "captions": {} })
    }

    /// How large its files are, in bytes.
    fn size_bytes(&self) -> u64 {
        self.files.iter().filter_map(|(_, path)| std::fs::metadata(path).ok()).map(|metadata| metadata.len()).sum()
    }

    /// Writes the archive to `path`, as long as the disk has space for so many bytes more; its size in bytes.
    fn write(&self, path: &Path, stop: &CancellationToken, has_space: impl Fn(u64) -> bool) -> io::Result<u64> {
        if !has_space(self.size_bytes()) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut zip = ZipWriter::new(File::create(path)?);
        let packed = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        // Media do not get smaller, and may be larger than 4 GiB.
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
        for (name, value) in &self.texts {
            zip.start_file(name.as_str(), packed).map_err(io::Error::other)?;
            serde_json::to_writer_pretty(&mut zip, value)?;
        }
        let (mut buffer, mut unchecked) = (vec![0; CHUNK], 0);
        for (name, path) in &self.files {
            let mut file = match File::open(path) {
                Ok(file) => file,
                // Removed since the rows were read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            zip.start_file(name.as_str(), stored).map_err(io::Error::other)?;
            loop {
                if stop.is_cancelled() {
                    return Err(io::Error::other("nobody wants it any more"));
                }
                let read = file.read(&mut buffer)?;
                if read == 0 {
                    break;
                }
                zip.write_all(&buffer[..read])?;
                unchecked += read;
                if unchecked > SPACE_CHECK {
                    unchecked = 0;
                    if !has_space(0) {
                        return Err(io::ErrorKind::StorageFull.into());
                    }
                }
            }
        }
        let file = zip.finish().map_err(io::Error::other)?;
        file.sync_all()?;
        Ok(file.metadata()?.len())
    }
}

fn extension(file: &str) -> &str {
    file.rsplit_once('.').map_or("bin", |(_, extension)| extension)
}

fn settings(user: &User) -> Value {
    let preferences = &user.preferences;
    json!({
        "email": user.email,
        "emailPublic": preferences.email_public,
        "nsfwPolicy": preferences.nsfw_policy.as_str(),
        "autoPlayVideo": preferences.auto_play_video,
        "autoPlayNextVideo": preferences.auto_play_next_video,
        "autoPlayNextVideoPlaylist": preferences.auto_play_next_video_playlist,
        "p2pEnabled": user.p2p_enabled,
        "videosHistoryEnabled": preferences.videos_history,
        "videoLanguages": preferences.video_languages,
        "language": preferences.language,
        "theme": preferences.theme,
        "createdAt": user.created_at,
        "notificationSettings": {}
    })
}

fn image_list(app: &App, folder: &str, images: &[ActorImage]) -> Vec<Value> {
    images
        .iter()
        .map(|image| {
            let url = format!("{}/lazy-static/{folder}/{}", app.public_url(), image.file);
            json!({ "width": image.width, "url": url, "createdAt": image.created_at, "updatedAt": image.created_at })
        })
        .collect()
}

fn account_json(app: &App, account: &Account, avatar: Option<String>) -> Value {
    json!({
        "url": format!("{}/accounts/{}", app.public_url(), account.actor.name),
        "name": account.actor.name,
        "displayName": account.display_name,
        "description": account.description,
        "updatedAt": account.actor.updated_at,
        "createdAt": account.actor.created_at,
        "avatars": image_list(app, "avatars", &account.actor.images.avatars),
        "archiveFiles": { "avatar": avatar }
    })
}

fn channel_json(app: &App, channel: &Channel, avatar: Option<String>, banner: Option<String>) -> Value {
    json!({
        "url": format!("{}/video-channels/{}", app.public_url(), channel.actor.name),
        "name": channel.actor.name,
        "displayName": channel.display_name,
        "description": channel.description,
        "support": channel.support,
        "updatedAt": channel.actor.updated_at,
        "createdAt": channel.actor.created_at,
        "avatars": image_list(app, "avatars", &channel.actor.images.avatars),
        "banners": image_list(app, "banners", &channel.actor.images.banners),
        "archiveFiles": { "avatar": avatar, "banner": banner }
    })
}

fn live_json(live: &Live) -> Value {
    json!({
        "saveReplay": live.save_replay,
        "permanentLive": live.permanent,
        "latencyMode": live.latency_mode.code(),
        "streamKey": live.stream_key.expose(),
        "replaySettings": { "privacy": live.replay_privacy.code() }
    })
}

fn video_json(app: &App, video: &Video, tags: &[String], files: &[VideoFile], live: Option<&Live>, archived: Value) -> Value {
    let url = app.public_url();
    let picture = |folder: &str, name: &Option<String>| name.as_ref().map(|name| format!("{url}/lazy-static/{folder}/{name}"));
    let file = |file: &VideoFile, folder: &str| {
        let file_url = format!("{url}{folder}/{}", file.file);
        json!({ "resolution": file.resolution, "size": file.size_bytes, "fps": file.fps, "torrentUrl": null, "fileUrl": file_url })
    };
    let plain: Vec<_> = files.iter().filter(|one| one.playlist_id.is_none()).map(|one| file(one, "/static/web-videos")).collect();
    let hls_folder = format!("/static/streaming-playlists/hls/{}", video.uuid);
    let hls: Vec<_> = files.iter().filter(|one| one.playlist_id.is_some()).map(|one| file(one, &hls_folder)).collect();
    let playlists = match hls.is_empty() {
        true => json!([]),
        false => json!([{ "type": 1, "playlistUrl": format!("{url}{hls_folder}/master.m3u8"), "files": hls }]),
    };
    let mut json = json!({
        "uuid": video.uuid,
        "createdAt": video.created_at,
        "updatedAt": video.updated_at,
        "publishedAt": video.published_at,
        "originallyPublishedAt": video.originally_published_at,
        "name": video.name,
        "category": video.category,
        "licence": video.licence,
        "language": video.language,
        "tags": tags,
        "privacy": video.privacy.code(),
        "passwords": [],
        "duration": video.duration_ms / 1000,
        "description": video.description,
        "support": video.support,
        "isLive": video.is_live,
        "url": format!("{url}/videos/watch/{}", video.uuid),
        "thumbnailUrl": picture("thumbnails", &video.thumbnail),
        "previewUrl": picture("previews", &video.preview),
        "views": video.views,
        "likes": video.likes,
        "dislikes": video.dislikes,
        "nsfw": video.nsfw,
        "commentsPolicy": video.comments_policy.code(),
        "downloadEnabled": video.download_enabled,
        "channel": { "name": video.channel.actor.name },
        "waitTranscoding": video.wait_transcoding,
        "state": video.state.code(),
        "captions": [],
        "chapters": [],
        "files": plain,
        "streamingPlaylists": playlists,
        "archiveFiles": archived
    });
    if let Some(live) = live {
        json["live"] = live_json(live);
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_can_be_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let picture = folder.path().join("a.jpg");
        std::fs::write(&picture, "a picture").expect("written");
        let mut contents = Contents::default();
        contents.add("account.json", json!({ "name": "ann" }));
        let seen = contents.add_file("account/avatars/ann.jpg".into(), picture);
        contents.add_file("account/avatars/gone.jpg".into(), folder.path().join("gone.jpg"));
        assert_eq!(seen, "../files/account/avatars/ann.jpg");
        let path = folder.path().join("archive.zip");
        let size = contents.write(&path, &CancellationToken::new(), |bytes| bytes == 9).expect("written");
        assert_eq!(size, std::fs::metadata(&path).expect("it is there").len());

        let mut archive = zip::ZipArchive::new(File::open(&path).expect("it is there")).expect("an archive");
        let names: Vec<_> = archive.file_names().map(str::to_owned).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        let mut text = String::new();
        archive.by_name("files/account/avatars/ann.jpg").expect("there").read_to_string(&mut text).expect("text");
        assert_eq!(text, "a picture");
        let account = archive.by_name("peertube/account.json").expect("there");
        assert_eq!(serde_json::from_reader::<_, Value>(account).expect("JSON")["name"], "ann");

        let stopped = CancellationToken::new();
        stopped.cancel();
        assert!(contents.write(&path, &stopped, |_| true).is_err(), "the server does not wait for archives when it stops");
        let full = contents.write(&path, &CancellationToken::new(), |_| false).expect_err("no space");
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    }
}
