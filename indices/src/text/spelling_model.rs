//! Probabilities of the spellings of a bare syllable, alone and after another word.

use std::collections::{BTreeMap, HashMap};

use hoidap_shared::text::{fold, has_vietnamese_marks, is_syllable};

use super::word_counts::{WordCounts, common_phrases};
use crate::vietnamese::orthography::is_vietnamese_spelling;

/// Shares of the sources in the unigram probability; together 1. Common phrases weigh as much as the site, however large it is:
/// documents seldom ask, and never complain.
const SITE_SHARE: f64 = 0.4;
const COMMON_SHARE: f64 = 0.4;
const VOCABULARY_SHARE: f64 = 0.2;

/// Largest shares of the follower counts in the probability after a word; the rest is the unigram probability.
const MAX_SITE_FOLLOWER_SHARE: f64 = 0.5;
const MAX_COMMON_FOLLOWER_SHARE: f64 = 0.4;

/// Occurrences per distinct follower at which the followers get half of their share (Witten and Bell, 1991, use 1).
const SITE_COUNTS_PER_KIND: f64 = 1.0;
const COMMON_COUNTS_PER_KIND: f64 = 2.0;

/// The Vietnamese share of a word's vocabulary score, for words without marks (`la`, `an`, `can`) and for words with marks that
/// other languages use, too (`não`, `é`): the vocabulary covers a hundred languages.
const UNMARKED_SHARE: f64 = 0.02;
const LATIN_MARKS_SHARE: f64 = 0.3;

/// The probability of a word that was never seen.
pub(super) const UNSEEN_PROBABILITY: f64 = 1e-9;

/// A spelling with diacritics, and its probability.
pub(super) type SpellingProbability = (String, f64);

/// The spelling probabilities of bare syllables.
#[derive(Clone, Debug, Default)]
pub(super) struct SpellingModel {
    by_fold: HashMap<String, Vec<SpellingProbability>>,
    site: HashMap<String, FollowerCounts>,
    common: HashMap<String, FollowerCounts>,
    starts: FollowerCounts,
}

/// Counts of the words that follow a word.
#[derive(Clone, Debug, Default)]
struct FollowerCounts {
    counts: HashMap<String, f64>,
    total: f64,
}

/// The followers of one word in both sources, with their weights.
pub(super) struct FollowerModel<'a>([(f64, Option<&'a FollowerCounts>); 2]);

impl SpellingModel {
    /// Builds the model from a site's words and common phrases.
    pub(super) fn new(site: &WordCounts) -> Self {
        let common = WordCounts::common();
        let mut starts = FollowerCounts::default();
        common_phrases().filter_map(|mut phrase| phrase.next()).for_each(|word| starts.add(&word, 1.0));
        Self {
            by_fold: by_fold(site, &common),
            site: followers(&site.pairs),
            common: followers(&common.pairs),
            starts,
        }
    }

    /// Whether a bare syllable has a spelling.
    pub(super) fn knows(&self, bare: &str) -> bool {
        self.by_fold.contains_key(bare)
    }

    /// The spellings of a bare syllable, each with its probability.
    pub(super) fn candidates(&self, bare: &str) -> Option<&[SpellingProbability]> {
        self.by_fold.get(bare).map(Vec::as_slice)
    }

    /// The follower model after a word, or at the beginning of a sentence.
    pub(super) fn after(&self, word: Option<&str>) -> FollowerModel<'_> {
        let (site, common) = match word.map(word_class) {
            Some(word) => (self.site.get(word), self.common.get(word)),
            None => (None, Some(&self.starts)),
        };
        let weight = |followers: Option<&FollowerCounts>, per_kind: f64| {
            followers.map_or(0.0, |f| f.total / (f.total + per_kind * f.counts.len() as f64))
        };
        FollowerModel([
            (MAX_SITE_FOLLOWER_SHARE * weight(site, SITE_COUNTS_PER_KIND), site),
            (MAX_COMMON_FOLLOWER_SHARE * weight(common, COMMON_COUNTS_PER_KIND), common),
        ])
    }
}

