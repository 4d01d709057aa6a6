//! What the lines of a text say about its paragraphs and lists.

/// Longest label, in characters and words.
const MAX_LABEL_CHARS: usize = 40;
const MAX_LABEL_WORDS: usize = 6;

/// Longest title in capital letters, in characters, and its fewest letters.
const MAX_TITLE_CHARS: usize = 100;
const MIN_TITLE_LETTERS: usize = 4;

/// Least length of a text's longest line, from which its line breaks say what belongs together.
const MIN_WIDTH: usize = 40;

/// A part of a text whose line breaks were read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LineGroup {
    /// Its lines, separated by spaces.
    pub(super) text: String,
    /// Whether it begins with the mark of a list item.
    pub(super) is_item: bool,
}

/// Groups the lines of a text: an empty line, an item of a list and a line `label: value` begin a new group. So does a line
/// behind a title, and one behind an item whose line had room for more.
pub(super) fn group_lines<'a>(lines: impl Iterator<Item = &'a str> + Clone) -> Vec<LineGroup> {
    let width = lines.clone().map(|line| line.trim().chars().count()).max().unwrap_or_default();
    let mut groups: Vec<LineGroup> = Vec::new();
    // Whether the open group is an item or a labelled line, and whether its last line ends a sentence.
    let (mut is_open, mut is_entry, mut is_whole) = (false, false, false);
    // The last line, whether it is the first one of its group, and the indentation of that one.
    let (mut before, mut is_first, mut group_indent) = ("", false, 0);
    for raw in lines {
        let line = raw.trim();
        if line.is_empty() {
            is_open = false;
            continue;
        }
        let indent = raw.chars().take_while(|c| c.is_whitespace()).count();
        let (is_item, is_labelled) = (begins_an_item(line), is_labelled(line));
        let begins = is_item || is_labelled && (is_entry || is_whole);
        let open = groups.last().filter(|_| is_open);
        let is_behind_title = is_first && is_title(before) && !is_in_capitals(line);
        let is_behind_item = open.is_some_and(|group| group.is_item)
            && indent <= group_indent
            && line.starts_with(char::is_uppercase)
            && had_room(before, line, width);
        match groups.last_mut().filter(|_| is_open && !begins && !is_behind_title && !is_behind_item) {
            Some(group) => {
                group.text.push(' ');
                group.text += line;
                is_first = false;
            }
            None => {
                groups.push(LineGroup { text: line.into(), is_item });
                is_entry = is_item || is_labelled;
                (is_first, group_indent) = (true, indent);
            }
        }
        before = line;
        is_open = true;
        is_whole = line.ends_with(['.', '!', '?', ':', ';', '…']);
    }
    groups
}

/// Whether the first word of a line had room behind the line before it, so that the line break was meant. `width` is the length
/// of the text's longest line; a text that has only short ones says nothing.
fn had_room(before: &str, line: &str, width: usize) -> bool {
    let word = line.split_whitespace().next().unwrap_or_default();
    let needed = before.chars().count() + 1 + word.chars().count();
    width >= MIN_WIDTH && needed * 10 <= width * 7
}

/// Whether a line is a title in capital letters: `2. FEES`.
pub(super) fn is_title(line: &str) -> bool {
    is_in_capitals(line)
        && line.starts_with(char::is_alphanumeric)
        && line.chars().count() <= MAX_TITLE_CHARS
        && !line.ends_with(['.', '!', '?', ';', ',', '…', ':'])
}

/// Whether a line has words, and they are in capital letters.
fn is_in_capitals(line: &str) -> bool {
    let letters = || line.chars().filter(|c| c.is_alphabetic());
    letters().count() >= MIN_TITLE_LETTERS.max(line.chars().filter(char::is_ascii_digit).count())
        && letters().all(char::is_uppercase)
}

