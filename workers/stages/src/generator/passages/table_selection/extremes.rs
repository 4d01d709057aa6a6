//! Selects the rows or columns of a table with the highest or lowest value.

use std::collections::BTreeSet;

use hoidap_indices::Analyser;

use super::{MIN_COVERAGE, complete_tables, name_coverage, table_relevance, text_before};
use crate::generator::{
    passages::{
        passage_set::PassageSet,
        table::{TableRow, name_terms, parse_yes_no},
    },
    text::{
        clauses::content_terms,
        negation::canonical_form,
        quantities::{self, Quantity},
        superlative::{ComparedMeasure, Superlative},
    },
};

/// Words for a kind of thing, beside the name of what is compared: "loại nào", "which one".
const KIND_WORDS: &str = "loại cái chiếc kiểu mẫu one kind type option";
/// From this share of its terms on, a question contains a column's whole name.
const WHOLE_NAME: f32 = 0.999;
/// Cells without a value.
const EMPTY_CELLS: [&str; 6] = ["", "-", "–", "—", "n/a", "N/A"];

/// The rows that a superlative selects.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SelectedRows {
    /// The indices of the rows among the segments.
    pub(crate) segments: Vec<usize>,
    /// The names of the selected rows, or of the selected columns of one row.
    pub(crate) names: Vec<(BTreeSet<String>, Vec<Quantity>)>,
}

/// Selects by a superlative, if a single table decides. `words` say what is compared. With `only_matching_rows`,
/// only rows that contain these words count.
pub(crate) fn select_extreme(
    passage_set: &PassageSet,
    analyser: &Analyser,
    degree: &Superlative,
    words: &BTreeSet<String>,
    only_matching_rows: bool,
) -> Option<SelectedRows> {
    let told = content_terms(&degree.words, analyser);
    let kinds = content_terms(KIND_WORDS, analyser);
    let names = |word: &str| told.contains(word) || kinds.contains(word);
    let words: BTreeSet<String> = words.iter().filter(|word| !word.split(' ').any(names)).cloned().collect();
    // Words that no passage contains count only if none is contained.
    let is_known = |word: &String| passage_set.segments_with_term(word).contains(&true);
    let known: BTreeSet<String> = words.iter().filter(|word| is_known(word)).cloned().collect();
    let words = if known.iter().any(|word| !word.contains(' ')) { &known } else { &words };
    let mut found: Vec<(f32, SelectedRows)> = Vec::new();
    for table in complete_tables(passage_set) {
        let about = table_relevance(passage_set, &table, words);
        let rows = if only_matching_rows {
            let rows = rows_with_features(passage_set, &table, words, analyser);
            matching_rows(passage_set, &rows, words, analyser)
        } else {
            table.clone()
        };
        let best = extreme_of_rows(passage_set, analyser, degree, words, &rows)
            .or_else(|| extreme_of_columns(passage_set, analyser, degree, words, &table));
        if let Some((named, best)) = best.filter(|(named, _)| about.max(*named) >= MIN_COVERAGE) {
            // Of two tables with the column, the one about the question's other words counts.
            found.push((about + named, best));
        }
    }
    let top = found.iter().map(|(about, _)| *about).fold(0.0, f32::max);
    let mut top = found.into_iter().filter(|(about, _)| *about + 1e-4 >= top).map(|(_, best)| best);
    let first = top.next()?;
    // Tables that disagree decide nothing.
    top.all(|other| other.names == first.names).then_some(first)
}

/// The rows that a yes or no in a column named by the question leaves: "the cheapest room with air conditioning".
fn rows_with_features(
    passage_set: &PassageSet,
    table: &[usize],
    words: &BTreeSet<String>,
    analyser: &Analyser,
) -> Vec<usize> {
    let row = |at: usize| passage_set.segments[at].row.as_deref();
    let Some(first) = table.first().and_then(|&first| row(first)) else { return Vec::new() };
    let value = |at: usize, column: usize| row(at).and_then(|row| parse_yes_no(row.cell(column)));
    let asked: Vec<usize> = (1..first.cells.len())
        .filter(|&column| {
            table.iter().all(|&at| value(at, column).is_some())
                && name_coverage(passage_set, first.column_name(column), words, analyser) >= WHOLE_NAME
        })
        .collect();
    table.iter().copied().filter(|&at| asked.iter().all(|&column| value(at, column) == Some(true))).collect()
}

