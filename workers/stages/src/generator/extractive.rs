//! Answers without a language model by quoting the passages.

mod asked_list;
mod comparison;
mod instruction;
mod list;
#[cfg(test)]
mod question_forms;
#[cfg(test)]
mod sections;

use std::collections::BTreeSet;

use hoidap_indices::Analyser;
use hoidap_shared::{
    job::LineKind,
    text::{HEAD_SEPARATOR, Language},
};

use self::{
    comparison::ComparisonLine,
    list::{are_instructions, best_steps, list_around, push_list},
};
use crate::generator::{
    answer::assembly::AnswerSentence,
    passages::{
        passage_set::PassageSet,
        segmenter::{Segment, SegmentKind},
        table::name_terms,
        table_selection::{self, SelectionQuestion},
    },
    question::{
        ParsedQuestion,
        answer_type::{AnswerType, has_full_name},
    },
    reader::RankedSegment,
    text::{
        back_references::{continues_previous, refers_back},
        clauses,
        cleaning::strip_citation_marks,
        negation::canonical_form,
        quantities::{self, Quantity},
        superlative::{ComparedMeasure, find_superlative},
    },
    verifier::claim::is_bare_yes_no,
};

/// No further sentence is quoted once the chances of the quoted ones, as the reader gives them, sum to this.
const SUFFICIENT_CHANCE: f32 = 0.85;
/// A further sentence needs at least this share of the best one's chance.
const MIN_RELATIVE_CHANCE: f32 = 0.03;
/// One from another section of the passage needs this share.
const MIN_OTHER_SECTION_CHANCE: f32 = 0.2;
/// A sentence that states what a question selects needs at least this share.
const MIN_SELECTED_CHANCE: f32 = 0.15;
/// Where nothing is selected, a sentence that may answer all the same needs at least this share.
const MIN_UNSELECTED_CHANCE: f32 = 0.1;
/// Most quoted sentences, and most words of them. The best sentence is quoted whatever its length.
const MAX_SENTENCES: usize = 5;
/// Beyond this number, a sentence is only quoted beside a quoted one: more scattered ones do not read as a text.
const MAX_SCATTERED_SENTENCES: usize = 2;
const MAX_QUOTED_WORDS: usize = 70;
/// Lowest chance of rows that were selected by comparing a whole table.
const MIN_TABLE_CHANCE: f32 = 0.8;

/// An answer made of quotations.
pub(crate) struct Quotation {
    pub(crate) sentences: Vec<AnswerSentence>,
    /// Its best segment, or the first one that a table selects.
    pub(crate) best: RankedSegment,
    /// The probability that it answers, given that the passages do: the sum of its segments' chances.
    pub(crate) chance: f32,
}

