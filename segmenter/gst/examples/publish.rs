//! `publish TARGET [seconds] [obs] [keyint=N] [loop] [file]`: the test pattern or a file to a server, or into an FLV file.

use std::time::Duration;

use segmenter_gst::{Options, Preset, Source, Target, publish_until};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| "rtmp://localhost/live/test".to_owned());
    let mut options = Options::pattern(&url);
    options.target = match url.contains("://") {
        true => Target::Rtmp { url, verify_certificate: false },
        false => Target::Flv(url.into()),
    };
    options.duration = arguments.next().and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs_f64);
    let mut again = false;
    for argument in arguments {
        match argument.as_str() {
            "obs" => options.encoder.preset = Preset::Obs,
            "loop" => again = true,
            other => match other.strip_prefix("keyint=").and_then(|frames| frames.parse().ok()) {
                Some(frames) => options.encoder.keyframe_interval = frames,
                None => options.source = Source::File { path: other.into(), repeat: false },
            },
        }
    }
    if let Source::File { repeat, .. } = &mut options.source {
        *repeat = again;
    }
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    match publish_until(options, stop).await {
        Ok(report) => println!("{report:?}"),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}
