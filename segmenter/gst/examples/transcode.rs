//! Transcodes a file into renditions of the given heights, to be timed beside ffmpeg:
//! `cargo run --release -p segmenter-gst --example transcode -- FILE DIRECTORY [HEIGHT...]` (720 and 360 by default;
//! `--copy` lets the file's own frames be used).

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use media::MediaTime;
use segmenter::journal::{Recording, run_file_name};
use segmenter_gst::vod::{Output, Plan, VodOptions, media_playlist, picture_at, storyboard, transcode};
use segmenter_gst::{Rung, probe};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (flags, arguments): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let [input, directory, heights @ ..] = arguments.as_slice() else {
        return Err("transcode [--copy] [--stills] FILE DIRECTORY [HEIGHT...]".into());
    };
    let (input, directory) = (Path::new(input), PathBuf::from(directory));
    let has = |flag: &str| flags.iter().any(|given| given == flag);
    let heights: Vec<u32> = heights.iter().map(|height| height.parse()).collect::<Result<_, _>>()?;
    let heights = if heights.is_empty() { vec![720, 360] } else { heights };
    let info = probe(input)?;
    println!("{info:#?}");
    let rungs = heights.into_iter().map(|height| Rung { height, bitrate_kbps: 0 }).collect();
    let options = VodOptions { rungs, keep_resolution: false, passthrough: has("--copy"), ..VodOptions::default() };
    let plan = Plan::new(&info, &options)?;
    println!("{plan:#?}");
    let started = Instant::now();
    let output = Output { directory: directory.clone(), prefix: "example".to_owned(), date_time: 0 };
    transcode(input, &output, &plan, &options, &mut |step| {
        if let Some(rendition) = step.finished {
            println!("{:6.2} s  {:3.0} %  {}", started.elapsed().as_secs_f64(), step.done * 100.0, rendition.name);
        }
        ControlFlow::Continue(())
    })?;
    println!("{:6.2} s in all", started.elapsed().as_secs_f64());
    let mut variants = Vec::new();
    for rendition in &plan.renditions {
        let recording = Recording::read(&directory.join(&rendition.name))?;
        if let Some(playlist) = media_playlist(&recording, |run| format!("{}/{}", rendition.name, run_file_name(run))) {
            std::fs::write(directory.join(format!("{}.m3u8", rendition.name)), playlist)?;
        }
        variants.extend(segmenter::vod::variant(&recording, &format!("{}.m3u8", rendition.name)));
    }
    std::fs::write(directory.join("master.m3u8"), segmenter::multivariant::render(&variants))?;
    if has("--stills") {
        let middle = info.duration.unwrap_or(MediaTime::ZERO) / 2;
        std::fs::write(directory.join("picture.jpg"), picture_at(input, &info, middle, 850)?)?;
        let board = storyboard(input, &info)?;
        std::fs::write(directory.join("storyboard.jpg"), &board.jpeg)?;
        println!("{:6.2} s with stills", started.elapsed().as_secs_f64());
    }
    Ok(())
}
