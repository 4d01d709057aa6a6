//! Text to sentences, in Vietnamese and English.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

use super::{has_vietnamese_marks, is_syllable};

/// Abbreviations whose full stop ends no sentence, in lower case.
const ABBREVIATIONS: [&str; 35] = [
    "tp.", "ths.", "ts.", "gs.", "pgs.", "bs.", "ks.", "kts.", "ls.", "cki.", "ckii.", "vd.", "e.g.", "i.e.",
    "cf.", "vs.", "v.", "mr.", "mrs.", "ms.", "dr.", "prof.", "gen.", "col.", "lt.", "sgt.", "capt.", "rev.",
    "gov.", "sen.", "rep.", "approx.", "ca.", "messrs.", "hon.",
];
/// Those that end none before a number, and those that end none before a name.
const BEFORE_NUMBERS: [&str; 31] = [
    "no.", "nos.", "fig.", "vol.", "p.", "pp.", "art.", "ch.", "sec.", "ext.", "tel.", "q.", "tr.", "đt.",
    "sđt.", "thg.", "th.", "st.", "ave.", "jan.", "feb.", "mar.", "apr.", "jun.", "jul.", "aug.", "sep.",
    "sept.", "oct.", "nov.", "dec.",
];
const BEFORE_NAMES: [&str; 12] =
    ["st.", "mt.", "ft.", "co.", "inc.", "ltd.", "corp.", "jr.", "sr.", "bros.", "pte.", "yahoo!"];
/// Parts of a text that have numbers, in lower case: `Article 3. Fees`.
const PARTS: [&str; 27] = [
    "chương",
    "phần",
    "mục",
    "điều",
    "khoản",
    "điểm",
    "phụ lục",
    "bước",
    "câu",
    "bài",
    "bảng",
    "hình",
    "chapter",
    "part",
    "section",
    "article",
    "clause",
    "paragraph",
    "appendix",
    "annex",
    "step",
    "question",
    "lesson",
    "unit",
    "table",
    "figure",
    "rule",
];
/// Kinds of places in Vietnamese addresses, behind a comma, a house number or a preposition: `12 Đ. Lê Lợi, P. Bến Nghé, Q. 1`.
const PLACES: [&str; 8] = ["Đ.", "P.", "Q.", "H.", "X.", "TX.", "TT.", "KP."];
const BEFORE_PLACES: [&str; 4] = ["ở", "tại", "thuộc", "số"];
/// Words that begin a sentence more often than they are part of a name, in lower case.
const SENTENCE_OPENERS: [&str; 50] = [
    "the", "a", "an", "it", "its", "this", "that", "these", "those", "he", "she", "we", "you", "they", "i",
    "his", "her", "their", "our", "your", "in", "on", "at", "by", "for", "from", "with", "if", "when",
    "while", "after", "before", "as", "but", "and", "or", "to", "there", "each", "every", "all", "some",
    "no", "not", "however", "is", "are", "please", "together", "both",
];

/// The sentences of a text as byte ranges, without the white space around them. A line break ends a sentence, too.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        push_line_sentences(line, at, &mut found);
        at += line.len();
    }
    found
}

/// The cells of a line of a table, which `|` between white space separates; a line without one is a single cell.
pub fn cells(line: &str) -> Vec<&str> {
    let mut cells = Vec::new();
    let mut start = 0;
    for (at, _) in line.match_indices('|') {
        let is_apart = |side: Option<char>| side.is_none_or(char::is_whitespace);
        if is_apart(line[..at].chars().next_back()) && is_apart(line[at + 1..].chars().next()) {
            cells.push(line[start..at].trim());
            start = at + 1;
        }
    }
    cells.push(line[start..].trim());
    cells
}

/// Longest cell that may name a column where the page does not say so, in characters.
const MAX_NAME_CHARS: usize = 40;

/// Whether the cells of a table's first row may name its columns: each is short and has no digits, except in brackets behind
/// its name ("Low season (1 Sep – 31 Dec)").
pub fn may_name_columns(cells: &[impl AsRef<str>]) -> bool {
    cells.iter().map(AsRef::as_ref).all(|cell| {
        let name = cell.split_once('(').map_or(cell, |(name, _)| name);
        let is_named = name.contains(char::is_alphabetic) || name == cell;
        is_named && !name.chars().any(|c| c.is_ascii_digit()) && cell.chars().count() <= MAX_NAME_CHARS
    })
}

/// Between the names that several rows of a table's head give a column: `Price / Month`.
pub const HEAD_SEPARATOR: &str = " / ";

/// Whether a line has several cells.
pub fn has_cells(line: &str) -> bool {
    cells(line).len() > 1
}

/// The sentences, list items and rows of tables of an extracted text, as byte ranges: what can be quoted by itself. A line with
/// several cells is a row where `may_be_row` says so of its number.
pub fn segments(text: &str, may_be_row: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if has_cells(line) && may_be_row(number) {
            push(line, 0..line.trim_end().len(), at, &mut found);
        } else {
            push_line_sentences(line, at, &mut found);
        }
        at += line.len();
    }
    found
}