/// Quotes the best answer with its citations; `None` when the passages contain none.
pub(crate) fn quote(
    passage_set: &PassageSet,
    ranked: &[RankedSegment],
    parsed: &ParsedQuestion,
    analyser: &Analyser,
) -> Option<Quotation> {
    let likeliest = ranked.first()?;
    if let Some(lines) = comparison::compare_side_by_side(passage_set, ranked, parsed, analyser) {
        return quote_comparison(passage_set, ranked, parsed, &lines);
    }
    let picked = select_segments(passage_set, ranked, parsed, analyser);
    let is_unselected = picked.as_ref().is_some_and(Vec::is_empty);
    let may_answer = |segment: &&RankedSegment| {
        !is_unselected || may_answer_selection(&passage_set.segments[segment.segment], parsed)
    };
    let ranked: Vec<RankedSegment> = ranked.iter().filter(may_answer).copied().collect();
    let ranked = ranked.as_slice();
    let best = ranked.first().filter(|best| best.chance >= likeliest.chance * MIN_UNSELECTED_CHANCE)?;
    let picked = picked.filter(|segments| !segments.is_empty());
    let by_heading = match picked {
        Some(_) => None,
        None => asked_list::list_by_heading(passage_set, ranked, parsed, analyser),
    };
    let first = match (&picked, &by_heading) {
        (Some(segments), _) => segments[0],
        (None, Some(list)) => list.lines[0],
        (None, None) => best.segment,
    };
    let computed =
        by_heading.is_some() || picked.is_some() && passage_set.segments[first].kind == SegmentKind::Row;
    let mut sentences = language_notice(passage_set, &passage_set.segments[first], parsed.language);
    let chosen = if let Some(rows) = picked {
        push_sentences(passage_set, &rows, parsed, analyser, &mut sentences);
        rows
    } else if let Some(list) = &by_heading {
        push_list(passage_set, list, parsed.language, &mut sentences);
        list.segments(passage_set)
    } else if let Some(rows) = asked_list::whole_table(passage_set, ranked, parsed) {
        push_sentences(passage_set, &rows, parsed, analyser, &mut sentences);
        rows
    } else if let Some(list) =
        best_steps(passage_set, ranked, parsed).or_else(|| list_around(passage_set, best.segment, parsed))
    {
        push_list(passage_set, &list, parsed.language, &mut sentences);
        list.segments(passage_set)
    } else {
        let chosen = with_antecedent(passage_set, best_segments(passage_set, ranked, parsed), parsed);
        let chosen = with_introduced(passage_set, chosen);
        push_sentences(passage_set, &chosen, parsed, analyser, &mut sentences);
        chosen
    };
    // A sentence of citation marks only is empty after cleaning.
    sentences.retain(|sentence| !sentence.text.trim().is_empty());
    let told = answering_quantities(passage_set, &chosen, parsed, analyser);
    let says_it = |segment: &&RankedSegment| {
        chosen.contains(&segment.segment) || states_quantities(&passage_set.segments[segment.segment], &told)
    };
    let chance: f32 = ranked.iter().filter(says_it).map(|segment| segment.chance).sum();
    let chance = if computed { chance.max(MIN_TABLE_CHANCE) } else { chance };
    let mut best = ranked.iter().find(|segment| segment.segment == first).copied().unwrap_or(*best);
    if computed {
        // The table decides, whatever the row alone looks like.
        best.score = best.score.max(ranked[0].score);
    }
    sentences.iter().any(|sentence| sentence.cite.is_some()).then_some(Quotation { sentences, best, chance })
}

/// Quotes a comparison: a table's lines, or one sentence for each side under its heading.
fn quote_comparison(
    passage_set: &PassageSet,
    ranked: &[RankedSegment],
    parsed: &ParsedQuestion,
    lines: &[ComparisonLine],
) -> Option<Quotation> {
    let first = lines.first()?.segment;
    let mut sentences = language_notice(passage_set, &passage_set.segments[first], parsed.language);
    for line in lines {
        let segment = &passage_set.segments[line.segment];
        let heading = || {
            let heading = passage_set.heading(segment)?;
            heading_adds_terms(passage_set, segment, parsed).then_some(heading)
        };
        let text = match (&line.text, heading()) {
            (Some(text), _) => strip_citation_marks(text),
            (None, Some(heading)) => prefix_heading(heading, &strip_citation_marks(&segment.text)),
            (None, None) => strip_citation_marks(&segment.text),
        };
        let lead = if lines.len() > 1 { "\n- " } else { "\n" };
        sentences.push(AnswerSentence { lead: lead.into(), text, cite: Some((segment.passage, 1.0)) });
    }
    let of_lines = |segment: &&RankedSegment| lines.iter().any(|line| line.segment == segment.segment);
    let best = *ranked.iter().find(of_lines)?;
    let chance: f32 = ranked.iter().filter(of_lines).map(|segment| segment.chance).sum();
    let computed = lines.iter().any(|line| line.text.is_some());
    Some(Quotation { sentences, best, chance: if computed { chance.max(MIN_TABLE_CHANCE) } else { chance } })
}

/// The segments that answer a question for a selection: rows selected from a table, else a sentence that states the
/// selection. Empty when there is neither; `None` for other questions, and for "which have it" without a table.
fn select_segments(
    passage_set: &PassageSet,
    ranked: &[RankedSegment],
    parsed: &ParsedQuestion,
    analyser: &Analyser,
) -> Option<Vec<usize>> {
    let pick = parsed.selection.as_ref()?;
    let near = ranked
        .iter()
        .take_while(|other| other.chance >= ranked[0].chance * MIN_SELECTED_CHANCE)
        .map(|other| other.segment);
    let words = &clauses::content_terms(&canonical_form(&parsed.text), analyser);
    match pick {
        SelectionQuestion::Extreme(wanted) => {
            let says = |segment: &usize| {
                let said = find_superlative(&canonical_form(&passage_set.segments[*segment].text));
                said.is_some_and(|said| {
                    said.is_maximum == wanted.is_maximum && said.measure == wanted.measure
                })
            };
            let best = table_selection::select_extreme(passage_set, analyser, wanted, words, true)
                .map(|best| best.segments);
            best.or_else(|| Some(near.filter(says).take(1).collect()))
        }
        SelectionQuestion::Without => {
            let denies = |segment: &usize| {
                let clauses = &passage_set.segments[*segment].clauses;
                clauses.iter().any(|part| part.negated && part.terms.iter().any(|term| words.contains(term)))
            };
            let rows = table_selection::select_by_feature(passage_set, analyser, words, true);
            rows.or_else(|| Some(near.filter(denies).take(MAX_SENTENCES).collect()))
        }
        SelectionQuestion::With => table_selection::select_by_feature(passage_set, analyser, words, false),
    }
}

