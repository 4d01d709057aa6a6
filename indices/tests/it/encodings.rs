//! Documents in every encoding that a browser reads, and the encodings that they declare.

use std::path::Path;

use encoding_rs::{Encoding, WINDOWS_1252, WINDOWS_1258};
use hoidap_indices::document::{Document, Limits, extract};
use unicode_normalization::UnicodeNormalization as _;

const LIMITS: Limits = Limits { bytes: 1 << 25, seconds: 20, chars: 2_000_000 };
const TEXT: &str = "Đổi trả trong mười bốn ngày, người mua trả phí gửi. Ưu tiên khách đã đặt cọc.";

fn read(name: &str, bytes: &[u8]) -> Document {
    extract(Path::new(name), bytes.to_vec(), LIMITS).unwrap()
}

/// A text in windows-1258: letters with their hats, and tones as combining marks after them.
fn cp1258(text: &str) -> Vec<u8> {
    let is_tone = |c: &char| matches!(c, '\u{300}' | '\u{301}' | '\u{303}' | '\u{309}' | '\u{323}');
    let apart: String = text
        .chars()
        .flat_map(|letter| {
            let (tones, rest): (Vec<char>, Vec<char>) = [letter].into_iter().nfd().partition(is_tone);
            rest.into_iter().nfc().chain(tones).collect::<Vec<_>>()
        })
        .collect();
    encode(&apart, WINDOWS_1258)
}

fn encode(text: &str, encoding: &'static Encoding) -> Vec<u8> {
    let (bytes, _, failed) = encoding.encode(text);
    assert!(!failed, "{} cannot write {text}", encoding.name());
    bytes.into_owned()
}

