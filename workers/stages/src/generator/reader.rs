//! The reader: ranks the segments by how likely they answer the question, and estimates an answer's confidence.
//! Both are linear models: the first over `features.rs`, the second in `confidence.rs`.
//!
//! `local/reader/learn.py` learns the weights (`reader/reader.json`) from labelled questions. `docs/research/answers.md` has
//! the results.

mod confidence;
mod features;
mod sections;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use hoidap_indices::Analyser;
use hoidap_shared::digest::digest;
use serde::Deserialize;

use crate::generator::{
    passages::{
        passage_set::PassageSet,
        row_names::named_rows,
        segmenter::{Segment, SegmentKind},
    },
    question::ParsedQuestion,
    text::content::TextContent,
};

use confidence::ConfidenceWeights;
pub(crate) use confidence::{ConfidenceInputs, confidence_of_no_answer};
pub(crate) use features::{FEATURE_NAMES, FeatureVector};
use features::{WeightedTerms, features};
use sections::NamedSections;

const WEIGHTS: &str = include_str!("reader/reader.json");

/// A digest of the weights.
pub(crate) fn version() -> String {
    digest(&[WEIGHTS])
}

/// Subtracted from the score of a segment that only repeats the question, or the last answer where the follow-up asks for
/// something else.
const REPETITION_PENALTY: f32 = 6.0;
/// Subtracted from the score of a segment about another code than the question's.
const OTHER_CODE_PENALTY: f32 = 4.0;

/// Subtracted from the score of a segment below one heading of a page, where the question names another heading.
const OTHER_SECTION_PENALTY: f32 = 2.0;

/// Subtracted from the score of a table row, where the question names other rows of the table.
const OTHER_ROW_PENALTY: f32 = 1.5;

/// The learnt weights, one set for each kind of evidence.
pub(crate) struct PassageReader {
    with_answer_scores: ReaderWeights,
    with_late_interaction: ReaderWeights,
    words_only: ReaderWeights,
}

/// Weights for passages whose segments have cross-encoder scores, late-interaction scores only, or none.
struct ReaderWeights {
    segments: FeatureVector,
    confidence: ConfidenceWeights,
}

/// A segment with its score and chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RankedSegment {
    /// Its index in the passage set.
    pub(crate) segment: usize,
    /// The weighted sum of its features.
    pub(crate) score: f32,
    /// The probability that it answers, given that some segment does. They add up to 1.
    pub(crate) chance: f32,
}

/// The weights file that `local/reader/learn.py` writes.
#[derive(Deserialize)]
struct WeightsFile {
    read: WeightsFileSection,
    met: WeightsFileSection,
    words: WeightsFileSection,
}

#[derive(Deserialize)]
struct WeightsFileSection {
    units: BTreeMap<String, f32>,
    confidence: ConfidenceWeights,
}

impl WeightsFileSection {
    fn into_weights(self) -> anyhow::Result<ReaderWeights> {
        let mut segments = FeatureVector::default();
        for (weight, name) in segments.iter_mut().zip(FEATURE_NAMES) {
            *weight = *self.units.get(name).with_context(|| format!("reader.json has no weight `{name}`"))?;
        }
        Ok(ReaderWeights { segments, confidence: self.confidence })
    }
}

impl PassageReader {
    /// Loads the built-in weights.
    ///
    /// # Errors
    /// When a weight is missing in the file.
    pub(crate) fn built_in() -> anyhow::Result<Self> {
        let file: WeightsFile = serde_json::from_str(WEIGHTS).context("reader.json")?;
        Ok(Self {
            with_answer_scores: file.read.into_weights()?,
            with_late_interaction: file.met.into_weights()?,
            words_only: file.words.into_weights()?,
        })
    }

    fn weights(&self, passage_set: &PassageSet) -> &ReaderWeights {
        let mut known = passage_set.scores.iter().flatten();
        if known.clone().any(|met| met.answers.is_some()) {
            &self.with_answer_scores
        } else if known.next().is_some() {
            &self.with_late_interaction
        } else {
            &self.words_only
        }
    }

