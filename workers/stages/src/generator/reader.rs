//! The reader: ranks the segments by how likely they answer the question, and estimates an answer's confidence.
//! Both are linear models over segment features.
//!
//! `local/reader/learn.py` learns the weights (`reader/reader.json`) from labelled questions. `docs/answers.md` has
//! the results.

mod features;

use std::collections::BTreeMap;

use anyhow::Context as _;
use hoidap_shared::digest::digest;
use serde::Deserialize;

use crate::generator::{
    passages::{
        passage_set::{MAX_LOG_ODDS, PassageSet},
        segmenter::SegmentKind,
    },
    question::ParsedQuestion,
};

pub(crate) use features::{FEATURE_NAMES, FeatureVector};
use features::{WeightedTerms, features};

const WEIGHTS: &str = include_str!("reader/reader.json");

/// A digest of the weights.
pub(crate) fn version() -> String {
    digest(&[WEIGHTS])
}

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

/// A logistic regression's weights.
#[derive(Deserialize)]
struct ConfidenceWeights {
    /// Log odds of the support, where the best segment is in the question's language, and where it is not.
    support: f32,
    support_across: f32,
    /// The out-of-scope probability, unless the support outweighs it; only in the question's language, since
    /// support across languages is too weak.
    out_of_scope: f32,
    /// Log odds of the chance.
    chance: f32,
    /// Score of the best segment.
    score: f32,
    /// Log odds that a sentence of its passage answers.
    answers: f32,
    /// Whether it is in the question's language.
    own_language: f32,
    bias: f32,
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

/// The inputs of an answer's confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ConfidenceInputs {
    /// The retriever's probability that the passages hold an answer, 0 to 1.
    pub(crate) support: f32,
    /// The probability that the question is out of scope, 0 to 1.
    pub(crate) out_of_scope: f32,
    /// The probability that the quoted or cited segments answer, given that some segment does.
    pub(crate) chance: f32,
    /// The best of the quoted segments, or of the cited passages' segments.
    pub(crate) best: RankedSegment,
}

/// Support from which it begins to outweigh the out-of-scope probability, and from which it does so completely.
const SUPPORT_OUTWEIGHS_SCOPE: (f32, f32) = (0.9, 0.95);
/// Probabilities are clamped to this value and its complement.
const MAX_PROBABILITY: f32 = 0.999;
/// Highest confidence of a "no answer", and its factor on the support.
const NO_ANSWER_CONFIDENCE: (f32, f32) = (0.2, 0.5);

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
    pub(crate) fn rank(&self, passage_set: &PassageSet, parsed: &ParsedQuestion) -> Vec<RankedSegment> {
        let weights = &self.weights(passage_set).segments;
        let segments = self.features(passage_set, parsed).into_iter().enumerate();
        let mut ranked: Vec<RankedSegment> = segments
            .filter(|(segment, _)| passage_set.segments[*segment].kind != SegmentKind::Label)
            .map(|(segment, features)| RankedSegment {
                segment,
                score: score(&features, weights),
                chance: 0.0,
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
        signs: ConfidenceInputs,
    ) -> f32 {
        let weights = &self.weights(passage_set).confidence;
        let own = f32::from(u8::from(passage_set.is_in_language(signs.best.segment, parsed.language)));
        let passage = passage_set.segments[signs.best.segment].passage;
        let (from, wholly) = SUPPORT_OUTWEIGHS_SCOPE;
        let outweighed = ((clamp_probability(signs.support) - from) / (wholly - from)).clamp(0.0, 1.0);
        let x = weights.bias
            + (own * weights.support + (1.0 - own) * weights.support_across) * log_odds(signs.support)
            + own * weights.out_of_scope * clamp_probability(signs.out_of_scope) * (1.0 - outweighed)
            + weights.chance * log_odds(signs.chance)
            + weights.score * signs.best.score
            + weights.answers
                * passage_set
                    .passage_log_odds(passage)
                    .unwrap_or_default()
                    .clamp(-MAX_LOG_ODDS, MAX_LOG_ODDS)
            + weights.own_language * own;
        clamp_probability(1.0 / (1.0 + (-x).exp()))
    }
}

fn score(features: &FeatureVector, weights: &FeatureVector) -> f32 {
    features.iter().zip(weights).map(|(known, weight)| known * weight).sum()
}

/// Half of the support, at most 0.2: the confidence of a "no answer".
pub(crate) fn confidence_of_no_answer(support: f32) -> f32 {
    (clamp_probability(support) * NO_ANSWER_CONFIDENCE.1).min(NO_ANSWER_CONFIDENCE.0)
}

fn log_odds(chance: f32) -> f32 {
    let p = clamp_probability(chance).clamp(1.0 - MAX_PROBABILITY, MAX_PROBABILITY);
    (p / (1.0 - p)).ln()
}

/// Clamps to 0..1; NaN becomes 0.
fn clamp_probability(value: f32) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}

#[cfg(test)]
pub(crate) mod tests {
    use hoidap_indices::Analyser;
    use hoidap_shared::{job::SentenceScore, text::Language};
    use proptest::{num::f32::ANY, prelude::*};

    use super::*;
    use crate::generator::{
        passages::{passage_set::tests::passage, segmenter::Segmenter},
        question::tests::{classified, parse_question},
    };

    /// Ranks a passage set's segments with the built-in weights.
    pub(crate) fn rank(passage_set: &PassageSet, parsed: &ParsedQuestion) -> Vec<RankedSegment> {
        PassageReader::built_in().unwrap().rank(passage_set, parsed)
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

    fn confidence(support: f32, out_of_scope: f32, chance: f32) -> f32 {
        let passage_set =
            PassageSet::new(vec![passage("en", "The mill turns at dawn.")], &Segmenter::default());
        let parsed = parse_question("When does the mill turn?", Language::En);
        let best = rank(&passage_set, &parsed)[0];
        let signs = ConfidenceInputs { support, out_of_scope, chance, best };
        PassageReader::built_in().unwrap().confidence(&passage_set, &parsed, signs)
    }

    #[test]
    fn what_says_that_nothing_was_found_is_never_sure() {
        assert!((confidence_of_no_answer(0.3) - 0.15).abs() < 1e-6);
        assert!((confidence_of_no_answer(1.0) - 0.2).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn a_confidence_is_always_a_number_from_0_to_1(support in ANY, out_of_scope in ANY, chance in ANY) {
            for value in [confidence(support, out_of_scope, chance), confidence_of_no_answer(support)] {
                prop_assert!((0.0..=1.0).contains(&value), "{value}");
            }
        }

        #[test]
        fn more_evidence_is_never_less_sure(low in 0.0_f32..1.0, more in 0.0_f32..1.0, other in 0.0_f32..1.0) {
            let high = (low + more).min(1.0);
            prop_assert!(confidence(high, 0.1, other) >= confidence(low, 0.1, other));
            prop_assert!(confidence(other, 0.1, high) >= confidence(other, 0.1, low));
            prop_assert!(confidence(other, high, 0.5) <= confidence(other, low, 0.5));
        }
    }
}
