use super::Invalid;

/// Where something new begins in a video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chapter {
    /// In seconds from the beginning.
    pub timecode_s: i64,
    /// What begins.
    pub title: String,
}

impl Chapter {
    /// Most of one video.
    pub const MAX: usize = 500;
    /// Longest title, as PeerTube has it.
    const MAX_TITLE: usize = 100;

    /// Checks a list of chapters and puts it in order; `duration_s` of the video, when it is known.
    pub fn parse_all(mut chapters: Vec<Self>, duration_s: Option<i64>) -> Result<Vec<Self>, Invalid> {
        if chapters.len() > Self::MAX {
            return Err(Invalid("a video has at most 500 chapters"));
        }
        for chapter in &mut chapters {
            chapter.title = chapter.title.trim().to_owned();
            if !(1..=Self::MAX_TITLE).contains(&chapter.title.chars().count()) {
                return Err(Invalid("a chapter's title has 1 to 100 characters"));
            }
            if chapter.timecode_s < 0 || duration_s.is_some_and(|end| chapter.timecode_s > end) {
                return Err(Invalid("a chapter begins within the video"));
            }
        }
        chapters.sort_by_key(|chapter| chapter.timecode_s);
        if chapters.windows(2).any(|pair| pair[0].timecode_s == pair[1].timecode_s) {
            return Err(Invalid("two chapters begin at the same time"));
        }
        Ok(chapters)
    }

    /// Chapters that a description lists: lines that begin with a time, the first of them 0:00, as video sites read them. Fewer
    /// than two are none.
    pub fn of_description(description: &str, duration_s: i64) -> Vec<Self> {
        let mut chapters: Vec<Self> = Vec::new();
        for line in description.lines() {
            let Some((timecode_s, rest)) = timecode(line.trim()) else { continue };
            let title: String = rest
                .trim_start_matches(|c: char| c.is_whitespace() || "-\u{2013}\u{2014}:|".contains(c))
                .chars()
                .take(Self::MAX_TITLE)
                .collect();
            let is_next = match chapters.last() {
                None => timecode_s == 0,
                Some(last) => timecode_s > last.timecode_s && timecode_s <= duration_s,
            };
            if is_next && !title.trim().is_empty() && chapters.len() < Self::MAX {
                chapters.push(Self { timecode_s, title: title.trim().to_owned() });
            }
        }
        if chapters.len() < 2 { Vec::new() } else { chapters }
    }
}

/// `m:ss` or `h:mm:ss` at the beginning of a line, in seconds, and what follows it.
fn timecode(line: &str) -> Option<(i64, &str)> {
    let end = line.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(line.len());
    let (time, rest) = line.split_at(end);
    let parts: Vec<&str> = time.split(':').collect();
    if !(2..=3).contains(&parts.len()) || parts[1..].iter().any(|part| part.len() != 2) || !(1..=2).contains(&parts[0].len()) {
        return None;
    }
    let mut seconds = 0;
    for (index, part) in parts.iter().enumerate() {
        let value: i64 = part.parse().ok()?;
        if index > 0 && value > 59 {
            return None;
        }
        seconds = seconds * 60 + value;
    }
    Some((seconds, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chapter(timecode_s: i64, title: &str) -> Chapter {
        Chapter { timecode_s, title: title.to_owned() }
    }

    #[test]
    fn chapters_are_put_in_order_and_checked() {
        let sorted = Chapter::parse_all(vec![chapter(9, " End "), chapter(0, "Start")], Some(10));
        assert_eq!(sorted, Ok(vec![chapter(0, "Start"), chapter(9, "End")]));
        assert!(Chapter::parse_all(vec![chapter(0, "a"), chapter(0, "b")], None).is_err());
        assert!(Chapter::parse_all(vec![chapter(11, "late")], Some(10)).is_err());
        assert!(Chapter::parse_all(vec![chapter(-1, "early")], None).is_err());
        assert!(Chapter::parse_all(vec![chapter(0, " ")], None).is_err());
        assert!(Chapter::parse_all((0..501).map(|n| chapter(n, "many")).collect(), None).is_err());
    }

    #[test]
    fn descriptions_may_list_chapters() {
        let text = "About it\n\n00:00 - Start\n1:05 Middle\n1:02:03: End\nat 3:00 nothing\n";
        assert_eq!(Chapter::of_description(text, 4000), [chapter(0, "Start"), chapter(65, "Middle"), chapter(3723, "End")]);
        assert_eq!(Chapter::of_description("1:00 Middle\n2:00 End", 4000), [], "the first is 0:00");
        assert_eq!(Chapter::of_description("0:00 Start\n9:00 Too late", 60), [], "one is none");
        assert_eq!(Chapter::of_description("0:00 a\n0:99 b", 600), []);
    }
}
