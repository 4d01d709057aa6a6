//! Sentences of a table's row: true ones, and ones with the value or the name of another row or column.

use hoidap_shared::text::{Language, fold};

use super::{
    Made, Maker,
    tokens::{capital, small},
};
use crate::generator::{
    passages::table::{Row, yes_or_no},
    text::{negation::is_denial, sentence_embedder::language},
};

/// Most words of a cell, of a row's name and of a column's that make a sentence.
const CELL: usize = 8;

/// What a row says in one of its cells.
#[derive(Clone)]
struct Told<'a> {
    subject: &'a str,
    column: &'a str,
    value: &'a str,
}

impl Told<'_> {
    /// As a sentence, in one of several ways; nothing for a cell that is empty or too long.
    fn sentence(&self, language: Language, way: usize) -> Option<String> {
        let Self { subject, column, value } = *self;
        let value = value.trim_end_matches('.');
        let fits =
            |text: &str| !text.is_empty() && text.split_whitespace().count() <= CELL && !text.contains(". ");
        if ![subject, column, value].into_iter().all(fits) {
            return None;
        }
        let name = small(column);
        let vietnamese = language == Language::Vi;
        let money = value.contains(['đ', '₫', '$', '€']) && value.contains(|c: char| c.is_ascii_digit());
        let price = money && ["giá", "price", "phí", "cost", "fee"].iter().any(|word| name.contains(word));
        Some(match yes_or_no(value) {
            Some(true) if vietnamese => format!("{} có {name}.", capital(subject)),
            Some(false) if vietnamese => format!("{} không có {name}.", capital(subject)),
            Some(true) => format!("{} has {name}.", capital(subject)),
            Some(false) => format!("{} does not have {name}.", capital(subject)),
            None => match (vietnamese, way % 3) {
                (true, 0) => format!("{} của {subject} là {value}.", capital(column)),
                (true, 1) if price => format!("{} có giá {value}.", capital(subject)),
                (true, _) => format!("Với {subject}, {name} là {value}."),
                (false, 0) => format!("The {name} of {subject} is {value}."),
                (false, 1) if price => format!("{} costs {value}.", capital(subject)),
                (false, _) => format!("For {subject}, the {name} is {value}."),
            },
        })
    }
}

impl Maker<'_> {
    /// The sentences of a row.
    pub(super) fn of_row(&mut self, at: usize, row: &Row, made: &mut Vec<Made>) {
        let Some(names) = row.names.clone() else { return };
        // A row that stands at the head of a table that was cut names no columns; "Cấm tải về: có" is no sentence.
        let denies = row.cell(0).split_whitespace().any(|word| is_denial(&word.to_lowercase()));
        if denies || names.iter().any(|name| yes_or_no(name).is_some()) {
            return;
        }
        let unit = &self.material.units[at];
        let language = language(&unit.text, self.language);
        let rows: Vec<_> = self
            .material
            .table_of(at)
            .into_iter()
            .filter(|&other| other != at)
            .filter_map(|other| self.material.units[other].row.clone())
            .collect();
        let (own, whole) = (unit.text.to_string(), fold(&unit.text));
        let columns: Vec<usize> = (1..row.cells.len()).collect();
        for &column in &columns {
            let told = Told { subject: row.cell(0), column: &names[column], value: row.cell(column) };
            let way = self.number(3);
            let Some(right) = told.sentence(language, way) else { continue };
            made.push(Made::right("row", language, &own, right));
            let wrong = |kind, told: Told<'_>, out: &mut Vec<Made>, maker: &Self| {
                let Some(sentence) = told.sentence(language, way) else { return };
                if !maker.tells(&sentence, None) {
                    out.push(Made::wrong(kind, language, &own, sentence));
                }
            };
            let yes = yes_or_no(told.value);
            if let Some(yes) = yes {
                let turned = match (language, yes) {
                    (Language::Vi, true) => "không",
                    (Language::Vi, false) => "có",
                    (_, true) => "no",
                    (_, false) => "yes",
                };
                let sentence = Told { value: turned, ..told.clone() }.sentence(language, way);
                made.extend(sentence.map(|sentence| Made::wrong("negation", language, &own, sentence)));
                continue;
            }
            let other_rows: Vec<_> = rows
                .iter()
                .filter(|other| {
                    let value = other.cell(column);
                    !value.is_empty() && yes_or_no(value).is_none() && !whole.contains(&fold(value))
                })
                .collect();
            if let Some(other) = self.pick(&other_rows) {
                wrong("other row", Told { value: other.cell(column), ..told.clone() }, made, self);
                let named = fold(other.cell(0));
                if !whole.contains(&named) && !other_rows.iter().any(|row| row.cell(column) == told.value) {
                    wrong("other row's name", Told { subject: other.cell(0), ..told.clone() }, made, self);
                }
            }
            let others: Vec<usize> = columns
                .iter()
                .copied()
                .filter(|&other| {
                    let value = fold(row.cell(other));
                    other != column
                        && yes_or_no(row.cell(other)).is_none()
                        && !value.is_empty()
                        && !value.contains(&fold(told.value))
                        && !fold(told.value).contains(&value)
                })
                .collect();
            if let Some(&other) = self.pick(&others)
                && let Some(sentence) =
                    (Told { value: row.cell(other), ..told.clone() }).sentence(language, way)
                && !self.tells(&sentence, Some(&own))
            {
                made.push(Made::wrong("other column", language, &own, sentence));
            }
        }
    }
}
