use super::{BlockKind, Document};

/// Longest first line that is taken for a title, in characters.
const TITLE_CHARS: usize = 100;

/// Paragraphs parted by empty lines. A short first line that stands alone is the title.
pub(super) fn parse(text: &str) -> Document {
    let mut document = Document::default();
    let unix = text.replace("\r\n", "\n");
    for (i, paragraph) in unix.split("\n\n").enumerate() {
        let paragraph = paragraph.trim();
        let title = i == 0 && !paragraph.contains('\n') && paragraph.chars().count() <= TITLE_CHARS;
        document.push(if title { BlockKind::Heading(1) } else { BlockKind::Text }, paragraph);
    }
    document
}