/// Whether a segment may answer a selection question although nothing was selected: prose and a label with its value may, if
/// they state a price where prices are compared. Another row of a table may not.
fn may_answer_selection(segment: &Segment, parsed: &ParsedQuestion) -> bool {
    let price = matches!(&parsed.selection, Some(SelectionQuestion::Extreme(degree)) if degree.measure == ComparedMeasure::Price);
    let tells = segment.content.quantities.iter().any(|quantity| quantity.dimension() == Some("money"));
    let is_one_of_many = segment.row.as_ref().is_some_and(|row| row.cells.len() > 2);
    !is_one_of_many && (tells || !price)
}

/// A notice that the quotation is in another language than the question.
fn language_notice(passage_set: &PassageSet, segment: &Segment, language: Language) -> Vec<AnswerSentence> {
    let locale = Language::from_locale(&passage_set.passages[segment.passage].locale);
    let text = match (language, locale) {
        (parsed, Some(found)) if parsed == found => return Vec::new(),
        (Language::Vi, Some(Language::En)) => "Tài liệu bằng tiếng Anh viết:",
        (Language::Vi, _) => "Tài liệu viết:",
        (Language::En, Some(Language::Vi)) => "The documentation, in Vietnamese, says:",
        (Language::En, _) => "The documentation says:",
    };
    vec![AnswerSentence { lead: String::new(), text: text.into(), cite: None }]
}

/// Appends sentences, with their headings where they need them.
fn push_sentences(
    passage_set: &PassageSet,
    chosen: &[usize],
    parsed: &ParsedQuestion,
    analyser: &Analyser,
    sentences: &mut Vec<AnswerSentence>,
) {
    let mut told: Vec<(usize, Option<&str>)> = Vec::new();
    let is_of_other_section = |segment: &Segment| {
        let other = |&at: &usize| !is_below_same_headings(&passage_set.segments[at], segment);
        segment.kind != SegmentKind::Sentence && chosen.iter().any(other)
    };
    let mut previous: Option<&Segment> = None;
    for &index in chosen {
        let segment = &passage_set.segments[index];
        let heading = passage_set.heading(segment);
        let here = (segment.passage, heading);
        let text = strip_citation_marks(&relevant_text(segment, parsed, analyser));
        let text = match heading.filter(|_| !told.contains(&here)) {
            Some(heading)
                if needs_heading(passage_set, segment, heading, parsed)
                    || is_of_other_section(segment) && !segment.text.contains(heading) =>
            {
                prefix_heading(heading, &text)
            }
            _ => text,
        };
        let beside = previous.is_some_and(|other| other.passage == segment.passage);
        let first = sentences.iter().all(|sentence| sentence.cite.is_none());
        let inline = segment.kind == SegmentKind::Sentence && (beside || first);
        let goes_on = beside && previous.is_some_and(|other| other.line == segment.line);
        let lead = if inline || goes_on { " " } else { "\n" };
        previous = Some(segment);
        told.push(here);
        sentences.push(AnswerSentence { lead: lead.into(), text, cite: Some((segment.passage, 1.0)) });
    }
}

/// The quantities that answer a question for one: those of the first quoted segment that the question does not
/// contain.
fn answering_quantities(
    passage_set: &PassageSet,
    chosen: &[usize],
    parsed: &ParsedQuestion,
    analyser: &Analyser,
) -> Vec<Quantity> {
    let Some(segment) = chosen.first().map(|&first| &passage_set.segments[first]) else { return Vec::new() };
    if !parsed.answer_type.is_some_and(AnswerType::is_quantity) {
        return Vec::new();
    }
    quantities::extract(&relevant_text(segment, parsed, analyser))
        .stated
        .into_iter()
        .filter(|quantity| !parsed.content.has_quantity(quantity))
        .collect()
}

