//! PDFs: words, letters, titles, and pages that cannot be read.

use std::path::Path;

use hoidap_indices::document::{BlockKind, Document, ReadError, extract};

use crate::file_kinds::LIMITS;

/// A file of numbered objects, the first of which is the catalog; `trailer` is appended to its trailer.
pub(crate) fn pdf(objects: &[String], trailer: &str) -> Vec<u8> {
    let mut file = String::from("%PDF-1.4\n");
    let mut offsets = Vec::new();
    for (i, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        file += &format!("{} 0 obj\n{object}\nendobj\n", i + 1);
    }
    let table = file.len();
    file += &format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for offset in offsets {
        file += &format!("{offset:010} 00000 n \n");
    }
    file += &format!(
        "trailer << /Size {} /Root 1 0 R {trailer} >>\nstartxref\n{table}\n%%EOF",
        objects.len() + 1
    );
    file.into_bytes()
}

pub(crate) fn stream(content: &str) -> String {
    format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len())
}

const HELVETICA: &str = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";

/// A file with one page for each content; its fonts are `/F1`, and objects from 10 on are `more`.
fn pages(contents: &[&str], font: &str, more: &[&str], trailer: &str) -> Vec<u8> {
    let first = 10 + more.len();
    let kids: Vec<String> = (0..contents.len()).map(|i| format!("{} 0 R", first + 2 * i)).collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R /Lang (vi-VN) >>".to_string(),
        format!("<< /Type /Pages /Kids [{}] /Count {} >>", kids.join(" "), kids.len()),
        font.to_string(),
    ];
    objects.resize(9, "null".to_string());
    objects.extend(more.iter().map(ToString::to_string));
    for (i, content) in contents.iter().enumerate() {
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {} 0 R /Resources << /Font << /F1 3 0 R >> \
             /XObject << /Im 10 0 R >> >> >>",
            first + 2 * i + 1
        ));
        objects.push(stream(content));
    }
    pdf(&objects, trailer)
}

fn read(bytes: Vec<u8>) -> Document {
    extract(Path::new("so-tay.pdf"), bytes, LIMITS).unwrap()
}

/// A composite font whose codes 1, 2, … are the given letters, each 0.5 wide, as a range of widths says.
fn composite(letters: &str) -> (String, Vec<String>) {
    let map: String =
        letters.encode_utf16().zip(1..).map(|(unit, code)| format!("<{code:04X}> <{unit:04X}>\n")).collect();
    let count = letters.encode_utf16().count();
    let cmap = format!(
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n\
         1 begincodespacerange <0000> <FFFF> endcodespacerange\n{count} beginbfchar\n{map}endbfchar\nendcmap"
    );
    let font = "<< /Type /Font /Subtype /Type0 /BaseFont /Serif /Encoding /Identity-H /DescendantFonts [10 0 R] /ToUnicode 12 0 R >>";
    let more = vec![
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Serif /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) \
         /Supplement 0 >> /FontDescriptor 11 0 R /DW 100 /W [0 2000 500] >>"
            .to_string(),
        "<< /Type /FontDescriptor /FontName /Serif /Flags 4 /FontBBox [0 0 1000 1000] /ItalicAngle 0 /Ascent 800 \
         /Descent -200 /CapHeight 700 /StemV 80 >>"
            .to_string(),
        stream(&cmap),
    ];
    (font.to_string(), more)
}

/// A text shown letter by letter with some kerning; a `_` separates words by a gap alone.
fn show(letters: &str, text: &str) -> String {
    let mut shown = String::new();
    for (i, c) in text.chars().enumerate() {
        match letters.chars().position(|letter| letter == c) {
            Some(code) => shown += &format!("<{:04X}> {} ", code + 1, if i % 2 == 0 { 40 } else { -30 }),
            None => shown += "-400 ",
        }
    }
    format!("[{shown}] TJ")
}

#[test]
fn words_are_whole_and_separated_by_gaps() {
    let letters = " abcdefghijklmnopqrstuvwxyzSổảàướơ";
    let (font, more) = composite(letters);
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    let content = format!(
        "BT /F1 12 Tf 1 0 0 1 72 700 Tm {} ET BT /F1 12 Tf 1 0 0 1 72 640 Tm {} 0 -14 Td {} ET",
        show(letters, "Sổ tay"),
        show(letters, "before_the cuff"),
        show(letters, "bảo hành")
    );
    let document = read(pages(&[&content], &font, &more, ""));
    assert_eq!(document.text, "Sổ tay\nbefore the cuff bảo hành");
    assert_eq!(document.blocks[0].kind, BlockKind::Heading(1));
    assert_eq!((document.title.as_str(), document.locale.as_deref()), ("Sổ tay", Some("vi-VN")));
}

#[test]
fn turned_and_spaced_text_is_read_by_its_direction() {
    let upright = "BT /F1 10 Tf 4 Tc 1 0 0 1 72 700 Tm (WARNING) Tj 0 Tc ET";
    let turned = "BT /F1 10 Tf 0 1 -1 0 300 100 Tm (Turned by) Tj ( ninety) Tj 0 -12 Td (degrees.) Tj ET";
    let document = read(pages(&[&format!("{upright} {turned}")], HELVETICA, &[], ""));
    assert_eq!(document.text, "WARNING\nTurned by ninety degrees.");
}

