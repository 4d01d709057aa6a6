//! Detects negation.

use hoidap_shared::text::{has_vietnamese_marks, search_form};

/// Negating words, in lower case.
const NEGATIONS: [&str; 47] = [
    "không",
    "khong",
    "ko",
    "hok",
    "hông",
    "hem",
    "chưa",
    "chẳng",
    "chả",
    "chớ",
    "đừng",
    "cấm",
    "trừ",
    "no",
    "not",
    "never",
    "cannot",
    "cant",
    "dont",
    "doesnt",
    "didnt",
    "isnt",
    "arent",
    "wasnt",
    "werent",
    "wont",
    "wouldnt",
    "couldnt",
    "shouldnt",
    "hasnt",
    "havent",
    "without",
    "nor",
    "neither",
    "none",
    "nobody",
    "nothing",
    "unable",
    "impossible",
    "forbidden",
    "prohibited",
    "forbids",
    "prohibits",
    "except",
    "excluding",
    "excludes",
    "unless",
];
/// Short forms of "không" with other meanings: they negate only in Vietnamese, between words.
const SHORT_NEGATIONS: [&str; 4] = ["k", "kh", "hk", "k0"];
/// Words right after a negation that cancel it: limits, and compounds that contain the same letters.
const CANCELLED_BY_NEXT: [&str; 30] = [
    "quá",
    "dưới",
    "vượt",
    "hơn",
    "kém",
    "chỉ",
    "những",
    "khí",
    "gian",
    "dây",
    "quân",
    "phận",
    "lưu",
    "more",
    "less",
    "fewer",
    "later",
    "earlier",
    "only",
    "exceed",
    "exceeding",
    "exceeds",
    "just",
    "matter",
    "doubt",
    "sooner",
    "longer than",
    "qua",
    "duoi",
    "vuot",
];
/// Words right before a negation that cancel it: "hay không", "whether or not", "hãng hàng không".
const CANCELLED_BY_PREVIOUS: [&str; 10] =
    ["hay", "or", "số", "vé hàng", "hãng hàng", "cảng hàng", "đường hàng", "ngành hàng", "tầm", "trên"];
/// Negated idioms, mostly for "free of charge", and equivalents without that negation.
const NEGATED_IDIOMS: [(&str, &str); 16] = [
    ("không mất phí", "miễn phí"),
    ("không tính phí", "miễn phí"),
    ("không thu phí", "miễn phí"),
    ("không tốn phí", "miễn phí"),
    ("không mất tiền", "miễn phí"),
    ("không thu tiền", "miễn phí"),
    ("without charge", "free"),
    ("without a fee", "free"),
    ("without any fee", "free"),
    ("free of charge", "free"),
    ("at no charge", "free"),
    ("at no cost", "free"),
    ("at no extra cost", "free"),
    ("no charge", "free"),
    ("no fee", "free"),
    ("cannot be used", "not usable"),
];

/// A text in search form and lower case, with negated idioms replaced.
pub(crate) fn canonical_form(text: &str) -> String {
    let lower = search_form(text).to_lowercase();
    NEGATED_IDIOMS
        .iter()
        .fold(lower, |text, (from, to)| if text.contains(from) { text.replace(from, to) } else { text })
}

/// Whether a canonical text contains an odd number of negations.
pub(crate) fn is_negated(plain: &str) -> bool {
    let words: Vec<&str> = split_words(plain).collect();
    let vietnamese = has_vietnamese_marks(plain);
    (0..words.len()).filter(|&i| negates(&words, i, vietnamese)).count() % 2 == 1
}

/// Whether a word by itself is a negation.
pub(crate) fn is_negation(word: &str) -> bool {
    NEGATIONS.contains(&word) || word.ends_with("n't")
}

/// The words of a canonical text.
pub(crate) fn split_words(plain: &str) -> impl Iterator<Item = &str> {
    plain.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty())
}

/// Whether a word negates in its context; Vietnamese texts have short negations.
pub(crate) fn negates(words: &[&str], at: usize, vietnamese: bool) -> bool {
    let word = words[at].trim_matches('\'');
    let before = at.checked_sub(1).map_or("", |i| words[i]);
    let after = words.get(at + 1).copied().unwrap_or_default();
    let digit = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    let denial = is_negation(word)
        || (vietnamese
            && SHORT_NEGATIONS.contains(&word)
            && !before.is_empty()
            && !digit(before)
            && !after.is_empty())
        || (word == "chua" && !vietnamese && after != "cay");
    let number = word == "no" && digit(after);
    let both = format!("{} {before}", at.checked_sub(2).map_or("", |i| words[i]));
    // "Cannot only read but also write" affirms; "cannot only read" denies "can only read".
    let denies_only = after == "only" && matches!(word, "cannot" | "can't") && !words[at..].contains(&"but");
    let undone = CANCELLED_BY_NEXT.contains(&after) && !denies_only
        || CANCELLED_BY_PREVIOUS.contains(&before)
        || CANCELLED_BY_PREVIOUS.contains(&both.as_str())
        // "No longer" negates; "no longer than" limits.
        || (after == "longer" && words.get(at + 2) == Some(&"than"));
    denial && !number && !undone
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str) -> bool {
        is_negated(&canonical_form(text))
    }

    #[test]
    fn a_denial_is_seen_in_both_languages() {
        for text in [
            "Gói Free không có bản ghi",
            "Hàng ko được đổi",
            "Hàng k được đổi",
            "Hàng hok đổi được",
            "Chưa hỗ trợ thẻ",
            "Chẳng có phí nào",
            "Cấm hút thuốc",
            "Hang khong duoc doi",
            "You can’t record",
            "It is not free",
            "We cannot help",
            "It is no longer sold",
            "It isn't free",
            "No delivery on Sunday",
            "Available without a contract",
            "We dont ship",
            "You cannot only select saved files",
            "Không còn bán",
            "Unless you pay",
            "All cards except domestic ones",
        ] {
            assert!(holds(text), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        for text in [
            "Gói Free dùng được bản ghi",
            "Notes are free",
            "You cannot only read files but also write them",
            "Lọc không khí",
            "Tai nghe không dây",
            "Tối đa không quá 5 lần",
            "No more than 5 devices",
            "See No. 5",
            "Phí 500 k mỗi đơn",
            "Bấm phím K",
            "Không chỉ có ở Hà Nội",
            "No fee applies",
            "Miễn phí, không tính phí gửi",
            "You cannot log in without a code",
            "No later than Monday",
        ] {
            assert!(!holds(text), "{text}");
        }
    }
}
