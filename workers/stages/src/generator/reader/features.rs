//! The features of a segment that the reader's weights apply to.

use hoidap_shared::job::{Passage, ScoredLabel};

use crate::generator::{
    passages::{passage_set::PassageSet, segmenter::SegmentKind},
    question::ParsedQuestion,
    text::{back_references::refers_back, content::TextContent, quantities::contains_quantity},
};

/// The features' names, in the order of the weights.
pub(crate) const FEATURE_NAMES: [&str; FEATURE_COUNT] = [
    "late",
    "late_in_place",
    "late_of_passage",
    "late_beside",
    "answers",
    "answers_unknown",
    "passage",
    "first_passage",
    "words",
    "words_above",
    "words_beside",
    "words_across",
    "shared_figure",
    "wanted",
    "wanted_missing",
    "question",
    "row",
    "item",
    "labelled",
    "first",
    "short",
    "length",
    "points_back",
    "own_language",
    "own_page",
    "other_product",
    "summary",
    "before",
];
const FEATURE_COUNT: usize = 28;

/// A segment's features.
pub(crate) type FeatureVector = [f32; FEATURE_COUNT];

/// Segments with fewer words than the first are short; the length saturates at the second.
const SHORT_SEGMENT_WORDS: usize = 4;
const LONG_SEGMENT_WORDS: usize = 60;

/// What a passage without a product counts of one of another product.
const NO_PRODUCT_SHARE: f32 = 0.2;

/// A text's terms with their weights, and the sum of the weights.
pub(super) struct WeightedTerms<'a>(Vec<(&'a String, f32)>, f32);

impl<'a> WeightedTerms<'a> {
    /// Weighs a text's terms.
    pub(super) fn new(content: &'a TextContent, passage_set: &PassageSet) -> Self {
        let terms: Vec<_> = content.terms.iter().map(|term| (term, passage_set.term_weight(term))).collect();
        let all = terms.iter().map(|(_, weight)| weight).sum();
        Self(terms, all)
    }

    /// The share of the terms, by weight, for which `held` is true.
    fn share(&self, held: impl Fn(&str) -> bool) -> f32 {
        let sum: f32 = self.0.iter().filter(|(term, _)| held(term)).map(|(_, weight)| weight).sum();
        if self.1 > 0.0 { sum / self.1 } else { 0.0 }
    }
}

/// The features of one segment.
pub(super) fn features(
    passage_set: &PassageSet,
    at: usize,
    parsed: &ParsedQuestion,
    terms: &WeightedTerms<'_>,
    before: &WeightedTerms<'_>,
) -> FeatureVector {
    let segment = &passage_set.segments[at];
    let passage = &passage_set.passages[segment.passage];
    let beside: Vec<usize> = [at.checked_sub(1), at.checked_add(1)]
        .into_iter()
        .flatten()
        .filter(|other| {
            passage_set.segments.get(*other).is_some_and(|other| other.passage == segment.passage)
        })
        .collect();
    let label = segment.label.and_then(|label| passage_set.segments.get(label));
    let own = passage_set.is_in_language(at, parsed.language);
    let here = |term: &str| segment.content.terms.contains(term);
    let here_or_above = |term: &str| {
        here(term)
            || segment.headings.terms.contains(term)
            || label.is_some_and(|label| label.content.terms.contains(term))
            || segment.surroundings.terms.contains(term)
    };
    let words = terms.share(here);
    let with_headings = terms.share(here_or_above);
    let with_beside = terms.share(|term| {
        here_or_above(term)
            || beside.iter().any(|other| passage_set.segments[*other].content.terms.contains(term))
    });
    let late = |at: &usize| passage_set.scores[*at].map(|met| met.late);
    let answers = passage_set.scores[at].and_then(|met| met.answers);
    let (from, segments) = passage_set.segments_of_passage(segment.passage);
    let is_first = segments[..at - from].iter().all(|segment| segment.kind == SegmentKind::Label);
    let highest = |found: Option<f32>| found.unwrap_or_default();
    let late_beside = highest(beside.iter().filter_map(late).reduce(f32::max));
    let late_of_passage = highest((from..from + segments.len()).filter_map(|at| late(&at)).reduce(f32::max));
    let shared = parsed
        .content
        .quantities
        .iter()
        .any(|quantity| contains_quantity(quantity, &segment.content.quantities));
    let wanted = parsed
        .answer_type
        .map(|wanted| wanted.is_answered_by(&segment.text, &segment.content, &parsed.content));
    let count = segment.text.split_whitespace().count();
    let flag = |is: bool| f32::from(u8::from(is));
    let of_own = |share: f32| if own { share } else { 0.0 };
    [
        late(&at).unwrap_or_default(),
        passage_set.scores[at].map_or(0.0, |met| met.in_place),
        late_of_passage,
        late_beside,
        answers.unwrap_or_default(),
        flag(answers.is_none()),
        retrieval_score(passage),
        flag(segment.passage == 0),
        of_own(words),
        of_own(with_headings - words),
        of_own(with_beside - with_headings),
        if own { 0.0 } else { words },
        flag(shared),
        flag(wanted == Some(true)),
        flag(wanted == Some(false)),
        flag(segment.text.ends_with('?')),
        flag(segment.kind == SegmentKind::Row),
        flag(segment.kind == SegmentKind::Item),
        flag(label.is_some()),
        flag(at == from),
        flag(count < SHORT_SEGMENT_WORDS),
        (count.min(LONG_SEGMENT_WORDS) as f32 / LONG_SEGMENT_WORDS as f32).sqrt(),
        flag(refers_back(&segment.text)),
        flag(own),
        flag(!passage.url.is_empty() && passage.url == parsed.page),
        parsed.product.as_ref().map_or(0.0, |product| other_product(passage, product)),
        flag(passage.start == 0 && is_first && is_summary(&segment.text)),
        of_own(before.share(here_or_above)),
    ]
}

/// How far a passage is about something else than the question's product: its confidence for one of another product, and a
/// share of that for one of none, where a price of all products together is less likely meant.
fn other_product(passage: &Passage, product: &ScoredLabel) -> f32 {
    match &passage.product {
        Some(of) if *of == product.name => 0.0,
        Some(_) => product.confidence,
        None => NO_PRODUCT_SHARE * product.confidence,
    }
}

/// A passage's retrieval score, 0 to 1; NaN becomes 0.
fn retrieval_score(passage: &Passage) -> f32 {
    if passage.score.is_nan() { 0.0 } else { passage.score.clamp(0.0, 1.0) }
}

/// Whether a sentence only lists a page's topics: several commas and no number.
fn is_summary(text: &str) -> bool {
    text.matches(',').count() >= 3 && !text.contains(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::passages::passage_set::tests::passage;

    #[test]
    fn a_passage_of_no_product_lies_between_the_products_own_and_anothers() {
        let product = ScoredLabel { name: "mail".into(), confidence: 0.9 };
        let [own, none, other] = [Some("mail"), None, Some("drive")].map(|of| {
            other_product(
                &Passage { product: of.map(Into::into), ..passage("en", "Pro costs $2.") },
                &product,
            )
        });
        assert!(own == 0.0 && own < none && none < other && other == 0.9, "{own} {none} {other}");
    }
}
