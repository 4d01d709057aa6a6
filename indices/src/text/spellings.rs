//! How probable each spelling of a bare syllable is, alone and after another word.

use std::collections::{BTreeMap, HashMap};

use hoidap_shared::text::{fold, has_vietnamese_marks};

use super::{
    orthography::is_spelling,
    syllable::is_syllable,
    words::{Words, phrases},
};

/// What the sources count in the probability of a spelling alone; together 1. Phrases that people say weigh as much as
/// the site, however large it is: documents seldom ask, and never complain.
const OWN_SHARE: f64 = 0.4;
const COMMON_SHARE: f64 = 0.4;
const VOCABULARY_SHARE: f64 = 0.2;

/// What their neighbours count at most in the probability of a spelling after a word; the rest is the spelling alone.
const OWN_FOLLOWERS: f64 = 0.5;
const COMMON_FOLLOWERS: f64 = 0.4;

/// How often each kind of follower must have been seen until followers count half of that (Witten and Bell, 1991, have 1).
const OWN_PER_KIND: f64 = 1.0;
const COMMON_PER_KIND: f64 = 2.0;

/// The part of a word's vocabulary score that is Vietnamese, for words without marks (`la`, `an`, `can`) and for words
/// whose marks other languages use, too (`não`, `é`): the vocabulary is one of a hundred languages.
const BARE_SHARE: f64 = 0.02;
const LATIN_SHARE: f64 = 0.3;

/// The probability of a word that was never seen.
pub(super) const UNSEEN: f64 = 1e-9;

/// A spelling with diacritics, and how probable it is.
pub(super) type Form = (String, f64);

/// What is known of the spellings of bare syllables.
#[derive(Clone, Debug, Default)]
pub(super) struct Spellings {
    by_fold: HashMap<String, Vec<Form>>,
    own: HashMap<String, Followers>,
    common: HashMap<String, Followers>,
    starts: Followers,
}

/// The words that stand behind a word.
#[derive(Clone, Debug, Default)]
struct Followers {
    counts: HashMap<String, f64>,
    total: f64,
}

/// The followers of one word in both sources.
pub(super) struct After<'a>([(f64, Option<&'a Followers>); 2]);

impl Spellings {
    /// From a site's words and the phrases that people say.
    pub(super) fn new(own: &Words) -> Self {
        let common = Words::common();
        let mut starts = Followers::default();
        phrases().filter_map(|mut phrase| phrase.next()).for_each(|word| starts.add(&word, 1.0));
        Self {
            by_fold: by_fold(own, &common),
            own: followers(&own.pairs),
            common: followers(&common.pairs),
            starts,
        }
    }

    /// Whether a bare syllable has a spelling.
    pub(super) fn knows(&self, bare: &str) -> bool {
        self.by_fold.contains_key(bare)
    }

    /// The spellings of a bare syllable, each with its probability.
    pub(super) fn forms(&self, bare: &str) -> Option<&[Form]> {
        self.by_fold.get(bare).map(Vec::as_slice)
    }

    /// What is known of the words behind a word, or of those that begin a sentence.
    pub(super) fn after(&self, word: Option<&str>) -> After<'_> {
        let (own, common) = match word.map(class) {
            Some(word) => (self.own.get(word), self.common.get(word)),
            None => (None, Some(&self.starts)),
        };
        let weight = |followers: Option<&Followers>, per_kind: f64| {
            followers.map_or(0.0, |f| f.total / (f.total + per_kind * f.counts.len() as f64))
        };
        After([
            (OWN_FOLLOWERS * weight(own, OWN_PER_KIND), own),
            (COMMON_FOLLOWERS * weight(common, COMMON_PER_KIND), common),
        ])
    }
}

impl After<'_> {
    /// The probability of a spelling here, given the one it has alone.
    pub(super) fn probability(&self, form: &str, alone: f64) -> f64 {
        let known: f64 = self.0.iter().map(|(weight, _)| weight).sum();
        let seen = self.0.iter().filter_map(|(weight, followers)| {
            followers.and_then(|f| Some(weight * f.counts.get(class(form))? / f.total))
        });
        (1.0 - known) * alone.max(UNSEEN) + seen.sum::<f64>()
    }
}

impl Followers {
    fn add(&mut self, word: &str, count: f64) {
        *self.counts.entry(class(word).to_string()).or_default() += count;
        self.total += count;
    }
}

