//! Whether a sentence takes the values of a table from rows and columns that it does not name, for sentences that a whole
//! passage may support.

use std::collections::BTreeSet;

use super::{Verifier, passage_support::is_value};
use crate::generator::{
    passages::{
        segmenter::Segment,
        table::{TableRow, contains_name, name_terms, parse_yes_no},
    },
    text::quantities::{self, Quantity},
    verifier::claim::Claim,
};

impl Verifier<'_> {
    /// Whether a passage has a value only in table cells that are not the claim's: the claim names another row of the table, or
    /// another column with values.
    pub(super) fn is_of_other_cell(&self, passage: usize, claim: &Claim, value: &Quantity) -> bool {
        let (from, segments) = self.passage_set.segments_of_passage(passage);
        let holds = |segment: &Segment| segment.content.quantities.iter().any(|known| is_value(known, value));
        let rows: Vec<usize> =
            (from..).zip(segments).filter(|(_, segment)| holds(segment)).map(|(at, _)| at).collect();
        let is_row = |at: &usize| self.passage_set.segments[*at].row.is_some();
        if rows.is_empty() || !rows.iter().all(is_row) {
            return false;
        }
        let terms = claim.words();
        let is_named =
            |row: &usize| self.passage_set.is_row_named(*row, &terms, &claim.quantities, self.analyser);
        let of_table = rows.iter().flat_map(|row| self.passage_set.table_rows(*row));
        let named: BTreeSet<usize> = of_table.filter(is_named).collect();
        if named.is_empty() || rows.iter().any(|row| named.contains(row)) {
            let mut candidates = rows.iter().filter(|row| named.is_empty() || named.contains(row));
            return candidates.all(|row| self.is_of_other_column(*row, claim, &terms, value));
        }
        // A row that is named, and of which nothing is said.
        named.iter().any(|row| {
            let row = self.passage_set.segments[*row].row.as_deref();
            row.is_some_and(|row| {
                !(1..row.cells.len()).any(|column| has_any(row.cell(column), &claim.quantities))
            })
        })
    }

    /// Whether a claim names a column of a row, and has none of its values, but that of another column.
    fn is_of_other_column(
        &self,
        row: usize,
        claim: &Claim,
        terms: &BTreeSet<String>,
        value: &Quantity,
    ) -> bool {
        let Some(row) = self.passage_set.segments[row].row.as_deref() else { return false };
        let one = std::slice::from_ref(value);
        let is_in_a_name = || (1..row.cells.len()).any(|column| has_any(row.column_name(column), one));
        if has_any(row.cell(0), one) || is_in_a_name() {
            return false;
        }
        let mut named = (1..row.cells.len()).filter(|column| {
            let has_values = !quantities::extract(row.cell(*column)).stated.is_empty();
            has_values && row.is_column_named(*column, terms, &claim.quantities, self.analyser)
        });
        named.any(|column| !has_any(row.cell(column), &claim.quantities))
    }

    /// Whether a claim names rows of tables, and says of them what only other rows say, or the opposite of a yes or no, while no
    /// table has a value of the claim in a row that it names.
    pub(super) fn contradicts_tables(&self, claim: &Claim) -> bool {
        let (asked, terms) = (claim.context_terms(), claim.words());
        let (mut contradicts, mut agrees) = (false, false);
        for table in self.passage_set.tables() {
            let named = self.most_specific_rows(&table, &terms, claim);
            if named.is_empty() {
                continue;
            }
            let mut others = table.iter().filter(|at| !named.contains(at));
            let leaves_out =
                || matches!(named[..], [row] if self.leaves_out_cell(row, &table, &terms, claim));
            if leaves_out()
                || named.iter().any(|at| self.denies_cell(*at, claim, named.len() == 1))
                || others.any(|&other| self.says_cell_of(other, &named, &asked, &terms, claim))
            {
                contradicts = true;
            } else {
                agrees |=
                    named.iter().filter_map(|at| self.passage_set.segments[*at].row.as_deref()).any(|row| {
                        let mut columns = 1..row.cells.len();
                        columns.any(|column| {
                            row.is_value_stated(column, &terms, &claim.quantities, self.analyser)
                        })
                    });
            }
        }
        contradicts && !agrees
    }

    /// The rows that a claim names by all that distinguishes their names, without those whose names are part of another's.
    fn most_specific_rows(&self, table: &[usize], terms: &BTreeSet<String>, claim: &Claim) -> Vec<usize> {
        let names: Vec<_> = table
            .iter()
            .map(|&at| (at, self.passage_set.distinguishing_names(at, self.analyser)))
            .filter(|(_, name)| contains_name(terms, &claim.quantities, name))
            .collect();
        let is_part = |(words, codes): &(BTreeSet<String>, Vec<Quantity>)| {
            names.iter().any(|(_, (more, more_codes))| {
                words.is_subset(more)
                    && codes.iter().all(|code| more_codes.iter().any(|known| known.equals(code)))
                    && words.len() + codes.len() < more.len() + more_codes.len()
            })
        };
        names.iter().filter(|(_, name)| !is_part(name)).map(|(at, _)| *at).collect()
    }

    /// Whether a claim names a column beside a row and states another value of that row or column instead of their cell's.
    fn leaves_out_cell(&self, at: usize, table: &[usize], terms: &BTreeSet<String>, claim: &Claim) -> bool {
        let rows: Vec<&TableRow> =
            table.iter().filter_map(|&at| self.passage_set.segments[at].row.as_deref()).collect();
        let Some(row) = self.passage_set.segments[at].row.as_deref() else { return false };
        let states = |row: &TableRow, column: usize| {
            row.is_value_stated(column, terms, &claim.quantities, self.analyser)
        };
        let is_named = |column: &usize| row.is_column_named(*column, terms, &claim.quantities, self.analyser);
        let columns: Vec<usize> = (1..row.cells.len()).filter(is_named).collect();
        let [column] = columns[..] else { return false };
        let cell = row.cell(column);
        !cell.is_empty()
            && parse_yes_no(cell).is_none()
            && !states(row, column)
            && ((1..row.cells.len()).any(|other| states(row, other))
                || rows.iter().any(|other| states(other, column)))
    }

    /// Whether a clause denies a "yes" of a row, or affirms a "no".
    fn denies_cell(&self, at: usize, claim: &Claim, is_alone: bool) -> bool {
        let Some(row) = self.passage_set.segments[at].row.as_deref() else { return false };
        let name = self.passage_set.distinguishing_names(at, self.analyser);
        (1..row.cells.len()).any(|column| {
            let Some(is_yes) = parse_yes_no(row.cell(column)) else { return false };
            let (column_name, _) = name_terms(row.column_name(column), self.analyser);
            let is_about = |terms: &BTreeSet<String>| {
                !column_name.is_empty() && column_name.iter().all(|word| terms.contains(word))
            };
            claim.clauses.iter().any(|clause| {
                is_about(&clause.terms)
                    && (is_alone || contains_name(&clause.terms, &clause.quantities, &name))
                    && clause.negated == is_yes
            })
        })
    }

    /// Whether a claim has all words of a cell, and some of them neither the named rows nor the question has.
    fn says_cell_of(
        &self,
        other: usize,
        named: &[usize],
        asked: &BTreeSet<&String>,
        terms: &BTreeSet<String>,
        claim: &Claim,
    ) -> bool {
        let Some(row) = self.passage_set.segments[other].row.as_deref() else { return false };
        let claims = |word: &String| claim.weight_of(word) > 0.0;
        let is_known = |word: &String| {
            let has = |at: &usize| self.passage_set.segment_has_term(&self.passage_set.segments[*at], word);
            asked.contains(word) || named.iter().any(has)
        };
        let is_strange = |code: &Quantity| {
            let has =
                |at: &usize| self.passage_set.segment_has_quantity(&self.passage_set.segments[*at], code);
            code.is_code() && !named.iter().any(has)
        };
        let is_named = |column: usize| row.is_column_named(column, terms, &claim.quantities, self.analyser);
        (1..row.cells.len()).any(|column| {
            let (words, codes) = name_terms(row.cell(column), self.analyser);
            let has_codes = codes.iter().all(|code| claim.quantities.iter().any(|known| known.equals(code)));
            // A single word stands in many sentences.
            (words.len() + codes.len() > 1 || codes.iter().any(is_strange) || is_named(column))
                && has_codes
                && words.iter().all(claims)
                && (words.iter().any(|word| !is_known(word)) || codes.iter().any(is_strange))
        })
    }
}

/// Whether a text has one of some quantities.
fn has_any(text: &str, any: &[Quantity]) -> bool {
    quantities::extract(text).stated.iter().any(|known| any.iter().any(|value| is_value(known, value)))
}