fn push_line_sentences(line: &str, at: usize, found: &mut Vec<Range<usize>>) {
    let mut open: Option<Range<usize>> = None;
    let mut pieces = line.split_sentence_bound_indices().flat_map(split_further).peekable();
    while let Some((start, piece)) = pieces.next() {
        let end = start + piece.trim_end().len();
        let whole = open.take().map_or(start, |range| range.start)..end.max(start);
        // A sentence ends before white space: `Sheet2.A1`, `file.BAK`.
        let next = pieces.peek().map_or("", |(_, next)| next);
        if is_incomplete(&line[whole.clone()], next) || !piece.ends_with(char::is_whitespace) {
            open = Some(whole);
        } else {
            push(line, whole, at, found);
        }
    }
    if let Some(rest) = open {
        push(line, rest, at, found);
    }
}

/// Splits a piece where Unicode's rules do not: before a number ("12 tháng đầu"), before a name that begins with a small letter
/// ("iPhone"), and behind "…".
fn split_further((start, piece): (usize, &str)) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for word in piece.split_inclusive(char::is_whitespace) {
        let closed = piece[begin..end].trim_end().trim_end_matches(['"', '”', '’', '»', ')', ']']);
        let ends = closed.ends_with(['.', '!', '?', '…']);
        let mut letters = word.trim().chars();
        let first = letters.next().unwrap_or(' ');
        let mut odd_name = || first.is_lowercase() && letters.any(|c| c.is_uppercase() || c.is_ascii_digit());
        let behind_dots = || closed.ends_with('…') && first.is_uppercase();
        if ends && (first.is_ascii_digit() || behind_dots() || odd_name()) {
            found.push((start + begin, &piece[begin..end]));
            begin = end;
        }
        end += word.len();
    }
    found.push((start + begin, &piece[begin..]));
    found
}

fn push(line: &str, range: Range<usize>, at: usize, found: &mut Vec<Range<usize>>) {
    let body = line[range.clone()].trim_start();
    if !body.is_empty() {
        found.push(at + range.end - body.len()..at + range.end);
    }
}

/// Whether a piece is only the beginning of a sentence: a list's number, one that ends in an abbreviation or an initial, or a
/// quotation inside of a sentence.
fn is_incomplete(piece: &str, next: &str) -> bool {
    let trimmed = piece.trim();
    if trimmed.ends_with(['"', '”', '»']) && next.starts_with(char::is_lowercase) {
        return true;
    }
    let number = trimmed.strip_suffix(['.', ')']).is_some_and(|n| n.chars().all(|c| c.is_ascii_digit()));
    let mut words = trimmed.rsplit(char::is_whitespace);
    let last = words.next().unwrap_or_default().trim_start_matches('(');
    let before = words.next();
    let lower = last.to_lowercase();
    let of = |list: &[&str]| list.contains(&lower.as_str());
    let followed_by_initial = next.split_whitespace().next().is_some_and(is_single_capital);
    let next = next.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty()).unwrap_or_default();
    let before_number = next.starts_with(|c: char| c.is_ascii_digit());
    let before_name = || {
        let next_lower = next.to_lowercase();
        // In a Vietnamese text, a Vietnamese word begins a sentence and a foreign one goes on with a name.
        let begins = SENTENCE_OPENERS.contains(&next_lower.as_str())
            || (has_vietnamese_marks(piece) && is_syllable(&next_lower));
        next.starts_with(char::is_uppercase) && !begins
    };
    let of_a_name = || of(&BEFORE_NAMES) || is_acronym(last) || is_initial(last, before);
    (number && trimmed.len() > 1)
        || is_part_number(trimmed)
        || of(&ABBREVIATIONS)
        || are_titles(&lower)
        || (before_number && (of(&BEFORE_NUMBERS) || is_day(last, before)))
        || (is_place(last, before) && (before_number || next.starts_with(char::is_uppercase)))
        || (is_single_capital(last) && followed_by_initial)
        || (of_a_name() && before_name())
}

/// The number of a part and nothing else: what follows is its title or its text.
fn is_part_number(piece: &str) -> bool {
    let Some((part, number)) = piece.strip_suffix('.').and_then(|piece| piece.rsplit_once(' ')) else {
        return false;
    };
    let is_roman = || number.chars().all(|c| matches!(c, 'I' | 'V' | 'X' | 'L'));
    let is_letter = || number.len() == 1 && number.starts_with(|c: char| c.is_ascii_uppercase());
    PARTS.contains(&part.to_lowercase().as_str())
        && (number.starts_with(|c: char| c.is_ascii_digit()) || is_roman() || is_letter())
}

/// Titles without a space between: `pgs.ts.`
fn are_titles(lower: &str) -> bool {
    let title = |part: &str| part.len() > 2 && ABBREVIATIONS.contains(&part);
    !lower.is_empty() && lower.split_inclusive('.').all(title)
}

