//! Canonical spelling of Vietnamese words, independent of the position of the tone mark.

use hoidap_shared::text::{fold, has_vietnamese_marks, search_form};
use unicode_normalization::UnicodeNormalization as _;

/// The tone marks: grave, acute, tilde, hook above and dot below. They may be on either vowel of "oa" and "uy".
const TONES: [char; 5] = ['\u{300}', '\u{301}', '\u{303}', '\u{309}', '\u{323}'];

/// A word in lower case with its tone mark after its letters, so that "hoá" and "hóa" are equal.
pub(crate) fn canonical_spelling(word: &str) -> String {
    let lower = search_form(word).to_lowercase();
    if lower.is_ascii() {
        return lower;
    }
    let (tones, mut letters): (String, String) = lower.nfd().partition(|c| TONES.contains(c));
    letters.push_str(&tones);
    letters
}

/// Whether a typed word may stand for a known one: spelled alike, or typed without any mark. "vay" may stand for "vậy", but
/// "vây" may not.
pub(crate) fn matches_typed(typed: &str, known: &str) -> bool {
    if begin_differently(typed, known) {
        return false;
    }
    canonical_spelling(typed) == canonical_spelling(known)
        || (!has_vietnamese_marks(typed) && typed.to_lowercase() == fold(known))
}

/// Whether two words begin with different letters of ASCII, which no spelling makes equal: most pairs do.
pub(crate) fn begin_differently(one: &str, other: &str) -> bool {
    let first = |word: &str| word.bytes().next().filter(u8::is_ascii_alphabetic);
    first(one).zip(first(other)).is_some_and(|(one, other)| !one.eq_ignore_ascii_case(&other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_the_tone_mark_does_not_matter() {
        assert_eq!(canonical_spelling("hoá"), canonical_spelling("Hóa"));
        assert_eq!(canonical_spelling("thuỷ"), canonical_spelling("thủy"));
        assert_ne!(canonical_spelling("thẻ"), canonical_spelling("thế"));
        assert_ne!(canonical_spelling("vay"), canonical_spelling("vậy"));
    }

    #[test]
    fn a_typed_mark_counts_and_a_missing_one_does_not() {
        assert!(matches_typed("vay", "vậy") && matches_typed("Vậy", "vậy") && matches_typed("hoa", "hóa"));
        assert!(matches_typed("Di", "đi") && matches_typed("Ân", "Ân") && !matches_typed("an", "bàn"));
        assert!(!matches_typed("vây", "vậy") && !matches_typed("thẻ", "thế") && !matches_typed("bạn", "bàn"));
    }
}
