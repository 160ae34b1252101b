//! Publishes the test pattern: `publish URL [seconds] [obs]`, or records it when the URL is a file name.

use std::time::Duration;

use segmenter_gst::{Options, Preset, Source, Target, publish_until};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| "rtmp://localhost/live/test".to_owned());
    let mut options = Options::pattern(&url);
    if !url.contains("://") {
        options.target = Target::Flv(url.into());
    } else {
        options.target = Target::Rtmp { url, verify_certificate: false };
    }
    options.duration = arguments.next().and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs_f64);
    for argument in arguments {
        match argument.as_str() {
            "obs" => options.encoder.preset = Preset::Obs,
            "keyint250" => options.encoder.keyframe_interval = 250,
            "loop" => {
                if let Source::File { repeat, .. } = &mut options.source {
                    *repeat = true;
                }
            }
            path => options.source = Source::File { path: path.into(), repeat: false },
        }
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