    /// The feature vector of each segment.
    pub(crate) fn features(&self, passage_set: &PassageSet, parsed: &ParsedQuestion) -> Vec<FeatureVector> {
        let (terms, before) = (
            WeightedTerms::new(&parsed.content, passage_set),
            WeightedTerms::new(&parsed.previous, passage_set),
        );
        (0..passage_set.segments.len())
            .map(|segment| features(passage_set, segment, parsed, &terms, &before))
            .collect()
    }

    /// The segments of all passages without labels, best first.
    pub(crate) fn rank(
        &self,
        passage_set: &PassageSet,
        parsed: &ParsedQuestion,
        analyser: &Analyser,
    ) -> Vec<RankedSegment> {
        let sections = NamedSections::find(passage_set, parsed, analyser);
        let other_rows = other_rows(passage_set, parsed);
        let weights = &self.weights(passage_set).segments;
        let segments = self.features(passage_set, parsed).into_iter().enumerate();
        let says_nothing = |at: usize| {
            let segment = &passage_set.segments[at];
            let has_term = |term: &str| passage_set.segment_has_term(segment, term);
            let is_named =
                || passage_set.heading(segment).is_some_and(|heading| parsed.is_answered_by_heading(heading));
            only_repeats_question(segment, parsed) && !is_named()
                || parsed.told_before.as_ref().is_some_and(|told| told.repeats(&segment.text, has_term))
        };
        let mut ranked: Vec<RankedSegment> = segments
            .filter(|(segment, _)| passage_set.segments[*segment].kind != SegmentKind::Label)
            .map(|(segment, features)| {
                let repeats = if says_nothing(segment) { REPETITION_PENALTY } else { 0.0 };
                let is_other = parsed.codes.is_about_another(passage_set, segment);
                let is_beside = sections.names_another(passage_set, segment);
                let penalty = repeats
                    + if is_other { OTHER_CODE_PENALTY } else { 0.0 }
                    + if is_beside { OTHER_SECTION_PENALTY } else { 0.0 }
                    + if other_rows.contains(&segment) { OTHER_ROW_PENALTY } else { 0.0 };
                RankedSegment { segment, score: score(&features, weights) - penalty, chance: 0.0 }
            })
            .collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.segment.cmp(&b.segment)));
        let highest = ranked.first().map_or(0.0, |best| best.score);
        ranked.iter_mut().for_each(|segment| segment.chance = (segment.score - highest).exp());
        let all: f32 = ranked.iter().map(|segment| segment.chance).sum();
        ranked.iter_mut().for_each(|segment| segment.chance /= all);
        ranked
    }

    /// The probability that an answer is right, 0 to 1.
    pub(crate) fn confidence(
        &self,
        passage_set: &PassageSet,
        parsed: &ParsedQuestion,
        inputs: ConfidenceInputs,
    ) -> f32 {
        self.weights(passage_set).confidence.confidence(passage_set, parsed, inputs)
    }
}

/// The rows of tables of which the question names other rows.
fn other_rows(passage_set: &PassageSet, parsed: &ParsedQuestion) -> BTreeSet<usize> {
    let mut others = BTreeSet::new();
    // Steps are in no row.
    if parsed.asks_for_steps {
        return others;
    }
    for table in passage_set.tables() {
        let named = named_rows(passage_set, &table, &parsed.text);
        if !named.is_empty() {
            others.extend(table.into_iter().filter(|row| !named.contains(row)));
        }
    }
    others
}

/// Whether a segment that is no table row has no term and no quantity beside those of the question. To a yes-or-no question it
/// is the answer.
fn only_repeats_question(segment: &Segment, parsed: &ParsedQuestion) -> bool {
    let TextContent { terms, quantities, .. } = &*segment.content;
    !parsed.is_yes_no
        && segment.kind != SegmentKind::Row
        && !terms.is_empty()
        && terms.iter().all(|term| parsed.content.terms.contains(term))
        && quantities.iter().all(|quantity| parsed.content.has_quantity(quantity))
        && !segment.content.negated
}

