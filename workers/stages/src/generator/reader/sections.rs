//! Which sections of a page a question names: of pages that say the same of several branches, products or plans, each below
//! its own heading.

use std::collections::{BTreeMap, BTreeSet};

use hoidap_indices::Analyser;
use hoidap_shared::text::fold;

use crate::generator::{
    passages::{
        passage_set::PassageSet,
        segmenter::{Segment, SegmentKind},
    },
    question::ParsedQuestion,
    text::{clauses::content_terms, quantities::Quantity},
};

/// The sections of each page that the question names: those whose heading has a term of it that no other heading of the page has.
pub(super) struct NamedSections<'a>(BTreeMap<&'a str, NamedOfPage<'a>>);

/// The named sections of one page.
#[derive(Default)]
struct NamedOfPage<'a> {
    headings: BTreeSet<&'a str>,
    /// The labels before the values of their items, and what those values measure.
    labels: BTreeSet<String>,
    dimensions: BTreeSet<&'static str>,
}

impl<'a> NamedSections<'a> {
    /// Compares the headings of each page with the question.
    pub(super) fn find(passage_set: &'a PassageSet, parsed: &ParsedQuestion, analyser: &Analyser) -> Self {
        let mut pages: BTreeMap<&str, BTreeMap<&str, BTreeSet<String>>> = BTreeMap::new();
        for segment in passage_set.segments.iter().filter(|segment| segment.kind != SegmentKind::Label) {
            let Some(heading) = passage_set.heading(segment) else { continue };
            let headings = pages.entry(source(passage_set, segment)).or_default();
            headings.entry(heading).or_insert_with(|| content_terms(heading, analyser));
        }
        let mut named: BTreeMap<&str, NamedOfPage<'_>> = BTreeMap::new();
        for (source, headings) in pages {
            let is_own = |heading: &str, term: &String| {
                headings.iter().all(|(other, terms)| *other == heading || !terms.contains(term))
            };
            for (heading, terms) in &headings {
                let is_asked =
                    |term: &&String| parsed.is_distinctive(term) && parsed.content.terms.contains(*term);
                if terms.iter().filter(is_asked).any(|term| is_own(heading, term)) {
                    named.entry(source).or_default().headings.insert(heading);
                }
            }
        }
        for segment in passage_set.segments.iter().filter(|segment| segment.kind == SegmentKind::Item) {
            let Some(page) = named.get_mut(source(passage_set, segment)) else { continue };
            if page.has(passage_set, segment) {
                page.labels.extend(label(segment));
                page.dimensions.extend(dimensions(segment));
            }
        }
        Self(named)
    }

    /// Whether an item is below another heading of its page than those that the question names, and one of those has a value of
    /// the same kind.
    pub(super) fn names_another(&self, passage_set: &PassageSet, segment: usize) -> bool {
        let segment = &passage_set.segments[segment];
        let Some(page) = self.0.get(source(passage_set, segment)) else { return false };
        segment.kind == SegmentKind::Item
            && !page.has(passage_set, segment)
            && (label(segment).is_some_and(|label| page.labels.contains(&label))
                || dimensions(segment).any(|dimension| page.dimensions.contains(dimension)))
    }
}

impl NamedOfPage<'_> {
    fn has(&self, passage_set: &PassageSet, segment: &Segment) -> bool {
        passage_set.heading(segment).is_some_and(|heading| self.headings.contains(heading))
    }
}

fn source<'a>(passage_set: &'a PassageSet, segment: &Segment) -> &'a str {
    &passage_set.passages[segment.passage].source
}

/// The label before an item's value, folded.
fn label(segment: &Segment) -> Option<String> {
    segment.text.split_once(':').map(|(label, _)| fold(label))
}

/// What the quantities of a segment measure.
fn dimensions(segment: &Segment) -> impl Iterator<Item = &'static str> {
    segment.content.quantities.iter().filter_map(Quantity::dimension)
}
