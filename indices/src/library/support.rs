//! How likely it is that passages hold an answer at all.

use std::sync::Arc;

use hoidap_shared::text::Language;
use tantivy::TantivyError;
use unicode_segmentation::UnicodeSegmentation;

use super::{Library, SearchError, collection::Collection, find::failed, fuse::Place};
use crate::{
    lexical::{self, Analyser, content_terms},
    text::syllable::is_syllable,
};

/// How many of the first passages are looked at.
const LOOKED_AT: usize = 5;

/// Logistic regressions over the evidence, fitted on labelled questions about three manuals and on questions that have
/// nothing to do with any of them; see docs/indices.md. With the question's words to go by:
const WITH_WORDS: Logistic = Logistic { bias: -5.2, per_deviation: 3.0, per_coverage: 4.8 };
/// Across languages, by nearness alone:
const ACROSS: Logistic = Logistic { bias: -8.3, per_deviation: 4.7, per_coverage: 0.0 };

/// What a stranger takes away: documents that never name what is asked about do not answer.
const STRANGER: f32 = 2.5;

/// The coverage that speaks neither for nor against.
const HALF: f32 = 0.5;

struct Logistic {
    bias: f32,
    per_deviation: f32,
    per_coverage: f32,
}

/// What speaks for an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Deviations of the best cosine above what unrelated questions reach in its collection.
    pub nearness: f32,
    /// Share of the question's content words, weighted by their rarity, that one passage holds; `None` where the
    /// question is in another language than the passages.
    pub coverage: Option<f32>,
    /// Whether the question names something that no document does.
    pub stranger: bool,
}

impl Evidence {
    /// The support, 0 to 1.
    pub fn support(self) -> f32 {
        let Logistic { bias, per_deviation, per_coverage } =
            if self.coverage.is_some() { WITH_WORDS } else { ACROSS };
        let x = bias + per_deviation * self.nearness + per_coverage * (self.coverage.unwrap_or(HALF) - HALF)
            - if self.stranger { STRANGER } else { 0.0 };
        1.0 / (1.0 + (-x).exp())
    }
}

impl Library {
    /// Whether a document of any collection holds the word, in whatever form and with or without its diacritics.
    ///
    /// # Errors
    /// [`SearchError`] when a lexical index cannot be read.
    pub fn mentions(&self, word: &str) -> Result<bool, SearchError> {
        let shelf = self.shelf();
        let collections: Vec<Arc<Collection>> = shelf.collections.values().map(Arc::clone).collect();
        mentioned(&collections, &self.analyser.document(word).folded)
            .map_err(|error| failed(&collections, 0, error.to_string()))
    }
}

impl Library {
    /// The words of a question that no document of any collection holds, in its order, without those that only ask.
    ///
    /// # Errors
    /// [`SearchError`] when a lexical index cannot be read.
    pub fn unmentioned(&self, question: &str) -> Result<Vec<String>, SearchError> {
        let shelf = self.shelf();
        let collections: Vec<Arc<Collection>> = shelf.collections.values().map(Arc::clone).collect();
        let mut unmentioned = Vec::new();
        for word in question.unicode_words().filter(|word| word.chars().all(char::is_alphabetic)) {
            let terms = self.analyser.content(word).folded;
            let found = mentioned(&collections, &terms);
            if !terms.is_empty() && !found.map_err(|error| failed(&collections, 0, error.to_string()))? {
                unmentioned.push(word.to_string());
            }
        }
        Ok(unmentioned)
    }
}

/// Whether a document that is in service holds any of the folded words.
pub(super) fn mentioned(collections: &[Arc<Collection>], terms: &[String]) -> Result<bool, TantivyError> {
    for collection in collections {
        for term in terms {
            if collection.lexical.mentions(term, |chunk| !collection.records.withdrawn(chunk))? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The evidence for the first of the passages.
pub(super) fn evidence(
    analyser: &Analyser,
    collections: &[Arc<Collection>],
    passages: &[Place],
    cosine: impl Fn(&Place) -> Option<f32>,
    question: &str,
    language: Language,
) -> Result<Evidence, TantivyError> {
    let first = &passages[..passages.len().min(LOOKED_AT)];
    let nearness = |place: &Place| {
        cosine(place).map(|cosine| collections[place.0].manifest.background.z(language, cosine))
    };
    let nearness = first.iter().filter_map(nearness).reduce(f32::max).unwrap_or(0.0);
    let analysed = analyser.question(question);
    let terms: Vec<&str> = content_terms(&analysed).into_iter().collect();
    let same_language = first.iter().any(|place| {
        let records = &collections[place.0].records;
        records.documents[records.chunks[place.1].document].locale.starts_with(language.code())
    });
    let indices: Vec<_> = collections.iter().map(|c| &c.lexical).collect();
    let (frequencies, chunks) = lexical::frequencies(&indices, &terms)?;
    let mut stranger = false;
    for name in names(question, language) {
        let name = analyser.document(name).folded;
        let asked_about = name.iter().all(|term| terms.contains(&term.as_str()));
        stranger = stranger || (asked_about && !mentioned(collections, &name)?);
    }
    if terms.is_empty() || !same_language {
        return Ok(Evidence { nearness, coverage: None, stranger });
    }
    let rarity: Vec<f32> =
        frequencies.iter().map(|n| (1.0 + (chunks as f32 + 1.0) / (*n as f32 + 1.0)).ln()).collect();
    let all: f32 = rarity.iter().sum();
    let mut coverage: Option<f32> = None;
    for (collection, chunk) in first {
        let mut covered = 0.0;
        for (term, rarity) in terms.iter().zip(&rarity) {
            if collections[*collection].lexical.holds(*chunk, term)? {
                covered += rarity;
            }
        }
        coverage = Some(coverage.map_or(covered / all, |best| best.max(covered / all)));
    }
    Ok(Evidence { nearness, coverage, stranger })
}

/// Words that look like names: capitals inside a sentence, and in Vietnamese whatever is no syllable of it.
fn names(question: &str, language: Language) -> impl Iterator<Item = &str> {
    question.unicode_words().enumerate().filter_map(move |(i, word)| {
        let capital = i > 0 && word.starts_with(char::is_uppercase);
        let foreign = language == Language::Vi && !is_syllable(&word.to_lowercase());
        let long = word.chars().count() > 2 && word.chars().all(char::is_alphabetic);
        (long && (capital || foreign)).then_some(word)
    })
}
