//! Finds codes, part numbers and versions in a text.

use std::ops::Range;

use hoidap_shared::text::{fold, search_form};

use super::word_counts::lower_words;

/// Words before a version number.
const VERSION_WORDS: [&str; 10] =
    ["version", "versions", "ver", "v", "firmware", "fw", "release", "build", "phien ban", "ban cap nhat"];
/// Version words that do not name a component.
const GENERIC_VERSION_WORDS: [&str; 8] =
    ["version", "versions", "ver", "v", "release", "build", "phien ban", "ban cap nhat"];
/// Words before a code that is a number.
const CODE_WORDS: [&str; 7] = ["loi", "ma", "ma loi", "code", "error", "error code", "part"];
/// Units: a number before one is an amount.
const UNITS: &str = " % d vnd dong usd dollar dollars eur euro euros k tr trieu ty nghin ngan kb mb gb tb kib mib gib bit bits byte bytes \
    ms s sec secs second seconds giay min mins minute minutes phut h hr hrs hour hours gio tieng day days ngay week weeks tuan month months \
    thang year years nam lan time times mm cm m km inch kg g gr gram mg l lit ml w kw kwh v a ah mah hz khz mhz ghz p px fps dpi mbps gbps \
    x nd rd st th may cai nguoi chiec goi trang page pages people user users item items may tang phong ";
/// Well-known names with digits, which a site's documents need not contain.
const WELL_KNOWN_NAMES: &str = " covid19 mp3 mp4 h264 h265 x264 x265 utf8 utf16 ipv4 ipv6 sha1 sha256 sha512 md5 x86 x64 amd64 arm64 win7 win8 win10 win11 \
    windows10 windows11 ps4 ps5 ec2 k8s web3 wifi5 wifi6 usb2 usb3 cat5 cat6 rj11 rj45 rs232 rs485 iso9001 iso27001 html5 css3 es6 http2 http3 \
    oauth2 tls12 tls13 aes128 aes256 rsa2048 gpt3 gpt4 office365 m365 microsoft365 ddr4 ddr5 type2 ";

/// The kind of an identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentifierKind {
    /// Letters and digits, in one word or joined by hyphens: "SL-1010", "311892D3".
    Code,
    /// Letters and a number with a space between them: "SL 1010". It only counts when there are codes with the same letters.
    Spaced,
    /// A number after a word that says what it is: "firmware 2.2", "lỗi 550". Holds the word without diacritics.
    Number(String),
}

/// An identifier in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextIdentifier {
    /// Its range in bytes; a number includes the word before it.
    pub range: Range<usize>,
    /// Its kind.
    pub kind: IdentifierKind,
    /// The key that all its spellings share: lower case, without hyphens and spaces.
    pub key: String,
}

impl TextIdentifier {
    /// Whether it is a code of letters and digits.
    pub fn is_code(&self) -> bool {
        self.kind != IdentifierKind::Spaced && !matches!(self.kind, IdentifierKind::Number(_))
    }

    /// The letters before its final number, and that number's count of digits; `None` if it does not end with a number.
    pub fn series(&self) -> Option<(&str, usize)> {
        let letters = self.key.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = self.key.len() - letters.len();
        (digits > 0 && !letters.is_empty() && !letters.starts_with(|c: char| c.is_ascii_digit()))
            .then_some((letters, digits))
    }

    /// The pattern of letters and digits: "311892D3" is six digits, a letter, a digit.
    pub(crate) fn shape(&self) -> String {
        self.key.chars().map(|c| if c.is_ascii_digit() { '9' } else { 'a' }).collect()
    }

    /// Whether it can only be a code, even without context.
    pub fn is_unambiguous(&self) -> bool {
        let digits = self.key.chars().filter(char::is_ascii_digit).count();
        self.kind == IdentifierKind::Code
            && digits >= 2
            && self.key.len() >= 3
            && !is_listed(WELL_KNOWN_NAMES, &self.key)
    }

    /// Whether it is a version number without a named component.
    pub(crate) fn is_generic_version(&self) -> bool {
        matches!(&self.kind, IdentifierKind::Number(word) if is_generic_version(word))
    }

    /// Whether it is a code that consists of digits.
    pub(crate) fn is_number_code(&self) -> bool {
        matches!(&self.kind, IdentifierKind::Number(word) if is_code_word(word))
    }
}

/// Whether a word marks the number after it as a version, without naming a component.
pub(crate) fn is_generic_version(word: &str) -> bool {
    GENERIC_VERSION_WORDS.contains(&word)
}

/// Whether a word marks the number after it as a version.
pub(crate) fn is_version_word(word: &str) -> bool {
    VERSION_WORDS.contains(&word)
}

/// Whether a word marks the number after it as a code.
pub(crate) fn is_code_word(word: &str) -> bool {
    CODE_WORDS.contains(&word)
}

