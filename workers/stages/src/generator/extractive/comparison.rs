//! Answers a comparison side by side: columns or rows of a table, or one sentence for each side.

use std::collections::BTreeSet;

use hoidap_indices::Analyser;

use crate::generator::{
    passages::{
        passage_set::PassageSet,
        segmenter::{Segment, SegmentKind},
        table::{TableRow, name_terms},
    },
    question::{
        ParsedQuestion,
        comparison_question::{CHOICE_WORDS, COMPARISON_PHRASES, ComparisonQuestion, find_phrase},
    },
    reader::RankedSegment,
    text::{quantities::Quantity, synonyms::has_synonym},
};

/// Most lines of a comparison, and most things to compare.
const MAX_LINES: usize = 8;
const MAX_COMPARED_THINGS: usize = 4;
/// Share of the criteria that a row's name must contain, and of a side's terms that a sentence must contain.
const MIN_COVERAGE: f32 = 0.5;

/// Words between the two things.
const SEPARATORS: [&str; 14] =
    ["va", "so voi", "voi", "hay", "hoac", "and", "or", "vs", "versus", "with", "than", "from", "to", "khac"];

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ComparisonLine {
    /// The index of the segment it comes from.
    pub(crate) segment: usize,
    /// Text built from a table; `None` to quote the segment as it is.
    pub(crate) text: Option<String>,
}

/// A line with what decides whether it is shown.
struct ScoredLine {
    /// The share of the criteria that its name contains.
    coverage: f32,
    /// Whether its sides differ.
    differs: bool,
    line: ComparisonLine,
}

/// Compares what the question names: the lines that it asks about, else the lines that differ. `None` when the
/// passages do not have both things.
pub(crate) fn compare_side_by_side(
    passage_set: &PassageSet,
    ranked: &[RankedSegment],
    parsed: &ParsedQuestion,
    analyser: &Analyser,
) -> Option<Vec<ComparisonLine>> {
    let compared = parsed.comparison.as_ref()?;
    let mut found: Vec<(f32, Vec<ComparisonLine>)> = Vec::new();
    for table in passage_set.tables() {
        let lines = compare_columns(passage_set, &table, parsed, analyser).or_else(|| {
            let whole = table_on_page(passage_set, table[0]);
            compare_rows(passage_set, &whole, parsed, analyser)
        });
        found.extend(lines.map(|(meant, lines)| (meant + total_chance(ranked, &table), lines)));
    }
    let best = found.into_iter().reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map(|(_, lines)| lines).or_else(|| compare_sentences(passage_set, ranked, compared, analyser))
}

/// The rows of a table in all passages of its page, which may hold parts of it.
fn table_on_page(passage_set: &PassageSet, at: usize) -> Vec<usize> {
    let source = |at: usize| &passage_set.passages[passage_set.segments[at].passage].source;
    let head = |at: usize| passage_set.segments[at].row.as_ref().map(|row| &row.column_names);
    let Some(Some(names)) = head(at) else { return passage_set.table_rows(at) };
    let is_part = |other: &usize| {
        source(*other) == source(at) && head(*other).is_some_and(|head| head.as_ref() == Some(names))
    };
    (0..passage_set.segments.len()).filter(is_part).collect()
}

/// The sum of the chances of some segments.
fn total_chance(ranked: &[RankedSegment], segments: &[usize]) -> f32 {
    ranked.iter().filter(|segment| segments.contains(&segment.segment)).map(|segment| segment.chance).sum()
}

/// The names that the question contains completely, as far as they differ from the other names.
fn fully_named<'a>(
    names: impl Iterator<Item = &'a str>,
    parsed: &ParsedQuestion,
    analyser: &Analyser,
) -> Vec<usize> {
    let (names, mut amounts): (Vec<BTreeSet<String>>, Vec<Vec<Quantity>>) =
        names.map(|name| name_terms(name, analyser)).unzip();
    amounts.iter_mut().for_each(|amounts| amounts.retain(|amount| !amount.is_code()));
    // "Parcel 1 kg" and "Parcel 2 kg" differ by their amounts only.
    let has_amount = |at: usize| {
        let is_twin = |other: usize| names[other] == names[at] && amounts[other] != amounts[at];
        !(0..names.len()).any(is_twin) || amounts[at].iter().all(|amount| parsed.content.has_quantity(amount))
    };
    let others = |own: usize, word: &String| {
        names
            .iter()
            .enumerate()
            .any(|(other, name)| other != own && names[own] != *name && name.contains(word))
    };
    let is_held = |&at: &usize| {
        let mut own = names[at].iter().filter(|word| !others(at, word)).peekable();
        has_amount(at) && own.peek().is_some() && own.all(|word| parsed.content.terms.contains(word))
    };
    (0..names.len()).filter(is_held).collect()
}

