//! Estimates how likely the passages contain an answer.

use std::sync::Arc;

use hoidap_shared::text::{Language, is_folded_syllable, is_syllable};
use tantivy::TantivyError;
use unicode_segmentation::UnicodeSegmentation;

use super::{
    Library, SearchError,
    first_stage::search_error,
    fuse::ChunkRef,
    loaded_collection::{LoadedCollection, any_document_holds},
};
use crate::lexical::{self, Analyser, content_terms};

/// Shortest word that may be the short form of another one, in bytes.
const MIN_SHORT_FORM: usize = 4;

/// Number of first passages that count as evidence.
const MAX_EVIDENCE_PASSAGES: usize = 5;

/// Logistic regressions over the evidence, fitted on labelled questions about three manuals and on unrelated questions; see
/// docs/research/retrieval.md, "Support". For question and passages in the same language:
const SAME_LANGUAGE: Logistic = Logistic { bias: -5.2, per_deviation: 3.0, per_coverage: 4.8 };
/// Across languages, from the nearness alone:
const CROSS_LANGUAGE: Logistic = Logistic { bias: -8.3, per_deviation: 4.7, per_coverage: 0.0 };

/// Subtracted when the question names an unknown entity: documents that never mention it cannot answer.
const UNKNOWN_ENTITY_PENALTY: f32 = 2.5;

/// The coverage that counts neither for nor against an answer.
const NEUTRAL_COVERAGE: f32 = 0.5;

struct Logistic {
    bias: f32,
    per_deviation: f32,
    per_coverage: f32,
}

/// Evidence that the passages contain an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SupportEvidence {
    /// The best cosine, in standard deviations above those of unrelated questions in its collection.
    pub nearness: f32,
    /// The largest share of the question's content words, weighted by rarity, in one passage; `None` when the question is in
    /// another language than the passages.
    pub coverage: Option<f32>,
    /// Whether the question names something that no document mentions.
    pub unknown_entity: bool,
}

impl SupportEvidence {
    /// The support, 0 to 1.
    pub fn support(self) -> f32 {
        let Logistic { bias, per_deviation, per_coverage } =
            if self.coverage.is_some() { SAME_LANGUAGE } else { CROSS_LANGUAGE };
        let x = bias
            + per_deviation * self.nearness
            + per_coverage * (self.coverage.unwrap_or(NEUTRAL_COVERAGE) - NEUTRAL_COVERAGE)
            - if self.unknown_entity { UNKNOWN_ENTITY_PENALTY } else { 0.0 };
        1.0 / (1.0 + (-x).exp())
    }
}

impl Library {
    /// Whether any document mentions the word, in any form and with or without diacritics.
    ///
    /// # Errors
    /// [`SearchError`] when a lexical index cannot be read.
    pub fn mentions(&self, word: &str) -> Result<bool, SearchError> {
        let snapshot = self.snapshot();
        let collections: Vec<Arc<LoadedCollection>> = snapshot.collections.values().map(Arc::clone).collect();
        any_document_holds(&collections, &self.analyser.document(word).folded)
            .map_err(|error| search_error(&collections, 0, error.to_string()))
    }

    /// The words of a question that no document mentions, in their order, without stop words.
    ///
    /// # Errors
    /// [`SearchError`] when a lexical index cannot be read.
    pub fn unmentioned(&self, question: &str) -> Result<Vec<String>, SearchError> {
        let snapshot = self.snapshot();
        let collections: Vec<Arc<LoadedCollection>> = snapshot.collections.values().map(Arc::clone).collect();
        let failed = |error: TantivyError| search_error(&collections, 0, error.to_string());
        let mut unmentioned = Vec::new();
        let words = without_address(question);
        for word in words.into_iter().filter(|word| word.chars().all(char::is_alphabetic)) {
            let terms = self.analyser.content(word).folded;
            if !terms.is_empty()
                && !any_document_holds(&collections, &terms).map_err(failed)?
                && !any_word_begins_with(&collections, &terms).map_err(failed)?
            {
                unmentioned.push(word.to_string());
            }
        }
        // The parts of a compound that the documents spell without a hyphen.
        for compound in question.split_whitespace().filter(|word| word.contains('-')) {
            let terms = self.analyser.content(compound).folded;
            if any_document_holds(&collections, &terms).map_err(failed)? {
                unmentioned.retain(|word| !compound.split('-').any(|part| part == word));
            }
        }
        Ok(unmentioned)
    }
}

