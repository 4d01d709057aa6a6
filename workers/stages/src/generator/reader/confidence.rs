//! The confidence of an answer: the probability that it is right.

use serde::Deserialize;

use super::RankedSegment;
use crate::generator::{
    passages::passage_set::{MAX_LOG_ODDS, PassageSet},
    question::ParsedQuestion,
};

/// Support from which it begins to outweigh the out-of-scope probability, and from which it does so completely.
const SUPPORT_OUTWEIGHS_SCOPE: (f32, f32) = (0.9, 0.95);
/// Probabilities are clamped to this value and its complement.
const MAX_PROBABILITY: f32 = 0.999;
/// Highest confidence of a "no answer", and its factor on the support.
const NO_ANSWER_CONFIDENCE: (f32, f32) = (0.2, 0.5);

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

/// A logistic regression's weights.
#[derive(Deserialize)]
pub(super) struct ConfidenceWeights {
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

impl ConfidenceWeights {
    /// The probability that an answer is right, 0 to 1.
    pub(super) fn confidence(
        &self,
        passage_set: &PassageSet,
        parsed: &ParsedQuestion,
        inputs: ConfidenceInputs,
    ) -> f32 {
        let own = f32::from(u8::from(passage_set.is_in_language(inputs.best.segment, parsed.language)));
        let passage = passage_set.segments[inputs.best.segment].passage;
        let (from, wholly) = SUPPORT_OUTWEIGHS_SCOPE;
        let outweighed = ((clamp_probability(inputs.support) - from) / (wholly - from)).clamp(0.0, 1.0);
        let x = self.bias
            + (own * self.support + (1.0 - own) * self.support_across) * log_odds(inputs.support)
            + own * self.out_of_scope * clamp_probability(inputs.out_of_scope) * (1.0 - outweighed)
            + self.chance * log_odds(inputs.chance)
            + self.score * inputs.best.score
            + self.answers
                * passage_set
                    .passage_log_odds(passage)
                    .unwrap_or_default()
                    .clamp(-MAX_LOG_ODDS, MAX_LOG_ODDS)
            + self.own_language * own;
        clamp_probability(1.0 / (1.0 + (-x).exp()))
    }
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
mod tests {
    use hoidap_shared::text::Language;
    use proptest::{num::f32::ANY, prelude::*};

    use super::*;
    use crate::generator::{
        passages::{passage_set::tests::passage, segmenter::Segmenter},
        question::tests::parse_question,
        reader::{PassageReader, tests::rank},
    };

    fn confidence(support: f32, out_of_scope: f32, chance: f32) -> f32 {
        let passage_set =
            PassageSet::new(vec![passage("en", "The mill turns at dawn.")], &Segmenter::default());
        let parsed = parse_question("When does the mill turn?", Language::En);
        let best = rank(&passage_set, &parsed)[0];
        let inputs = ConfidenceInputs { support, out_of_scope, chance, best };
        PassageReader::built_in().unwrap().confidence(&passage_set, &parsed, inputs)
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