/// A version without trailing `.0`: "2.1.0" becomes "2.1", but "2.10" stays.
pub(crate) fn without_zeros(version: &str) -> &str {
    let mut version = version.trim_matches('.');
    while let Some(shorter) = version.strip_suffix(".0") {
        version = shorter;
    }
    version
}

/// A word without the punctuation around it, and its place in the text.
#[derive(Clone, Copy)]
struct WordSpan<'a> {
    start: usize,
    text: &'a str,
    /// Whether punctuation follows it.
    ends: bool,
}

/// Finds the identifiers of a text, in order. A number may also be part of a spaced identifier.
pub fn find_identifiers(text: &str) -> Vec<TextIdentifier> {
    let words: Vec<WordSpan<'_>> = words(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let word = words[at];
        let before = at.checked_sub(1).map(|at| words[at]).filter(|before| !before.ends);
        let next = words.get(at + 1).copied().filter(|_| !word.ends);
        if let Some((name, number)) = split_version(word.text) {
            found.push(numbered(word.start..word.start + word.text.len(), name, number));
        } else if is_code(word.text) {
            found.push(TextIdentifier {
                range: word.start..word.start + word.text.len(),
                kind: IdentifierKind::Code,
                key: key(word.text),
            });
        } else if is_number(word.text) {
            let second = at.checked_sub(2).map(|at| words[at]).filter(|second| !second.ends);
            found.extend(before.and_then(|before| number(word, before, second, next)));
        } else if let Some(next) = next.filter(|next| is_letters(word.text) && is_tail(next.text)) {
            found.push(TextIdentifier {
                range: word.start..next.start + next.text.len(),
                kind: IdentifierKind::Spaced,
                key: key(word.text) + &key(next.text),
            });
        }
        at += 1;
    }
    found
}

/// A number that the words before it mark as a version or a code.
fn number(
    word: WordSpan<'_>,
    before: WordSpan<'_>,
    second: Option<WordSpan<'_>>,
    next: Option<WordSpan<'_>>,
) -> Option<TextIdentifier> {
    let unit = next.is_some_and(|next| is_unit(next.text));
    let dotted = word.text.contains('.');
    let thousands = dotted && word.text.split('.').skip(1).all(|group| group.len() == 3);
    let name = fold(before.text);
    let two = second.map(|second| format!("{} {name}", fold(second.text))).unwrap_or_default();
    let with =
        |name: &str, from: WordSpan<'_>| numbered(from.start..word.start + word.text.len(), name, word.text);
    let known = |list: &'static [&'static str]| {
        let two = second.and_then(|second| Some((*list.iter().find(|known| **known == two)?, second)));
        two.or_else(|| Some((*list.iter().find(|known| **known == name)?, before)))
    };
    if let Some((version, from)) = known(&VERSION_WORDS).filter(|_| !unit) {
        return Some(with(version, from));
    }
    let digits = word.text.len();
    if let Some((code, from)) = known(&CODE_WORDS).filter(|_| !unit && !dotted && (2..=8).contains(&digits)) {
        return Some(with(code, from));
    }
    let named = name.chars().all(|c| c.is_ascii_alphabetic()) && !is_unit(&name);
    // Four parts are an IP address.
    let version = (2..=3).contains(&word.text.split('.').count());
    (version && !thousands && !unit && named).then(|| with(&name, before))
}

fn numbered(range: Range<usize>, word: &str, number: &str) -> TextIdentifier {
    TextIdentifier {
        range,
        kind: IdentifierKind::Number(word.to_string()),
        key: without_zeros(number).to_string(),
    }
}

fn words(text: &str) -> Vec<WordSpan<'_>> {
    let from = |part: &str| part.as_ptr() as usize - text.as_ptr() as usize;
    let mut words = Vec::new();
    for part in text.split_whitespace() {
        // Addresses contain no identifiers.
        if part.contains('@') || part.contains("://") || part.to_ascii_lowercase().starts_with("www.") {
            continue;
        }
        for piece in part.split(['/', '|', ',', ';', '(', ')', '[', ']', '=', '"', '“', '”', '«', '»'])
        {
            let word = piece.trim_matches(|c: char| !c.is_alphanumeric());
            if !word.is_empty() {
                let ends = from(word) + word.len() < from(part) + part.len();
                words.push(WordSpan { start: from(word), text: word, ends });
            }
        }
    }
    words
}

fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{AD}')
}

fn key(code: &str) -> String {
    search_form(code).chars().filter(|c| !is_hyphen(*c)).map(|c| c.to_ascii_lowercase()).collect()
}

/// "v2.1" and "ver3".
fn split_version(word: &str) -> Option<(&'static str, &str)> {
    let digits = word.find(|c: char| c.is_ascii_digit())?;
    let (letters, number) = word.split_at(digits);
    let letters = letters.trim_end_matches('.').to_ascii_lowercase();
    (matches!(letters.as_str(), "v" | "ver") && is_number(number)).then_some(("v", number))
}

