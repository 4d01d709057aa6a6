//! The language of a document: what it declares, unless its words clearly say otherwise.

use hoidap_shared::text::{Language, has_vietnamese_marks, is_syllable};

use crate::text::{is_english_grammar, lower_words};

/// Words that are looked at.
const MAX_WORDS: usize = 2_000;

/// One word in this many with Vietnamese marks makes a document Vietnamese that declares nothing.
const UNDECLARED_VIETNAMESE: usize = 10;

/// Fewest words of a language that speak against what is declared.
const MIN_EVIDENCE: usize = 6;

/// The share of Vietnamese syllables with marks that speaks against a declared English, in percent. A text has some 75.
const CLEARLY_VIETNAMESE: usize = 40;

/// The share of English function words that speaks against a declared Vietnamese, in percent, if hardly any word has
/// Vietnamese marks. A text has some 20; Vietnamese without marks has none.
const CLEARLY_ENGLISH: usize = 8;
const FEW_MARKS: usize = 5;

/// The language of a document. Its declaration is often that of the site's template or of the program that wrote the file,
/// so a text that is clearly in the other language decides. Mixed texts and short ones do not.
pub(super) fn document_language(declared: Option<&str>, text: &str) -> Language {
    let (mut all, mut marked, mut syllables, mut grammar) = (0, 0, 0, 0);
    for word in lower_words(text).filter(|word| word.contains(char::is_alphabetic)).take(MAX_WORDS) {
        let has_marks = has_vietnamese_marks(&word);
        all += 1;
        marked += usize::from(has_marks);
        syllables += usize::from(has_marks && is_syllable(&word));
        grammar += usize::from(is_english_grammar(&word));
    }
    let is_clear = |words: usize, percent: usize| words >= MIN_EVIDENCE && words * 100 >= all * percent;
    match declared.and_then(Language::from_locale) {
        Some(Language::En) if is_clear(syllables, CLEARLY_VIETNAMESE) => Language::Vi,
        Some(Language::Vi) if is_clear(grammar, CLEARLY_ENGLISH) && marked * 100 <= all * FEW_MARKS => {
            Language::En
        }
        Some(language) => language,
        None if marked * UNDECLARED_VIETNAMESE >= all => Language::Vi,
        None => Language::En,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIETNAMESE: &str = "Mỗi hộ được nuôi tối đa sáu đàn ong. Người nuôi ong phải khai báo với phường.";
    const ENGLISH: &str = "Each household may keep six hives of bees. The owner of the hives and the neighbours \
        agree on a place, and the office is told about it before the fifteenth of February.";

    #[test]
    fn clear_words_decide_against_a_declaration() {
        for (declared, text, language) in [
            (Some("en"), VIETNAMESE, Language::Vi),
            (Some("en-US"), VIETNAMESE, Language::Vi),
            (Some("vi"), ENGLISH, Language::En),
            (Some("vi"), VIETNAMESE, Language::Vi),
            (Some("en"), ENGLISH, Language::En),
            (Some("fr"), VIETNAMESE, Language::Vi),
            (None, VIETNAMESE, Language::Vi),
            (None, ENGLISH, Language::En),
        ] {
            assert_eq!(document_language(declared, text), language, "{declared:?} {text}");
        }
    }

    #[test]
    fn a_mixed_text_and_a_short_one_keep_their_declaration() {
        let mixed = format!("{VIETNAMESE} {ENGLISH}");
        let bare = "Moi ho duoc nuoi toi da sau dan ong. Nguoi nuoi ong phai khai bao voi phuong.";
        let french = "L'été, le musée est fermé. Les élèves ont été invités à la fête du théâtre.";
        let names = "Hà Nội, Huế: hotline 1900 1234, email a@b.example, Facebook, Zalo, YouTube, TikTok";
        for text in [mixed.as_str(), "Giá: 50.000đ", "Contact", bare, french, names, "", "1 2 3"] {
            for language in [Language::Vi, Language::En] {
                assert_eq!(document_language(Some(language.code()), text), language, "{text}");
            }
        }
    }
}
