//! Bytes to text, in the encoding that they are written in.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    Encoding, ISO_2022_JP, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED,
};
use scraper::{ElementRef, Html};

use super::html::{is_html, tree};

/// The bytes in which a page names its encoding; browsers look at 1,024 and then wait for the first element.
const PRESCAN_BYTES: usize = 16_384;

/// The bytes by which UTF-16 without a byte order mark is known.
const WIDE_BYTES: usize = 4_096;

/// Bytes that are no UTF-8, beyond those that are, from which a page that says it is UTF-8 is not believed.
const STRAY_BYTES: usize = 8;

/// Where a document names its encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Nowhere: plain text and Markdown.
    Nowhere,
    /// In a `<meta>`, else in an XML declaration.
    InMeta,
    /// In its XML declaration, else in a `<meta>`.
    InXml,
}

/// Bytes as text. In this order: the byte order mark; UTF-16, which shows in its zero bytes; UTF-8 when at least as many
/// letters are well-formed as are not, so that a letter that was cut in two costs that letter alone; the encoding that
/// the document names; the encoding that its letters are most likely in.
pub(super) fn decode(bytes: &[u8], names: Names) -> String {
    encoding(bytes, names).decode(bytes).0.into_owned()
}

fn encoding(bytes: &[u8], names: Names) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding;
    }
    if let Some(encoding) = wide(bytes) {
        return encoding;
    }
    let (well_formed, stray) = letters(bytes);
    // Of all encodings, this one alone writes letters in bytes of ASCII.
    let escapes = || bytes.contains(&0x1B) && named(bytes, names).encoding == Some(ISO_2022_JP);
    if stray == 0 {
        return if escapes() { ISO_2022_JP } else { UTF_8 };
    }
    if well_formed >= stray {
        return UTF_8;
    }
    let named = named(bytes, names);
    match named.encoding {
        Some(encoding) if encoding != UTF_8 => encoding,
        Some(_) if stray <= well_formed + STRAY_BYTES => UTF_8,
        _ => guess(bytes, named.language.as_deref()),
    }
}

/// UTF-16 without a byte order mark: every other byte of its letters of ASCII, digits and spaces is zero.
fn wide(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = &bytes[..bytes.len().min(WIDE_BYTES)];
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

/// Letters beyond ASCII that are well-formed UTF-8, and bytes that are not. The first two or three bytes of a letter
/// whose last is missing are counted with the former: hardly any other text has them.
fn letters(bytes: &[u8]) -> (usize, usize) {
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

/// What a document says of itself.
#[derive(Default)]
struct Named {
    encoding: Option<&'static Encoding>,
    language: Option<String>,
}

fn named(bytes: &[u8], names: Names) -> Named {
    if names == Names::Nowhere {
        return Named::default();
    }
    let head = &bytes[..bytes.len().min(PRESCAN_BYTES)];
    // Each byte is a letter here, so that nothing is lost before the encoding is known. What a script, a comment or
    // another element's attribute says is none of the page's own elements once it is parsed.
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(head);
    let page = tree::parse(&text, None).ok();
    let meta = page.as_ref().and_then(in_meta);
    let encoding = if names == Names::InXml { in_xml(&text).or(meta) } else { meta.or(in_xml(&text)) };
    let language = page.and_then(|page| page.root_element().attr("lang").map(str::to_ascii_lowercase));
    Named { encoding, language }
}

fn in_meta(page: &Html) -> Option<&'static Encoding> {
    let metas = page.tree.root().descendants().filter_map(ElementRef::wrap).filter(|element| {
        is_html(element.value()) && element.value().name() == "meta" && !in_template(element)
    });
    metas
        .filter_map(|meta| {
            let meta = meta.value();
            meta.attr("charset").and_then(label).or_else(|| {
                let is_type = meta.attr("http-equiv")?.trim().eq_ignore_ascii_case("content-type");
                meta.attr("content").filter(|_| is_type).and_then(in_content_type).and_then(label)
            })
        })
        .next()
}

fn in_template(element: &ElementRef<'_>) -> bool {
    element.ancestors().filter_map(ElementRef::wrap).any(|above| above.value().name() == "template")
}

/// The label in `text/html; charset=…`, as the HTML standard extracts it.
fn in_content_type(content: &str) -> Option<&str> {
    // Lower case of ASCII alone, so that the places stay.
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
    quoted(after).and_then(label)
}

/// What stands in the quotation marks that a text begins with.
fn quoted(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let mark = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    text[1..].split_once(mark).map(|(value, _)| value)
}

/// The encoding of a label, as the HTML standard takes it: a document whose label can be read is not UTF-16.
fn label(label: &str) -> Option<&'static Encoding> {
    let encoding =
        Encoding::for_label(label.trim().as_bytes()).filter(|encoding| *encoding != REPLACEMENT)?;
    Some(match encoding {
        encoding if encoding == UTF_16LE || encoding == UTF_16BE => UTF_8,
        encoding if encoding == X_USER_DEFINED => WINDOWS_1252,
        encoding => encoding,
    })
}

/// The most likely encoding of a text that is no UTF-8; Vietnamese where it does not say that it is in another language.
fn guess(bytes: &[u8], language: Option<&str>) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let vietnamese = language.is_none_or(|language| language.starts_with("vi"));
    detector.guess(vietnamese.then_some(b"vn".as_slice()), Utf8Detection::Deny)
}