fn utf16(text: &str, big: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

#[test]
fn a_truncated_letter_costs_that_letter_alone() {
    let paragraph = format!("<p>{TEXT}</p>");
    let mut cut = "<p>kế".as_bytes().to_vec();
    cut.truncate(cut.len() - 1);
    for head in ["<meta charset=utf-8>", "", "<meta charset=windows-1252>"] {
        let page = read("a.html", &[head.as_bytes(), &cut, paragraph.as_bytes()].concat());
        assert_eq!(page.text, format!("k\u{FFFD}\n{TEXT}"), "{head}");
    }
    for name in ["a.md", "a.txt"] {
        let bytes = [TEXT.as_bytes(), b"\n\n", b"m\xE1\xBA", b"\n\nxong\n"].concat();
        assert_eq!(read(name, &bytes).text, format!("{TEXT}\nm\u{FFFD}\nxong"), "{name}");
    }
    // A page whose only non-ASCII letter is broken, and that declares its encoding.
    let page = read("a.html", b"<meta charset=UTF-8><p>Open 9 to 5\x80, every day</p>");
    assert_eq!(page.text, "Open 9 to 5\u{FFFD}, every day");
    // A file that ends in the middle of a letter.
    assert_eq!(read("a.txt", b"Gi\xE1\xBB\x9D m\xE1\xBB").text, "Giờ m\u{FFFD}");
}

#[test]
fn a_page_declares_its_encoding_in_its_own_elements() {
    let heads = [
        r#"<?xml version="1.0" encoding="windows-1258"?><html><head><title>x</title></head>"#,
        "<?xml version='1.0' encoding = 'WINDOWS-1258' standalone='no' ?><html>",
        "<html><head><META CHARSET = windows-1258>",
        "<meta http-equiv=content-type content='text/html;charset = \"windows-1258\"'>",
        "<meta content='text/html; charset=cp1258; x=y' http-equiv='Content-Type'/>",
        "<script charset=utf-8>var a = '<meta charset=utf-8>';</script><meta charset=x-cp1258>",
        "<!-- <meta charset=koi8-r> --><link charset=koi8-r><a charset=koi8-r title='<meta charset=koi8-r>'></a><meta charset=cp1258>",
        "<style>/*<meta charset=koi8-r>*/</style><meta name=description content='charset=koi8-r'><meta charset=cp1258>",
        "<title><meta charset=koi8-r></title><meta charset=nonsense><meta charset=cp1258>",
        "<template><meta charset=koi8-r></template><textarea><meta charset=koi8-r></textarea><meta charset=cp1258>",
        "<meta http-equiv=refresh content='9;url=a?charset=koi8-r'><meta charset=cp1258>",
    ];
    for head in heads {
        let page = read("a.html", &[head.as_bytes(), b"<p>", &cp1258(TEXT), b"</p>"].concat());
        assert_eq!(page.text, TEXT, "{head}");
    }
    let far = format!("<style>{}</style><meta charset=cp1258><p>", "a{} ".repeat(1_000));
    assert_eq!(read("a.html", &[far.as_bytes(), &cp1258(TEXT)].concat()).text, TEXT);
    // In XHTML the XML declaration comes first, in HTML the element.
    let both =
        "<?xml version='1.0' encoding='windows-1258'?><html><head><meta charset='koi8-r'/></head><body><p>";
    assert_eq!(read("a.xhtml", &[both.as_bytes(), &cp1258(TEXT)].concat()).text, TEXT);
    assert_ne!(read("a.html", &[both.as_bytes(), &cp1258(TEXT)].concat()).text, TEXT);
}

#[test]
fn labels_mean_what_the_standard_says() {
    let page = |label: &str, text: &[u8]| {
        read("a.html", &[format!("<meta charset={label}><p>").as_bytes(), text].concat()).text
    };
    // A document whose label could be read is not UTF-16.
    assert_eq!(page("utf-16", TEXT.as_bytes()), TEXT);
    assert_eq!(page("UTF-16BE", "Giá 10\u{20AC}".as_bytes()), "Giá 10\u{20AC}");
    assert_eq!(page("x-user-defined", b"caf\xE9 \x93ngon\x94"), "café “ngon”");
    assert_eq!(page("latin1", &encode("naïve – 5 €", WINDOWS_1252)), "naïve – 5 €");
    assert_eq!(page("iso-2022-jp", b"\x1B$B$\"\x1B(B"), "あ");
    // A text of valid UTF-8 letters is UTF-8, whatever it declares.
    assert_eq!(page("windows-1258", TEXT.as_bytes()), TEXT);
    assert_eq!(page("utf-8", &cp1258(TEXT)), TEXT, "a wrong declaration of UTF-8 is ignored");
}

#[test]
fn utf_16_is_read_with_and_without_its_mark() {
    let page = format!("<meta charset=utf-8><title>T</title><p>{TEXT}</p>");
    for big in [false, true] {
        for mark in ["\u{FEFF}", ""] {
            let html = utf16(&format!("{mark}{page}"), big);
            assert_eq!(read("a.html", &html).text, TEXT, "{big} {mark:?}");
            let text = utf16(&format!("{mark}{TEXT}\r\n\r\nHai"), big);
            assert_eq!(read("a.txt", &text).text, format!("{TEXT}\nHai"), "{big} {mark:?}");
        }
    }
    let mut odd = utf16(&format!("<p>{TEXT}</p>"), false);
    odd.push(b'<');
    assert!(read("a.html", &odd).text.starts_with(TEXT));
    let marked = [b"\xEF\xBB\xBF".as_slice(), b"<meta charset=cp1258><p>", TEXT.as_bytes()].concat();
    assert_eq!(read("a.html", &marked).text, TEXT);
}

#[test]
fn an_undeclared_encoding_is_detected_from_its_letters() {
    for name in ["a.txt", "a.md", "a.html"] {
        assert_eq!(read(name, &cp1258(TEXT)).text, TEXT, "{name}");
    }
    let english = "“Open” – every day at the café, 5 € a person; naïve façade.";
    for name in ["a.txt", "a.md"] {
        assert_eq!(read(name, &encode(english, WINDOWS_1252)).text, english, "{name}");
    }
}