/// The rows that contain every term which only some rows contain; all rows if there is no such term. A term of the headings
/// or of the names of the columns says what is compared, not which row.
fn matching_rows(
    passage_set: &PassageSet,
    table: &[usize],
    words: &BTreeSet<String>,
    analyser: &Analyser,
) -> Vec<usize> {
    let own = |at: usize, word: &str| passage_set.segments[at].content.terms.contains(word);
    let Some(first) = table.first().map(|&first| &passage_set.segments[first]) else { return Vec::new() };
    let names = first.row.as_ref().and_then(|row| row.column_names.as_ref());
    let columns = names.map(|names| content_terms(&names.join(". "), analyser)).unwrap_or_default();
    let label = first.label.and_then(|label| passage_set.segments.get(label));
    let is_category = |word: &String| {
        columns.contains(word)
            || first.headings.terms.contains(word)
            || label.is_some_and(|label| label.content.terms.contains(word))
    };
    let telling: Vec<&String> = words
        .iter()
        .filter(|word| !is_category(word))
        .filter(|word| table.iter().any(|&at| own(at, word)) && !table.iter().all(|&at| own(at, word)))
        .collect();
    table.iter().copied().filter(|&at| telling.iter().all(|word| own(at, word))).collect()
}

fn extreme_of_rows(
    passage_set: &PassageSet,
    analyser: &Analyser,
    degree: &Superlative,
    words: &BTreeSet<String>,
    table: &[usize],
) -> Option<(f32, SelectedRows)> {
    let rows: Vec<&TableRow> =
        table.iter().filter_map(|&at| passage_set.segments[at].row.as_deref()).collect();
    // A single row cannot be compared.
    let first = rows.first().filter(|_| rows.len() > 1)?;
    let context = price_context(passage_set, table);
    let mut options: Vec<(f32, Vec<usize>)> = Vec::new();
    let mut best_named: f32 = 0.0;
    for column in 1..first.cells.len() {
        let cells: Vec<&str> = rows.iter().map(|row| row.cell(column)).collect();
        let name = first.column_name(column);
        let fits = name_coverage(passage_set, name, words, analyser);
        if !cells.iter().all(|cell| parse_yes_no(cell).is_some()) {
            best_named = best_named.max(fits);
        }
        if let Some(values) = comparable_values(&cells, name, context, degree) {
            options.push((fits, extreme_indices(&values, degree.is_maximum)));
        }
    }
    let (named, picked) = unanimous(options, degree)?;
    // The column that the question names decides, or none.
    if best_named >= WHOLE_NAME && named < best_named {
        return None;
    }
    let best = SelectedRows {
        segments: picked.iter().map(|&i| table[i]).collect(),
        names: picked.iter().map(|&i| rows[i].row_name(analyser)).collect(),
    };
    Some((named, best))
}

fn extreme_of_columns(
    passage_set: &PassageSet,
    analyser: &Analyser,
    degree: &Superlative,
    words: &BTreeSet<String>,
    table: &[usize],
) -> Option<(f32, SelectedRows)> {
    let mut options = Vec::new();
    let mut rows = Vec::new();
    for &at in table {
        let Some(row) = passage_set.segments[at].row.as_deref().filter(|row| row.cells.len() > 2) else {
            continue;
        };
        let cells: Vec<&str> = row.cells[1..].iter().map(String::as_str).collect();
        if let Some(values) = comparable_values(&cells, &row.cells[0], false, degree) {
            options.push((
                name_coverage(passage_set, &row.cells[0], words, analyser),
                extreme_indices(&values, degree.is_maximum),
            ));
            rows.push((at, row));
        }
    }
    let (top, picked) = unanimous(options.clone(), degree)?;
    let (at, row) =
        rows.iter().zip(&options).find(|(_, (fits, _))| *fits + 1e-4 >= top).map(|(row, _)| row)?;
    let names = picked.iter().map(|&i| name_terms(row.column_name(i + 1), analyser)).collect();
    Some((top, SelectedRows { segments: vec![*at], names }))
}