impl FollowerModel<'_> {
    /// The probability of a spelling in this place, given its unigram probability.
    pub(super) fn probability(&self, form: &str, unigram: f64) -> f64 {
        let known: f64 = self.0.iter().map(|(weight, _)| weight).sum();
        let seen = self.0.iter().filter_map(|(weight, followers)| {
            followers.and_then(|f| Some(weight * f.counts.get(word_class(form))? / f.total))
        });
        (1.0 - known) * unigram.max(UNSEEN_PROBABILITY) + seen.sum::<f64>()
    }
}

impl FollowerCounts {
    fn add(&mut self, word: &str, count: f64) {
        *self.counts.entry(word_class(word).to_string()).or_default() += count;
        self.total += count;
    }
}

/// All numbers count as one word.
fn word_class(word: &str) -> &str {
    if word.starts_with(|c: char| c.is_ascii_digit()) { "0" } else { word }
}

fn followers(pairs: &BTreeMap<String, BTreeMap<String, u32>>) -> HashMap<String, FollowerCounts> {
    let mut all: HashMap<String, FollowerCounts> = HashMap::new();
    for (word, behind) in pairs {
        let followers = all.entry(word_class(word).to_string()).or_default();
        behind.iter().for_each(|(second, count)| followers.add(second, f64::from(*count)));
    }
    all
}

/// The spellings of each bare syllable: Vietnamese ones, and words without marks that the site uses.
fn by_fold(site: &WordCounts, common: &WordCounts) -> HashMap<String, Vec<SpellingProbability>> {
    let mut spelling_model: HashMap<String, BTreeMap<String, f64>> = HashMap::new();
    for (source, share) in [
        (unigram_probabilities(site), SITE_SHARE),
        (unigram_probabilities(common), COMMON_SHARE),
        (vocabulary_probabilities(&site.prior), VOCABULARY_SHARE),
    ] {
        for (word, probability) in source {
            *spelling_model.entry(fold(&word)).or_default().entry(word).or_default() += share * probability;
        }
    }
    spelling_model.into_iter().map(|(bare, candidates)| (bare, candidates.into_iter().collect())).collect()
}

/// The unigram probability of each word of a source: half by its count, half by the number of distinct words it follows, since
/// a word that always follows the same word seldom follows another (Kneser and Ney, 1995).
fn unigram_probabilities(words: &WordCounts) -> Vec<SpellingProbability> {
    let vietnamese = vietnamese_share(words);
    let mut kinds: HashMap<&str, f64> = HashMap::new();
    for word in words.pairs.values().flat_map(BTreeMap::keys) {
        *kinds.entry(word).or_default() += 1.0;
    }
    let spelled =
        |word: &str| is_vietnamese_spelling(word) || (!has_vietnamese_marks(word) && is_syllable(word));
    let counted: Vec<(&String, f64, f64)> = words
        .single
        .iter()
        .filter(|(word, _)| spelled(word))
        .map(|(word, count)| {
            let share = vietnamese.get(word.as_str()).copied().unwrap_or(1.0);
            (word, f64::from(*count) * share, kinds.get(word.as_str()).copied().unwrap_or(0.0) * share)
        })
        .collect();
    let counts: f64 = counted.iter().map(|word| word.1).sum::<f64>().max(f64::MIN_POSITIVE);
    let kinds: f64 = counted.iter().map(|word| word.2).sum::<f64>().max(f64::MIN_POSITIVE);
    counted
        .into_iter()
        .map(|(word, n, after)| (word.clone(), 0.5 * n / counts + 0.5 * after / kinds))
        .collect()
}

