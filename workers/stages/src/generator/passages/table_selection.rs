//! Selects rows by comparing a whole table: the cheapest, or those with or without a feature.

use std::{collections::BTreeSet, ops::Range};

use hoidap_indices::Analyser;
use hoidap_shared::job::LineKind;

use crate::generator::{
    passages::{
        passage_set::PassageSet,
        table::{TableRow, name_terms, parse_yes_no},
    },
    text::{
        clauses::content_terms,
        negation::{canonical_form, is_negated, split_words},
        quantities::{self, Quantity},
        superlative::{ComparedMeasure, Superlative, find_superlative},
        synonyms::has_synonym,
    },
};

/// Most selected rows; more would repeat the table.
const MAX_ROWS: usize = 12;
/// A column or table matches with at least this share of the terms that ask for it.
const MIN_COVERAGE: f32 = 0.5;

/// Cells that announce a feature.
const ANNOUNCEMENTS: [&str; 4] = ["sắp có", "sắp ra mắt", "coming soon", "soon"];

/// Words before "nào" with which it does not ask for a choice.
const NON_CHOICE_BEFORE_NAO: [&str; 10] =
    ["thế", "khi", "lúc", "chừng", "cách", "nơi", "giờ", "ngày", "hồi", "đời"];

/// A question that asks for a selection from several things.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SelectionQuestion {
    /// The one with the highest or lowest value.
    Extreme(Superlative),
    /// Those with a feature.
    With,
    /// Those without it.
    Without,
}

/// Detects what a question asks to select, if anything.
pub(crate) fn detect_selection(question: &str) -> Option<SelectionQuestion> {
    let low = canonical_form(question);
    let text = format!(" {} ", split_words(&low).collect::<Vec<_>>().join(" "));
    let any = |words: &[&str]| words.iter().any(|word| text.contains(&format!(" {word} ")));
    let words: Vec<&str> = split_words(&low).collect();
    // "Thế nào" and "khi nào" ask how and when. "Which" inside a sentence is a relative pronoun.
    let nao = |i: usize| words[i] == "nào" && i > 0 && !NON_CHOICE_BEFORE_NAO.contains(&words[i - 1]);
    let which =
        (0..words.len()).any(nao) || words.iter().take(3).any(|word| *word == "which") || any(&["những gì"]);
    if let Some(degree) = find_superlative(&low) {
        let one = which
            || degree.measure == ComparedMeasure::Price && !any(&["lowest price", "highest price"])
            || any(&["who", "ai"]);
        return one.then_some(SelectionQuestion::Extreme(degree));
    }
    if !(which || any(&["without"]) && any(&["any", "is there", "are there", "list"])) {
        return None;
    }
    // The final "không" is a question word, not a negation.
    let body = text.trim_end();
    let body = [" không", " ko", " khong", " chưa", " k"]
        .iter()
        .find_map(|end| body.strip_suffix(end))
        .unwrap_or(body);
    Some(if is_negated(body) { SelectionQuestion::Without } else { SelectionQuestion::With })
}

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
    let words =
        words.iter().filter(|word| !word.split(' ').any(|part| told.contains(part))).cloned().collect();
    let words: &BTreeSet<String> = &words;
    let mut found: Vec<(f32, SelectedRows)> = Vec::new();
    for table in complete_tables(passage_set) {
        let about = table_relevance(passage_set, &table, words);
        let rows = if only_matching_rows { matching_rows(passage_set, &table, words) } else { table.clone() };
        let best = extreme_of_rows(passage_set, analyser, degree, words, &rows)
            .or_else(|| extreme_of_columns(passage_set, analyser, degree, words, &table));
        if let Some((named, best)) = best.filter(|(named, _)| about.max(*named) >= MIN_COVERAGE) {
            found.push((about.max(named), best));
        }
    }
    let top = found.iter().map(|(about, _)| *about).fold(0.0, f32::max);
    let mut top = found.into_iter().filter(|(about, _)| *about + 1e-4 >= top).map(|(_, best)| best);
    let first = top.next()?;
    // Tables that disagree decide nothing.
    top.all(|other| other.names == first.names).then_some(first)
}