/// Whether a segment states the same quantities. Pages that agree support each other.
fn states_quantities(segment: &Segment, told: &[Quantity]) -> bool {
    !told.is_empty() && told.iter().all(|quantity| segment.content.has_quantity(quantity))
}

/// A segment's text; of a table row only what the question asks for.
fn relevant_text(segment: &Segment, parsed: &ParsedQuestion, analyser: &Analyser) -> String {
    relevant_cells(segment, parsed, analyser).unwrap_or_else(|| segment.text.to_string())
}

/// A table row reduced to the columns that the question names; `None` where it names none or all.
fn relevant_cells(segment: &Segment, parsed: &ParsedQuestion, analyser: &Analyser) -> Option<String> {
    let row = segment.row.as_ref()?;
    let names = row.column_names.as_ref().filter(|names| names.len() == row.cells.len())?;
    // The names of several columns may begin with what stands above them all: `Price / Month`.
    let words = |name: &String| name_terms(&name.replace(HEAD_SEPARATOR, " "), analyser).0;
    let own: Vec<BTreeSet<String>> = names.iter().map(words).collect();
    let group = |column: usize| names[column].split(HEAD_SEPARATOR).next();
    let of_row = clauses::content_terms(row.cell(0), analyser);
    // More than half of the words of a column's name, and one that no other group of columns has. What names the row
    // names no column.
    let telling = |column: usize| {
        let asked: Vec<&String> =
            own[column].iter().filter(|word| parsed.content.terms.contains(*word)).collect();
        let others = || own.iter().enumerate().skip(1).filter(|(other, _)| group(*other) != group(column));
        2 * asked.len() > own[column].len()
            && asked
                .iter()
                .any(|word| !of_row.contains(*word) && others().all(|(_, name)| !name.contains(*word)))
    };
    let columns: Vec<usize> =
        (1..names.len()).filter(|&column| telling(column) && !row.cell(column).is_empty()).collect();
    if columns.is_empty() || columns.len() + 1 == names.len() {
        return None;
    }
    let cells = columns.iter().map(|&column| format!("{}: {}", row.column_name(column), row.cell(column)));
    let cells = cells.collect::<Vec<_>>().join("; ");
    Some(if row.cell(0).is_empty() { cells } else { format!("{} – {cells}", row.cell(0)) })
}

/// The best segment first, then others of its document until one of them is likely enough to answer. Rows without
/// the expected answer type are skipped.
fn best_segments(passage_set: &PassageSet, ranked: &[RankedSegment], parsed: &ParsedQuestion) -> Vec<usize> {
    let best = &ranked[0];
    let source = |segment: &Segment| &passage_set.passages[segment.passage].source;
    let size = |segment: &Segment| segment.text.split_whitespace().count();
    let first = &passage_set.segments[best.segment];
    let (mut chosen, mut chance, mut words) = (vec![best.segment], best.chance, size(first));
    for candidate in ranked[1..].iter().take_while(|other| other.chance >= best.chance * MIN_RELATIVE_CHANCE)
    {
        if chance >= SUFFICIENT_CHANCE || chosen.len() == MAX_SENTENCES {
            break;
        }
        let segment = &passage_set.segments[candidate.segment];
        let lacks = |kind: AnswerType| !kind.is_answered_by(&segment.text, &segment.content, &parsed.content);
        let fits = source(segment) == source(first) && words + size(segment) <= MAX_QUOTED_WORDS;
        let beside = || chosen.iter().any(|&quoted| quoted.abs_diff(candidate.segment) == 1);
        if fits
            && (is_below_same_headings(segment, first)
                || candidate.chance >= best.chance * MIN_OTHER_SECTION_CHANCE)
            && !is_bare_yes_no(&segment.text)
            && (chosen.len() < MAX_SCATTERED_SENTENCES || beside())
            && is_new(passage_set, &chosen, segment)
            && !(segment.kind == SegmentKind::Row && parsed.answer_type.is_some_and(lacks))
        {
            chosen.push(candidate.segment);
            chance += candidate.chance;
            words += size(segment);
        }
    }
    // Steps are in their order; elsewhere the best sentence comes first.
    let items = chosen.iter().all(|&at| passage_set.segments[at].kind == SegmentKind::Item);
    let steps = items && are_instructions(passage_set, &chosen);
    chosen[usize::from(!steps)..].sort_unstable();
    chosen
}

/// Whether two segments are in the same section of a passage. Segments of two passages may belong together.
fn is_below_same_headings(segment: &Segment, other: &Segment) -> bool {
    segment.passage != other.passage || segment.headings == other.headings
}

