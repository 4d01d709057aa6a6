use std::collections::{BTreeMap, BTreeSet};

use hoidap_shared::text::{Language, fold, is_syllable, search_form};
use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

use crate::vietnamese::orthography::is_vietnamese_spelling;

/// Phrases that visitors use and documents seldom do: the words of questions, and everyday speech.
const COMMON_PHRASE_LISTS: [&str; 2] = [include_str!("common.txt"), include_str!("everyday.txt")];

/// Fewest times that a site says some words together before their initials stand for them.
const MIN_PHRASE_COUNT: u32 = 5;

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

    /// What initials of two or three consonants stand for: the words that a site says together at least
    /// [`MIN_PHRASE_COUNT`] times and mostly together, and twice as often as any others with these initials.
    pub(super) fn initials(&self) -> BTreeMap<String, String> {
        let count = |word: &str| self.single.get(word).copied().unwrap_or_default();
        let is_phrase = |first: &str, second: &str, together: u32| {
            let least = count(first).min(count(second));
            together >= MIN_PHRASE_COUNT && 2 * together >= least && is_syllable(first) && is_syllable(second)
        };
        let mut found: BTreeMap<String, Vec<(u32, String)>> = BTreeMap::new();
        let mut add = |words: &[&str], count: u32| {
            let initials: Option<String> = words.iter().map(|word| word.chars().next()).collect();
            let is_spoken = |letter: char| "aeiouy".contains(letter);
            if let Some(initials) = initials.filter(|initials| !fold(initials).contains(is_spoken)) {
                let phrase = words.join(" ");
                for written in BTreeSet::from([initials.replace('đ', "d"), initials]) {
                    found.entry(written).or_default().push((count, phrase.clone()));
                }
            }
        };
        let phrases = |first: &str| {
            let followers = self.pairs.get(first).into_iter().flatten();
            let first = first.to_string();
            followers.filter(move |(second, together)| is_phrase(&first, second, **together))
        };
        for first in self.pairs.keys() {
            for (second, together) in phrases(first) {
                add(&[first, second], *together);
                for (third, further) in phrases(second) {
                    add(&[first, second, third], *together.min(further));
                }
            }
        }
        let clear = found.into_iter().filter_map(|(initials, mut phrases)| {
            phrases.sort_unstable_by(|a, b| b.cmp(a));
            let is_clear = phrases.get(1).is_none_or(|second| phrases[0].0 >= 2 * second.0);
            is_clear.then(|| (initials, phrases.swap_remove(0).1))
        });
        clear.collect()
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