/// Selects the rows with or without a feature, if a table has a column for it.
pub(crate) fn select_by_feature(
    passage_set: &PassageSet,
    analyser: &Analyser,
    words: &BTreeSet<String>,
    without: bool,
) -> Option<Vec<usize>> {
    let mut best: Option<(f32, Vec<usize>)> = None;
    for table in complete_tables(passage_set) {
        let rows: Vec<&TableRow> =
            table.iter().filter_map(|&at| passage_set.segments[at].row.as_deref()).collect();
        let Some(first) = rows.first() else { continue };
        for column in 1..first.cells.len() {
            let cells: Vec<Option<bool>> = rows.iter().map(|row| cell_value(row.cell(column))).collect();
            let says_no = rows.iter().any(|row| parse_yes_no(row.cell(column)) == Some(false));
            let about = name_coverage(passage_set, first.column_name(column), words, analyser);
            if !says_no || cells.contains(&None) || about < MIN_COVERAGE {
                continue;
            }
            let about = about + table_relevance(passage_set, &table, words);
            let picked =
                table.iter().zip(&cells).filter(|(_, cell)| **cell == Some(!without)).map(|(at, _)| *at);
            if best.as_ref().is_none_or(|(known, _)| about > *known) {
                best = Some((about, picked.collect()));
            }
        }
        // Where things are columns, a feature is a row.
        for (&at, row) in table.iter().zip(&rows) {
            let about = name_coverage(passage_set, &row.cells[0], words, analyser);
            let tells = row.cells.len() > 2 && row.cells[1..].iter().any(|cell| parse_yes_no(cell).is_some());
            let about = about + table_relevance(passage_set, &table, words);
            if tells && about >= MIN_COVERAGE + 1e-4 && best.as_ref().is_none_or(|(known, _)| about > *known)
            {
                best = Some((about, vec![at]));
            }
        }
    }
    best.map(|(_, rows)| rows).filter(|rows| !rows.is_empty() && rows.len() <= MAX_ROWS)
}

/// Whether a thing has the feature of a column; `None` where the cell does not tell. A cell that says how much means yes.
fn cell_value(cell: &str) -> Option<bool> {
    let low = canonical_form(cell);
    if low.is_empty() || ANNOUNCEMENTS.contains(&low.as_str()) {
        return None;
    }
    Some(parse_yes_no(cell).unwrap_or_else(|| !is_negated(&low)))
}

/// The rows of each complete table with column names.
fn complete_tables(passage_set: &PassageSet) -> Vec<Vec<usize>> {
    let mut tables: Vec<Vec<usize>> = Vec::new();
    for at in 0..passage_set.segments.len() {
        let rows = passage_set.table_rows(at);
        if rows.first() != Some(&at) || rows.len() < 2 {
            continue;
        }
        let passage = passage_set.segments[at].passage;
        let (from, segments) = passage_set.segments_of_passage(passage);
        let (cut, kinds) = (&passage_set.passages[passage].cut, &passage_set.passages[passage].lines);
        let last = rows.last().copied().unwrap_or(at);
        let is_table = |lines: Range<usize>| lines.into_iter().all(|line| LineKind::may_be_row(kinds, line));
        let begins = at == from || !kinds.is_empty() && is_table(0..passage_set.segments[at].line);
        let ends = last + 1 == from + segments.len()
            || !kinds.is_empty() && is_table(passage_set.segments[last].line..kinds.len());
        let is_cut = cut.before && begins || cut.after && ends;
        if passage_set.segments[at].row.as_ref().is_some_and(|row| row.column_names.is_some()) && !is_cut {
            tables.push(rows);
        }
    }
    tables
}

/// The share of the terms, by weight, that a table and its surroundings contain; 1 without terms.
fn table_relevance(passage_set: &PassageSet, table: &[usize], words: &BTreeSet<String>) -> f32 {
    let (mut have, mut all) = (0.0, 0.0);
    for word in words.iter().filter(|word| !word.contains(' ')) {
        let weight = passage_set.claim_term_weight(word);
        all += weight;
        have += weight
            * f32::from(
                table.iter().any(|&at| passage_set.segment_has_term(&passage_set.segments[at], word)),
            );
    }
    if all > 0.0 { have / all } else { 1.0 }
}

