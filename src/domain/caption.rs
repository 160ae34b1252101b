//! Captions: what is uploaded is read cue by cue and written anew, so that nothing else reaches a browser.

use std::fmt::Write as _;

use super::{Invalid, Timestamp, VideoId};

/// Most cues of a file: a word each second for a day.
const MAX_CUES: usize = 100_000;
/// Longest cue: a screen full of text.
const MAX_CUE: usize = 4000;
/// Longest result, in bytes: escapes and whole times make it longer than what came.
const MAX_VTT: usize = 4 << 20;
/// Longest mark in SubRip that is looked for an end, in bytes: one with a typeface and a colour has less.
const MAX_MARK: usize = 200;

/// Captions of a video in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caption {
    /// Of which video.
    pub video_id: VideoId,
    /// A key of [`super::LANGUAGES`].
    pub language: String,
    /// File name below the captions' folder, or a URL for remote ones.
    pub file: String,
    /// By a machine.
    pub automatically_generated: bool,
    /// Of the file; counts as its video does.
    pub size_bytes: i64,
    /// When they last changed.
    pub updated_at: Timestamp,
}

/// One text and when it is shown.
#[derive(Debug, PartialEq, Eq)]
struct Cue {
    start_ms: u64,
    end_ms: u64,
    settings: String,
    text: String,
}

/// WebVTT from an uploaded WebVTT or SubRip file; of 4 MiB at most.
pub fn vtt_of(bytes: &[u8]) -> Result<String, Invalid> {
    let text = std::str::from_utf8(bytes).map_err(|_| Invalid("captions have to be UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    if text.contains('\0') {
        return Err(Invalid("captions are text"));
    }
    let is_vtt = text.strip_prefix("WEBVTT").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n']));
    let cues = cues(&text, is_vtt)?;
    let mut vtt = String::with_capacity(text.len() + 16);
    vtt.push_str("WEBVTT\n");
    for cue in &cues {
        let _ = write!(vtt, "\n{} --> {}{}\n{}\n", clock(cue.start_ms), clock(cue.end_ms), cue.settings, cue.text);
        if vtt.len() > MAX_VTT {
            return Err(Invalid("captions are too long"));
        }
    }
    Ok(vtt)
}

/// Everything that has a line of times; headers, notes, styles and regions have none.
fn cues(text: &str, is_vtt: bool) -> Result<Vec<Cue>, Invalid> {
    let mut cues = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((start, rest)) = line.split_once("-->") else { continue };
        let rest = rest.trim();
        let (end, settings) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let times = time(start.trim()).zip(time(end));
        let (start_ms, end_ms) = times.filter(|(start, end)| start <= end).ok_or(Invalid("captions have a line of times that is none"))?;
        let mut text = String::new();
        while let Some(line) = lines.next_if(|line| !line.trim().is_empty() && !line.contains("-->")) {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(line.trim_end());
            if text.len() > MAX_CUE {
                return Err(Invalid("captions have a cue that is too long"));
            }
        }
        let text = if is_vtt { text } else { without_srt_marks(&text) };
        if text.is_empty() {
            continue;
        }
        if cues.len() >= MAX_CUES {
            return Err(Invalid("captions have too many cues"));
        }
        cues.push(Cue { start_ms, end_ms, settings: if is_vtt { placement(settings) } else { String::new() }, text });
    }
    if cues.is_empty() && !is_vtt {
        return Err(Invalid("captions have to be WebVTT or SubRip"));
    }
    Ok(cues)
}

/// `[h..:]mm:ss.mmm`, with a comma in SubRip.
fn time(text: &str) -> Option<u64> {
    let (clock, fraction) = text.split_once(['.', ','])?;
    if fraction.len() != 3 {
        return None;
    }
    let number = |text: &str| (1..=4).contains(&text.len()).then(|| text.parse::<u64>().ok()).flatten();
    let parts: Vec<u64> = clock.split(':').map(number).collect::<Option<_>>()?;
    let (hours, minutes, seconds) = match parts[..] {
        [minutes, seconds] => (0, minutes, seconds),
        [hours, minutes, seconds] => (hours, minutes, seconds),
        _ => return None,
    };
    (minutes < 60 && seconds < 60).then_some(())?;
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + number(fraction)?)
}

