//! Detects the encoding of a file and decodes it.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    Encoding, ISO_2022_JP, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED,
};
use scraper::{ElementRef, Html};

use super::html::{dom, is_html};

/// Number of bytes that are searched for a declared encoding. Browsers search 1,024 and then wait for the first element.
const PRESCAN_BYTES: usize = 16_384;

/// Number of bytes that are examined for UTF-16 without a byte order mark.
const UTF16_SAMPLE_BYTES: usize = 4_096;

/// A page that declares UTF-8 is decoded as such if it has at most this many more invalid bytes than valid letters.
const MAX_STRAY_BYTES: usize = 8;

/// Where a document declares its encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EncodingDeclaration {
    /// Nowhere: plain text and Markdown.
    Nowhere,
    /// In a `<meta>`, or else in an XML declaration.
    InMeta,
    /// In its XML declaration, or else in a `<meta>`.
    InXml,
}

/// Decodes bytes. The encoding is, in this order: that of the byte order mark; UTF-16, which shows in its zero bytes; UTF-8 if
/// at least as many letters are valid as invalid, so that a truncated letter costs that letter alone; the declared encoding;
/// the most likely encoding.
pub(super) fn decode(bytes: &[u8], location: EncodingDeclaration) -> String {
    encoding(bytes, location).decode(bytes).0.into_owned()
}

fn encoding(bytes: &[u8], location: EncodingDeclaration) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding;
    }
    if let Some(encoding) = utf16_without_bom(bytes) {
        return encoding;
    }
    let (well_formed, stray) = count_utf8_letters(bytes);
    // ISO-2022-JP is the only encoding that writes other letters in ASCII bytes.
    let escapes = || bytes.contains(&0x1B) && declared(bytes, location).encoding == Some(ISO_2022_JP);
    if stray == 0 {
        return if escapes() { ISO_2022_JP } else { UTF_8 };
    }
    if well_formed >= stray {
        return UTF_8;
    }
    let declared = declared(bytes, location);
    match declared.encoding {
        Some(encoding) if encoding != UTF_8 => encoding,
        Some(_) if stray <= well_formed + MAX_STRAY_BYTES => UTF_8,
        _ => guess_encoding(bytes, declared.language.as_deref()),
    }
}

/// Detects UTF-16 without a byte order mark: every other byte of ASCII text is zero.
fn utf16_without_bom(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = &bytes[..bytes.len().min(UTF16_SAMPLE_BYTES)];
    let zeros = |from: usize| sample.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let (first, second) = (zeros(0), zeros(1));
    let enough = |many: usize, few: usize| many >= 2 && many * 20 >= sample.len() && few * 10 < many;
    if enough(second, first) {
        Some(UTF_16LE)
    } else if enough(first, second) {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// Counts the valid non-ASCII letters and the invalid bytes of UTF-8. A letter whose last byte is missing counts as valid:
/// hardly any text in another encoding has such a sequence.
fn count_utf8_letters(bytes: &[u8]) -> (usize, usize) {
    let mut counts = (0, 0);
    for chunk in bytes.utf8_chunks() {
        counts.0 += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        match chunk.invalid().len() {
            0 => {}
            1 => counts.1 += 1,
            _ => counts.0 += 1,
        }
    }
    counts
}

/// What a document declares about itself.
#[derive(Default)]
struct DeclaredEncoding {
    encoding: Option<&'static Encoding>,
    language: Option<String>,
}

fn declared(bytes: &[u8], location: EncodingDeclaration) -> DeclaredEncoding {
    if location == EncodingDeclaration::Nowhere {
        return DeclaredEncoding::default();
    }
    let head = &bytes[..bytes.len().min(PRESCAN_BYTES)];
    // As Windows-1252 each byte is a letter, so that nothing is lost before the encoding is known. The page is parsed, so
    // that declarations in scripts, comments or other attributes are ignored.
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(head);
    let page = dom::parse(&text, None).ok();
    let meta = page.as_ref().and_then(in_meta);
    let encoding =
        if location == EncodingDeclaration::InXml { in_xml(&text).or(meta) } else { meta.or(in_xml(&text)) };
    let language = page.and_then(|page| page.root_element().attr("lang").map(str::to_ascii_lowercase));
    DeclaredEncoding { encoding, language }
}

fn in_meta(page: &Html) -> Option<&'static Encoding> {
    let metas = page.tree.root().descendants().filter_map(ElementRef::wrap).filter(|element| {
        is_html(element.value()) && element.value().name() == "meta" && !in_template(element)
    });
    metas
        .filter_map(|meta| {
            let meta = meta.value();
            meta.attr("charset").and_then(encoding_of_label).or_else(|| {
                let is_type = meta.attr("http-equiv")?.trim().eq_ignore_ascii_case("content-type");
                meta.attr("content").filter(|_| is_type).and_then(in_content_type).and_then(encoding_of_label)
            })
        })
        .next()
}

fn in_template(element: &ElementRef<'_>) -> bool {
    element.ancestors().filter_map(ElementRef::wrap).any(|above| above.value().name() == "template")
}

/// The label in `text/html; charset=…`, as the HTML standard extracts it.
fn in_content_type(content: &str) -> Option<&str> {
    // ASCII lower case only, so that the offsets stay the same.
    let lower = content.to_ascii_lowercase();
    let mut from = 0;
    loop {
        from += lower.get(from..)?.find("charset")? + "charset".len();
        if let Some(value) = content[from..].trim_start().strip_prefix('=') {
            return quoted(value)
                .or_else(|| value.trim_start().split(|c: char| c.is_ascii_whitespace() || c == ';').next());
        }
    }
}

/// The encoding of an XML declaration, the first thing in its file.
fn in_xml(text: &str) -> Option<&'static Encoding> {
    let declaration = text.strip_prefix("<?xml")?.split('>').next()?;
    let after = declaration.split("encoding").nth(1)?.trim_start().strip_prefix('=')?;
    quoted(after).and_then(encoding_of_label)
}

/// The quoted value at the beginning of a text.
fn quoted(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let mark = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    text[1..].split_once(mark).map(|(value, _)| value)
}

/// The encoding of a label, as in the HTML standard: a document whose label could be read is not UTF-16.
fn encoding_of_label(label: &str) -> Option<&'static Encoding> {
    let encoding =
        Encoding::for_label(label.trim().as_bytes()).filter(|encoding| *encoding != REPLACEMENT)?;
    Some(match encoding {
        encoding if encoding == UTF_16LE || encoding == UTF_16BE => UTF_8,
        encoding if encoding == X_USER_DEFINED => WINDOWS_1252,
        encoding => encoding,
    })
}

/// The most likely encoding of a text that is not UTF-8. It is assumed to be Vietnamese if it declares no other language.
fn guess_encoding(bytes: &[u8], language: Option<&str>) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let vietnamese = language.is_none_or(|language| language.starts_with("vi"));
    detector.guess(vietnamese.then_some(b"vn".as_slice()), Utf8Detection::Deny)
}