/// The share of a name's terms, by weight, that the words contain.
fn name_coverage(passage_set: &PassageSet, name: &str, words: &BTreeSet<String>, analyser: &Analyser) -> f32 {
    let (name, _) = name_terms(name, analyser);
    let weight = |word: &String| passage_set.claim_term_weight(word);
    let all: f32 = name.iter().map(weight).sum();
    let have: f32 =
        name.iter().filter(|word| has_synonym(|known| words.contains(known), word)).map(weight).sum();
    if all > 0.0 { have / all } else { 0.0 }
}

/// The rows that contain every term which only some rows contain; all rows if there is no such term.
fn matching_rows(passage_set: &PassageSet, table: &[usize], words: &BTreeSet<String>) -> Vec<usize> {
    let own = |at: usize, word: &str| passage_set.segments[at].content.terms.contains(word);
    let telling: Vec<&String> = words
        .iter()
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
    let mut options: Vec<(f32, Vec<usize>)> = Vec::new();
    for column in 1..first.cells.len() {
        let cells: Vec<&str> = rows.iter().map(|row| row.cell(column)).collect();
        let name = first.column_name(column);
        if let Some(values) = comparable_values(&cells, name, degree) {
            let fits = name_coverage(passage_set, name, words, analyser);
            options.push((fits, extreme_indices(&values, degree.is_maximum)));
        }
    }
    let (named, picked) = unanimous(options, degree)?;
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
        if let Some(values) = comparable_values(&cells, &row.cells[0], degree) {
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

/// The cells as comparable values, larger for more of the measure; `None` when a cell has no value, or when the
/// values measure something else.
fn comparable_values(cells: &[&str], name: &str, degree: &Superlative) -> Option<Vec<f64>> {
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
            values.push(0.0);
            continue;
        }
        let read = quantities::extract(cell);
        let [quantity] = read.stated.as_slice() else { return None };
        let (value, of) = quantity.amount()?;
        if *measure.get_or_insert(of) != of {
            return None;
        }
        if *currency.get_or_insert(quantity.currency()) != quantity.currency() {
            return None;
        }
        values.push(value);
    }
    let rate = cells.iter().all(|cell| cell.contains('/') || cell.to_lowercase().contains("bps"));
    let fits = match (degree.measure, measure.flatten()) {
        (ComparedMeasure::Price, Some("money")) => true,
        (ComparedMeasure::Price, None) => calls(&["giá", "phí", "tiền", "price", "cost", "fee"]),
        (ComparedMeasure::Speed, Some("time")) => {
            // The fastest takes the least time.
            if !rate {
                values.iter_mut().for_each(|value| *value = -*value);
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

fn extreme_indices(values: &[f64], most: bool) -> Vec<usize> {
    let better = |a: f64, b: f64| if most { a.max(b) } else { a.min(b) };
    let best = values.iter().copied().reduce(better);
    values.iter().enumerate().filter(|(_, value)| Some(**value) == best).map(|(i, _)| i).collect()
}

#[cfg(test)]
mod tests {
    use hoidap_shared::{
        job::{Cut, Passage},
        text::Language,
    };

    use super::*;
    use crate::generator::passages::{passage_set::tests::passage, segmenter::Segmenter};

    const GYMS: &str = "Phòng tập | Phí tháng | Diện tích | Hồ bơi\nPhú Nhuận | 650.000đ | 400 m | không\n\
        Thủ Đức | 480.000đ | 900 m | có\nGò Vấp | 520.000đ | 350 m | không";
    const PLANS: &str = "Feature | Starter | Team | Studio\nPrice | $5 | $12 | $30\nStorage | 10 GB | 100 GB | 1 TB\n\
        Call recording | no | yes | yes";

    fn picked(question: &str, language: Language, texts: &[&str]) -> Option<Vec<String>> {
        let segmenter = Segmenter::default();
        let passages = texts.iter().map(|text| passage(language.code(), text)).collect();
        let passage_set = PassageSet::new(passages, &segmenter);
        let words = content_terms(&canonical_form(question), &segmenter.analyser);
        let words =
            words.into_iter().filter(|word| !matches!(word.as_str(), "nhat" | "re" | "cheapest")).collect();
        let segments = match detect_selection(question)? {
            SelectionQuestion::Extreme(degree) => {
                select_extreme(&passage_set, &segmenter.analyser, &degree, &words, true)?.segments
            }
            SelectionQuestion::With => select_by_feature(&passage_set, &segmenter.analyser, &words, false)?,
            SelectionQuestion::Without => select_by_feature(&passage_set, &segmenter.analyser, &words, true)?,
        };
        Some(
            segments
                .into_iter()
                .map(|at| passage_set.segments[at].row.as_ref().unwrap().cells[0].clone())
                .collect(),
        )
    }

    #[test]
    fn a_table_tells_which_is_first() {
        let vi = |question: &str| picked(question, Language::Vi, &[GYMS]);
        assert_eq!(vi("Phòng tập nào rẻ nhất?").unwrap(), ["Thủ Đức"]);
        assert_eq!(vi("Còn phòng tập nào đắt nhất?").unwrap(), ["Phú Nhuận"]);
        assert_eq!(vi("Phòng tập nào có diện tích nhỏ nhất?").unwrap(), ["Gò Vấp"]);
        let en = |question: &str| picked(question, Language::En, &[PLANS]);
        assert_eq!(en("Which plan has the largest storage?").unwrap(), ["Storage"]);
        assert_eq!(en("Which is the cheapest?").unwrap(), ["Price"]);
    }

    #[test]
    fn a_table_tells_which_have_it_and_which_not() {
        let vi = |question: &str| picked(question, Language::Vi, &[GYMS]);
        assert_eq!(vi("Phòng tập nào không có hồ bơi?").unwrap(), ["Phú Nhuận", "Gò Vấp"]);
        assert_eq!(vi("Phòng tập nào có hồ bơi không?").unwrap(), ["Thủ Đức"]);
        assert_eq!(
            picked("Which plan has no call recording?", Language::En, &[PLANS]).unwrap(),
            ["Call recording"]
        );
    }

    #[test]
    fn a_part_of_a_table_tells_nothing_about_the_whole() {
        let select = |cut: Cut| {
            let segmenter = Segmenter::default();
            let passage = Passage { cut, ..passage("vi", GYMS) };
            let passage_set = PassageSet::new(vec![passage], &segmenter);
            complete_tables(&passage_set).len()
        };
        assert_eq!(select(Cut::default()), 1);
        assert_eq!(select(Cut { after: true, ..Cut::default() }), 0);
        assert_eq!(select(Cut { before: true, head: Some("A | B | C | D".into()), ..Cut::default() }), 0);
    }

    #[test]
    fn a_cell_says_no_in_its_own_words() {
        let table = |cell: &str| format!("Gói | Ghi hình\nA | ✔️\nB | {cell}\nC | không");
        let with = |cell: &str| picked("Gói nào có ghi hình?", Language::Vi, &[&table(cell)]);
        for no in ["Không hỗ trợ", "✖️", "✗"] {
            assert_eq!(with(no).unwrap(), ["A"], "{no}");
        }
        assert_eq!(with("20 giờ").unwrap(), ["A", "B"]);
        assert_eq!(with("Sắp có"), None);
    }

    #[test]
    fn what_no_table_tells_is_left_open() {
        assert_eq!(picked("Phòng tập nào tốt nhất?", Language::Vi, &[GYMS]), None);
        for text in [
            "Làm thế nào để thư không bị chặn?",
            "Khi nào không có phí?",
            "I see a page which does not load",
            "What can I do without a password?",
        ] {
            assert_eq!(detect_selection(text), None, "{text}");
        }
        assert_eq!(picked("Xe nào rẻ nhất?", Language::Vi, &[GYMS]), None);
        assert_eq!(picked("Phòng tập nào không có chỗ đỗ xe?", Language::Vi, &[GYMS]), None);
        let currencies = "Máy | Giá\nA | $5\nB | 99.000đ";
        assert_eq!(picked("Máy nào rẻ nhất?", Language::Vi, &[currencies]), None);
        let gaps = "Máy | Giá\nA | 5 triệu\nB | liên hệ";
        assert_eq!(picked("Máy nào rẻ nhất?", Language::Vi, &[gaps]), None);
    }
}
