//! What the lines of a text say about its paragraphs and lists.

/// Longest label, in characters and words.
const MAX_LABEL_CHARS: usize = 40;
const MAX_LABEL_WORDS: usize = 6;

/// A part of a text whose line breaks were read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LineGroup {
    /// Its lines, separated by spaces.
    pub(super) text: String,
    /// Whether it begins with the mark of a list item.
    pub(super) is_item: bool,
}

/// Groups the lines of a text: an empty line, an item of a list and a line `label: value` begin a new group.
pub(super) fn group_lines<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<LineGroup> {
    let mut groups: Vec<LineGroup> = Vec::new();
    // Whether the open group is an item or a labelled line, and whether its last line ends a sentence.
    let (mut is_open, mut is_entry, mut is_whole) = (false, false, false);
    for line in lines.map(str::trim) {
        if line.is_empty() {
            is_open = false;
            continue;
        }
        let (is_item, is_labelled) = (begins_an_item(line), is_labelled(line));
        let begins = is_item || is_labelled && (is_entry || is_whole);
        match groups.last_mut().filter(|_| is_open && !begins) {
            Some(group) => {
                group.text.push(' ');
                group.text += line;
            }
            None => {
                groups.push(LineGroup { text: line.into(), is_item });
                is_entry = is_item || is_labelled;
            }
        }
        is_open = true;
        is_whole = line.ends_with(['.', '!', '?', ':', ';', '…']);
    }
    groups
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
