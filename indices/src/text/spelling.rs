//! One spelling of a Vietnamese word, wherever its tone mark was put.

use hoidap_shared::text::{fold, has_vietnamese_marks, search_form};
use unicode_normalization::UnicodeNormalization as _;

/// Grave, acute, tilde, hook above and dot below: the marks of tone, which may stand on either vowel of "oa" and "uy".
const TONES: [char; 5] = ['\u{300}', '\u{301}', '\u{303}', '\u{309}', '\u{323}'];

/// A word in lower case with its tone mark behind its letters, so that "hoá" and "hóa" are one.
pub(crate) fn spelling(word: &str) -> String {
    let lower = search_form(word).to_lowercase();
    let (tones, mut letters): (String, String) = lower.nfd().partition(|c| TONES.contains(c));
    letters.push_str(&tones);
    letters
}

/// Whether a typed word may be a known one: spelled like it, or typed without any mark. "vay" may be "vậy", but "vây" may
/// not.
pub fn may_be(typed: &str, known: &str) -> bool {
    spelling(typed) == spelling(known)
        || (!has_vietnamese_marks(typed) && typed.to_lowercase() == fold(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_the_tone_mark_does_not_matter() {
        assert_eq!(spelling("hoá"), spelling("Hóa"));
        assert_eq!(spelling("thuỷ"), spelling("thủy"));
        assert_ne!(spelling("thẻ"), spelling("thế"));
        assert_ne!(spelling("vay"), spelling("vậy"));
    }

    #[test]
    fn a_typed_mark_counts_and_a_missing_one_does_not() {
        assert!(may_be("vay", "vậy") && may_be("Vậy", "vậy") && may_be("hoa", "hóa"));
        assert!(!may_be("vây", "vậy") && !may_be("thẻ", "thế") && !may_be("bạn", "bàn"));
    }
}
