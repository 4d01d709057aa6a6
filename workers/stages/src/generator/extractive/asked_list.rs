//! The list that a question for several things names by its heading: "which documents do I need" is answered by what stands
//! below "Documents".

use hoidap_indices::Analyser;

use super::list::QuotedList;
use crate::generator::{
    passages::{
        passage_set::PassageSet,
        row_names::named_rows,
        segmenter::{Segment, SegmentKind},
        table_selection::SelectionQuestion,
    },
    question::ParsedQuestion,
    reader::RankedSegment,
    text::clauses::content_terms,
};

/// Fewest and most entries of a list.
const ENTRIES: std::ops::RangeInclusive<usize> = 2..=12;
/// Most rows of a table that are quoted whole.
const MAX_ROWS: usize = 6;

/// The items below a heading that names the asked things, on a page about what the question is about.
pub(super) fn list_by_heading(
    passage_set: &PassageSet,
    ranked: &[RankedSegment],
    parsed: &ParsedQuestion,
    analyser: &Analyser,
) -> Option<QuotedList> {
    if !parsed.asked_things.iter().any(|thing| parsed.is_distinctive(thing)) || is_choice(parsed) {
        return None;
    }
    let names = |text: &str| {
        let terms = content_terms(text, analyser);
        parsed.asked_things.iter().all(|thing| terms.contains(thing))
    };
    let best = &passage_set.segments[ranked.first()?.segment];
    let is_named = |segment: &Segment| passage_set.heading(segment).is_some_and(names);
    if is_named(best) && best.kind == SegmentKind::Item {
        return None;
    }
    let chance = |lines: &[usize]| -> f32 {
        ranked.iter().filter(|segment| lines.contains(&segment.segment)).map(|segment| segment.chance).sum()
    };
    // The list of another subject's documents has the same heading.
    let is_on_subject = |segment: &Segment| {
        let mut above = segment.headings.terms.intersection(&parsed.content.terms);
        above.any(|term| parsed.is_distinctive(term) && !parsed.asked_things.contains(term))
    };
    let lists = items_below_one_heading(passage_set).into_iter().filter(|lines| {
        let first = &passage_set.segments[lines[0]];
        ENTRIES.contains(&lines.len()) && is_named(first) && is_on_subject(first)
    });
    let lines = lists.max_by(|a, b| chance(a).total_cmp(&chance(b)))?;
    Some(QuotedList { lead: None, lines, is_cut: false })
}

/// Whether a question asks which of several things is the most or has nothing of something.
fn is_choice(parsed: &ParsedQuestion) -> bool {
    parsed.selection.as_ref().is_some_and(|selection| *selection != SelectionQuestion::With)
}

/// The items of each heading of each passage, by their lines.
fn items_below_one_heading(passage_set: &PassageSet) -> Vec<Vec<usize>> {
    let mut lists: Vec<Vec<usize>> = Vec::new();
    for (at, segment) in passage_set.segments.iter().enumerate() {
        if segment.kind != SegmentKind::Item {
            continue;
        }
        let goes_on = lists.last().and_then(|list| list.last()).is_some_and(|&last| {
            let before = &passage_set.segments[last];
            before.passage == segment.passage && passage_set.heading(before) == passage_set.heading(segment)
        });
        match lists.last_mut().filter(|_| goes_on) {
            Some(list) if passage_set.segments[list[list.len() - 1]].line == segment.line => {}
            Some(list) => list.push(at),
            None => lists.push(vec![at]),
        }
    }
    lists
}

/// All rows of a small table, where the question asks for several things and names none of its rows.
pub(super) fn whole_table(
    passage_set: &PassageSet,
    ranked: &[RankedSegment],
    parsed: &ParsedQuestion,
) -> Option<Vec<usize>> {
    let best = ranked.first().filter(|_| parsed.asks_for_several && !is_choice(parsed))?;
    let table = passage_set.table_rows(best.segment);
    ((2..=MAX_ROWS).contains(&table.len()) && named_rows(passage_set, &table, &parsed.text).is_empty())
        .then_some(table)
}
