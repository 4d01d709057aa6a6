//! Rules of text that every stage shares: normal form, the form for search, diacritics, language.

mod homoglyphs;
mod numbers;
mod search_form;
mod sentences;
mod syllable;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

pub use search_form::search_form;
pub use sentences::{HEAD_SEPARATOR, cells, has_cells, may_name_columns, segments, sentences};
pub use syllable::{is_folded_syllable, is_syllable};

/// Whether a text begins with the number of a section or a step: "II. Prices", "2) Press Save".
pub fn begins_with_number(text: &str) -> bool {
    text.split(' ').next().is_some_and(|word| word.ends_with(['.', ')']))
}

/// A language Hoidap answers in.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Vietnamese, with or without diacritics.
    #[default]
    Vi,
    /// English.
    En,
}

impl Language {
    /// The ISO 639-1 code: `vi` or `en`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Vi => "vi",
            Self::En => "en",
        }
    }

    /// A first guess from the words alone, for when nothing better is known: Vietnamese unless the text has no
    /// Vietnamese mark and a common English word.
    pub fn guess(text: &str) -> Self {
        const ENGLISH: [&str; 27] = [
            "the", "how", "what", "where", "when", "why", "who", "which", "is", "are", "do", "does", "my",
            "your", "can", "to", "of", "for", "with", "and", "it", "please", "you", "thanks", "thank", "bye",
            "goodbye",
        ];
        let english = || {
            let lower = text.to_lowercase();
            lower.split(|c: char| !c.is_alphanumeric()).any(|word| ENGLISH.contains(&word))
        };
        if !has_vietnamese_marks(text) && english() { Self::En } else { Self::Vi }
    }

    /// Reads a locale such as `vi`, `vi-VN` or `en_US`; `None` for any other language.
    pub fn from_locale(locale: &str) -> Option<Self> {
        match locale.split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "vi" => Some(Self::Vi),
            "en" => Some(Self::En),
            _ => None,
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The form in which every text is kept and shown: as it is written, NFC, without control and invisible characters, runs of
/// white space made one space, trimmed. Texts are searched and compared in their [`search_form`].
pub fn normalise(text: &str) -> String {
    let composed: String = text
        .nfc()
        .filter(|c| !c.is_control() || c.is_whitespace())
        .filter(|c| !search_form::is_invisible(*c))
        .collect();
    composed.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The [`search_form`] in lower case without diacritics, `đ` as `d`: "Đặt lại mật khẩu" becomes "dat lai mat khau".
pub fn fold(text: &str) -> String {
    let form = search_form(text);
    if form.is_ascii() {
        return form.to_ascii_lowercase();
    }
    form.nfd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .map(|c| if c == 'đ' { 'd' } else { c })
        .collect()
}

/// Whether the text holds a letter that only Vietnamese spelling has (a tone, a hat, a horn, or `đ`).
pub fn has_vietnamese_marks(text: &str) -> bool {
    !text.is_ascii()
        && text.nfd().any(|c| {
            matches!(
                c,
                'đ' | 'Đ'
                // Eths, which stand for them in many texts.
                | 'ð'
                | 'Ð'
                | '\u{300}'
                | '\u{301}'
                | '\u{303}'
                | '\u{309}'
                | '\u{323}'
                | '\u{302}'
                | '\u{306}'
                | '\u{31B}'
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_has_one_form() {
        let nfd: String = "Đặt lại mật khẩu".nfd().collect();
        assert_ne!(nfd, "Đặt lại mật khẩu");
        assert_eq!(normalise(&nfd), "Đặt lại mật khẩu");
        assert_eq!(normalise(" a\u{0}\u{200B}b \n\t c "), "ab c");
        assert_eq!(normalise("tự\u{AD} độ\u{2060}ng ❤\u{FE0F} Ðà\u{A0}Lạt"), "tự động ❤\u{FE0F} Ðà Lạt");
    }

    #[test]
    fn folding_leaves_plain_letters() {
        assert_eq!(fold("Đặt lại MẬT khẩu ở đâu?"), "dat lai mat khau o dau?");
        assert_eq!(fold("naïve café"), "naive cafe");
        assert_eq!(fold("Ðống Ða, SL\u{2011}1010"), "dong da, sl-1010");
    }

    #[test]
    fn vietnamese_shows_in_its_marks() {
        assert!(has_vietnamese_marks("mật khẩu"));
        assert!(has_vietnamese_marks("đi"));
        assert!(!has_vietnamese_marks("mat khau"));
    }

    #[test]
    fn a_language_can_be_guessed() {
        assert_eq!(Language::guess("How do I reset it?"), Language::En);
        assert_eq!(Language::guess("doi mat khau o dau"), Language::Vi);
        assert_eq!(Language::guess("đổi the password"), Language::Vi);
    }

    #[test]
    fn locales_are_read_by_language() {
        assert_eq!(Language::from_locale("vi-VN"), Some(Language::Vi));
        assert_eq!(Language::from_locale("EN_us"), Some(Language::En));
        assert_eq!(Language::from_locale("fr"), None);
    }
}
