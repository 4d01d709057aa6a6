use super::*;

/// A document of headings (`# …`), items (`* …`), rows (`a | b`; `a || b` names columns) and paragraphs, one a line.
fn document(lines: &str) -> Document {
    let mut document = Document::default();
    for line in lines.lines() {
        let level = line.chars().take_while(|c| *c == '#').count() as u8;
        let kind = match level {
            0 if line.starts_with('*') => BlockKind::Item,
            0 if line.contains("||") => BlockKind::Head,
            0 if line.contains('|') => BlockKind::Row,
            0 => BlockKind::Text,
            level => BlockKind::Heading(level),
        };
        document.push(kind, &line.trim_start_matches(['#', '*']).replace("||", "|"));
    }
    document
}

fn chunks(lines: &str, max_chunks: usize) -> (Vec<String>, bool) {
    let document = document(lines);
    let settings = config::ChunkingConfig { max_tokens: 20, overlap_tokens: 3 };
    let words = |text: &str| text.split_whitespace().count();
    let DocumentChunks { spans, complete } = split_document(&document, &settings, max_chunks, &words);
    let text =
        |span: &ChunkSpan| document.text.chars().skip(span.start).take(span.end - span.start).collect();
    (spans.iter().map(text).collect(), complete)
}

#[test]
fn every_heading_is_in_a_chunk_or_above_one() {
    for (lines, expected) in [
        ("# Giờ mở cửa: 8 giờ", vec!["Giờ mở cửa: 8 giờ"]),
        ("# A\n# B\n# C", vec!["A\nB\nC"]),
        ("# A\n## B\n## C", vec!["B\nC"]),
        ("# A\nvăn bản\n# B", vec!["văn bản\nB"]),
        ("# A\n## B\nvăn bản", vec!["văn bản"]),
        ("# A\n## B\n# C\nvăn bản", vec!["B\nC\nvăn bản"]),
    ] {
        assert_eq!(chunks(lines, 10).0, expected, "{lines}");
    }
}

#[test]
fn a_list_or_table_that_fits_stays_whole_with_its_lead() {
    let before = "một hai ba bốn năm sáu bảy tám chín mười.";
    for list in [
        "Các bước:\n*mở trang cài đặt\n*chọn ngôn ngữ\n*bấm nút lưu",
        "Giá các gói:\nFree | 0\nPro | 39\nTeam | 99",
    ] {
        let (chunks, _) = chunks(&format!("# A\n{before}\n{list}\nđoạn sau"), 10);
        let whole = list.replace('*', "");
        assert!(chunks[1].starts_with(&whole), "{chunks:?}");
    }
}

#[test]
fn a_chunk_knows_what_its_lines_are() {
    let mut page = document("# A\n## B\n## C\nCác bước:\n*mở trang. Rồi chờ.\n*bấm nút\nFree | 0");
    page.push(BlockKind::Code, "a {\n  b\n}");
    let settings = config::ChunkingConfig { max_tokens: 12, overlap_tokens: 3 };
    let spans =
        |page: &Document| split_document(page, &settings, 10, &|text| text.split_whitespace().count()).spans;
    assert!(spans(&page).iter().all(|span| span.lines.is_empty()), "nothing is known of plain text");
    page.structured = true;
    let found = spans(&page);
    assert!(found.len() > 1);
    let [heading, text, item, row, code] =
        [LineKind::Heading, LineKind::Text, LineKind::Item, LineKind::Row, LineKind::Code];
    let all = [heading, heading, heading, text, item, item, row, code, code, code];
    let mut starts = page.text.match_indices('\n').map(|(at, _)| page.text[..=at].chars().count());
    let starts: Vec<usize> = [0].into_iter().chain(&mut starts).collect();
    for span in found {
        let inside = starts.iter().zip(all).enumerate().filter(|(line, (start, _))| {
            let end = starts.get(line + 1).map_or(usize::MAX, |next| next - 1);
            **start < span.end && end > span.start
        });
        let kinds: Vec<LineKind> = inside.map(|(_, (_, kind))| kind).collect();
        assert_eq!(span.lines, kinds, "{span:?}");
    }
}

