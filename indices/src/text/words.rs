use std::collections::{BTreeMap, HashMap};

use hoidap_shared::text::{Language, fold, has_vietnamese_marks, search_form};
use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

use super::syllable::is_syllable;

/// Phrases that visitors use and documents do not: documents seldom ask.
const COMMON: &str = include_str!("common.txt");

/// How often the words of [`COMMON`] count.
const COMMON_WEIGHT: u32 = 3;

/// A spelling with diacritics, and how probable it is among those that look the same without.
pub(super) type ByFold = HashMap<String, Vec<(String, f64)>>;

/// How much of a spelling's probability is the collections' own; the rest is the embedding model's vocabulary.
const OWN_SHARE: f64 = 0.6;

/// The part of a word's vocabulary score that is Vietnamese, for words without marks (`la`, `an`, `can`) and for words
/// whose marks other languages use, too (`não`, `é`): the vocabulary is one of a hundred languages.
const BARE_SHARE: f64 = 0.02;
const LATIN_SHARE: f64 = 0.15;

/// Counts of Vietnamese words and their neighbours, as a collection's version stores them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Words {
    /// How often each word occurs, in lower case with its diacritics.
    pub single: BTreeMap<String, u32>,
    /// How often a word is followed by another.
    pub pairs: BTreeMap<String, BTreeMap<String, u32>>,
    /// Log-probabilities of Vietnamese syllables in the embedding model's vocabulary.
    pub prior: BTreeMap<String, f32>,
}

impl Words {
    /// Counts the words of a text; text of another language than Vietnamese tells nothing.
    pub fn add(&mut self, text: &str, language: Language) {
        if language == Language::Vi {
            self.count(text, 1);
        }
    }

    /// Keeps the Vietnamese syllables of a vocabulary as the prior.
    pub fn set_prior(&mut self, vocabulary: Vec<(String, f32)>) {
        self.prior = vocabulary.into_iter().filter(|(word, _)| is_syllable(word)).collect();
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

    pub(super) fn add_common(&mut self) {
        for phrase in COMMON.lines().filter(|line| !line.starts_with('#')) {
            self.count(phrase, COMMON_WEIGHT);
        }
    }

    fn count(&mut self, text: &str, weight: u32) {
        let text = search_form(text);
        for sentence in text.split(['.', '!', '?', ';', ':', '\n', '(', ')', ',']) {
            let mut before: Option<String> = None;
            for word in tokens(sentence) {
                let syllable = is_syllable(&word);
                *self.single.entry(word.clone()).or_default() += weight;
                if let Some(first) = before.filter(|first| syllable || is_syllable(first)) {
                    *self.pairs.entry(first).or_default().entry(word.clone()).or_default() += weight;
                }
                before = Some(word);
            }
        }
    }

    /// The spellings of each bare syllable with their probabilities: 0.6 of the counts, 0.4 of the vocabulary.
    pub(super) fn by_fold(&self) -> ByFold {
        let mut spellings: HashMap<String, BTreeMap<String, (f64, f64)>> = HashMap::new();
        for (word, count) in self.single.iter().filter(|(word, _)| is_syllable(word)) {
            spellings.entry(fold(word)).or_default().entry(word.clone()).or_default().0 = f64::from(*count);
        }
        for (word, score) in &self.prior {
            let share = if !has_vietnamese_marks(word) {
                BARE_SHARE
            } else if word.chars().all(|c| (c as u32) < 0x100) {
                LATIN_SHARE
            } else {
                1.0
            };
            let lower = word.to_lowercase();
            spellings.entry(fold(&lower)).or_default().entry(lower).or_default().1 +=
                f64::from(*score).exp() * share;
        }
        let own: f64 = spellings.values().flat_map(BTreeMap::values).map(|s| s.0).sum::<f64>().max(1.0);
        let prior: f64 = spellings.values().flat_map(BTreeMap::values).map(|s| s.1).sum::<f64>().max(1e-12);
        let probability = |s: (f64, f64)| OWN_SHARE * s.0 / own + (1.0 - OWN_SHARE) * s.1 / prior;
        spellings
            .into_iter()
            .map(|(bare, forms)| (bare, forms.into_iter().map(|(form, s)| (form, probability(s))).collect()))
            .collect()
    }
}

/// The words of a text, in lower case.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = String> {
    text.unicode_words().map(str::to_lowercase)
}