/// Whether a line begins with a list marker: `•`, `-`, `3.`, `a)`. A short word before a full stop is none.
pub(super) fn begins_an_item(text: &str) -> bool {
    let Some((mark, rest)) = text.split_once(' ') else { return false };
    let number = mark.strip_suffix(['.', ')']).is_some_and(|number| {
        (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
            || number.len() == 1
                && mark.ends_with(')')
                && number.bytes().all(|byte| byte.is_ascii_alphabetic())
    });
    !rest.is_empty()
        && (number
            || matches!(mark, "•" | "-" | "–" | "*" | "▪" | "◦" | "‣" | "●" | "○" | "■" | "☐" | "☑" | "✓"))
}

/// Whether a line is a label and its value: `Opening hours: 8 to 17`.
fn is_labelled(line: &str) -> bool {
    line.split_once(": ").is_some_and(|(label, value)| {
        !value.trim().is_empty()
            && label.starts_with(char::is_uppercase)
            && !label.contains(['.', ',', ';', '?', '!'])
            && label.chars().count() <= MAX_LABEL_CHARS
            && label.split_whitespace().count() <= MAX_LABEL_WORDS
    })
}

/// A digit as a raised one (`²`), so that it does not continue the number before it; other characters as they are.
pub(super) fn raised_digit(digit: char) -> char {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    digit.to_digit(10).map_or(digit, |digit| RAISED[digit as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_and_labelled_lines_stand_apart() {
        let groups = |text: &str| {
            let groups = group_lines(text.lines()).into_iter();
            groups.map(|group| (group.is_item, group.text)).collect::<Vec<_>>()
        };
        let text = |text: &str| (false, text.to_string());
        let item = |text: &str| (true, text.to_string());
        assert_eq!(groups("Một\nhai.\n\nBa."), [text("Một hai."), text("Ba.")]);
        assert_eq!(
            groups("1. Mở ứng dụng\n2. Chọn\nCài đặt"),
            [item("1. Mở ứng dụng"), item("2. Chọn Cài đặt")]
        );
        assert_eq!(
            groups("Chi nhánh 1: 12 Lê Lợi\nChi nhánh 2: 34 Hai Bà Trưng,\nHuế\nGiờ mở cửa: 8h–21h"),
            [
                text("Chi nhánh 1: 12 Lê Lợi"),
                text("Chi nhánh 2: 34 Hai Bà Trưng, Huế"),
                text("Giờ mở cửa: 8h–21h")
            ]
        );
        let wrapped = [
            "We open at\n8:30 and he said: yes",
            "gọi trong hôm\nnay. Xin",
            "ask our\nSupport team: they know",
            "ở\nTP. Huế",
        ];
        for prose in wrapped {
            assert_eq!(groups(prose), [text(&prose.replace('\n', " "))]);
        }
    }

    #[test]
    fn a_paragraph_behind_an_item_or_a_title_stands_apart() {
        let groups =
            |text: &str| group_lines(text.lines()).into_iter().map(|group| group.text).collect::<Vec<_>>();
        let apart = [
            "- Trạm Cam Lộ\n- Hợp tác xã An Bình\nViệc đổi nơi nhận thực hiện trước ngày 10 hằng tháng.",
            "* A card\n* A photograph\nThe office keeps both until the end of the semester.",
            "2. THỜI GIAN\nĐóng tiền trên cổng.",
            "PHẦN II. MỨC PHÍ\nMột người một năm.",
            "1. Bring a card\n2. Sign here\nWithout a card nobody is let in, and no exception is made.",
        ];
        for text in apart {
            assert_eq!(groups(text), text.lines().collect::<Vec<_>>());
        }
        let together = [
            "- Hợp tác xã nông nghiệp và dịch vụ\nAn Bình",
            "- The office on the second floor of the\nTown Hall, which is open each day",
            "- A card\n  Only the new one is taken, since the others are out of date.",
            "- A card\nthat shows the name and the date of birth of whoever comes.",
            "VĂN PHÒNG CÔNG CHỨNG SỐ 1\nTỈNH QUẢNG TRỊ",
            "  7. No warranty. The work comes as it is\n     and\n     Whoever takes it bears the risk of doing so.",
            "7. Whoever is asked to by law, or agrees to in\nWriting, has to do so at the time and the place that are named\nthere.",
            "THE WORK COMES WITHOUT WARRANTY, AND\nWHOEVER TAKES IT BEARS THE RISK.",
        ];
        for text in together {
            assert_eq!(groups(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn items_begin_with_a_mark() {
        assert!(["• a", "- a", "3. a", "a) b"].iter().all(|text| begins_an_item(text)));
        assert!(
            ["a b", "2026 a", "-a", "1.", "nay. Xin", "B. Tran"].iter().all(|text| !begins_an_item(text))
        );
    }

    #[test]
    fn raised_digits_are_their_own_characters() {
        assert_eq!("30 m2, a".chars().map(raised_digit).collect::<String>(), "³⁰ m², a");
    }
}