#[test]
fn lines_make_paragraphs_rows_and_headings() {
    let content = "BT /F1 18 Tf 72 720 Td (Filters) Tj /F1 10 Tf 0 -30 Td (Change it every six months, in the main-) Tj 0 -12 Td \
        (tenance hatch. Write an e-mail, or an e-) Tj 0 -12 Td (mail form.) Tj 0 -30 Td (Other things.) Tj \
        0 -30 Td (S1) Tj 200 0 Td ($80) Tj -200 -12 Td (S2) Tj 200 0 Td ($95) Tj ET \
        BT /F1 10 Tf 72 500 Td (About 10) Tj /F1 6 Tf 40.5 4 Td (5) Tj ET";
    let document = read(pages(&[content], HELVETICA, &[], ""));
    assert_eq!(
        document.text,
        "Filters\nChange it every six months, in the maintenance hatch. Write an e-mail, or an e-mail form.\nOther things.\n\
         S1 | $80\nS2 | $95\nAbout 10⁵"
    );
    let kinds: Vec<BlockKind> = document.blocks.iter().map(|block| block.kind).collect();
    assert_eq!(kinds[0], BlockKind::Heading(1));
    assert_eq!(kinds[3..5], [BlockKind::Row, BlockKind::Row]);
}

#[test]
fn cells_that_are_close_are_told_by_the_rows_around() {
    let row = |down: i32, cells: [&str; 3]| {
        let [a, b, c] = cells;
        format!("BT /F1 10 Tf 1 0 0 1 72 {down} Tm ({a}) Tj 160 0 Td ({b}) Tj 60 0 Td ({c}) Tj ET ")
    };
    let content = row(700, ["Violation", "Level", "Consequence"])
        + &row(686, ["Using notes", "Caution", "Half of the marks"])
        + &row(672, ["Using a telephone", "Suspension", "The marks are 0"])
        + &row(658, ["Sitting for someone", "Dismissal", "None"])
        + "BT /F1 10 Tf 72 600 Td (A list of all the cases is in the office, and a copy in the Suspension hall.) Tj ET";
    let document = read(pages(&[&content], HELVETICA, &[], ""));
    let lines = [
        "Violation | Level | Consequence",
        "Using notes | Caution | Half of the marks",
        "Using a telephone | Suspension | The marks are 0",
        "Sitting for someone | Dismissal | None",
        "A list of all the cases is in the office, and a copy in the Suspension hall.",
    ];
    assert_eq!(document.text.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn cells_of_several_lines_stay_in_their_row() {
    let draw = |lines: &[(i32, i32, &str)]| {
        let show =
            |(x, y, text): &(i32, i32, &str)| format!("BT /F1 10 Tf 1 0 0 1 {x} {y} Tm ({text}) Tj ET ");
        lines.iter().map(show).collect::<String>()
    };
    let content = draw(&[(72, 740, "Fees of the company, which apply from May and are paid on the first of each month")])
        + &draw(&[(72, 700, "Code"), (120, 700, "Service"), (300, 700, "Fee")])
        + &draw(&[(72, 680, "P1"), (120, 680, "Set-up"), (300, 680, "Free")])
        // All lines of a cell in the middle of its row.
        + &draw(&[(72, 654, "P2"), (120, 654, "Terminal"), (300, 660, "12 a month, free from"), (300, 648, "sales of 500")])
        // Cells from the top of their row.
        + &draw(&[(72, 630, "P3"), (120, 630, "Cards of"), (120, 618, "other banks"), (300, 630, "1.6 %")])
        // The first cell has several lines, and the row below belongs to it.
        + &draw(&[(72, 600, "P4 and"), (72, 588, "P5"), (120, 600, "Codes"), (300, 600, "Free")])
        + &draw(&[(72, 568, "P6"), (120, 568, "Loss"), (300, 568, "80")])
        + &draw(&[(72, 540, "All fees are without tax."), (72, 528, "They are paid by the end of the month.")]);
    let document = read(pages(&[&content], HELVETICA, &[], ""));
    let lines = [
        "Fees of the company, which apply from May and are paid on the first of each month",
        "Code | Service | Fee",
        "P1 | Set-up | Free",
        "P2 | Terminal | 12 a month, free from sales of 500",
        "P3 | Cards of other banks | 1.6 %",
        "P4 and P5 | Codes | Free",
        "P6 | Loss | 80",
        "All fees are without tax.",
        "They are paid by the end of the month.",
    ];
    let found: Vec<&str> = document.text.lines().collect();
    assert_eq!(found, lines);
}

#[test]
fn text_in_columns_is_no_table() {
    let column = |x: i32, lines: &[&str]| {
        let show = |(n, text): (usize, &&str)| {
            format!("BT /F1 10 Tf 1 0 0 1 {x} {} Tm ({text}) Tj ET ", 700 - 12 * n)
        };
        lines.iter().enumerate().map(show).collect::<String>()
    };
    let row = "BT /F1 10 Tf 1 0 0 1 72 500 Tm (A) Tj 238 0 Td (1) Tj ET BT /F1 10 Tf 1 0 0 1 72 480 Tm (B) Tj 238 0 Td (2) Tj ET ";
    let left = column(
        72,
        &[
            "The first column of the text goes on and",
            "on until its last line is full of words",
            "and ends here.",
        ],
    );
    let right = column(310, &["The second column begins at the top of", "the page and goes on."]);
    let document = read(pages(&[&(left + &right + row)], HELVETICA, &[], ""));
    let found: Vec<&str> = document.text.lines().collect();
    let lines = [
        "The first column of the text goes on and on until its last line is full of words and ends here.",
        "The second column begins at the top of the page and goes on.",
        "A | 1",
        "B | 2",
    ];
    assert_eq!(found, lines);
}

#[test]
fn a_paragraph_behind_an_item_or_a_title_stands_apart() {
    let content = "BT /F1 10 Tf 72 720 Td (Bring this to the office on the second floor of the town hall:) Tj 0 -12 Td (- A card) Tj \
        0 -12 Td (- The form of the office, signed by the person who asks for) Tj 0 -12 Td (Help) Tj \
        0 -12 Td (- A photograph) Tj 0 -12 Td (The office keeps them until the end of the semester.) Tj \
        0 -12 Td (2. FEES) Tj 0 -12 Td (One person pays ten euros.) Tj ET";
    let document = read(pages(&[content], HELVETICA, &[], ""));
    let lines = [
        "Bring this to the office on the second floor of the town hall:",
        "- A card",
        "- The form of the office, signed by the person who asks for Help",
        "- A photograph",
        "The office keeps them until the end of the semester.",
        "2. FEES",
        "One person pays ten euros.",
    ];
    assert_eq!(document.text.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn operators_that_show_on_the_next_line_and_text_drawn_twice() {
    let content = "BT /F1 12 Tf 14 TL 72 700 Td (One.) Tj (Two.) ' 0 0 (Three.) \" ET \
                   BT /F1 12 Tf 2 Tr 72 600 Td (Outlined once.) Tj ET";
    assert_eq!(read(pages(&[content], HELVETICA, &[], "")).text, "One.\nTwo.\nThree.\nOutlined once.");
}

#[test]
fn the_title_is_the_one_that_an_author_wrote() {
    let content =
        "BT /F1 20 Tf 72 720 Td (Care) Tj /F1 10 Tf 0 -40 Td (Wash it by hand and never in a machine.) Tj ET";
    let titled = |title: &str| {
        read(pages(&[content], HELVETICA, &[&format!("<< /Title {title} >>")], "/Info 10 0 R")).title
    };
    assert_eq!(titled("<FEFF00531ED50020007400610079>"), "Sổ tay");
    assert_eq!(titled("(Washing \\(by hand\\))"), "Washing (by hand)");
    for none in ["(untitled)", "(Microsoft Word - care_v2.doc)", "(care.indd)", "()", "<FEFF>"] {
        assert_eq!(titled(none), "Care", "{none}");
    }
    let plain = "BT /F1 10 Tf 72 720 Td (Wash it by hand and never in a machine.) Tj ET";
    assert_eq!(read(pages(&[plain], HELVETICA, &[], "")).title, "so-tay");
}

#[test]
fn unread_pages_of_a_pdf_are_reported() {
    let image = "<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>\n\
                 stream\nx\nendstream";
    let text = "BT /F1 12 Tf 72 700 Td (The warranty lasts 24 months.) Tj ET";
    let picture = "q 100 0 0 100 0 0 cm /Im Do Q";
    let document = read(pages(&[text, picture, "", picture, picture], HELVETICA, &[image], ""));
    assert_eq!(document.text, "The warranty lasts 24 months.");
    assert_eq!(document.left_out, ["pages that hold pictures and no text: 2, 4 to 5"]);
    let refused = |bytes: Vec<u8>| extract(Path::new("x.pdf"), bytes, LIMITS).unwrap_err();
    let scanned = refused(pages(&[picture, picture], HELVETICA, &[image], ""));
    assert!(matches!(scanned, ReadError::Pictures(2)), "{scanned}");
    let filler = "x".repeat(32);
    let encrypt = format!("<< /Filter /Standard /V 1 /R 2 /O ({filler}) /U ({filler}) /P -4 >>");
    let locked = refused(pages(&[text], HELVETICA, &[&encrypt], "/Encrypt 10 0 R /ID [(a) (a)]"));
    assert!(matches!(locked, ReadError::Locked), "{locked}");
    assert!(matches!(refused(pages(&[""], HELVETICA, &[], "")), ReadError::Empty));
    let (font, more) = composite("");
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    let unmapped = refused(pages(&["BT /F1 12 Tf 72 700 Td <000100020003> Tj ET"], &font, &more, ""));
    assert!(matches!(unmapped, ReadError::Unmapped), "{unmapped}");
}
