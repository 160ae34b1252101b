//! Links what was made into the video's folder, under the names that viewers know, and writes the playlists beside it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use segmenter::journal::{self, Recording};
use segmenter::{multivariant, vod};
use segmenter_gst::vod::media_playlist;
use uuid::Uuid;

use crate::vod::workshop::{Planned, run_path};

/// Segments of a rendition in the making that are shown: what players want to begin with.
const ENOUGH: usize = 3;

/// Why it could not be shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    File(#[from] io::Error),
    #[error(transparent)]
    Journal(#[from] journal::Error),
}

impl Error {
    pub(super) fn is_disk_full(&self) -> bool {
        let (Self::File(source) | Self::Journal(journal::Error::Io { source, .. })) = self else { return false };
        source.kind() == io::ErrorKind::StorageFull
    }
}

/// What is in the video's folder.
#[derive(Debug)]
pub(super) struct Published {
    /// Multivariant playlist.
    pub(super) master: String,
    /// Hashes of its segments.
    pub(super) hashes: String,
    /// Of the longest rendition.
    pub(super) duration_ms: i64,
    pub(super) renditions: Vec<PublishedRendition>,
}

/// A file of byte ranges.
#[derive(Debug)]
pub(super) struct PublishedRendition {
    /// Of its folder in the workshop.
    pub(super) name: String,
    /// Lines; 0 is sound alone.
    pub(super) resolution: u32,
    pub(super) file: String,
    pub(super) size_bytes: u64,
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
    pub(super) frame_rate: Option<f64>,
    pub(super) has_audio: bool,
    /// Nothing more comes.
    pub(super) is_finished: bool,
}

