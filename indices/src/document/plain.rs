use super::{
    BlockKind, Document,
    line_groups::{group_lines, is_title},
};
use hoidap_shared::text::normalise;

/// Longest first line that can be a title, in characters.
const MAX_TITLE_CHARS: usize = 100;

/// Reads plain text: paragraphs are separated by empty lines. A short first line on its own is the title, and a heading unless
/// it reads like a sentence. A first line of a paragraph in capital letters is a heading, too.
pub(super) fn parse(text: &str) -> Document {
    let mut document = Document::default();
    for (i, paragraph) in paragraphs(text).iter().enumerate() {
        let line = normalise(paragraph);
        let alone = i == 0 && !paragraph.contains('\n') && line.chars().count() <= MAX_TITLE_CHARS;
        if alone {
            document.title.clone_from(&line);
        }
        if alone && !reads_like_a_sentence(&line) {
            document.push(BlockKind::Heading(1), &line);
            continue;
        }
        for (i, group) in group_lines(paragraph.lines()).into_iter().enumerate() {
            let kind = match group.is_item {
                _ if i == 0 && is_title(&group.text) => BlockKind::Heading(2),
                true => BlockKind::Item,
                false => BlockKind::Text,
            };
            document.push(kind, &group.text);
        }
    }
    document
}

/// Whether a line ends like a sentence.
pub(super) fn reads_like_a_sentence(line: &str) -> bool {
    line.ends_with(['.', '!', '?', ';', ',', '…'])
}

/// Whether a line is empty or consists of drawing characters, such as a rule.
fn shows_nothing(line: &str) -> bool {
    let line = normalise(line);
    line.is_empty() || (line.chars().count() > 2 && line.chars().all(|c| "-=_*~#".contains(c)))
}

/// The paragraphs of a text, their lines separated by `\n`. A line ends with CR, LF, CR LF, NEL or a line separator; a paragraph
/// ends with a line that shows nothing, a form feed or a paragraph separator.
fn paragraphs(text: &str) -> Vec<String> {
    let lines = text.replace("\r\n", "\n").replace(['\r', '\u{B}', '\u{85}', '\u{2028}'], "\n");
    let mut paragraphs = vec![String::new()];
    for line in lines.replace(['\u{C}', '\u{2029}'], "\n\n").split('\n') {
        let open = paragraphs.last_mut().filter(|open| !open.is_empty());
        match (shows_nothing(line), open) {
            (true, Some(_)) => paragraphs.push(String::new()),
            (true, None) => {}
            (false, Some(open)) => *open = format!("{open}\n{line}"),
            (false, None) => {
                paragraphs.pop();
                paragraphs.push(line.to_string());
            }
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_end_parts_paragraphs() {
        for end in ["\n", "\r", "\r\n", "\u{85}", "\u{2028}", "\u{B}"] {
            for blank in ["", " ", "\t", "\u{A0}\u{200B}"] {
                let text = format!("Chính sách{end}{blank}{end}Một{end}hai.{end}{blank}{end}{end}Ba.{end}");
                let document = parse(&text);
                assert_eq!(document.text, "Chính sách\nMột hai.\nBa.", "{end:?} {blank:?}");
                assert_eq!(document.title, "Chính sách");
            }
        }
        assert_eq!(parse("Một\u{C}hai\u{2029}ba").text, "Một\nhai\nba");
        assert_eq!(parse("Tiêu đề\n=====\nMột.\n").text, "Tiêu đề\nMột.");
        assert_eq!(parse("A\r\n\r\nB\n\nC\r\rD").text, "A\nB\nC\nD");
    }

    #[test]
    fn a_list_has_a_block_for_each_item() {
        let document =
            parse("Cách đổi:\n1. Mở ứng dụng\n2. Chọn\n   Cài đặt\n\nHotline: 1900 0147\nEmail: a@b.example");
        let lines =
            ["Cách đổi:", "1. Mở ứng dụng", "2. Chọn Cài đặt", "Hotline: 1900 0147", "Email: a@b.example"];
        assert_eq!(document.text.lines().collect::<Vec<_>>(), lines);
        let items = document.blocks.iter().filter(|block| block.kind == BlockKind::Item).count();
        assert_eq!(items, 2);
    }

    #[test]
    fn a_line_in_capital_letters_is_the_heading_of_its_paragraph() {
        let document = parse(
            "GIỐNG LÚA NĂM 2026\n\n1. NƠI NHẬN GIỐNG\nBà con nhận giống tại một trong các nơi sau:\n- Trạm Cam Lộ\n\
             - Hợp tác xã An Bình\nViệc đổi nơi nhận giống thực hiện trước ngày 10 hằng tháng.\n\n2. MỨC HỖ TRỢ\n\nMỗi hộ 20 kg.",
        );
        let kinds = document.blocks.iter().map(|block| block.kind).collect::<Vec<_>>();
        let (heading, item, text) = (BlockKind::Heading, BlockKind::Item, BlockKind::Text);
        assert_eq!(kinds, [heading(1), heading(2), text, item, item, text, heading(2), text]);
        assert_eq!(
            document.text.lines().nth(5),
            Some("Việc đổi nơi nhận giống thực hiện trước ngày 10 hằng tháng.")
        );
    }

    #[test]
    fn a_first_line_that_says_something_is_text() {
        let document = parse("Tổng đài bảo hành: 1900 0147.\n\nTrực ngày đêm.");
        assert_eq!(document.title, "Tổng đài bảo hành: 1900 0147.");
        assert!(document.blocks.iter().all(|block| block.kind == BlockKind::Text));
        assert_eq!(parse("Giờ mở cửa\n\nTừ 8 giờ.").blocks[0].kind, BlockKind::Heading(1));
    }
}
