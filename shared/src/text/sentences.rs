//! Text to sentences, in Vietnamese and English.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

/// Abbreviations whose full stop ends no sentence, in lower case.
const ABBREVIATIONS: [&str; 13] =
    ["tp.", "ths.", "ts.", "gs.", "v.v.", "vd.", "e.g.", "i.e.", "etc.", "vs.", "mr.", "mrs.", "dr."];

/// The sentences of a text as byte ranges, without the white space around them. A line break ends a sentence, too.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        of_line(line, at, &mut found);
        at += line.len();
    }
    found
}

/// What parts the cells of a table's row in an extracted text.
pub const CELLS: &str = " | ";

/// The sentences, list items and rows of tables of an extracted text, as byte ranges: what can be quoted by itself.
pub fn segments(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.contains(CELLS) {
            push(line, 0..line.trim_end().len(), at, &mut found);
        } else {
            of_line(line, at, &mut found);
        }
        at += line.len();
    }
    found
}

fn of_line(line: &str, at: usize, found: &mut Vec<Range<usize>>) {
    let mut open: Option<Range<usize>> = None;
    for (start, piece) in line.split_sentence_bound_indices() {
        let end = start + piece.trim_end().len();
        let whole = open.take().map_or(start, |range| range.start)..end.max(start);
        // A sentence ends before white space: `Sheet2.A1`, `file.BAK`.
        if goes_on(&line[whole.clone()]) || !piece.ends_with(char::is_whitespace) {
            open = Some(whole);
        } else {
            push(line, whole, at, found);
        }
    }
    if let Some(rest) = open {
        push(line, rest, at, found);
    }
}

fn push(line: &str, range: Range<usize>, at: usize, found: &mut Vec<Range<usize>>) {
    let body = line[range.clone()].trim_start();
    if !body.is_empty() {
        found.push(at + range.end - body.len()..at + range.end);
    }
}

/// Whether a piece is only the beginning of a sentence: a list's number, or one that ends in an abbreviation.
fn goes_on(piece: &str) -> bool {
    let trimmed = piece.trim();
    let number = trimmed.strip_suffix(['.', ')']).is_some_and(|n| n.chars().all(|c| c.is_ascii_digit()));
    let last = trimmed.rsplit(char::is_whitespace).next().unwrap_or_default().to_lowercase();
    (number && trimmed.len() > 1) || ABBREVIATIONS.contains(&last.trim_start_matches('('))
}

#[cfg(test)]
mod tests {
    use super::{segments, sentences};

    fn split(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn sentences_end_where_people_end_them() {
        assert_eq!(
            split("Gói Pro có 500 GB. Tệp dài tối đa 2.000 ký tự!  Hết?"),
            ["Gói Pro có 500 GB.", "Tệp dài tối đa 2.000 ký tự!", "Hết?"]
        );
        assert_eq!(split("Use mx1.example.com. It is fast."), ["Use mx1.example.com.", "It is fast."]);
    }

    #[test]
    fn a_sentence_ends_before_white_space_alone() {
        for text in [
            "Lưu thành tệp .BAK trong thư mục.",
            "Công thức =Sheet2.A1+Sheet3.B2 cộng hai ô.",
            "Open report.2024.Final.odt now.",
        ] {
            assert_eq!(split(text), [text]);
        }
    }

    #[test]
    fn numbers_of_lists_and_abbreviations_end_nothing() {
        assert_eq!(split("1. Open Settings.\n2. Save."), ["1. Open Settings.", "2. Save."]);
        assert_eq!(
            split("Văn phòng ở TP. Đà Nẵng. Gọi Dr. Lan."),
            ["Văn phòng ở TP. Đà Nẵng.", "Gọi Dr. Lan."]
        );
    }

    #[test]
    fn a_row_of_a_table_is_one_segment() {
        let text =
            "Prices\nPlan | Price. In euros.\n Pro | 39.00 € \nAll prices hold for a year. VAT is included.";
        let split: Vec<&str> = segments(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(
            split,
            [
                "Prices",
                "Plan | Price. In euros.",
                "Pro | 39.00 €",
                "All prices hold for a year.",
                "VAT is included."
            ]
        );
    }

    #[test]
    fn nothing_gives_nothing() {
        assert!(split("").is_empty());
        assert!(split(" \n\n\t ").is_empty());
    }
}
