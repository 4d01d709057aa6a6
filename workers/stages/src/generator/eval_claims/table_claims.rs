//! Generates claims from a table row: true ones, and false ones with a value or name of another row or column.

use hoidap_shared::text::{Language, fold};

use super::{
    ClaimGenerator, SyntheticClaim,
    tokens::{capitalise, decapitalise},
};
use crate::generator::{
    passages::table::{TableRow, parse_yes_no},
    text::{negation::is_negation, sentence_embedder::sentence_language},
};

/// Most words of a cell, row name or column name.
const MAX_CELL_WORDS: usize = 8;

#[derive(Clone)]
struct CellStatement<'a> {
    subject: &'a str,
    column: &'a str,
    value: &'a str,
}

impl CellStatement<'_> {
    /// Writes it as a sentence; `way` chooses the wording. `None` for an empty or long cell.
    fn sentence(&self, language: Language, way: usize) -> Option<String> {
        let Self { subject, column, value } = *self;
        let value = value.trim_end_matches('.');
        let fits = |text: &str| {
            !text.is_empty() && text.split_whitespace().count() <= MAX_CELL_WORDS && !text.contains(". ")
        };
        if ![subject, column, value].into_iter().all(fits) {
            return None;
        }
        let name = decapitalise(column);
        let vietnamese = language == Language::Vi;
        let money = value.contains(['đ', '₫', '$', '€']) && value.contains(|c: char| c.is_ascii_digit());
        let price = money && ["giá", "price", "phí", "cost", "fee"].iter().any(|word| name.contains(word));
        Some(match parse_yes_no(value) {
            Some(true) if vietnamese => format!("{} có {name}.", capitalise(subject)),
            Some(false) if vietnamese => format!("{} không có {name}.", capitalise(subject)),
            Some(true) => format!("{} has {name}.", capitalise(subject)),
            Some(false) => format!("{} does not have {name}.", capitalise(subject)),
            None => match (vietnamese, way % 3) {
                (true, 0) => format!("{} của {subject} là {value}.", capitalise(column)),
                (true, 1) if price => format!("{} có giá {value}.", capitalise(subject)),
                (true, _) => format!("Với {subject}, {name} là {value}."),
                (false, 0) => format!("The {name} of {subject} is {value}."),
                (false, 1) if price => format!("{} costs {value}.", capitalise(subject)),
                (false, _) => format!("For {subject}, the {name} is {value}."),
            },
        })
    }
}

impl ClaimGenerator<'_> {
    pub(super) fn claims_of_row(&mut self, at: usize, row: &TableRow, made: &mut Vec<SyntheticClaim>) {
        let Some(names) = row.column_names.clone() else { return };
        // A header that was cut from its table has no column names, and "Cấm tải về: có" is no sentence.
        let denies = row.cell(0).split_whitespace().any(|word| is_negation(&word.to_lowercase()));
        if denies || names.iter().any(|name| parse_yes_no(name).is_some()) {
            return;
        }
        let segment = &self.passage_set.segments[at];
        let language = sentence_language(&segment.text, self.language);
        let rows: Vec<_> = self
            .passage_set
            .table_rows(at)
            .into_iter()
            .filter(|&other| other != at)
            .filter_map(|other| self.passage_set.segments[other].row.clone())
            .collect();
        let (own, whole) = (segment.text.to_string(), fold(&segment.text));
        let columns: Vec<usize> = (1..row.cells.len()).collect();
        for &column in &columns {
            let told =
                CellStatement { subject: row.cell(0), column: &names[column], value: row.cell(column) };
            let way = self.random_below(3);
            let Some(right) = told.sentence(language, way) else { continue };
            made.push(SyntheticClaim::right("row", language, &own, right));
            let wrong = |kind, told: CellStatement<'_>, out: &mut Vec<SyntheticClaim>, maker: &Self| {
                let Some(sentence) = told.sentence(language, way) else { return };
                if !maker.is_stated(&sentence, None) {
                    out.push(SyntheticClaim::wrong(kind, language, &own, sentence));
                }
            };
            let yes = parse_yes_no(told.value);
            if let Some(yes) = yes {
                let turned = match (language, yes) {
                    (Language::Vi, true) => "không",
                    (Language::Vi, false) => "có",
                    (_, true) => "no",
                    (_, false) => "yes",
                };
                let sentence = CellStatement { value: turned, ..told.clone() }.sentence(language, way);
                made.extend(
                    sentence.map(|sentence| SyntheticClaim::wrong("negation", language, &own, sentence)),
                );
                continue;
            }
            let other_rows: Vec<_> = rows
                .iter()
                .filter(|other| {
                    let value = other.cell(column);
                    !value.is_empty() && parse_yes_no(value).is_none() && !whole.contains(&fold(value))
                })
                .collect();
            if let Some(other) = self.random_choice(&other_rows) {
                wrong("other row", CellStatement { value: other.cell(column), ..told.clone() }, made, self);
                let named = fold(other.cell(0));
                if !whole.contains(&named) && !other_rows.iter().any(|row| row.cell(column) == told.value) {
                    wrong(
                        "other row's name",
                        CellStatement { subject: other.cell(0), ..told.clone() },
                        made,
                        self,
                    );
                }
            }
            let others: Vec<usize> = columns
                .iter()
                .copied()
                .filter(|&other| {
                    let value = fold(row.cell(other));
                    other != column
                        && parse_yes_no(row.cell(other)).is_none()
                        && !value.is_empty()
                        && !value.contains(&fold(told.value))
                        && !fold(told.value).contains(&value)
                })
                .collect();
            if let Some(&other) = self.random_choice(&others)
                && let Some(sentence) =
                    (CellStatement { value: row.cell(other), ..told.clone() }).sentence(language, way)
                && !self.is_stated(&sentence, Some(&own))
            {
                made.push(SyntheticClaim::wrong("other column", language, &own, sentence));
            }
        }
    }
}