/// Whether a word is a code: letters and digits, possibly joined by hyphens. Amounts, ordinals, and words with a number
/// attached are not.
fn is_code(word: &str) -> bool {
    let parts: Vec<&str> = word.split(|c: char| is_hyphen(c) || c == '.').collect();
    let plain = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let letters = word.bytes().any(|b| b.is_ascii_alphabetic());
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    // "24-hour", "office-365": a long run of letters is a word, not part of a code.
    let wordy = parts.iter().any(|part| part.split(|c: char| c.is_ascii_digit()).any(|run| run.len() > 5));
    if !letters || digits == 0 || wordy || !parts.iter().all(plain) || word.len() > 32 {
        return false;
    }
    let begins_with_digit = word.starts_with(|c: char| c.is_ascii_digit());
    let tail = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ',');
    let tail_is_word = tail.trim_start_matches(is_hyphen).bytes().all(|b| b.is_ascii_alphabetic());
    if begins_with_digit && tail_is_word {
        // "5GB", "24h", "2nd", "10-day" are amounts; "12345A" is a code.
        return digits >= 4 && tail.len() <= 2 && !tail.contains(is_hyphen) && !is_unit(tail);
    }
    let head = word.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ',');
    // "USD5", "VND39.000".
    !matches!(head.to_ascii_lowercase().trim_end_matches(is_hyphen), "usd" | "vnd" | "eur")
}

/// Whether a word consists of digits with dots between them.
fn is_number(word: &str) -> bool {
    word.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

fn is_letters(word: &str) -> bool {
    (1..=5).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphabetic())
}

/// Whether a word may follow the letters of a spaced code: digits, possibly after one or two letters.
fn is_tail(word: &str) -> bool {
    let digits = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    !digits.is_empty() && word.len() - digits.len() <= 2 && digits.bytes().all(|b| b.is_ascii_digit())
}

fn is_unit(word: &str) -> bool {
    let folded = fold(word);
    is_listed(UNITS, lower_words(&folded).next().as_deref().unwrap_or(&folded))
}

fn is_listed(list: &str, word: &str) -> bool {
    list.contains(&format!(" {word} "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<String> {
        find_identifiers(text).into_iter().filter(TextIdentifier::is_code).map(|found| found.key).collect()
    }

    fn numbers(text: &str) -> Vec<(String, String)> {
        let number = |found: TextIdentifier| match found.kind {
            IdentifierKind::Number(word) => Some((word, found.key)),
            _ => None,
        };
        find_identifiers(text).into_iter().filter_map(number).collect()
    }

    #[test]
    fn a_code_is_one_however_it_is_spelled() {
        for text in ["sl1010 nghĩa là gì", "lỗi SL-1010?", "(SL_1010)", "SL\u{2011}1010."] {
            assert_eq!(codes(text), ["sl1010"], "{text}");
        }
        assert_eq!(codes("price of 311892D3, DX-M101 or E55/E56"), ["311892d3", "dxm101", "e55", "e56"]);
        let spaced = find_identifiers("mã SL 1010");
        assert!(spaced.iter().any(|found| found.kind == IdentifierKind::Spaced && found.key == "sl1010"));
    }

    #[test]
    fn where_it_stands_is_told() {
        let text = "giá của “AB-12” là";
        assert_eq!(&text[find_identifiers(text)[0].range.clone()], "AB-12");
    }

    #[test]
    fn amounts_dates_and_addresses_are_no_identifiers() {
        for text in [
            "24/7",
            "2 máy",
            "5 GB",
            "5GB",
            "20kg",
            "3tr",
            "12/5/2026",
            "năm 2026",
            "1.500.000đ",
            "$14",
            "10-day trial",
            "24-hour",
            "2nd floor",
            "1080p",
            "5000mAh",
            "a1@b2.vn",
            "https://a.example/x1/y22",
            "09:30",
            "1.5 lít",
            "Gói 3 tháng",
            "gia 2.000 dong",
            "100k",
            "1900 0147",
            "từ 9 giờ đến 20 giờ",
        ] {
            let found: Vec<_> = find_identifiers(text)
                .into_iter()
                .filter(|found| found.kind != IdentifierKind::Spaced)
                .collect();
            assert_eq!(found, [], "{text}");
        }
    }

    #[test]
    fn a_number_is_what_the_word_before_it_says() {
        let pair = |word: &str, key: &str| (word.to_string(), key.to_string());
        assert_eq!(numbers("what is new in firmware 2.2"), [pair("firmware", "2.2")]);
        assert_eq!(numbers("phiên bản 2.10 có gì"), [pair("phien ban", "2.10")]);
        assert_eq!(numbers("v2.1.0?"), [pair("v", "2.1")]);
        assert_eq!(numbers("kernel 5.4"), [pair("kernel", "5.4")]);
        assert_eq!(numbers("báo lỗi 550 là sao"), [pair("loi", "550")]);
        assert_eq!(numbers("version 2 GB"), []);
        assert_eq!(numbers("part 12 ngày"), []);
    }
}
