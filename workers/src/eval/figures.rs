use std::fmt;

use hoidap_shared::calibration;
use serde::Serialize;

use super::{Measured, declined, judged::Judged, labelled::is_gold};
use crate::classifier::OUT_OF_SCOPE;

/// A share of questions: how many of how many.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Share {
    pub(super) hits: usize,
    pub(super) of: usize,
}

impl FromIterator<bool> for Share {
    fn from_iter<I: IntoIterator<Item = bool>>(judged: I) -> Self {
        judged.into_iter().fold(Self::default(), |Self { hits, of }, hit| Self {
            hits: hits + usize::from(hit),
            of: of + 1,
        })
    }
}

impl Share {
    /// Nothing of nothing.
    pub(super) fn value(self) -> Option<f64> {
        (self.of > 0).then(|| self.hits as f64 / self.of as f64)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value() {
            Some(value) => f.pad(&format!("{value:.3} ({}/{})", self.hits, self.of)),
            None => f.pad("-"),
        }
    }
}

/// What was measured, over all questions, one script or one kind. Means are absent where there was nothing to measure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    pub(super) questions: usize,
    /// The intent is the labelled one.
    pub(super) intent: Share,
    /// The product is the labelled one.
    pub(super) product: Share,
    /// Of questions with gold pages: a passage comes from one.
    pub(super) retrieved: Share,
    /// Of answerable questions that should not be asked back: answered.
    pub(super) answered: Share,
    /// Of answerable questions: the answer holds what it should or, where that is not said, cites a gold page.
    pub(super) right: Share,
    /// Of all questions: asked back about.
    pub(super) asked_back: Share,
    /// Of questions that say what the answer should hold: the first sentence holds it.
    pub(super) first: Share,
    /// Of questions with gold pages: the first cited source is one of them.
    pub(super) cited_first: Share,
    /// Of questions with gold pages: a cited source is one of them.
    pub(super) cited: Share,
    /// Of questions labelled out of scope: not answered as if they were in scope.
    pub(super) declined: Share,
    /// Of unanswerable questions: refused, neither answered nor asked back about.
    pub(super) refused_rightly: Share,
    /// Of answerable questions: likewise.
    pub(super) refused_wrongly: Share,
    /// Of questions to which a model gave words: these are the answer.
    pub(super) by_model: Share,
    /// Median of the words of an answer.
    pub(super) words: Option<f64>,
    /// Mean number of different documents that an answer cites.
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

impl Figures {
    pub(super) fn of(results: &[&Measured]) -> Self {
        let share = |judge: fn(&Measured) -> Option<bool>| results.iter().filter_map(|r| judge(r)).collect();
        let answered = || results.iter().filter(|result| result.judged.answered);
        let sure = confidences(results);
        let took: Vec<f64> = sorted(results.iter().map(|result| result.took_ms as f64));
        Self {
            questions: results.len(),
            intent: share(|r| Some(r.answer.intent.name == *r.labelled.intent.as_ref()?)),
            product: share(|r| Some(r.answer.product == *r.labelled.product.as_ref()?)),
            retrieved: share(|r| {
                let gold = &r.labelled.gold;
                (!gold.is_empty()).then(|| r.passages.iter().any(|source| is_gold(gold, source)))
            }),
            answered: share(|r| {
                (r.labelled.answerable() && r.labelled.choices.is_empty()).then_some(r.judged.answered)
            }),
            right: share(|r| r.labelled.answerable().then_some(r.judged.right)),
            asked_back: share(|r| Some(r.judged.asked_back)),
            first: share(|r| r.judged.first),
            cited_first: share(|r| r.judged.cited_first),
            cited: share(|r| r.judged.cited),
            declined: share(|r| {
                (r.labelled.intent.as_deref()? == OUT_OF_SCOPE).then(|| declined(r.answer.outcome))
            }),
            refused_rightly: share(|r| (!r.labelled.answerable()).then_some(refused(&r.judged))),
            refused_wrongly: share(|r| r.labelled.answerable().then_some(refused(&r.judged))),
            by_model: share(|r| {
                let gave_words = r.answer.attempts.iter().any(|attempt| attempt.wrote.is_some());
                gave_words.then_some(r.answer.model.is_some())
            }),
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

/// Whether the visitor got neither an answer nor a choice.
fn refused(judged: &Judged) -> bool {
    !judged.answered && !judged.asked_back
}

/// Of each question that was answered, also where it should have been refused: the confidence, and whether the answer is right.
pub(super) fn confidences(results: &[&Measured]) -> Vec<(f32, bool)> {
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

/// The middle one of sorted values; of an even number, the mean of the two in the middle.
fn median(sorted: &[f64]) -> Option<f64> {
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some((lower + upper) / 2.0)
}

/// The smallest of sorted values that at least this many percent do not exceed.
fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    sorted.get((sorted.len() * percent).div_ceil(100).checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::made::results;

    #[test]
    fn middles_and_ends_are_told() {
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
        let figures = Figures::of(&results.iter().collect::<Vec<_>>());
        let told = |share: Share| (share.hits, share.of);
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