/// The question's terms that neither name a compared thing nor occur above the table: the criteria of the
/// comparison.
fn comparison_criteria(
    passage_set: &PassageSet,
    table: &[usize],
    names: &[&str],
    parsed: &ParsedQuestion,
    analyser: &Analyser,
) -> BTreeSet<String> {
    let mut known: BTreeSet<String> = names.iter().flat_map(|name| name_terms(name, analyser).0).collect();
    for phrase in COMPARISON_PHRASES.iter().chain(&CHOICE_WORDS) {
        known.extend(phrase.split(' ').map(String::from));
    }
    let segment = &passage_set.segments[table[0]];
    let label = segment.label.and_then(|label| passage_set.segments.get(label));
    let above = |term: &String| {
        segment.headings.terms.contains(term) || label.is_some_and(|label| label.content.terms.contains(term))
    };
    let is_about = |term: &&String| !term.contains(' ') && !known.contains(*term) && !above(term);
    parsed.content.terms.iter().filter(is_about).cloned().collect()
}

/// The share of the terms, by weight, that a name contains.
fn term_coverage(passage_set: &PassageSet, words: &BTreeSet<String>, name: &str, analyser: &Analyser) -> f32 {
    let (name, _) = name_terms(name, analyser);
    let weight = |word: &&String| passage_set.claim_term_weight(word);
    let all: f32 = words.iter().map(|word| weight(&word)).sum();
    let have: f32 = words
        .iter()
        .filter(|word| has_synonym(|known| name.contains(known), word))
        .map(|word| weight(&word))
        .sum();
    if all > 0.0 { have / all } else { 0.0 }
}

/// The lines that match the criteria best; if none does, the lines whose sides differ, best match first.
fn select_lines(mut lines: Vec<ScoredLine>) -> Option<(f32, Vec<ComparisonLine>)> {
    let most = lines.iter().map(|line| line.coverage).fold(0.0, f32::max);
    if most >= MIN_COVERAGE {
        lines.retain(|line| line.coverage + 1e-4 >= most);
    } else {
        lines.retain(|line| line.differs);
        lines.sort_by(|a, b| b.coverage.total_cmp(&a.coverage));
    }
    lines.truncate(MAX_LINES);
    let lines: Vec<ComparisonLine> = lines.into_iter().map(|scored| scored.line).collect();
    (!lines.is_empty()).then_some((most, lines))
}

fn cells_differ(cells: &[&str]) -> bool {
    cells.windows(2).any(|pair| pair[0].trim().to_lowercase() != pair[1].trim().to_lowercase())
}

/// Formats a line such as `Storage – Free: 5 GB; Pro: 50 GB`.
fn format_line(of: &str, sides: &[(&str, &str)]) -> String {
    let cell = |cell: &str| if cell.is_empty() { "–".to_string() } else { cell.to_string() };
    let sides: Vec<String> = sides.iter().map(|(name, value)| format!("{name}: {}", cell(value))).collect();
    if of.is_empty() { sides.join("; ") } else { format!("{of} – {}", sides.join("; ")) }
}

/// Compares the columns that the question names, row by row.
fn compare_columns(
    passage_set: &PassageSet,
    table: &[usize],
    parsed: &ParsedQuestion,
    analyser: &Analyser,
) -> Option<(f32, Vec<ComparisonLine>)> {
    let head = passage_set.segments[table[0]].row.as_ref()?.column_names.clone()?;
    let named: Vec<usize> = fully_named(head.iter().skip(1).map(String::as_str), parsed, analyser)
        .iter()
        .map(|at| at + 1)
        .collect();
    if !(2..=MAX_COMPARED_THINGS).contains(&named.len()) {
        return None;
    }
    let names: Vec<&str> = named.iter().map(|&column| head[column].as_str()).collect();
    let words = comparison_criteria(passage_set, table, &names, parsed, analyser);
    let lines = table.iter().filter_map(|&segment| {
        let row: &TableRow = passage_set.segments[segment].row.as_deref()?;
        let cells: Vec<&str> = named.iter().map(|&column| row.cell(column)).collect();
        if cells.iter().all(|cell| cell.is_empty()) {
            return None;
        }
        let sides: Vec<(&str, &str)> = names.iter().copied().zip(cells.iter().copied()).collect();
        let text = Some(format_line(row.cell(0), &sides));
        Some(ScoredLine {
            coverage: term_coverage(passage_set, &words, row.cell(0), analyser),
            differs: cells_differ(&cells),
            line: ComparisonLine { segment, text },
        })
    });
    select_lines(lines.collect())
}

