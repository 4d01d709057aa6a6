use super::*;
use crate::generator::passages::passage_set::tests::passage;

fn split_segments(text: &str) -> Vec<(SegmentKind, String)> {
    split_lines(text, &[])
}

fn split_lines(text: &str, lines: &[LineKind]) -> Vec<(SegmentKind, String)> {
    let passage = Passage { lines: lines.to_vec(), ..passage("vi", text) };
    let cut = Segmenter::default().segment(&passage);
    cut.segments.iter().map(|segment| (segment.kind, segment.text.to_string())).collect()
}

#[test]
fn a_passage_is_cut_once() {
    let segmenter = Segmenter::default();
    let cut = |text: &str| segmenter.segment(&passage("vi", text));
    let first = cut("Gói Pro có 500 GB.");
    assert!(Arc::ptr_eq(&first, &cut("Gói Pro có 500 GB.")));
    assert!(!Arc::ptr_eq(&first, &cut("Gói Pro có 600 GB.")));
}

#[test]
fn a_row_is_told_by_the_tables_head() {
    let text = "Hạn mức của Diệc Drive\nHạn mức | Free | Pro\nKích thước một tệp | 2 GB | 20 GB\nSố thiết bị | 2 | 10";
    assert_eq!(
        split_segments(text),
        [
            (SegmentKind::Label, "Hạn mức của Diệc Drive".into()),
            (SegmentKind::Row, "Kích thước một tệp – Free: 2 GB; Pro: 20 GB".into()),
            (SegmentKind::Row, "Số thiết bị – Free: 2; Pro: 10".into()),
        ]
    );
}

#[test]
fn a_heading_above_a_caption_is_no_sentence() {
    let found = split_segments("Giá các gói\nGiá của từng gói\nGói | Giá\nPro | 5 $");
    let kinds: Vec<SegmentKind> = found.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [SegmentKind::Label, SegmentKind::Label, SegmentKind::Row]);
}

#[test]
fn a_row_without_its_head_stays_as_it_is() {
    assert_eq!(
        split_segments("Kích thước một tệp | 2 GB | 20 GB\nSố thiết bị | 2 | 10")[0],
        (SegmentKind::Row, "Kích thước một tệp – 2 GB; 20 GB".into())
    );
    assert_eq!(split_segments("Hotline | 0236 000 0147")[0].1, "Hotline: 0236 000 0147");
}

#[test]
fn items_stand_together_and_headings_apart() {
    let text = "Mail does not arrive\nLook in the Spam folder.\nSee whether the mailbox is full.\n\
                Check that the MX record is right.";
    let kinds: Vec<SegmentKind> = split_segments(text).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [SegmentKind::Label, SegmentKind::Item, SegmentKind::Item, SegmentKind::Item]);
}

#[test]
fn the_pages_own_lists_and_headings_are_those_of_the_passage() {
    let text = "Print.\nDo this:\nOpen the menu. It is above.\nPress Print:\nWait.\nSee also\nLabels";
    let [heading, text_line, item] = [LineKind::Heading, LineKind::Text, LineKind::Item];
    let lines = [heading, text_line, item, item, item, text_line, text_line];
    let kinds: Vec<SegmentKind> = split_lines(text, &lines).into_iter().map(|(kind, _)| kind).collect();
    let (label, sentence, step) = (SegmentKind::Label, SegmentKind::Sentence, SegmentKind::Item);
    assert_eq!(kinds, [label, sentence, step, step, step, step, sentence, sentence]);
}

#[test]
fn the_last_line_of_a_section_is_no_label_of_the_next_one() {
    let [heading, text] = [LineKind::Heading, LineKind::Text];
    let page = "Harbour branch\nNew bicycles\nHill branch\nRepairs every day.\nOpening hours: 9:00-17:00\nClosed in May.";
    let kinds: Vec<SegmentKind> = split_lines(page, &[heading, text, heading, text, text, text])
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    let labels: Vec<bool> = kinds.into_iter().map(|kind| kind == SegmentKind::Label).collect();
    assert_eq!(labels, [true, false, true, false, false, false]);
    let page = "Bảng giá\nGiờ mở cửa: 8h - 17h\nNghỉ ngày lễ.";
    assert_ne!(split_segments(page)[1].0, SegmentKind::Label);
}

#[test]
fn the_page_says_which_row_names_the_columns() {
    let [head, row, code] = [LineKind::Head, LineKind::Row, LineKind::Code];
    let rows = |text: &str, lines: &[LineKind]| -> Vec<String> {
        split_lines(text, lines).into_iter().map(|(_, text)| text).collect()
    };
    let weights =
        "Khu vực | Dưới 1 kg | Trên 1 kg\nHải đảo | liên hệ | liên hệ\nGiờ | 8h\nHuế | 16.500đ | 22.000đ";
    let expected = [
        "Hải đảo – Dưới 1 kg: liên hệ; Trên 1 kg: liên hệ",
        "Giờ: 8h",
        "Huế – Dưới 1 kg: 16.500đ; Trên 1 kg: 22.000đ",
    ];
    assert_eq!(rows(weights, &[head, row, row, row]), expected);
    // An empty cell, a title inside the table, and a row without a name.
    let plans = "| Cơ bản | Gia đình\nHỗ trợ | | điện thoại\nBảo mật\nMã hoá | không | có\n| ngày | đêm";
    let expected = [
        "Hỗ trợ – Gia đình: điện thoại",
        "Bảo mật",
        "Mã hoá – Cơ bản: không; Gia đình: có",
        "Cơ bản: ngày; Gia đình: đêm",
    ];
    assert_eq!(rows(plans, &[head, row, row, row, row]), expected);
    assert_eq!(
        rows("ps aux | grep x | wc -l\nls | wc", &[code, code]),
        ["ps aux | grep x | wc -l", "ls | wc"]
    );
}

#[test]
fn a_part_of_a_table_has_the_names_of_its_columns() {
    let cut = hoidap_shared::job::Cut { before: true, head: Some("Gói | Lẻ | Sỉ".into()), after: false };
    let passage = Passage { cut, ..passage("vi", "Loại A | có | không\nX | 120.000đ | 100.000đ") };
    let cut = Segmenter::default().segment(&passage);
    let texts: Vec<&str> = cut.segments.iter().map(|segment| &*segment.text).collect();
    assert_eq!(texts, ["Loại A – Lẻ: có; Sỉ: không", "X – Lẻ: 120.000đ; Sỉ: 100.000đ"]);
}

#[test]
fn the_work_is_bounded() {
    let endless = "một câu. ".repeat(10_000) + &"x".repeat(100_000);
    assert!(split_segments(&endless).len() <= MAX_SEGMENTS);
    assert!(split_segments("").is_empty());
}