/// Shows the renditions in `work` that are finished, or, as long as none is, those that grow; `None` if there is nothing to play.
/// Names are PeerTube's, which some clients derive from one another.
pub(super) fn write(
    folder: &Path,
    work: &Path,
    version: Uuid,
    planned: &[Planned],
    only_finished: bool,
) -> Result<Option<Published>, Error> {
    let mut recordings = Vec::new();
    for rendition in planned {
        match Recording::read(&work.join(&rendition.name)) {
            Ok(recording) if recording.finished && !recording.segments.is_empty() => recordings.push((rendition, recording)),
            Ok(recording) if !only_finished && recording.segments.len() >= ENOUGH => recordings.push((rendition, recording)),
            Ok(_) | Err(journal::Error::Empty(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if recordings.iter().any(|(_, recording)| recording.finished) {
        // Players that change from one that is whole to one that is not would stand still.
        recordings.retain(|(_, recording)| recording.finished);
    }
    if recordings.is_empty() {
        return Ok(None);
    }
    fs::create_dir_all(folder)?;
    let file_name = |resolution: u32| format!("{version}-{resolution}-fragmented.mp4");
    let (mut variants, mut renditions) = (Vec::new(), Vec::new());
    for (rendition, recording) in &recordings {
        let resolution = rendition.resolution;
        let (file, uri) = (file_name(resolution), format!("{version}-{resolution}.m3u8"));
        let target = folder.join(&file);
        link(&run_path(work, &rendition.name), &target)?;
        let (Some(playlist), Some(variant)) = (media_playlist(recording, |_| file.clone()), vod::variant(recording, &uri)) else {
            continue;
        };
        put(folder, &uri, &playlist)?;
        variants.push(variant);
        let init = recording.inits.last();
        let picture = init.and_then(|init| init.video);
        renditions.push(PublishedRendition {
            name: rendition.name.clone(),
            resolution,
            size_bytes: fs::metadata(&target)?.len(),
            file,
            width: picture.map(|picture| picture.width),
            height: picture.map(|picture| picture.height),
            frame_rate: picture.and_then(|picture| picture.frame_rate),
            has_audio: init.is_some_and(|init| init.audio.is_some()),
            is_finished: recording.finished,
        });
    }
    if renditions.is_empty() {
        return Ok(None);
    }
    let all: Vec<&Recording> = recordings.iter().map(|(_, recording)| recording).collect();
    let resolution_of = |name: &str| planned.iter().find(|rendition| rendition.name == name).map_or(0, |rendition| rendition.resolution);
    let hashes = format!("{version}-segments-sha256.json");
    put(folder, &hashes, &vod::segments_sha256(&all, |recording, _| file_name(resolution_of(&recording.rendition))))?;
    let master = format!("{version}-master.m3u8");
    // Last: whoever finds it finds the rest.
    put(folder, &master, &multivariant::render(&variants))?;
    let duration_ms = all.iter().map(|recording| recording.duration().as_millis()).max().unwrap_or(0);
    Ok(Some(Published { master, hashes, duration_ms, renditions }))
}

/// Whoever reads it reads all of the old or all of the new.
fn put(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    // Names with a dot are never served.
    let partial = folder.join(format!(".{name}.part"));
    fs::write(&partial, text)?;
    fs::rename(&partial, folder.join(name))
}

/// A second name for the same bytes, also for those that are still to come; a copy where links are not possible.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    let source = fs::metadata(from)?;
    match fs::metadata(to) {
        Ok(there) if (there.dev(), there.ino()) == (source.dev(), source.ino()) => return Ok(()),
        // An earlier attempt's.
        Ok(_) => fs::remove_file(to)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(_) => fs::copy(from, to).map(drop),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use bytes::Bytes;
    use media::MediaTime;
    use segmenter::journal::{Recorder, Rotation};
    use segmenter::name::Names;
    use segmenter::output::{Init, Output, Part, Picture, Sound};

    use super::*;

    /// A recording of so many segments of two seconds.
    fn record(work: &Path, name: &str, height: u32, segments: u64, finished: bool) {
        let names = Names::new("test", name).expect("a name");
        let mut recorder = Recorder::create(&work.join(name), &names, Rotation::Never).expect("a recording");
        let init = Init {
            number: 0,
            bytes: Bytes::from_static(b"init"),
            codecs: "avc1.64001f,mp4a.40.2".to_owned(),
            video: Some(Picture { width: height * 16 / 9, height, frame_rate: Some(30.0) }),
            audio: Some(Sound { sample_rate: 48_000, channels: 2 }),
            discontinuity: false,
        };
        let target = MediaTime::from_secs(2);
        recorder.append(&[Output::Started { target_duration: 2, part_target: target }, Output::Init(init)]).expect("written");
        for number in 0..segments {
            let part = Part {
                msn: number,
                index: 0,
                number,
                bytes: Bytes::from(vec![b'x'; 100]),
                start: MediaTime::from_secs(2 * i64::try_from(number).expect("small")),
                duration: target,
                independent: true,
                gap: false,
                program_date_time: 0,
                newest_arrival: Instant::now(),
            };
            recorder.append(&[Output::Part(part), Output::SegmentEnd { msn: number, duration: target }]).expect("written");
        }
        if finished {
            recorder.finish().expect("finished");
        }
    }

    fn planned(names: &[(&str, u32)]) -> Vec<Planned> {
        names.iter().map(|&(name, resolution)| Planned { name: name.to_owned(), resolution }).collect()
    }

    #[test]
    fn what_grows_is_shown_until_something_is_whole() {
        let (folder, work) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let version = Uuid::new_v4();
        let all = planned(&[("720p", 720), ("360p", 360)]);
        let show = |only_finished| write(folder.path(), work.path(), version, &all, only_finished).expect("written");
        assert!(show(false).is_none());
        record(work.path(), "360p", 360, 3, false);
        assert!(show(true).is_none());
        let growing = show(false).expect("something to play");
        assert_eq!(
            growing.renditions.iter().map(|rendition| (rendition.resolution, rendition.is_finished)).collect::<Vec<_>>(),
            [(360, false)]
        );
        let playlist = || fs::read_to_string(folder.path().join(format!("{version}-360.m3u8"))).expect("a playlist");
        assert!(playlist().contains("#EXT-X-PLAYLIST-TYPE:EVENT") && !playlist().contains("ENDLIST"));

        record(work.path(), "720p", 720, 4, true);
        let whole = show(false).expect("something to play");
        assert_eq!(
            whole.renditions.iter().map(|rendition| (rendition.resolution, rendition.is_finished)).collect::<Vec<_>>(),
            [(720, true)]
        );
        assert_eq!((whole.duration_ms, whole.renditions[0].size_bytes, whole.renditions[0].width), (8000, 404, Some(1280)));
        let master = fs::read_to_string(folder.path().join(&whole.master)).expect("a playlist");
        assert!(master.contains(&format!("{version}-720.m3u8")) && !master.contains("-360.m3u8"), "{master}");
        let hashes = fs::read_to_string(folder.path().join(&whole.hashes)).expect("hashes");
        assert!(hashes.contains(&format!("{version}-720-fragmented.mp4")), "{hashes}");
    }

    #[test]
    fn another_attempts_bytes_are_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&to, "old").expect("written");
        fs::write(&from, "new").expect("written");
        link(&from, &to).expect("linked");
        link(&from, &to).expect("linked");
        fs::write(&from, "newer").expect("written");
        assert_eq!(fs::read_to_string(&to).expect("read"), "newer");
    }
}
