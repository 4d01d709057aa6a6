use std::collections::BTreeMap;

use hoidap_shared::text::{Language, is_syllable, search_form};
use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

use crate::vietnamese::orthography::is_vietnamese_spelling;

/// Phrases that visitors use and documents seldom do: the words of questions, and everyday speech.
const COMMON_PHRASE_LISTS: [&str; 2] = [include_str!("common.txt"), include_str!("everyday.txt")];

/// Characters that separate phrases.
const PHRASE_SEPARATORS: [char; 9] = ['.', '!', '?', ';', ':', '\n', '(', ')', ','];

/// Counts of Vietnamese words and word pairs, as a version stores them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WordCounts {
    /// How often each word occurs, in lower case with its diacritics.
    pub single: BTreeMap<String, u32>,
    /// How often each word is followed by another.
    pub pairs: BTreeMap<String, BTreeMap<String, u32>>,
    /// Log-probabilities of Vietnamese syllables in the embedding model's vocabulary.
    pub prior: BTreeMap<String, f32>,
}

impl WordCounts {
    /// Counts the words of a text. Text in another language than Vietnamese is ignored.
    pub fn add(&mut self, text: &str, language: Language) {
        if language == Language::Vi {
            let text = search_form(text);
            text.split(PHRASE_SEPARATORS).for_each(|sentence| self.count(lower_words(sentence)));
        }
    }

    /// Keeps the Vietnamese syllables of a vocabulary as the prior.
    pub fn set_prior(&mut self, vocabulary: Vec<(String, f32)>) {
        self.prior =
            vocabulary.into_iter().filter(|(word, _)| is_vietnamese_spelling(&word.to_lowercase())).collect();
    }

    /// Adds the counts of another collection.
    pub fn merge(&mut self, other: &Self) {
        for (word, count) in &other.single {
            *self.single.entry(word.clone()).or_default() += count;
        }
        for (first, followers) in &other.pairs {
            let mine = self.pairs.entry(first.clone()).or_default();
            for (second, count) in followers {
                *mine.entry(second.clone()).or_default() += count;
            }
        }
        self.prior.extend(other.prior.iter().map(|(word, score)| (word.clone(), *score)));
    }

    /// The counts of the common phrases.
    pub(super) fn common() -> Self {
        let mut words = Self::default();
        common_phrases().for_each(|phrase| words.count(phrase));
        words
    }

    fn count(&mut self, sentence: impl Iterator<Item = String>) {
        let mut before: Option<String> = None;
        for word in sentence {
            let syllable = is_syllable(&word);
            *self.single.entry(word.clone()).or_default() += 1;
            if let Some(first) = before.filter(|first| syllable || is_syllable(first)) {
                *self.pairs.entry(first).or_default().entry(word.clone()).or_default() += 1;
            }
            before = Some(word);
        }
    }
}

/// The words of each common phrase.
pub(super) fn common_phrases() -> impl Iterator<Item = impl Iterator<Item = String>> {
    let lines = COMMON_PHRASE_LISTS.into_iter().flat_map(str::lines).filter(|line| !line.starts_with('#'));
    lines.flat_map(|line| line.split(PHRASE_SEPARATORS)).map(lower_words)
}

/// The words of a text, in lower case.
pub(crate) fn lower_words(text: &str) -> impl Iterator<Item = String> {
    text.unicode_words().map(str::to_lowercase)
}
