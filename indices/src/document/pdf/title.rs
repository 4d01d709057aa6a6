use hayro_interpret::hayro_syntax::{
    Pdf,
    object::{Dict, String as PdfString},
};

use super::normalise;

/// File extensions that show that a program wrote a file name into the title.
const FILE_EXTENSIONS: [&str; 17] = [
    ".doc", ".docx", ".odt", ".rtf", ".pdf", ".xls", ".xlsx", ".ppt", ".pptx", ".indd", ".tex", ".dvi",
    ".qxd", ".txt", ".html", ".htm", ".md",
];
/// Placeholder titles that programs write, in lower case.
const PLACEHOLDER_TITLES: [&str; 14] = [
    "untitled",
    "untitled document",
    "document",
    "document1",
    "title",
    "slide 1",
    "powerpoint presentation",
    "presentation",
    "book1",
    "sheet1",
    "print",
    "about:blank",
    "none",
    "tài liệu không có tiêu đề",
];
/// Prefixes that programs write before a file name.
const PROGRAM_PREFIXES: [&str; 4] = ["microsoft ", "openoffice", "libreoffice", "http"];
/// Longest title, in characters.
const MAX_TITLE_CHARS: usize = 200;

/// The title in a PDF's metadata, if an author wrote it.
pub(super) fn metadata_title(pdf: &Pdf) -> Option<String> {
    let title = normalise(&decode(pdf.metadata().title.as_deref()?));
    is_sensible(&title).then_some(title)
}

/// A text entry of a dictionary.
pub(super) fn dict_text(dict: &Dict<'_>, key: &[u8]) -> Option<String> {
    dict.get::<PdfString<'_>>(key).map(|text| decode(text.as_bytes())).filter(|text| !text.is_empty())
}

/// Decodes a PDF text string: UTF-16 or UTF-8 by its byte order mark, or else PDFDocEncoding, which is Latin-1 except for a few
/// signs.
fn decode(bytes: &[u8]) -> String {
    match bytes {
        [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] | [0xEF, 0xBB, 0xBF, ..] => {
            encoding_rs::UTF_8.decode(bytes).0.into_owned()
        }
        _ => bytes.iter().map(|byte| pdf_doc(*byte)).collect(),
    }
}

fn pdf_doc(byte: u8) -> char {
    const SIGNS: [char; 31] = [
        '•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘', '’', '‚', '™', 'ﬁ',
        'ﬂ', 'Ł', 'Œ', 'Š', 'Ÿ', 'Ž', 'ı', 'ł', 'œ', 'š', 'ž',
    ];
    match byte {
        0x80..=0x9E => SIGNS[usize::from(byte - 0x80)],
        0xA0 => '€',
        byte => char::from(byte),
    }
}

fn is_sensible(title: &str) -> bool {
    let lower = title.to_lowercase();
    let letters = title.chars().filter(|c| c.is_alphabetic()).count();
    letters >= 2
        && title.chars().count() <= MAX_TITLE_CHARS
        && !title.contains(['\u{FFFD}', '\\'])
        && !PLACEHOLDER_TITLES.contains(&lower.as_str())
        && !FILE_EXTENSIONS.iter().any(|ending| lower.ends_with(ending))
        && !PROGRAM_PREFIXES.iter().any(|program| lower.starts_with(program))
        // A file name: untitled_3, bang-gia_v2.
        && (!title.contains('_') || title.contains(' '))
        && !lower.starts_with("untitled")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_decoded_as_it_says() {
        assert_eq!(decode(b"\xFE\xFF\x00S\x1E\xD5"), "Sổ");
        assert_eq!(decode("\u{FEFF}Sổ".as_bytes()), "Sổ");
        assert_eq!(decode(b"Caf\xE9 \x84 1"), "Café — 1");
    }

    #[test]
    fn what_a_program_wrote_is_no_title() {
        for title in [
            "",
            "untitled",
            "Microsoft Word - bang gia.doc",
            "gia.pdf",
            "C:\\a b",
            "Document1",
            "bang_gia_v2",
            "12",
        ] {
            assert!(!is_sensible(title), "{title}");
        }
        assert!(is_sensible("Sổ tay bảo dưỡng") && is_sensible("Price list 2026"));
    }
}