/// The Vietnamese share of the counts of a word without marks, by its neighbours: a half-translated page has `can`, `in` and
/// `to` of both languages.
fn vietnamese_share(words: &WordCounts) -> HashMap<&str, f64> {
    let mut neighbours: HashMap<&str, (f64, f64)> = HashMap::new();
    let mut add = |word, neighbour: &str, count: u32| {
        let (vietnamese, foreign) = neighbours.entry(word).or_default();
        if has_vietnamese_marks(neighbour) {
            *vietnamese += f64::from(count);
        } else if neighbour.chars().any(char::is_alphabetic) && !is_syllable(neighbour) {
            *foreign += f64::from(count);
        }
    };
    for (first, behind) in &words.pairs {
        for (second, count) in behind {
            add(first.as_str(), second, *count);
            add(second.as_str(), first, *count);
        }
    }
    neighbours
        .into_iter()
        .filter(|(word, _)| !has_vietnamese_marks(word))
        .map(|(word, (vietnamese, foreign))| (word, (vietnamese + 0.5) / (vietnamese + foreign + 1.0)))
        .collect()
}

/// The probability of each Vietnamese spelling in the embedding model's vocabulary.
fn vocabulary_probabilities(prior: &BTreeMap<String, f32>) -> Vec<SpellingProbability> {
    let mut words: BTreeMap<String, f64> = BTreeMap::new();
    for (word, score) in prior {
        let lower = word.to_lowercase();
        if is_vietnamese_spelling(&lower) {
            let share = if !has_vietnamese_marks(&lower) {
                UNMARKED_SHARE
            } else if lower.chars().all(|c| (c as u32) < 0x100) {
                LATIN_MARKS_SHARE
            } else {
                1.0
            };
            *words.entry(lower).or_default() += f64::from(*score).exp() * share;
        }
    }
    let total: f64 = words.values().sum::<f64>().max(f64::MIN_POSITIVE);
    words.into_iter().map(|(word, score)| (word, score / total)).collect()
}

#[cfg(test)]
mod tests {
    use hoidap_shared::text::{Language, has_vietnamese_marks};

    use crate::vietnamese::orthography::is_vietnamese_spelling;

    use super::{
        super::word_counts::{WordCounts, common_phrases},
        SpellingModel,
    };

    fn offered(spelling_model: &SpellingModel, bare: &str) -> Vec<String> {
        spelling_model.candidates(bare).into_iter().flatten().map(|(form, _)| form.clone()).collect()
    }

    #[test]
    fn only_vietnamese_spellings_are_offered() {
        let mut words = WordCounts::default();
        words.add("Bán qúa rẻ, cuả môt nhà", Language::Vi);
        words.prior =
            ["ĝi", "gì", "mă", "Mă", "mà", "ču", "cụ", "het", "hết", "CÓ"].map(|w| (w.into(), -9.0)).into();
        let spelling_model = SpellingModel::new(&words);
        for wrong in ["ĝi", "mă", "ču", "het", "qúa", "cuả", "môt"] {
            let bare = hoidap_shared::text::fold(wrong);
            assert!(!offered(&spelling_model, &bare).contains(&wrong.to_string()), "{wrong}");
        }
        assert!(offered(&spelling_model, "gi").contains(&"gì".into()));
        assert!(offered(&spelling_model, "co").contains(&"có".into()));
    }

    #[test]
    fn a_word_without_marks_is_offered_as_the_site_uses_it() {
        let mut words = WordCounts::default();
        words.add("Mở khung chat, rồi chat với chúng tôi trong chat", Language::Vi);
        words.add("The file can be saved, you can use it. Người dùng cần cân nhắc", Language::Vi);
        let spelling_model = SpellingModel::new(&words);
        assert!(offered(&spelling_model, "chat").contains(&"chat".into()));
        let probability =
            |word: &str| spelling_model.by_fold["can"].iter().find(|(form, _)| form == word).unwrap().1;
        assert!(probability("can") < probability("cần"));
    }

    #[test]
    fn what_people_say_is_spelled_right() {
        let wrong: Vec<String> = common_phrases()
            .flatten()
            .filter(|word| has_vietnamese_marks(word) && !is_vietnamese_spelling(word))
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
