//! Rows of tables: what each cell says, and which rows a question about all of them means.

use std::{collections::BTreeSet, sync::Arc};

use hoidap_indices::Analyser;

use crate::generator::text::{
    clauses::{Clause, terms},
    quantities::{self, Figure},
};

/// Cells that say no, in lower case.
const NO: [&str; 20] = [
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
    "✕",
    "×",
    "❌",
    "n/a",
    "false",
    "không có",
    "chưa có",
];
/// Cells that say yes.
const YES: [&str; 12] =
    ["có", "co", "yes", "✓", "✔", "✅", "●", "true", "được", "đã có", "included", "available"];

/// A row of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// The line of its passage where its table begins.
    pub(crate) table: usize,
    /// The names of the columns, where the table has them.
    pub(crate) names: Option<Arc<Vec<String>>>,
    /// Its cells; the first one names the row.
    pub(crate) cells: Vec<String>,
}

impl Row {
    /// The name of a column.
    pub(crate) fn name(&self, column: usize) -> &str {
        self.names.as_ref().and_then(|names| names.get(column)).map_or("", String::as_str)
    }

    /// A cell; nothing behind the last one.
    pub(crate) fn cell(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }

    /// What its first cell is called by: words, and codes.
    pub(crate) fn subject(&self, analyser: &Analyser) -> (BTreeSet<String>, Vec<Figure>) {
        named(self.cell(0), analyser)
    }
}

/// The words and figures of a name.
pub(crate) fn named(name: &str, analyser: &Analyser) -> (BTreeSet<String>, Vec<Figure>) {
    let read = quantities::read(name);
    let words = terms(&read.rest, analyser).into_iter().filter(|term| !term.contains(' '));
    (words.collect(), read.claimed)
}

/// Whether a cell says yes or no; nothing when it says something else or nothing.
pub(crate) fn yes_or_no(cell: &str) -> Option<bool> {
    let lower = cell.trim().trim_end_matches('.').to_lowercase();
    if NO.contains(&lower.as_str()) {
        Some(false)
    } else if YES.contains(&lower.as_str()) {
        Some(true)
    } else {
        None
    }
}

/// What a row says of its first cell: one part for each of the other cells, told by the name of its column.
pub(crate) fn row_clauses(row: &Row, analyser: &Analyser) -> Vec<Clause> {
    let cells = row.cells.iter().enumerate().skip(1).filter(|(_, cell)| !cell.is_empty());
    cells
        .map(|(column, cell)| {
            let name = row.name(column);
            let mut clause = Clause::of(&format!("{name}. {cell}"), analyser);
            match yes_or_no(cell) {
                Some(yes) => clause.denied = !yes,
                // A column's name tells what is measured, not whether.
                None => clause.denied = Clause::of(cell, analyser).denied,
            }
            clause
        })
        .collect()
}

/// Whether words hold the whole of a name, words and codes.
pub(crate) fn holds_name(
    words: &BTreeSet<String>,
    figures: &[Figure],
    (name, codes): &(BTreeSet<String>, Vec<Figure>),
) -> bool {
    (!name.is_empty() || !codes.is_empty())
        && name.iter().all(|word| words.contains(word))
        && codes.iter().all(|code| figures.iter().any(|figure| figure.equals(code)))
}
