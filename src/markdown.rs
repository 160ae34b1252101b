//! Markdown, where it is shown as something else than pages: link previews and the like take plain text.

use pulldown_cmark::{Event, Parser, TagEnd};

/// The text of Markdown on one line, without its marks; HTML in it is left out.
pub fn plain_text(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    for event in Parser::new(markdown) {
        match event {
            Event::Text(part) | Event::Code(part) => text.push_str(&part),
            Event::SoftBreak | Event::HardBreak | Event::End(TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item | TagEnd::CodeBlock) => {
                text.push(' ');
            }
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_is_left() {
        assert_eq!(
            plain_text("# Title\n\nVOD *description*, see [here](https://x.example).\n\n- one\n- `two`"),
            "Title VOD description, see here. one two"
        );
        assert_eq!(plain_text("a <script>alert(1)</script> b"), "a alert(1) b");
        assert_eq!(plain_text("<script>alert(1)</script>"), "");
        assert_eq!(plain_text(""), "");
    }
}