/// Puts the preceding sentence before a sentence that refers back to it: where both are quoted, and always for
/// questions about a person, since "He was crowned in 612" names nobody. A mere "Yes." or "No." goes before what
/// follows it, and a rule before its exception: "After that there is no refund."
fn with_antecedent(passage_set: &PassageSet, mut chosen: Vec<usize>, parsed: &ParsedQuestion) -> Vec<usize> {
    let first = &passage_set.segments[chosen[0]];
    let before = chosen[0].checked_sub(1).filter(|before| {
        let before = &passage_set.segments[*before];
        before.passage == first.passage && before.kind == SegmentKind::Sentence
    });
    let needed = |before: &usize| parsed.answer_type == Some(AnswerType::Person) || chosen.contains(before);
    let is_verdict = |before: usize| {
        let before = &passage_set.segments[before];
        before.line == first.line && is_bare_yes_no(&before.text)
    };
    let goes_first = |before: &usize| {
        is_verdict(*before)
            || first.content.negated && continues_previous(&first.text)
            || refers_back(&first.text) && needed(before)
    };
    if let Some(before) = before.filter(goes_first) {
        chosen.retain(|segment| *segment != before);
        chosen.insert(0, before);
    }
    chosen
}

/// Puts what a sentence introduces behind it: "use this formula:" says nothing by itself.
fn with_introduced(passage_set: &PassageSet, chosen: Vec<usize>) -> Vec<usize> {
    let mut with = Vec::new();
    for &segment in &chosen {
        with.push(segment);
        let lead = &passage_set.segments[segment];
        let is_heading = |segment: &Segment| {
            let lines = &passage_set.passages[segment.passage].lines;
            lines.get(segment.line) == Some(&LineKind::Heading)
        };
        let follows = |next: &&Segment| {
            next.passage == lead.passage && next.kind != SegmentKind::Row && !is_heading(next)
        };
        let next = passage_set.segments.get(segment + 1).filter(follows);
        if lead.text.ends_with(':') && next.is_some() && !chosen.contains(&(segment + 1)) {
            with.push(segment + 1);
        }
    }
    with
}

fn is_new(passage_set: &PassageSet, chosen: &[usize], segment: &Segment) -> bool {
    chosen.iter().all(|&other| !is_duplicate(segment, &passage_set.segments[other]))
}

/// Whether two segments say the same: overlapping chunks repeat sentences.
fn is_duplicate(a: &Segment, b: &Segment) -> bool {
    let shared = a.content.terms.intersection(&b.content.terms).count();
    a.text == b.text || (shared > 0 && shared * 10 >= 8 * a.content.terms.len().max(b.content.terms.len()))
}

/// Whether a segment is quoted with its heading: a sentence that refers back, a value without words, what says something of a
/// person whom only the heading names, or a row or item whose heading contains a term of the question that it lacks.
fn needs_heading(
    passage_set: &PassageSet,
    segment: &Segment,
    heading: &str,
    parsed: &ParsedQuestion,
) -> bool {
    if segment.text.contains(heading) {
        return false;
    }
    if parsed.is_answered_by_heading(heading) && !has_full_name(&segment.text) {
        return true;
    }
    let is_bare_value = segment.content.terms.is_empty() && !segment.content.quantities.is_empty();
    if segment.kind == SegmentKind::Sentence && !is_bare_value {
        return refers_back(&segment.text);
    }
    is_bare_value || heading_adds_terms(passage_set, segment, parsed)
}

/// Whether the label or heading of a segment contains a term of the question that the segment lacks.
fn heading_adds_terms(passage_set: &PassageSet, segment: &Segment, parsed: &ParsedQuestion) -> bool {
    let label = segment.label.and_then(|label| passage_set.segments.get(label)).map(|label| &*label.content);
    let above = label.unwrap_or(&segment.headings);
    parsed
        .content
        .terms
        .iter()
        .any(|term| above.terms.contains(term) && !segment.content.terms.contains(term))
}

/// A text below its heading, in one line.
pub(super) fn prefix_heading(heading: &str, text: &str) -> String {
    let heading = strip_citation_marks(heading);
    let heading = heading.trim().trim_end_matches(':');
    if heading.ends_with(['?', '!', '.']) {
        format!("{heading} {text}")
    } else {
        format!("{heading}: {text}")
    }
}

#[cfg(test)]
mod tests;
