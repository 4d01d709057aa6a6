use std::fmt;

use hoidap_shared::calibration;
use hoidap_stages::classifier::OUT_OF_SCOPE;
use serde::Serialize;

use super::{EvaluatedQuestion, grade::AnswerGrade, is_declined, labelled_question::is_gold};

/// A share of questions: hits of a total.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Ratio {
    pub(super) hits: usize,
    pub(super) of: usize,
}

impl FromIterator<bool> for Ratio {
    fn from_iter<I: IntoIterator<Item = bool>>(judged: I) -> Self {
        judged.into_iter().fold(Self::default(), |Self { hits, of }, hit| Self {
            hits: hits + usize::from(hit),
            of: of + 1,
        })
    }
}

impl Ratio {
    /// The share; `None` if there are no questions.
    pub(super) fn value(self) -> Option<f64> {
        (self.of > 0).then(|| self.hits as f64 / self.of as f64)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value() {
            Some(value) => f.pad(&format!("{value:.3} ({}/{})", self.hits, self.of)),
            None => f.pad("-"),
        }
    }
}

/// The figures over all questions, one script or one kind. Means are absent if there was nothing to measure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct EvalFigures {
    pub(super) questions: usize,
    /// The intent is the labelled one.
    pub(super) intent: Ratio,
    /// The product is the labelled one.
    pub(super) product: Ratio,
    /// Of questions with gold pages: a passage comes from one.
    pub(super) retrieved: Ratio,
    /// Of questions with expected texts: the passages contain them.
    pub(super) held: Ratio,
    /// Of answerable questions that do not call for asking back: answered.
    pub(super) answered: Ratio,
    /// Of answerable questions: the answer contains the expected texts or, if none are given, cites a gold page.
    pub(super) right: Ratio,
    /// Of all questions: answered by asking back.
    pub(super) asked_back: Ratio,
    /// Of questions with expected texts: the first sentence contains them.
    pub(super) first: Ratio,
    /// Of questions with gold pages: the first cited source is one of them.
    pub(super) cited_first: Ratio,
    /// Of questions with gold pages: a cited source is one of them.
    pub(super) cited: Ratio,
    /// Of questions labelled out of scope: not answered as if they were in scope.
    pub(super) declined: Ratio,
    /// Of unanswerable questions: refused, neither answered nor asked back.
    pub(super) refused_rightly: Ratio,
    /// Of answerable questions: refused.
    pub(super) refused_wrongly: Ratio,
    /// Of answerable questions with gold pages that were refused: a passage that is quoted as closest is of one.
    pub(super) quoted_page: Ratio,
    /// Of answerable questions with expected texts that were refused: the passages quoted as closest contain these.
    pub(super) quoted: Ratio,
    /// Of questions for which a model wrote a text: that text is the answer.
    pub(super) by_model: Ratio,
    /// Of answers in a model's words: right.
    pub(super) model_right: Ratio,
    /// Median number of words of an answer.
    pub(super) words: Option<f64>,
    /// Mean number of distinct documents that an answer cites.
    pub(super) pages: Option<f64>,
    /// Mean confidence of the answers.
    pub(super) confidence: Option<f64>,
    /// Expected calibration error of the answers.
    pub(super) ece: Option<f64>,
    /// Brier score of the answers.
    pub(super) brier: Option<f64>,
    pub(super) mean_ms: Option<f64>,
    pub(super) p95_ms: Option<f64>,
}