#[test]
fn a_list_that_is_too_long_for_one_chunk_goes_on_where_the_text_stands() {
    let items = "*một hai ba bốn năm\n".repeat(9);
    let (chunks, _) = chunks(&format!("# A\nmột hai ba.\nCác bước:\n{items}"), 10);
    assert!(chunks[0].starts_with("một hai ba.\nCác bước:\nmột hai"), "{chunks:?}");
    assert!(chunks.len() > 2, "{chunks:?}");
}

#[test]
fn a_chunk_knows_what_its_list_or_table_lacks() {
    let rows = |name: char| format!("{name} | 1 2 3 4 5 6\n").repeat(4);
    let text = format!("trước bảng.\nGói || Giá\n{}Hạng || Phí\n{}sau bảng.", rows('A'), rows('B'));
    let settings = config::ChunkingConfig { max_tokens: 20, overlap_tokens: 3 };
    let words = |text: &str| text.split_whitespace().count();
    let page = document(&text);
    let cuts: Vec<(bool, Option<String>, bool)> = split_document(&page, &settings, 10, &words)
        .spans
        .into_iter()
        .map(|span| (span.cut.before, span.cut.head, span.cut.after))
        .collect();
    let (plans, ranks) = (Some("Gói | Giá".to_string()), Some("Hạng | Phí".to_string()));
    assert_eq!(cuts.first(), Some(&(false, None, true)), "{cuts:?}");
    assert!(cuts.contains(&(true, plans, true)) && cuts.contains(&(true, ranks.clone(), true)), "{cuts:?}");
    assert_eq!(cuts.last(), Some(&(true, ranks, false)), "{cuts:?}");
    let whole = split_document(&document("a\n*b\n*c\nd"), &settings, 10, &words).spans;
    assert!(whole.iter().all(|span| span.cut.is_none()));
    let long = split_document(&document(&"*một hai ba bốn năm\n".repeat(9)), &settings, 10, &words).spans;
    assert!(long[0].cut.after && !long[0].cut.before && long[1].cut.before && long[1].cut.head.is_none());
}

#[test]
fn a_heading_behind_a_full_chunk_is_not_lost() {
    let long = "một hai ba bốn năm. ".repeat(4);
    let (chunks, _) = chunks(&format!("# A\n{long}\n# B\n# C"), 10);
    assert!(chunks.iter().any(|chunk| chunk.contains('B')) && chunks.iter().any(|chunk| chunk.contains('C')));
}

#[test]
fn what_does_not_fit_beside_a_short_section_has_its_own_heading() {
    let long = "một hai ba bốn năm sáu. ".repeat(5);
    let document = document(&format!("# Đổi trả\nTrong 7 ngày.\n# Bảo hành\n{long}\n## Pin\n{long}"));
    let settings = config::ChunkingConfig { max_tokens: 20, overlap_tokens: 3 };
    let words = |text: &str| text.split_whitespace().count();
    let spans = split_document(&document, &settings, 10, &words).spans;
    let paths: Vec<String> = spans.iter().map(|span| span.heading_path.join(" > ")).collect();
    assert_eq!(paths, ["Đổi trả", "Bảo hành", "Bảo hành > Pin", "Bảo hành > Pin"]);
}

#[test]
fn no_more_chunks_are_made_than_may_be() {
    let lines = "một hai ba bốn năm sáu bảy tám chín mười.\n".repeat(1_000);
    let (some, whole) = chunks(&lines, 5);
    assert_eq!((some.len(), whole), (5, false));
    assert!(chunks(&lines, 100_000).1);
    assert!(chunks(&"x".repeat(100_000), 5).0.len() <= 5);
}
