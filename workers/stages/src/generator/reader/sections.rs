//! Which sections of a page a question names: of pages that say the same of several branches, products or plans, each below
//! its own heading.

use std::collections::{BTreeMap, BTreeSet};

use hoidap_indices::Analyser;
use hoidap_shared::text::{Language, fold};

use crate::generator::{
    passages::{
        passage_set::PassageSet,
        segmenter::{Segment, SegmentKind},
    },
    question::ParsedQuestion,
    text::{clauses::content_terms, quantities::Quantity},
};

/// For each page with several headings, those that have a word of the question that no other one has.
pub(super) struct NamedSections<'a>(BTreeMap<&'a str, BTreeSet<&'a str>>);

impl<'a> NamedSections<'a> {
    /// Compares the headings of each page with the question.
    pub(super) fn find(passage_set: &'a PassageSet, parsed: &ParsedQuestion, analyser: &Analyser) -> Self {
        let mut pages: BTreeMap<&str, BTreeMap<&str, BTreeSet<String>>> = BTreeMap::new();
        for segment in passage_set.segments.iter().filter(|segment| segment.kind != SegmentKind::Label) {
            let Some(heading) = passage_set.heading(segment) else { continue };
            let source = passage_set.passages[segment.passage].source.as_str();
            let headings = pages.entry(source).or_default();
            headings.entry(heading).or_insert_with(|| content_terms(heading, analyser));
        }
        // A single syllable stands in many names.
        let is_clear = |term: &String| term.contains(' ') || parsed.language == Language::En;
        let named = pages.into_iter().map(|(source, headings)| {
            let is_own = |heading: &str, term: &String| {
                headings.iter().all(|(other, terms)| *other == heading || !terms.contains(term))
            };
            let is_named = |(heading, terms): &(&&str, &BTreeSet<String>)| {
                terms.iter().any(|term| {
                    is_clear(term) && parsed.content.terms.contains(term) && is_own(heading, term)
                })
            };
            (source, headings.iter().filter(is_named).map(|(heading, _)| *heading).collect())
        });
        Self(named.filter(|(_, headings): &(_, BTreeSet<_>)| !headings.is_empty()).collect())
    }

    /// Whether a segment is below another heading of its page than those that the question names, and one of those has a value
    /// of the same kind.
    pub(super) fn names_another(&self, passage_set: &PassageSet, segment: usize) -> bool {
        let segment = &passage_set.segments[segment];
        let source = |segment: &Segment| passage_set.passages[segment.passage].source.as_str();
        let Some(named) = self.0.get(source(segment)) else { return false };
        let is_named =
            |segment: &Segment| passage_set.heading(segment).is_some_and(|heading| named.contains(heading));
        let label = |segment: &Segment| segment.text.split_once(':').map(|(label, _)| fold(label));
        let kinds = |segment: &Segment| -> BTreeSet<&'static str> {
            segment.content.quantities.iter().filter_map(Quantity::dimension).collect()
        };
        let (mine, kind) = (label(segment), kinds(segment));
        let is_alike = |other: &Segment| {
            other.kind == SegmentKind::Item
                && (mine.is_some() && label(other) == mine || !kinds(other).is_disjoint(&kind))
        };
        segment.kind == SegmentKind::Item
            && !is_named(segment)
            && passage_set
                .segments
                .iter()
                .any(|other| source(other) == source(segment) && is_named(other) && is_alike(other))
    }
}
