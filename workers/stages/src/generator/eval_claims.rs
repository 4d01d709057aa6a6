//! Generates true and false claims from passages, to evaluate the verifier.
//!
//! False claims replace a value, name, unit or number, or flip a negation or condition; those that the passages
//! state after all are dropped. True claims are safe paraphrases. The passages and the seed determine everything.

mod context_passages;
mod negations;
mod paraphrases;
#[cfg(test)]
mod sample_site;
mod statement_index;
mod substitutions;
mod table_claims;
mod tokens;

use std::collections::{BTreeSet, HashSet};

use hoidap_shared::{digest::digest, job::Passage, text::Language};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde::Serialize;

use self::{context_passages::ContextPassages, statement_index::StatementIndex, tokens::ProperNouns};
pub use crate::generator::text::sentence_embedder::SentenceEmbedder;
use crate::generator::{
    passages::{
        passage_set::PassageSet,
        segmenter::{Segment, SegmentKind, Segmenter},
    },
    text::sentence_embedder::sentence_language,
    verifier::{SentenceVerdict, VerdictCache, Verifier},
};

/// Shortest and longest source sentence, in words.
const SENTENCE_WORDS: std::ops::RangeInclusive<usize> = 5..=60;

/// A generated claim and the verifier's verdict.
#[derive(Clone, Debug, Serialize)]
pub struct SyntheticClaim {
    /// Whether the claim is true.
    pub right: bool,
    /// How it was generated.
    pub kind: &'static str,
    /// Its language.
    pub language: Language,
    /// The claim's text.
    pub sentence: String,
    /// The preceding sentences of the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<String>,
    /// The source sentence, item or row.
    pub made_from: String,
    /// The page of the source.
    pub source: String,
    /// The verifier's verdict.
    pub verdict: String,
    /// Whether a visitor would see it.
    pub given: bool,
}

impl SyntheticClaim {
    fn new(right: bool, kind: &'static str, language: Language, from: &str, sentence: String) -> Self {
        Self {
            right,
            kind,
            language,
            sentence,
            before: Vec::new(),
            made_from: from.into(),
            source: String::new(),
            verdict: String::new(),
            given: false,
        }
    }

    fn right(kind: &'static str, language: Language, from: &str, sentence: String) -> Self {
        Self::new(true, kind, language, from, sentence)
    }

    fn wrong(kind: &'static str, language: Language, from: &str, sentence: String) -> Self {
        Self::new(false, kind, language, from, sentence)
    }
}

/// How sentences are verified.
#[derive(Clone, Copy, Debug)]
pub struct VerifierSettings {
    /// Lowest support of a cited sentence.
    pub threshold: f32,
    /// Whether a whole passage may support a sentence, as for a trusted model.
    pub by_passage: bool,
}

/// The evaluation over one collection.
pub struct VerifierEvaluation<'a> {
    passages: Vec<Passage>,
    context_passages: ContextPassages,
    names: ProperNouns,
    segmenter: Segmenter,
    embedder: &'a SentenceEmbedder,
    settings: VerifierSettings,
    seed: u64,
}

impl<'a> VerifierEvaluation<'a> {
    /// Prepares a collection's passages; those of a page must be in order.
    pub fn new(
        passages: Vec<Passage>,
        embedder: &'a SentenceEmbedder,
        settings: VerifierSettings,
        seed: u64,
    ) -> Self {
        let segmenter = Segmenter::default();
        let mut names = ProperNouns::default();
        for passage in &passages {
            segmenter.segment(passage).segments.iter().for_each(|segment| names.count(&segment.text));
        }
        let context_passages = ContextPassages::build(&passages, &segmenter.analyser);
        Self { passages, context_passages, names, segmenter, embedder, settings, seed }
    }

    /// Samples at most `most` distinct source sentences; returns the indices of passage and segment.
    pub fn sample(&self, most: usize) -> Vec<(usize, usize)> {
        let mut seen = HashSet::new();
        let mut all: Vec<(String, usize, usize)> = Vec::new();
        for (at, passage) in self.passages.iter().enumerate() {
            for (segment, found) in self.segmenter.segment(passage).segments.iter().enumerate() {
                if is_usable(found) && seen.insert(found.text.clone()) {
                    let key = digest(&[&self.seed.to_string(), &passage.source, &found.text]);
                    all.push((key, at, segment));
                }
            }
        }
        all.sort();
        all.into_iter().take(most).map(|(_, passage, segment)| (passage, segment)).collect()
    }

