//! SIGKILL while a live is recorded, and nobody comes back: the replay holds what viewers had.

use std::time::Duration;

use serde_json::json;
use tokio::process::Command;

use crate::player::Live;
use crate::publisher::{Clip, Publisher};
use crate::support::Server;
use crate::support::program::Program;
use crate::vod::{bytes, segments};

/// What viewers have got is on disk a moment later: the recording is off the media path.
const WRITTEN_WITHIN: Duration = Duration::from_millis(200);
/// The grace of a lost publisher, and a bit.
const PAST_GRACE: Duration = Duration::from_millis(1500);

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_whole_up_to_the_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_with(|config| config.data_dir = folder.path().to_owned()).await;
    let live = Live::create(&server, json!({ "saveReplay": true })).await;
    let key = live.rtmp_url.rsplit('/').next().expect("a key").to_owned();
    server.stop().await;

    let settings = [("SHOAL_LIVE_GRACE_LOST_S", "1")];
    let program = Program::start(folder.path(), &settings).await;
    let live = Live::at(&program.base, &live.uuid, &live.token);
    let publisher = Publisher::start(Clip::Plain, &program.rtmp_url(&key));
    live.on_air().await;
    // All that a viewer has by now: whole segments, and the parts of the one that is open.
    let mut playlist = live.playlist("").await;
    while playlist.segments().len() < 3 {
        playlist = live.playlist(&format!("?_HLS_msn={}", playlist.next_msn())).await;
    }
    let parts = playlist.parts();
    let open = &parts[parts.len() - usize::try_from(playlist.open_parts()).expect("small")..];
    let listed = playlist.segments();
    let mut seen = Vec::new();
    for name in listed.iter().map(|(_, name)| name).chain(open) {
        let response = live.get(name).await;
        assert!(response.status().is_success(), "{name}: {}", response.status());
        seen.extend_from_slice(&response.bytes().await.expect("bytes"));
    }
    tokio::time::sleep(WRITTEN_WITHIN).await;
    program.kill();
    drop(publisher);
    tokio::time::sleep(PAST_GRACE).await;

    let program = Program::start(folder.path(), &settings).await;
    let live = Live::at(&program.base, &live.uuid, &live.token);
    let session = live.concluded(1).await;
    assert_eq!(session["replayVideo"]["uuid"], live.uuid.as_str());
    let (master, file) = live.replay(&live.uuid).await;
    let text = reqwest::get(master.replace("-master", "-source")).await.expect("an answer").text().await.expect("text");
    assert!(text.ends_with("#EXT-X-ENDLIST\n") && !text.contains("#EXT-X-GAP"), "{text}");
    let mut kept = Vec::new();
    for (_, offset, length, name) in segments(&text) {
        kept.extend_from_slice(&bytes(&live, &name, offset, length).await);
    }
    // By byte, not by length: nothing is missing in between.
    assert!(kept.len() >= seen.len(), "{} of {} bytes", kept.len(), seen.len());
    assert!(kept.starts_with(&seen), "it differs from what was seen");

    // And decoders find nothing to complain about, in the playlist and in the file for download.
    for address in [&master, &file] {
        let arguments = ["-nostdin", "-v", "error", "-i", address.as_str(), "-f", "null", "-"];
        let output = Command::new("ffmpeg").args(arguments).output().await.expect("ffmpeg is installed");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && complaints.trim().is_empty(), "{address}: {complaints}");
    }
    drop(program);
}
