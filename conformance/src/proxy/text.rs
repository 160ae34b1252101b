//! A media playlist as lines, to be changed line by line.

/// The lines of a playlist: its head, its segments, its tail.
pub(super) struct Text {
    pub head: Vec<String>,
    pub segments: Vec<(u64, Vec<String>)>,
    pub tail: Vec<String>,
}

const TAIL: [&str; 3] = ["#EXT-X-PRELOAD-HINT", "#EXT-X-RENDITION-REPORT", "#EXT-X-ENDLIST"];
const SEGMENT: [&str; 6] = ["#EXTINF", "#EXT-X-PART:", "#EXT-X-DISCONTINUITY", "#EXT-X-MAP", "#EXT-X-GAP", "#EXT-X-PROGRAM-DATE-TIME"];

impl Text {
    pub(super) fn parse(text: &str) -> Self {
        let mut read = Self { head: Vec::new(), segments: Vec::new(), tail: Vec::new() };
        let mut msn = 0;
        let mut open: Vec<String> = Vec::new();
        for line in text.lines() {
            let of = |tags: &[&str]| tags.iter().any(|tag| line.starts_with(tag));
            let number = |tag: &str| -> Option<u64> { line.strip_prefix(tag)?.parse().ok() };
            if of(&TAIL) {
                read.tail.push(line.to_owned());
            } else if of(&SEGMENT) && !line.starts_with("#EXT-X-DISCONTINUITY-SEQUENCE") {
                open.push(line.to_owned());
            } else if line.starts_with('#') {
                msn += number("#EXT-X-MEDIA-SEQUENCE:").unwrap_or(0);
                msn += number("#EXT-X-SKIP:SKIPPED-SEGMENTS=").unwrap_or(0);
                read.head.push(line.to_owned());
            } else if !line.is_empty() {
                open.push(line.to_owned());
                read.segments.push((msn, std::mem::take(&mut open)));
                msn += 1;
            }
        }
        if !open.is_empty() {
            read.segments.push((msn, open));
        }
        read
    }

    pub(super) fn render(&self) -> String {
        let lines = self.segments.iter().flat_map(|(_, lines)| lines);
        let all = self.head.iter().chain(lines).chain(&self.tail);
        all.fold(String::new(), |text, line| text + line + "\n")
    }

    fn lines(&mut self) -> impl Iterator<Item = &mut String> {
        let segments = self.segments.iter_mut().flat_map(|(_, lines)| lines);
        self.head.iter_mut().chain(segments).chain(&mut self.tail)
    }

    /// Changes every line of a tag.
    pub(super) fn each(&mut self, tag: &str, change: impl Fn(&str) -> String) {
        for line in self.lines().filter(|line| line.starts_with(tag)) {
            *line = change(line);
        }
    }

    /// Takes away every line of a tag.
    pub(super) fn drop(&mut self, tag: &str) {
        let stays = |line: &String| !line.starts_with(tag);
        self.head.retain(stays);
        self.tail.retain(stays);
        for (_, lines) in &mut self.segments {
            lines.retain(stays);
        }
    }

    /// The number after a tag of the head.
    pub(super) fn number(&self, tag: &str) -> Option<u64> {
        self.head.iter().find_map(|line| line.strip_prefix(tag)?.parse().ok())
    }

    /// Adds to the number after a tag of the head.
    pub(super) fn add(&mut self, tag: &str, more: i64) {
        for line in &mut self.head {
            if let Some(number) = line.strip_prefix(tag).and_then(|n| n.parse::<i64>().ok()) {
                *line = format!("{tag}{}", number + more);
            }
        }
    }

    pub(super) fn part_target(&self) -> f64 {
        let tag = "#EXT-X-PART-INF:PART-TARGET=";
        let line = self.head.iter().find_map(|line| line.strip_prefix(tag));
        line.and_then(|target| target.parse().ok()).unwrap_or(1.0)
    }

    pub(super) fn ended(&self) -> bool {
        self.tail.iter().any(|line| line == "#EXT-X-ENDLIST")
    }

    pub(super) fn is_delta(&self) -> bool {
        self.head.iter().any(|line| line.starts_with("#EXT-X-SKIP"))
    }
}

/// A line with another value of an attribute; without it, as it was.
pub(super) fn attribute(line: &str, name: &str, change: impl FnOnce(&str) -> String) -> String {
    for before in [":", ","] {
        let key = format!("{before}{name}=");
        if let Some((head, rest)) = line.split_once(&key) {
            let quoted = rest.starts_with('"');
            let end = if quoted { rest[1..].find('"').map_or(rest.len(), |end| end + 2) } else { rest.find(',').unwrap_or(rest.len()) };
            let (value, tail) = rest.split_at(end);
            return format!("{head}{key}{}{tail}", change(value));
        }
    }
    line.to_owned()
}

/// A date line moved by milliseconds.
pub(super) fn moved_date(line: &str, ms: i64) -> String {
    let tag = "#EXT-X-PROGRAM-DATE-TIME:";
    let format = &time::format_description::well_known::Rfc3339;
    let moved = line
        .strip_prefix(tag)
        .and_then(|date| time::OffsetDateTime::parse(date, format).ok())
        .and_then(|date| (date + time::Duration::milliseconds(ms)).format(format).ok());
    moved.map_or_else(|| line.to_owned(), |moved| format!("{tag}{moved}"))
}