fn score(features: &FeatureVector, weights: &FeatureVector) -> f32 {
    features.iter().zip(weights).map(|(known, weight)| known * weight).sum()
}

#[cfg(test)]
pub(crate) mod tests {
    use hoidap_indices::Analyser;
    use hoidap_shared::{job::SentenceScore, text::Language};

    use super::*;
    use crate::generator::{
        passages::{passage_set::tests::passage, segmenter::Segmenter},
        question::tests::{classified, parse_question},
    };

    /// Ranks a passage set's segments with the built-in weights.
    pub(crate) fn rank(passage_set: &PassageSet, parsed: &ParsedQuestion) -> Vec<RankedSegment> {
        PassageReader::built_in().unwrap().rank(passage_set, parsed, &Analyser::default())
    }

    fn best(question: &str, language: Language, passages: &[(&str, &str)]) -> String {
        let passages = passages.iter().map(|(locale, text)| passage(locale, text)).collect();
        let passage_set = PassageSet::new(passages, &Segmenter::default());
        let ranked = rank(&passage_set, &parse_question(question, language));
        passage_set.segments[ranked[0].segment].text.to_string()
    }

    #[test]
    fn the_sentence_that_shares_the_rare_words_is_best() {
        let text = "Gói Free có 10 GB. Mật khẩu của liên kết có 6 đến 32 ký tự. Gói Pro có 500 GB.";
        assert_eq!(
            best("mật khẩu liên kết dài bao nhiêu ký tự", Language::Vi, &[("vi", text)]),
            "Mật khẩu của liên kết có 6 đến 32 ký tự."
        );
    }

    #[test]
    fn a_code_decides() {
        let text = "Code | What to do\nDX-M101 | Enter the full address\nDX-M203 | Make room in the mailbox";
        assert_eq!(
            best("what is DX-M203?", Language::En, &[("en", text)]),
            "DX-M203: Make room in the mailbox"
        );
    }

    #[test]
    fn of_two_languages_the_visitors_own_is_first() {
        let passages = [("en", "The limit is 20 GB."), ("vi", "Giới hạn là 20 GB.")];
        assert_eq!(best("20 GB?", Language::Vi, &passages), "Giới hạn là 20 GB.");
    }

    #[test]
    fn the_page_that_is_read_comes_first() {
        let mut passages =
            vec![passage("en", "The office is open on Monday."), passage("en", "The shop is open daily.")];
        passages[1].url = "https://www.example.com/shop".into();
        let passage_set = PassageSet::new(passages, &Segmenter::default());
        let mut job = classified("When are you open?", Language::En);
        job.question.context.url = "https://www.example.com/shop?from=mail".into();
        let ranked = rank(&passage_set, &ParsedQuestion::parse(&job, &Analyser::default()));
        assert_eq!(passage_set.segments[ranked[0].segment].passage, 1);
    }

    #[test]
    fn the_sentence_whose_tokens_meet_the_question_is_best() {
        let mut found = passage("en", "The mill was built in stone. Its wheel turns at dawn.");
        let scores = [(0, 28, 0.2), (29, 53, 0.6)];
        found.sentences = scores
            .map(|(start, end, late)| SentenceScore { start, end, late, in_place: late, answers: None })
            .to_vec();
        let passage_set = PassageSet::new(vec![found], &Segmenter::default());
        let ranked = rank(&passage_set, &parse_question("when does it go round?", Language::En));
        assert_eq!(&*passage_set.segments[ranked[0].segment].text, "Its wheel turns at dawn.");
        assert!((ranked.iter().map(|segment| segment.chance).sum::<f32>() - 1.0).abs() < 1e-5);
    }
}
