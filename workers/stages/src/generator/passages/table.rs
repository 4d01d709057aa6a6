//! Table rows: cells, column names, and the clauses that they state.

use std::{collections::BTreeSet, sync::Arc};

use hoidap_indices::Analyser;

use crate::generator::text::{
    clauses::{Clause, content_terms},
    quantities::{self, Quantity},
};

/// Cells that mean "no", in lower case.
const NO_CELLS: [&str; 21] = [
    "không",
    "khong",
    "ko",
    "k",
    "chưa",
    "no",
    "none",
    "not",
    "-",
    "–",
    "—",
    "✗",
    "✘",
    "✖",
    "✕",
    "×",
    "❌",
    "n/a",
    "false",
    "không có",
    "chưa có",
];
/// Cells that mean "yes".
const YES_CELLS: [&str; 12] =
    ["có", "co", "yes", "✓", "✔", "✅", "●", "true", "được", "đã có", "included", "available"];

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TableRow {
    /// The line of the passage where its table starts; identifies the table.
    pub(crate) table: usize,
    /// The column names, if the table has a header.
    pub(crate) column_names: Option<Arc<Vec<String>>>,
    /// The cells; the first one names the row.
    pub(crate) cells: Vec<String>,
}

impl TableRow {
    /// A column's name; empty without a header.
    pub(crate) fn column_name(&self, column: usize) -> &str {
        self.column_names.as_ref().and_then(|names| names.get(column)).map_or("", String::as_str)
    }

    /// A cell; empty past the last one.
    pub(crate) fn cell(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }

    /// The terms and codes of its first cell.
    pub(crate) fn row_name(&self, analyser: &Analyser) -> (BTreeSet<String>, Vec<Quantity>) {
        name_terms(self.cell(0), analyser)
    }

    /// Whether some words and quantities name a column: all its words, and its amounts where another column has the same words
    /// ("Parcel 1 kg", "Parcel 2 kg").
    pub(crate) fn is_column_named(
        &self,
        column: usize,
        words: &BTreeSet<String>,
        quantities: &[Quantity],
        analyser: &Analyser,
    ) -> bool {
        let (name, mut amounts) = name_terms(self.column_name(column), analyser);
        if name.is_empty() || !name.iter().all(|word| words.contains(word)) {
            return false;
        }
        amounts.retain(|amount| !amount.is_code());
        !amounts.is_empty()
            && amounts.iter().all(|amount| quantities.iter().any(|known| known.equals(amount)))
            || !(1..self.cells.len())
                .any(|other| other != column && name_terms(self.column_name(other), analyser).0 == name)
    }

    /// Whether some words and quantities state a cell's value: one of its quantities, else half of its words, of those that neither
    /// the column's name nor another cell of the row has.
    pub(crate) fn is_value_stated(
        &self,
        column: usize,
        words: &BTreeSet<String>,
        quantities: &[Quantity],
        analyser: &Analyser,
    ) -> bool {
        let (mut own, mut values) = name_terms(self.cell(column), analyser);
        let has_values = !values.is_empty();
        let (column_name, _) = name_terms(self.column_name(column), analyser);
        own.retain(|word| !column_name.contains(word));
        for other in (0..self.cells.len()).filter(|other| *other != column) {
            let (theirs, their_values) = name_terms(self.cell(other), analyser);
            own.retain(|word| !theirs.contains(word));
            values.retain(|value| !their_values.iter().any(|known| known.equals(value)));
        }
        if has_values {
            return values.iter().any(|value| quantities.iter().any(|known| value.equals(known)));
        }
        let held = own.iter().filter(|word| words.contains(*word)).count();
        held > 0 && held * 2 >= own.len()
    }
}

/// The terms and quantities of a name.
pub(crate) fn name_terms(name: &str, analyser: &Analyser) -> (BTreeSet<String>, Vec<Quantity>) {
    let read = quantities::extract(name);
    let words =
        content_terms(&read.without_quantities, analyser).into_iter().filter(|term| !term.contains(' '));
    (words.collect(), read.stated)
}

/// Whether a cell means yes or no; `None` for anything else.
pub(crate) fn parse_yes_no(cell: &str) -> Option<bool> {
    // Without the selector of an emoji.
    let lower = cell.trim().trim_end_matches(['.', '\u{FE0F}', '\u{FE0E}']).to_lowercase();
    if NO_CELLS.contains(&lower.as_str()) {
        Some(false)
    } else if YES_CELLS.contains(&lower.as_str()) {
        Some(true)
    } else {
        None
    }
}

/// The statements of a row: one clause for each cell after the first, with its column's name.
pub(crate) fn row_clauses(row: &TableRow, analyser: &Analyser) -> Vec<Clause> {
    let cells = row.cells.iter().enumerate().skip(1).filter(|(_, cell)| !cell.is_empty());
    cells
        .map(|(column, cell)| {
            let name = row.column_name(column);
            let mut clause = Clause::parse(&format!("{name}. {cell}"), analyser);
            match parse_yes_no(cell) {
                Some(yes) => clause.negated = !yes,
                // A negation in a column's name does not negate the cell.
                None => clause.negated = Clause::parse(cell, analyser).negated,
            }
            clause
        })
        .collect()
}

/// Whether some terms and quantities contain a complete name.
pub(crate) fn contains_name(
    words: &BTreeSet<String>,
    quantities: &[Quantity],
    (name, codes): &(BTreeSet<String>, Vec<Quantity>),
) -> bool {
    (!name.is_empty() || !codes.is_empty())
        && name.iter().all(|word| words.contains(word))
        && codes.iter().all(|code| quantities.iter().any(|quantity| quantity.equals(code)))
}
