//! Groups lines into paragraphs, table rows and headings.

use std::collections::HashSet;

use super::{
    super::{BlockKind, Document, line_groups::begins_an_item, plain::reads_like_a_sentence},
    lines::{CELL_SEPARATOR, TextLine, most_common_size},
    normalise,
};

/// Lines that are more than this many usual line steps apart are in different paragraphs.
const PARAGRAPH_STEP: f64 = 1.3;
/// A line shorter than this share of the longest one may end a paragraph.
const SHORT_LINE: f64 = 0.7;
/// Text at least this many times the usual size is a heading.
const HEADING_SIZE: f64 = 1.15;
/// Longest heading, in characters.
const MAX_HEADING_CHARS: usize = 150;
/// Longest first line that is a heading in the usual size, in characters.
const MAX_TITLE_CHARS: usize = 100;

/// Lines that form a paragraph, heading or row.
struct Paragraph {
    text: String,
    size: f64,
    lines: usize,
    row: bool,
}

/// Builds a document from the lines of its pages.
pub(super) fn document<'a>(pages: impl Iterator<Item = &'a [TextLine]> + Clone) -> Document {
    let hyphenated = hyphenated(pages.clone());
    let body = most_common_size(
        pages.clone().flatten().flat_map(|line| std::iter::repeat_n(line.size, line.letters())),
    );
    let mut parts = Vec::new();
    for lines in pages {
        parts.extend(paragraphs_of(lines, &hyphenated));
    }
    let is_large = |part: &Paragraph| {
        part.size >= body * HEADING_SIZE && !part.row && part.text.chars().count() <= MAX_HEADING_CHARS
    };
    let mut sizes: Vec<i64> =
        parts.iter().filter(|part| is_large(part)).map(|part| tenths(part.size)).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes.dedup();
    let mut document = Document::default();
    let count = parts.len();
    for (i, part) in parts.into_iter().enumerate() {
        let level = sizes.iter().position(|size| *size == tenths(part.size)).unwrap_or(0).min(5) as u8 + 1;
        let first = i == 0 && count > 1 && part.lines == 1 && part.text.chars().count() <= MAX_TITLE_CHARS;
        let kind = if is_large(&part) {
            BlockKind::Heading(level)
        } else if part.row {
            BlockKind::Row
        } else if first && !reads_like_a_sentence(&part.text) {
            BlockKind::Heading(1)
        } else {
            BlockKind::Text
        };
        document.push(kind, &part.text);
    }
    document
}

fn tenths(size: f64) -> i64 {
    (size * 10.0).round() as i64
}

fn paragraphs_of(lines: &[TextLine], hyphenated: &HashSet<String>) -> Vec<Paragraph> {
    let usual_step = most_common_size(
        lines
            .windows(2)
            .filter(|pair| pair[0].is_of_size_of(&pair[1]))
            .map(|pair| line_step(&pair[0], &pair[1]))
            .filter(|step| *step > 0.0),
    );
    let column = column_width(lines);
    let mut parts: Vec<Paragraph> = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let row = line.text.contains(CELL_SEPARATOR);
        let shown = line.text.trim_end();
        // A soft hyphen is only visible at the end of a line.
        let shown = shown.strip_suffix('\u{AD}').map_or_else(|| shown.to_string(), |cut| format!("{cut}-"));
        let text = normalise(&shown.replace(CELL_SEPARATOR, " | "));
        let before = i.checked_sub(1).and_then(|i| lines.get(i));
        let goes_on = before.is_some_and(|before| {
            let step = line_step(before, line);
            before.turned_as(line)
                && before.is_of_size_of(line)
                && step > 0.0
                && (step <= usual_step * PARAGRAPH_STEP || usual_step == 0.0)
                && step <= line.size * 3.0
                && !row
                && !begins_an_item(&text)
                && !ends_a_paragraph(before, column)
                && !parts.last().is_some_and(|part| ends_an_item(part, before, line, column))
        });
        match parts.last_mut().filter(|part| goes_on && !part.row) {
            Some(part) => {
                join(&mut part.text, &text, hyphenated);
                part.lines += 1;
            }
            None => parts.push(Paragraph { text, size: line.size, lines: 1, row }),
        }
    }
    parts
}

/// The width of the text column: that of the longest line.
fn column_width(lines: &[TextLine]) -> f64 {
    lines.iter().map(|line| line.to - line.from).fold(0.0, f64::max)
}

/// Whether a line ends a sentence and is much shorter than the column.
fn ends_a_paragraph(line: &TextLine, column: f64) -> bool {
    line.text.trim_end().ends_with(['.', '!', '?', ':', ';']) && line.to - line.from < column * SHORT_LINE
}

/// Whether a line is a new paragraph behind an item or a numbered title, whose last line had room for more.
fn ends_an_item(part: &Paragraph, before: &TextLine, line: &TextLine, column: f64) -> bool {
    begins_an_item(&part.text)
        && line.text.trim_start().starts_with(char::is_uppercase)
        && line.from <= before.from + line.size * 0.2
        && before.to - before.from < column * SHORT_LINE
}

/// The distance of a line below the previous one.
fn line_step(before: &TextLine, line: &TextLine) -> f64 {
    line.down - before.down
}

/// Joins two lines. A word that was hyphenated at the line end is rejoined; it keeps the hyphen if the document writes it so
/// elsewhere.
fn join(text: &mut String, line: &str, hyphenated: &HashSet<String>) {
    let cut = text.ends_with(['-', '\u{2010}', '\u{AD}']) && line.starts_with(char::is_lowercase);
    let before = text.trim_end_matches(['-', '\u{2010}', '\u{AD}']);
    if !cut || !before.ends_with(char::is_alphabetic) || before.len() + 3 < text.len() {
        text.push(' ');
    } else {
        let first = before.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        let second = line.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        if !hyphenated.contains(&format!("{first}-{second}").to_lowercase()) {
            text.truncate(before.len());
        }
    }
    text.push_str(line);
}

/// The words that are written with a hyphen inside a line, in lower case.
fn hyphenated<'a>(pages: impl Iterator<Item = &'a [TextLine]>) -> HashSet<String> {
    let words =
        pages.flatten().flat_map(|line| line.text.split(|c: char| c.is_whitespace() || c == CELL_SEPARATOR));
    let trimmed = words.map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    trimmed.filter(|word| word.contains('-')).map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_cut_at_the_end_of_a_line_is_whole_again() {
        let joined = |first: &str, second: &str| {
            let mut text = first.to_string();
            join(&mut text, second, &HashSet::from(["e-mail".to_string()]));
            text
        };
        assert_eq!(joined("Main-", "tenance is"), "Maintenance is");
        assert_eq!(joined("by e-", "mail soon"), "by e-mail soon");
        assert_eq!(joined("Hà Nội -", "Huế"), "Hà Nội - Huế");
        assert_eq!(joined("SL-", "1010"), "SL- 1010");
        assert_eq!(joined("one", "two"), "one two");
    }
}