fn clock(ms: u64) -> String {
    format!("{:02}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}

/// The settings of a cue that place it; regions are not kept.
fn placement(settings: &str) -> String {
    let mut kept = String::new();
    for setting in settings.split_whitespace() {
        let known = setting.split_once(':').is_some_and(|(name, value)| {
            matches!(name, "vertical" | "line" | "position" | "size" | "align")
                && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".,%-".contains(&byte))
        });
        if known {
            kept.push(' ');
            kept.push_str(setting);
        }
    }
    kept
}

/// SubRip has bold, italic and underlined text, as WebVTT has; its colours and `{\an8}` mean nothing there.
fn without_srt_marks(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '{', '&']) {
        kept.push_str(&rest[..at]);
        let mark = &rest[at..];
        let last = if mark.starts_with("{\\") { b'}' } else { b'>' };
        let end = mark.bytes().take(MAX_MARK).position(|byte| byte == last);
        rest = match end {
            Some(end) if mark.starts_with("{\\") => &mark[end + 1..],
            Some(end) if mark.starts_with('<') => {
                let tag = &mark[..=end];
                if ["<b>", "</b>", "<i>", "</i>", "<u>", "</u>"].contains(&tag.to_ascii_lowercase().as_str()) {
                    kept.push_str(&tag.to_ascii_lowercase());
                }
                &mark[end + 1..]
            }
            _ => {
                // Plain characters; two of them begin something in WebVTT.
                kept.push_str(match mark.as_bytes()[0] {
                    b'<' => "&lt;",
                    b'&' => "&amp;",
                    _ => "{",
                });
                &mark[1..]
            }
        };
    }
    kept.push_str(rest);
    kept.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subrip_becomes_webvtt() {
        let srt = "\u{feff}1\r\n00:00:01,000 --> 00:00:02,500\r\n{\\an8}<i>Hello</i> <font color=\"red\">there</font>\r\n\r\n2\r\n01:00:00,000 --> 01:00:01,000\r\na < b & c\r\nnext\r\n";
        let vtt = vtt_of(srt.as_bytes()).expect("good");
        assert_eq!(
            vtt,
            "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n<i>Hello</i> there\n\n01:00:00.000 --> 01:00:01.000\na &lt; b &amp; c\nnext\n"
        );
        assert_eq!(vtt_of(vtt.as_bytes()).expect("its own output"), vtt);
    }

    #[test]
    fn of_webvtt_only_the_cues_are_kept() {
        let vtt = "WEBVTT - title\n\nSTYLE\n::cue { background: url(http://x) }\n\nNOTE\nsecret\n\nid\n00:01.000 --> 00:02.000 line:0 region:x align:start\n<v Ann>Hi\n\n00:03.000 --> 00:04.000\n\n";
        assert_eq!(vtt_of(vtt.as_bytes()).expect("good"), "WEBVTT\n\n00:00:01.000 --> 00:00:02.000 line:0 align:start\n<v Ann>Hi\n");
        assert_eq!(vtt_of(b"WEBVTT").expect("empty is fine"), "WEBVTT\n");
    }

    #[test]
    fn the_result_is_bounded() {
        let cue = format!("00:00:01,000 --> 00:00:02,000\n{}\n\n", "&".repeat(MAX_CUE));
        let vtt = vtt_of(cue.repeat(100).as_bytes()).expect("two megabytes");
        assert!(vtt.contains("&amp;&amp;") && vtt.len() > 100 * 5 * MAX_CUE);
        let many = cue.repeat(300);
        assert!(many.len() < 2 << 20 && vtt_of(many.as_bytes()).is_err());
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "<html><script>alert(1)</script>",
            "WEBVTTX\n",
            "1\n00:00:02,000 --> 00:00:01,000\nbackwards\n",
            "1\n00:99:00,000 --> 00:99:01,000\nx\n",
            "a\0b",
        ] {
            assert!(vtt_of(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(vtt_of(&[0xff, 0xfe, 0x00]).is_err());
        let long = format!("WEBVTT\n\n00:01.000 --> 00:02.000\n{}\n", "x".repeat(MAX_CUE + 1));
        assert!(vtt_of(long.as_bytes()).is_err());
    }
}
