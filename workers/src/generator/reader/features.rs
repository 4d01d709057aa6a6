//! What is known of a unit of the passages before it is chosen.

use hoidap_shared::job::Passage;

use crate::generator::{
    passages::{
        passage_set::Material,
        segmenter::{Kind, points_back},
    },
    question::Asked,
    text::{content::Content, quantities::grounded},
};

/// What is known of a unit, by name, in the order of the weights.
pub(crate) const NAMES: [&str; COUNT] = [
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
const COUNT: usize = 28;

/// What is known of a unit.
pub(crate) type Features = [f32; COUNT];

/// Words of a short unit, and of one that is as long as any.
const SHORT: usize = 4;
const LONG: usize = 60;

/// The question's terms with their weights among the units of the passages.
pub(super) struct Terms<'a>(Vec<(&'a String, f32)>, f32);

impl<'a> Terms<'a> {
    /// The terms of a text.
    pub(super) fn of(content: &'a Content, material: &Material) -> Self {
        let terms: Vec<_> = content.terms.iter().map(|term| (term, material.weight(term))).collect();
        let all = terms.iter().map(|(_, weight)| weight).sum();
        Self(terms, all)
    }

    /// The share of the terms, by weight, that are held.
    fn share(&self, held: impl Fn(&str) -> bool) -> f32 {
        let sum: f32 = self.0.iter().filter(|(term, _)| held(term)).map(|(_, weight)| weight).sum();
        if self.1 > 0.0 { sum / self.1 } else { 0.0 }
    }
}

/// What is known of the unit at a place of the material.
pub(super) fn features(
    material: &Material,
    at: usize,
    asked: &Asked,
    terms: &Terms<'_>,
    before: &Terms<'_>,
) -> Features {
    let unit = &material.units[at];
    let passage = &material.passages[unit.passage];
    let beside: Vec<usize> = [at.checked_sub(1), at.checked_add(1)]
        .into_iter()
        .flatten()
        .filter(|other| material.units.get(*other).is_some_and(|other| other.passage == unit.passage))
        .collect();
    let label = unit.label.and_then(|label| material.units.get(label));
    let own = material.is_in(at, asked.language);
    let here = |term: &str| unit.content.terms.contains(term);
    let here_or_above = |term: &str| {
        here(term)
            || material.cuts[unit.passage].headings.terms.contains(term)
            || label.is_some_and(|label| label.content.terms.contains(term))
            || unit.around.terms.contains(term)
    };
    let words = terms.share(here);
    let with_headings = terms.share(here_or_above);
    let with_beside = terms.share(|term| {
        here_or_above(term) || beside.iter().any(|other| material.units[*other].content.terms.contains(term))
    });
    let late = |at: &usize| material.met[*at].map(|met| met.late);
    let answers = material.met[at].and_then(|met| met.answers);
    let (from, units) = material.of_passage(unit.passage);
    let is_first = units[..at - from].iter().all(|unit| unit.kind == Kind::Label);
    let highest = |found: Option<f32>| found.unwrap_or_default();
    let late_beside = highest(beside.iter().filter_map(late).reduce(f32::max));
    let late_of_passage = highest((from..from + units.len()).filter_map(|at| late(&at)).reduce(f32::max));
    let shared = asked.content.figures.iter().any(|figure| grounded(figure, &unit.content.figures));
    let wanted = asked.wanted.map(|wanted| wanted.is_in(&unit.text, &unit.content, &asked.content));
    let count = unit.text.split_whitespace().count();
    let flag = |is: bool| f32::from(u8::from(is));
    let of_own = |share: f32| if own { share } else { 0.0 };
    [
        late(&at).unwrap_or_default(),
        material.met[at].map_or(0.0, |met| met.in_place),
        late_of_passage,
        late_beside,
        answers.unwrap_or_default(),
        flag(answers.is_none()),
        found(passage),
        flag(unit.passage == 0),
        of_own(words),
        of_own(with_headings - words),
        of_own(with_beside - with_headings),
        if own { 0.0 } else { words },
        flag(shared),
        flag(wanted == Some(true)),
        flag(wanted == Some(false)),
        flag(unit.text.ends_with('?')),
        flag(unit.kind == Kind::Row),
        flag(unit.kind == Kind::Item),
        flag(label.is_some()),
        flag(at == from),
        flag(count < SHORT),
        (count.min(LONG) as f32 / LONG as f32).sqrt(),
        flag(points_back(&unit.text)),
        flag(own),
        flag(!passage.url.is_empty() && passage.url == asked.page),
        asked
            .product
            .as_ref()
            .filter(|asked| passage.product.as_ref().is_some_and(|of| *of != asked.name))
            .map_or(0.0, |asked| asked.confidence),
        flag(passage.start == 0 && is_first && is_summary(&unit.text)),
        of_own(before.share(here_or_above)),
    ]
}

/// How well a passage was found, 0 to 1; a score that is no number is 0.
fn found(passage: &Passage) -> f32 {
    if passage.score.is_nan() { 0.0 } else { passage.score.clamp(0.0, 1.0) }
}

/// Whether a sentence only lists what a page is about: parts between commas, and no number.
fn is_summary(text: &str) -> bool {
    text.matches(',').count() >= 3 && !text.contains(|c: char| c.is_ascii_digit())
}