impl EvalFigures {
    pub(super) fn of(results: &[&EvaluatedQuestion]) -> Self {
        let share =
            |judge: fn(&EvaluatedQuestion) -> Option<bool>| results.iter().filter_map(|r| judge(r)).collect();
        let answered = || results.iter().filter(|result| result.judged.answered);
        let sure = answer_confidences(results);
        let took: Vec<f64> = sorted(results.iter().map(|result| result.took_ms as f64));
        Self {
            questions: results.len(),
            intent: share(|r| Some(r.answer.intent.name == *r.labelled.intent.as_ref()?)),
            product: share(|r| r.labelled.product.matches(r.answer.product.as_deref())),
            retrieved: share(|r| {
                let gold = &r.labelled.gold;
                (!gold.is_empty()).then(|| r.passages.iter().any(|source| is_gold(gold, source)))
            }),
            held: share(|r| r.held),
            answered: share(|r| {
                (r.labelled.answerable() && r.labelled.choices.is_empty()).then_some(r.judged.answered)
            }),
            right: share(|r| r.labelled.answerable().then_some(r.judged.right)),
            asked_back: share(|r| Some(r.judged.asked_back)),
            first: share(|r| r.judged.first),
            cited_first: share(|r| r.judged.cited_first),
            cited: share(|r| r.judged.cited),
            declined: share(|r| {
                (r.labelled.intent.as_deref()? == OUT_OF_SCOPE).then(|| is_declined(r.answer.outcome))
            }),
            refused_rightly: share(|r| (!r.labelled.answerable()).then_some(is_refused(&r.judged))),
            refused_wrongly: share(|r| r.labelled.answerable().then_some(is_refused(&r.judged))),
            quoted_page: share(|r| r.judged.quoted_page.filter(|_| r.labelled.answerable())),
            quoted: share(|r| r.judged.quoted.filter(|_| r.labelled.answerable())),
            by_model: share(|r| {
                let gave_words = r.answer.attempts.iter().any(|attempt| attempt.wrote.is_some());
                gave_words.then_some(r.answer.model.is_some())
            }),
            model_right: share(|r| (r.judged.answered && r.answer.model.is_some()).then_some(r.judged.right)),
            words: median(&sorted(answered().map(|result| result.judged.words as f64))),
            pages: mean(answered().map(|result| result.judged.pages as f64)),
            confidence: mean(sure.iter().map(|(confidence, _)| f64::from(*confidence))),
            ece: calibration::expected_calibration_error(&calibration::bins(&sure)),
            brier: calibration::brier_score(&sure),
            mean_ms: mean(took.iter().copied()),
            p95_ms: percentile(&took, 95),
        }
    }
}

/// Whether the visitor got neither an answer nor choices.
fn is_refused(judged: &AnswerGrade) -> bool {
    !judged.answered && !judged.asked_back
}

/// The confidence of each answer, and whether it is right. Includes answers that should have been refused.
pub(super) fn answer_confidences(results: &[&EvaluatedQuestion]) -> Vec<(f32, bool)> {
    let answered = results.iter().filter(|result| result.judged.answered);
    answered.map(|result| (result.answer.confidence, result.judged.right)).collect()
}

pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, of) = values.fold((0.0, 0_usize), |(sum, of), value| (sum + value, of + 1));
    (of > 0).then(|| sum / of as f64)
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The median of sorted values; of an even number, the mean of the middle two.
fn median(sorted: &[f64]) -> Option<f64> {
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some((lower + upper) / 2.0)
}

/// The smallest of the sorted values that this percentage does not exceed.
fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    sorted.get((sorted.len() * percent).div_ceil(100).checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::fixtures::results;

    #[test]
    fn medians_and_percentiles_are_right() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[4.0]), Some(4.0));
        assert_eq!(median(&[1.0, 2.0, 4.0, 8.0]), Some(3.0));
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&hundred, 95), Some(95.0));
        assert_eq!(percentile(&hundred[..10], 95), Some(10.0));
        assert_eq!(percentile(&[], 95), None);
    }

    #[test]
    fn figures_are_of_the_questions_that_they_concern() {
        let results = results();
        let figures = EvalFigures::of(&results.iter().collect::<Vec<_>>());
        let told = |share: Ratio| (share.hits, share.of);
        assert_eq!(told(figures.answered), (2, 3));
        assert_eq!(told(figures.right), (2, 3));
        assert_eq!(told(figures.first), (1, 2));
        assert_eq!(told(figures.cited_first), (1, 3));
        assert_eq!(told(figures.cited), (2, 3));
        assert_eq!(told(figures.refused_rightly), (1, 2));
        assert_eq!(told(figures.refused_wrongly), (1, 3));
        assert_eq!(told(figures.intent), (0, 0));
        assert_eq!(figures.words, Some(2.0));
        assert_eq!(figures.pages.map(|pages| (pages * 3.0).round()), Some(4.0));
        assert_eq!((figures.mean_ms, figures.p95_ms), (Some(30.0), Some(50.0)));
        // |0.9 - 1| + |0.8 - 1| + |0.6 - 0|, of 3: the answered question that no page answers counts as wrong.
        assert!((figures.ece.unwrap() - 0.3).abs() < 1e-6, "{:?}", figures.ece);
    }
}