    /// Generates claims from one segment and verifies them against its passage and related ones.
    pub fn evaluate(&self, (passage, segment): (usize, usize)) -> Vec<SyntheticClaim> {
        let around = self.context_passages.of_passage(passage, &self.passages);
        let passages = around.iter().map(|&at| self.passages[at].clone()).collect();
        let passage_set = PassageSet::new(passages, &self.segmenter);
        let source = &self.passages[passage].source;
        let seed = digest(&[&self.seed.to_string(), source, &passage_set.segments[segment].text]);
        let mut generator = ClaimGenerator {
            statements: StatementIndex::build(&passage_set, &self.segmenter.analyser),
            passage_set: &passage_set,
            segmenter: &self.segmenter,
            names: &self.names,
            language: Language::from_locale(&self.passages[passage].locale).unwrap_or_default(),
            chance: StdRng::seed_from_u64(u64::from_str_radix(&seed, 16).unwrap_or(self.seed)),
        };
        let mut made = generator.generate(segment);
        for made in &mut made {
            made.source.clone_from(source);
            self.verify(&passage_set, made);
        }
        made
    }

    fn verify(&self, passage_set: &PassageSet, made: &mut SyntheticClaim) {
        let verifier = Verifier {
            passage_set,
            embedder: self.embedder,
            analyser: &self.segmenter.analyser,
            threshold: self.settings.threshold,
            language: made.language,
            question: "",
            by_passage: self.settings.by_passage,
            cache: &VerdictCache::default(),
        };
        let before: Vec<&str> = made.before.iter().map(String::as_str).collect();
        let verdict = verifier.verify(&before, &made.sentence);
        made.given = matches!(verdict, SentenceVerdict::Supported(..) | SentenceVerdict::NoClaim);
        made.verdict = format!("{verdict:?}");
    }
}

fn is_usable(segment: &Segment) -> bool {
    let words = segment.text.split_whitespace();
    let capitals = words.clone().filter(|word| word.starts_with(char::is_uppercase)).count();
    match &segment.row {
        Some(row) => row.column_names.is_some() && row.cells.len() > 1,
        None => {
            segment.kind != SegmentKind::Label
                && segment.text.ends_with(['.', '!', ')'])
                && SENTENCE_WORDS.contains(&words.clone().count())
                && capitals * 2 < words.count()
        }
    }
}

/// Generates claims from one segment.
struct ClaimGenerator<'a> {
    passage_set: &'a PassageSet,
    statements: StatementIndex,
    segmenter: &'a Segmenter,
    names: &'a ProperNouns,
    language: Language,
    chance: StdRng,
}

impl ClaimGenerator<'_> {
    fn generate(&mut self, at: usize) -> Vec<SyntheticClaim> {
        let segment = &self.passage_set.segments[at];
        let mut made = Vec::new();
        if let Some(row) = segment.row.clone() {
            self.claims_of_row(at, &row, &mut made);
            return made;
        }
        let own = segment.text.to_string();
        let language = sentence_language(&own, self.language);
        self.paraphrases(at, &own, language, &mut made);
        self.number_claims(&own, language, &mut made);
        self.name_claims(&own, language, &mut made);
        self.neighbour_claims(at, &own, language, &mut made);
        let turned = negations::flip_negation(&own, language);
        let conditions = negations::flip_conditions(&own).into_iter().map(|text| ("condition", text));
        for (kind, sentence) in turned.into_iter().chain(conditions) {
            if !self.is_stated(&sentence, Some(&own)) {
                made.push(SyntheticClaim::wrong(kind, language, &own, sentence));
            }
        }
        made
    }

    /// Whether a segment other than `own` states everything that a sentence says.
    fn is_stated(&self, sentence: &str, own: Option<&str>) -> bool {
        self.statements.is_stated(sentence, own, &self.segmenter.analyser)
    }

    fn content(&self, text: &str) -> BTreeSet<String> {
        self.segmenter.analyser.content(text).folded.into_iter().collect()
    }

    fn random_below(&mut self, below: usize) -> usize {
        self.chance.random_range(0..below.max(1))
    }

    fn random_choice<'b, T>(&mut self, from: &'b [T]) -> Option<&'b T> {
        let at = self.random_below(from.len());
        from.get(at)
    }
}
