//! How sure an answer is.

/// What the confidence is made of, each 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Signs {
    /// The retriever's word that the passages hold an answer.
    pub(crate) support: f32,
    /// The mean support of the answer's sentences; a sentence without citation counts as 0.
    pub(crate) cited: f32,
    /// The classifier's confidence of the intent.
    pub(crate) intent: f32,
    /// The share of the cited passages that the dense and the lexical leg both found.
    pub(crate) agreement: f32,
    /// Whether a model said that the passages do not answer.
    pub(crate) refused: bool,
}

/// Weights of support, citations, intent and agreement. They add up to 1.
const WEIGHTS: [f32; 4] = [0.45, 0.25, 0.10, 0.20];
/// What is left of the confidence when a model refused.
const AFTER_REFUSAL: f32 = 0.6;
/// Highest confidence of a text that says that nothing was found, and its part of the support.
const UNANSWERED: (f32, f32) = (0.2, 0.5);

/// `0.45 support + 0.25 cited + 0.10 intent + 0.20 agreement`, times 0.6 when a model refused; always in 0..1.
pub(crate) fn of_answer(signs: Signs) -> f32 {
    let parts = [signs.support, signs.cited, signs.intent, signs.agreement];
    let sum: f32 = parts.iter().zip(WEIGHTS).map(|(part, weight)| unit(*part) * weight).sum();
    unit(if signs.refused { sum * AFTER_REFUSAL } else { sum })
}

/// `0.5 support`, at most 0.2, of a text that says that nothing was found.
pub(crate) fn of_no_answer(support: f32) -> f32 {
    (unit(support) * UNANSWERED.1).min(UNANSWERED.0)
}

/// A number within 0..1; what is no number is 0.
fn unit(value: f32) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use proptest::{num::f32::ANY, prelude::*};

    use super::*;

    fn signs(support: f32, cited: f32, intent: f32, agreement: f32, refused: bool) -> Signs {
        Signs { support, cited, intent, agreement, refused }
    }

    #[test]
    fn the_formula_is_the_documented_one() {
        assert!((of_answer(signs(1.0, 1.0, 1.0, 1.0, false)) - 1.0).abs() < 1e-6);
        assert!((of_answer(signs(0.5, 0.8, 0.9, 1.0, false)) - 0.715).abs() < 1e-6);
        assert!((of_answer(signs(0.5, 0.8, 0.9, 1.0, true)) - 0.429).abs() < 1e-6);
        assert!((of_no_answer(0.3) - 0.15).abs() < 1e-6 && (of_no_answer(1.0) - 0.2).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn it_is_always_a_number_from_0_to_1(
            support in ANY, cited in ANY, intent in ANY, agreement in ANY, refused in any::<bool>(),
        ) {
            for value in [of_answer(signs(support, cited, intent, agreement, refused)), of_no_answer(support)] {
                prop_assert!((0.0..=1.0).contains(&value), "{value}");
            }
        }

        #[test]
        fn more_support_is_never_less_sure(low in 0.0_f32..1.0, more in 0.0_f32..1.0, cited in 0.0_f32..1.0) {
            let high = (low + more).min(1.0);
            prop_assert!(of_answer(signs(high, cited, 0.5, 0.5, false)) >= of_answer(signs(low, cited, 0.5, 0.5, false)));
        }
    }

    #[test]
    fn no_number_is_no_support() {
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, f32::MAX, f32::MIN] {
            assert!((0.0..=1.0).contains(&of_answer(signs(odd, odd, odd, odd, false))), "{odd}");
        }
        assert_eq!(of_answer(signs(f32::NAN, f32::NAN, f32::NAN, f32::NAN, false)), 0.0);
    }
}