/// The day or the month of a date: `ngày 3. 5. 2024`.
fn is_day(word: &str, before: Option<&str>) -> bool {
    let day = |day: &str| day.len() <= 2 && day.bytes().all(|b| b.is_ascii_digit());
    word.strip_suffix('.').is_some_and(day)
        && before.is_some_and(|before| before.eq_ignore_ascii_case("ngày") || before.ends_with('.'))
}

/// The kind of a place in an address.
fn is_place(word: &str, before: Option<&str>) -> bool {
    let leads = |before: &str| {
        before.ends_with(',')
            || is_house_number(before)
            || BEFORE_PLACES.contains(&before.to_lowercase().as_str())
    };
    PLACES.contains(&word) && before.is_some_and(leads)
}

/// `12`, `12/3`, `45A`: no amount of money, which has more digits or a separator.
fn is_house_number(word: &str) -> bool {
    word.len() <= 6 && word.starts_with(|c: char| c.is_ascii_digit()) && !word.contains(['.', ','])
}

/// Single letters with a full stop behind each: `U.S.`
fn is_acronym(word: &str) -> bool {
    let letters = word.split_terminator('.').collect::<Vec<_>>();
    let single = |part: &&str| part.len() == 1 && part.starts_with(|c: char| c.is_ascii_uppercase());
    word.ends_with('.') && letters.len() > 1 && letters.iter().all(single)
}

/// A capital letter behind a name or another initial: `Ada M.`
fn is_initial(word: &str, before: Option<&str>) -> bool {
    is_single_capital(word) && before.is_some_and(|before| before.starts_with(char::is_uppercase))
}

/// `M.`
fn is_single_capital(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(|c| c.is_ascii_uppercase()) && letters.as_str() == "."
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
    fn the_number_of_a_part_ends_nothing() {
        for text in [
            "Điều 3. Quy trình",
            "CHƯƠNG II. QUY ĐỊNH CHUNG",
            "Khoản 2. Phí là 40.000 đồng.",
            "Phụ lục 1. Biểu mẫu",
            "Bước 2. Chọn Cài đặt.",
            "Article 12a. Fees",
            "Section 2.1. Who may apply",
            "Appendix B. Forms",
            "Step 3. Save.",
        ] {
            assert_eq!(split(text), [text]);
        }
        assert_eq!(split("Open it. Step 2. Save it."), ["Open it.", "Step 2. Save it."]);
        assert_eq!(split("The fee is in Section 3. It is low."), ["The fee is in Section 3.", "It is low."]);
        assert_eq!(split("Xem Điều 3. Phí thấp."), ["Xem Điều 3.", "Phí thấp."]);
    }

    #[test]
    fn names_with_full_stops_stay_whole() {
        for text in [
            "A force from the settlement of St. Augustine attacked at dawn.",
            "In the U.S. South, many pupils moved.",
            "The surgeon Ada M. Thorne lived here.",
            "Since Rowe v. Hall the rule stands.",
            "See No. 5 of the list.",
            "The economist was J. A. Hobson himself.",
            "Ông lập bản đồ sông St. Johns năm 1562.",
            "Tổng thống John F. Kennedy đến đó.",
            "Nhà kinh tế J. A. Hobson viết về điều này.",
        ] {
            assert_eq!(split(text), [text]);
        }
        assert_eq!(split("Choose Plan B. It is free."), ["Choose Plan B.", "It is free."]);
        assert_eq!(split("Chọn Gói A. Gói này rẻ."), ["Chọn Gói A.", "Gói này rẻ."]);
        assert_eq!(split("Mua của Acme Inc. Trụ sở ở Huế."), ["Mua của Acme Inc.", "Trụ sở ở Huế."]);
        assert_eq!(split("Made in the U.S. The box is red."), ["Made in the U.S.", "The box is red."]);
        assert_eq!(
            split("Can I? No. 5 people can."),
            ["Can I?", "No. 5 people can."],
            "as a number would be"
        );
    }

    #[test]
    fn texts_of_pages_are_split_as_an_editor_would() {
        #[derive(serde::Deserialize)]
        struct Case {
            text: String,
            sentences: Vec<String>,
        }
        let cases = include_str!("sentences/labelled.jsonl").lines();
        let cases: Vec<Case> = cases.map(|line| serde_json::from_str(line).unwrap()).collect();
        let wrong: Vec<String> = cases
            .iter()
            .filter(|case| split(&case.text) != case.sentences)
            .map(|case| format!("{:?}\n  expected {:?}", split(&case.text), case.sentences))
            .collect();
        assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    }

    #[test]
    fn a_row_of_a_table_is_one_segment() {
        let text =
            "Prices\nPlan | Price. In euros.\n Pro | 39.00 € \nAll prices hold for a year. VAT is included.";
        let split: Vec<&str> = segments(text, |_| true).into_iter().map(|range| &text[range]).collect();
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