/// All numbers are one word.
fn class(word: &str) -> &str {
    if word.starts_with(|c: char| c.is_ascii_digit()) { "0" } else { word }
}

fn followers(pairs: &BTreeMap<String, BTreeMap<String, u32>>) -> HashMap<String, Followers> {
    let mut all: HashMap<String, Followers> = HashMap::new();
    for (word, behind) in pairs {
        let followers = all.entry(class(word).to_string()).or_default();
        behind.iter().for_each(|(second, count)| followers.add(second, f64::from(*count)));
    }
    all
}

/// The spellings of each bare syllable: Vietnamese ones, and words without marks that the site uses.
fn by_fold(own: &Words, common: &Words) -> HashMap<String, Vec<Form>> {
    let mut spellings: HashMap<String, BTreeMap<String, f64>> = HashMap::new();
    for (source, share) in
        [(alone(own), OWN_SHARE), (alone(common), COMMON_SHARE), (vocabulary(&own.prior), VOCABULARY_SHARE)]
    {
        for (word, probability) in source {
            *spellings.entry(fold(&word)).or_default().entry(word).or_default() += share * probability;
        }
    }
    spellings.into_iter().map(|(bare, forms)| (bare, forms.into_iter().collect())).collect()
}

/// The probability of each word of a source: half of it by how often it occurs, half by how many words it follows, as one
/// that always follows the same word seldom follows another (Kneser and Ney, 1995).
fn alone(words: &Words) -> Vec<Form> {
    let vietnamese = vietnamese_share(words);
    let mut kinds: HashMap<&str, f64> = HashMap::new();
    for word in words.pairs.values().flat_map(BTreeMap::keys) {
        *kinds.entry(word).or_default() += 1.0;
    }
    let spelled = |word: &str| is_spelling(word) || (!has_vietnamese_marks(word) && is_syllable(word));
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

/// How much of the counts of a word without marks is Vietnamese, by its neighbours: a page that is half translated has
/// `can`, `in` and `to` of both languages.
fn vietnamese_share(words: &Words) -> HashMap<&str, f64> {
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
fn vocabulary(prior: &BTreeMap<String, f32>) -> Vec<Form> {
    let mut words: BTreeMap<String, f64> = BTreeMap::new();
    for (word, score) in prior {
        let lower = word.to_lowercase();
        if is_spelling(&lower) {
            let share = if !has_vietnamese_marks(&lower) {
                BARE_SHARE
            } else if lower.chars().all(|c| (c as u32) < 0x100) {
                LATIN_SHARE
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

    use super::{
        super::{
            orthography::is_spelling,
            words::{Words, phrases},
        },
        Spellings,
    };

    fn offered(spellings: &Spellings, bare: &str) -> Vec<String> {
        spellings.forms(bare).into_iter().flatten().map(|(form, _)| form.clone()).collect()
    }

    #[test]
    fn only_vietnamese_spellings_are_offered() {
        let mut words = Words::default();
        words.add("Bán qúa rẻ, cuả môt nhà", Language::Vi);
        words.prior =
            ["ĝi", "gì", "mă", "Mă", "mà", "ču", "cụ", "het", "hết", "CÓ"].map(|w| (w.into(), -9.0)).into();
        let spellings = Spellings::new(&words);
        for wrong in ["ĝi", "mă", "ču", "het", "qúa", "cuả", "môt"] {
            let bare = hoidap_shared::text::fold(wrong);
            assert!(!offered(&spellings, &bare).contains(&wrong.to_string()), "{wrong}");
        }
        assert!(offered(&spellings, "gi").contains(&"gì".into()));
        assert!(offered(&spellings, "co").contains(&"có".into()));
    }

    #[test]
    fn a_word_without_marks_is_offered_as_the_site_uses_it() {
        let mut words = Words::default();
        words.add("Mở khung chat, rồi chat với chúng tôi trong chat", Language::Vi);
        words.add("The file can be saved, you can use it. Người dùng cần cân nhắc", Language::Vi);
        let spellings = Spellings::new(&words);
        assert!(offered(&spellings, "chat").contains(&"chat".into()));
        let probability =
            |word: &str| spellings.by_fold["can"].iter().find(|(form, _)| form == word).unwrap().1;
        assert!(probability("can") < probability("cần"));
    }

    #[test]
    fn what_people_say_is_spelled_right() {
        let wrong: Vec<String> =
            phrases().flatten().filter(|word| has_vietnamese_marks(word) && !is_spelling(word)).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