/// Compares the rows that the question names, column by column.
fn compare_rows(
    passage_set: &PassageSet,
    table: &[usize],
    parsed: &ParsedQuestion,
    analyser: &Analyser,
) -> Option<(f32, Vec<ComparisonLine>)> {
    let rows: Vec<&TableRow> =
        table.iter().filter_map(|&segment| passage_set.segments[segment].row.as_deref()).collect();
    let named = fully_named(rows.iter().map(|row| row.cell(0)), parsed, analyser);
    if !(2..=MAX_COMPARED_THINGS).contains(&named.len()) {
        return None;
    }
    let names: Vec<&str> = named.iter().map(|&at| rows[at].cell(0)).collect();
    let words = comparison_criteria(passage_set, table, &names, parsed, analyser);
    let lines = (1..rows[named[0]].cells.len()).filter_map(|column| {
        let cells: Vec<&str> = named.iter().map(|&at| rows[at].cell(column)).collect();
        if cells.iter().all(|cell| cell.is_empty()) {
            return None;
        }
        let sides: Vec<(&str, &str)> = names.iter().copied().zip(cells.iter().copied()).collect();
        let of = rows[named[0]].column_name(column);
        let text = Some(format_line(of, &sides));
        Some(ScoredLine {
            coverage: term_coverage(passage_set, &words, of, analyser),
            differs: cells_differ(&cells),
            line: ComparisonLine { segment: table[named[0]], text },
        })
    });
    select_lines(lines.collect())
}

/// The best sentence for each side, or one sentence about both.
fn compare_sentences(
    passage_set: &PassageSet,
    ranked: &[RankedSegment],
    compared: &ComparisonQuestion,
    analyser: &Analyser,
) -> Option<Vec<ComparisonLine>> {
    let (left, right) = split_sides(compared, analyser)?;
    let holds = |segment: &Segment, side: &BTreeSet<String>| {
        let weight = |word: &&String| passage_set.claim_term_weight(word);
        let all: f32 = side.iter().map(|word| weight(&word)).sum();
        side.iter()
            .filter(|word| passage_set.segment_has_term(segment, word))
            .map(|word| weight(&word))
            .sum::<f32>()
            > MIN_COVERAGE * all
    };
    let first = |of: &dyn Fn(&Segment) -> bool| {
        ranked.iter().map(|segment| segment.segment).find(|&at| of(&passage_set.segments[at]))
    };
    let own = |segment: &Segment, side: &BTreeSet<String>, other: &BTreeSet<String>| {
        segment.kind != SegmentKind::Label && holds(segment, side) && !holds(segment, other)
    };
    let quoted = |segment: usize| ComparisonLine { segment, text: None };
    let both = ranked.first().filter(|best| {
        holds(&passage_set.segments[best.segment], &left)
            && holds(&passage_set.segments[best.segment], &right)
    });
    if let Some(both) = both {
        return Some(vec![quoted(both.segment)]);
    }
    let (one, other) = (
        first(&|segment: &Segment| own(segment, &left, &right))?,
        first(&|segment: &Segment| own(segment, &right, &left))?,
    );
    Some(vec![quoted(one), quoted(other)])
}

/// The terms of each side that the other side lacks.
fn split_sides(
    compared: &ComparisonQuestion,
    analyser: &Analyser,
) -> Option<(BTreeSet<String>, BTreeSet<String>)> {
    let (from, to) = compared.outright?;
    let words = &compared.words;
    let content_terms = |words: &[String]| -> BTreeSet<String> {
        analyser
            .content(&words.join(" "))
            .folded
            .into_iter()
            .filter(|word| !["between", "giua"].contains(&word.as_str()))
            .collect()
    };
    for between in SEPARATORS {
        let Some((at, end)) = find_phrase(words, &[between]) else { continue };
        let left = if to <= at {
            content_terms(&compared.typed[to..at])
        } else {
            content_terms(&compared.typed[..at])
        };
        let right = if from >= end {
            content_terms(&compared.typed[end..from])
        } else {
            content_terms(&compared.typed[end..])
        };
        let only = |own: &BTreeSet<String>, other: &BTreeSet<String>| {
            own.difference(other).cloned().collect::<BTreeSet<_>>()
        };
        let (left, right) = (only(&left, &right), only(&right, &left));
        if !left.is_empty() && !right.is_empty() {
            return Some((left, right));
        }
    }
    None
}