/// The selection of the best matching column, if all equally matching columns agree.
fn unanimous(options: Vec<(f32, Vec<usize>)>, degree: &Superlative) -> Option<(f32, Vec<usize>)> {
    let top = options.iter().map(|(fits, _)| *fits).fold(0.0, f32::max);
    // "The largest" does not say of what; it is clear only with a single column.
    if degree.measure == ComparedMeasure::Amount && top <= 0.0 && options.len() > 1 {
        return None;
    }
    let mut best = options.into_iter().filter(|(fits, _)| *fits + 1e-4 >= top).map(|(_, picked)| picked);
    let first = best.next()?;
    best.all(|other| other == first).then_some((top, first))
}

/// Whether the headings of a table, or the text before it, say that its numbers are prices.
fn price_context(passage_set: &PassageSet, table: &[usize]) -> bool {
    const PRICE_TERMS: [&str; 5] = ["price", "fee", "cost", "fare", "gia"];
    let Some(&first) = table.first() else { return false };
    let before = text_before(passage_set, table);
    let mut segments = before.chain([first]).map(|at| &passage_set.segments[at]);
    segments.any(|segment| {
        PRICE_TERMS.iter().any(|term| {
            segment.headings.terms.contains(*term)
                || segment.row.is_none() && segment.content.terms.contains(*term)
        })
    })
}

/// The cells as comparable values, larger for more of the measure: `None` for an empty cell or a dash. Of a range, the end that
/// is compared. No values when a cell has none, when they measure something else, or when fewer than two are left.
/// With `prices`, numbers without a unit are prices.
fn comparable_values(
    cells: &[&str],
    name: &str,
    prices: bool,
    degree: &Superlative,
) -> Option<Vec<Option<f64>>> {
    let low = canonical_form(name);
    let calls = |words: &[&str]| words.iter().any(|word| low.contains(word));
    let free = |cell: &str| {
        degree.measure == ComparedMeasure::Price
            && matches!(canonical_form(cell).as_str(), "free" | "miễn phí" | "0")
    };
    let (mut measure, mut currency) = (None, None);
    let mut values = Vec::new();
    for cell in cells {
        if free(cell) {
            values.push(Some(0.0));
            continue;
        }
        if EMPTY_CELLS.contains(&cell.trim()) {
            values.push(None);
            continue;
        }
        let read = quantities::extract(cell);
        let (first, others) = read.stated.split_first()?;
        let (mut value, of) = first.amount()?;
        for other in others {
            let (other_value, other_of) = other.amount()?;
            if others.len() > 1 || other_of != of || other.currency() != first.currency() {
                return None;
            }
            value = if degree.is_maximum { value.max(other_value) } else { value.min(other_value) };
        }
        if *measure.get_or_insert(of) != of || *currency.get_or_insert(first.currency()) != first.currency() {
            return None;
        }
        values.push(Some(value));
    }
    if values.iter().flatten().count() < 2 {
        return None;
    }
    let rate = cells.iter().all(|cell| cell.contains('/') || cell.to_lowercase().contains("bps"));
    let fits = match (degree.measure, measure.flatten()) {
        (ComparedMeasure::Price, Some("money")) => true,
        (ComparedMeasure::Price, None) => {
            prices
                || calls(&[
                    "giá", "phí", "tiền", "price", "cost", "fee", "fare", "vnd", "vnđ", "đồng", "eur", "usd",
                    "€", "$",
                ])
        }
        (ComparedMeasure::Speed, Some("time")) => {
            // The fastest takes the least time.
            if !rate {
                values.iter_mut().flatten().for_each(|value| *value = -*value);
            }
            true
        }
        (ComparedMeasure::Speed, _) => rate || calls(&["tốc độ", "speed"]),
        (ComparedMeasure::Weight, Some("weight")) | (ComparedMeasure::Length, Some("time" | "length")) => {
            true
        }
        (ComparedMeasure::Weight, None) => calls(&["nặng", "khối lượng", "trọng lượng", "weight"]),
        (ComparedMeasure::Amount, Some("money")) => false,
        (ComparedMeasure::Amount, _) => true,
        _ => false,
    };
    fits.then_some(values)
}

fn extreme_indices(values: &[Option<f64>], most: bool) -> Vec<usize> {
    let better = |a: f64, b: f64| if most { a.max(b) } else { a.min(b) };
    let best = values.iter().flatten().copied().reduce(better);
    values
        .iter()
        .enumerate()
        .filter(|(_, value)| value.is_some() && **value == best)
        .map(|(i, _)| i)
        .collect()
}