/// Whether a word of the documents begins with one of some foreign terms: "dorm" is a short form of "dormitory".
fn any_word_begins_with(
    collections: &[Arc<LoadedCollection>],
    terms: &[String],
) -> Result<bool, TantivyError> {
    for term in terms.iter().filter(|term| term.len() >= MIN_SHORT_FORM && !is_folded_syllable(term)) {
        for collection in collections {
            if collection.lexical.has_prefix(term)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Gathers the evidence from the first passages.
pub(super) fn gather_evidence(
    analyser: &Analyser,
    collections: &[Arc<LoadedCollection>],
    passages: &[ChunkRef],
    cosine: impl Fn(&ChunkRef) -> Option<f32>,
    question: &str,
    language: Language,
) -> Result<SupportEvidence, TantivyError> {
    let first = &passages[..passages.len().min(MAX_EVIDENCE_PASSAGES)];
    let nearness = |chunk_ref: &ChunkRef| {
        cosine(chunk_ref)
            .map(|cosine| collections[chunk_ref.collection].manifest.background.z_score(language, cosine))
    };
    let nearness = first.iter().filter_map(nearness).reduce(f32::max).unwrap_or(0.0);
    let analysed = analyser.question(question);
    let terms: Vec<&str> = content_terms(&analysed).into_iter().collect();
    let same_language = first.iter().any(|chunk_ref| {
        let records = &collections[chunk_ref.collection].records;
        records.documents[records.chunks[chunk_ref.chunk].document].locale.starts_with(language.code())
    });
    let indices: Vec<_> = collections.iter().map(|c| &c.lexical).collect();
    let (frequencies, chunks) = lexical::frequencies(&indices, &terms)?;
    let mut unknown_entity = false;
    for name in likely_names(question, language) {
        let name = analyser.document(name).folded;
        let asked_about = name.iter().all(|term| terms.contains(&term.as_str()));
        unknown_entity = unknown_entity || (asked_about && !any_document_holds(collections, &name)?);
    }
    if terms.is_empty() || !same_language {
        return Ok(SupportEvidence { nearness, coverage: None, unknown_entity });
    }
    let rarity: Vec<f32> =
        frequencies.iter().map(|n| (1.0 + (chunks as f32 + 1.0) / (*n as f32 + 1.0)).ln()).collect();
    let all: f32 = rarity.iter().sum();
    let mut coverage: Option<f32> = None;
    for ChunkRef { collection, chunk } in first {
        let mut covered = 0.0;
        for (term, rarity) in terms.iter().zip(&rarity) {
            if collections[*collection].lexical.holds(*chunk, term)? {
                covered += rarity;
            }
        }
        coverage = Some(coverage.map_or(covered / all, |best| best.max(covered / all)));
    }
    Ok(SupportEvidence { nearness, coverage, unknown_entity })
}

/// The words of a question without those by which a Vietnamese visitor addresses the site: "Shop có giao hàng không?".
fn without_address(question: &str) -> Vec<&str> {
    const ADDRESSES: [&str; 5] = ["shop", "ad", "admin", "page", "add"];
    const BEHIND: [&str; 7] = ["ơi", "oi", "à", "ạ", "có", "cho", "giúp"];
    let words: Vec<&str> = question.unicode_words().collect();
    let is = |word: &str, list: &[&str]| list.contains(&word.to_lowercase().as_str());
    let is_address =
        |at: usize| is(words[at], &ADDRESSES) && words.get(at + 1).is_some_and(|next| is(next, &BEHIND));
    (0..words.len()).filter(|&at| !is_address(at)).map(|at| words[at]).collect()
}

/// Words that look like names: capitalised inside a sentence, or in Vietnamese anything that is not a syllable.
fn likely_names(question: &str, language: Language) -> impl Iterator<Item = &str> {
    let first = question.unicode_words().next();
    without_address(question).into_iter().filter(move |word| {
        let capital = first.is_some_and(|first| first.as_ptr() != word.as_ptr())
            && word.starts_with(char::is_uppercase);
        let foreign = language == Language::Vi && !is_syllable(&word.to_lowercase());
        let long = word.chars().count() > 2 && word.chars().all(char::is_alphabetic);
        long && (capital || foreign)
    })
}
