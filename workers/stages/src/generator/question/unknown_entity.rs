//! Detects an entity in the question that no document mentions. An answer that ignores it answers another question.

use std::collections::HashSet;

use hoidap_shared::{digest::digest, text::fold};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::generator::question::ParsedQuestion;

/// Factor on the confidence of an answer to a question with an unknown entity.
pub(crate) const CONFIDENCE_FACTOR: f32 = 0.35;

/// Prepositions before an origin.
const ORIGIN_PREPOSITIONS: [&str; 2] = ["from", "tu"];
/// Prepositions before an origin, a destination or a companion.
const RELATION_PREPOSITIONS: [&str; 14] =
    ["from", "to", "into", "with", "and", "via", "tu", "sang", "qua", "voi", "vao", "va", "bang", "cho"];
/// Everyday words that name nothing, also as part of a yes-or-no question.
const COMMON_WORDS: &str = include_str!("common_words.txt");
/// Endings of English words that have the same stem.
const ENGLISH_ENDINGS: [&str; 5] = ["s", "es", "d", "ed", "ing"];

/// A digest of the everyday words.
pub(crate) fn version() -> String {
    digest(&[COMMON_WORDS])
}

/// The everyday words, for [`find_unknown_entity`].
pub(crate) struct CommonWords(HashSet<&'static str>);

impl CommonWords {
    /// The built-in words of both languages.
    pub(crate) fn built_in() -> Self {
        let lines = COMMON_WORDS.lines().filter(|line| !line.starts_with('#'));
        Self(lines.filter_map(|line| line.split_once(": ")).flat_map(|(_, words)| words.split(' ')).collect())
    }

    /// Whether a word is one of them, in any English form.
    fn contains(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        let without = |ending: &&str| {
            word.strip_suffix(*ending).is_some_and(|stem| {
                // "bringing", "using", "getting"
                let single =
                    stem.len() > 1 && stem.as_bytes()[stem.len() - 1] == stem.as_bytes()[stem.len() - 2];
                self.0.contains(stem)
                    || self.0.contains(format!("{stem}e").as_str())
                    || single
                        && stem.is_char_boundary(stem.len() - 1)
                        && self.0.contains(&stem[..stem.len() - 1])
            })
        };
        self.0.contains(word.as_str()) || ENGLISH_ENDINGS.iter().any(without)
    }
}

/// The entity in the question that no document mentions: any word of a yes-or-no question, a name in other
/// questions. Adjacent words are joined. Where a passage answers by its meaning (`is_answered`), a word without a capital may be
/// another word for what it says ("branch" for "clinic"), and is none.
pub(crate) fn find_unknown_entity(
    parsed: &ParsedQuestion,
    unmentioned: &[String],
    is_answered: bool,
    common_words: &CommonWords,
) -> Option<String> {
    let words: Vec<&str> = parsed.text.unicode_words().collect();
    // Where every word is capitalised, capitals mean nothing.
    let capitals_tell =
        words.iter().any(|word| word.chars().all(char::is_lowercase) && word.chars().count() > 1);
    let before = |at: usize| at.checked_sub(1).map(|before| fold(words[before])).unwrap_or_default();
    let is_unmentioned = |at: usize| unmentioned.iter().any(|word| word == words[at]);
    let is_about = |at: &usize| {
        let (word, before) = (words[*at], before(*at));
        let name =
            *at > 0 && capitals_tell && word.starts_with(char::is_uppercase) && word.chars().count() > 2;
        let nameless = word.ends_with("ly") || common_words.contains(word);
        is_unmentioned(*at)
            && if parsed.is_yes_no && !is_answered {
                !nameless && !ORIGIN_PREPOSITIONS.contains(&before.as_str())
            } else {
                name && !RELATION_PREPOSITIONS.contains(&before.as_str())
            }
    };
    let about = (0..words.len()).find(is_about)?;
    // The other words of a name may be in other names: "Đà Lạt" where the documents have Đà Nẵng.
    let in_name = |at: usize| at > 0 && capitals_tell && words[at].starts_with(char::is_uppercase);
    let first = (0..about).rev().take_while(|&at| in_name(at) && in_name(about)).last().unwrap_or(about);
    let belongs = |at: &usize| is_unmentioned(*at) || in_name(*at) && in_name(about);
    let behind = (about + 1..words.len()).take_while(belongs);
    let together: Vec<&str> = (first..=about).chain(behind).map(|at| words[at]).collect();
    Some(together.join(" "))
}

#[cfg(test)]
mod tests {
    use hoidap_shared::text::Language;

    use super::*;
    use crate::generator::question::tests::parse_question;

    fn entity_of(question: &str, language: Language, unmentioned: &[&str]) -> Option<String> {
        let unmentioned: Vec<String> = unmentioned.iter().map(|word| (*word).into()).collect();
        let common_words = CommonWords::built_in();
        find_unknown_entity(&parse_question(question, language), &unmentioned, false, &common_words)
    }

    #[test]
    fn what_a_yes_or_no_is_asked_about_is_known_by_any_word() {
        let found = entity_of("Quán có món gà Tiệp Khắc không?", Language::Vi, &["Tiệp", "Khắc"]);
        assert_eq!(found.as_deref(), Some("Tiệp Khắc"));
        let found = entity_of("Shop có chi nhánh ở Đà Lạt không?", Language::Vi, &["Lạt"]);
        assert_eq!(found.as_deref(), Some("Đà Lạt"));
        assert_eq!(entity_of("is there a sauna?", Language::En, &["sauna"]).as_deref(), Some("sauna"));
        assert_eq!(entity_of("can I cancel anytime?", Language::En, &["anytime"]), None);
        assert_eq!(entity_of("can I bring my dog?", Language::En, &["bring", "dog"]).as_deref(), Some("dog"));
        assert_eq!(entity_of("is getting in easier now?", Language::En, &["getting"]), None);
        assert_eq!(entity_of("gói rẻ nhất có kho không?", Language::Vi, &["rẻ"]), None);
        assert_eq!(entity_of("Can I move my data from Quipo?", Language::En, &["Quipo"]), None);
    }

    #[test]
    fn other_questions_are_about_names() {
        assert_eq!(
            entity_of("When does the shop in Vilnius open?", Language::En, &["Vilnius"]).as_deref(),
            Some("Vilnius")
        );
        assert_eq!(entity_of("how do I stop the squeaking?", Language::En, &["squeaking"]), None);
        assert_eq!(entity_of("HOW DO I USE THE TUMBLER", Language::En, &["TUMBLER"]), None);
        assert_eq!(entity_of("How do I connect it to Quipo?", Language::En, &["Quipo"]), None);
    }
}
