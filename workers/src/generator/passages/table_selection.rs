//! What only a whole table tells: which of its rows is the cheapest, and which have a thing or lack it.

use std::collections::BTreeSet;

use hoidap_indices::Analyser;

use crate::generator::{
    passages::{
        passage_set::Material,
        table::{Row, named, yes_or_no},
    },
    text::{
        clauses::terms,
        negation::{denied, plain, split},
        quantities::{self, Figure},
        superlative::{By, Degree, degree},
        synonyms::holds,
    },
};

/// Rows that are given as an answer at most; more would be no answer but the table.
const ROWS: usize = 12;
/// A table that ends a passage of this many characters may go on in another one.
const WHOLE: usize = 1_000;
/// A column, or a table, is meant when it holds this share of the words that ask for it.
const MEANT: f32 = 0.5;

/// Words before "nào" that ask for no choice.
const OTHER_NAO: [&str; 10] = ["thế", "khi", "lúc", "chừng", "cách", "nơi", "giờ", "ngày", "hồi", "đời"];

/// A question that asks to choose among several things.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Pick {
    /// The first or last in an order.
    Most(Degree),
    /// Those that have something.
    With,
    /// Those that have it not.
    Without,
}

/// What a question asks to choose; nothing when it asks something else.
pub(crate) fn pick(question: &str) -> Option<Pick> {
    let low = plain(question);
    let text = format!(" {} ", split(&low).collect::<Vec<_>>().join(" "));
    let any = |words: &[&str]| words.iter().any(|word| text.contains(&format!(" {word} ")));
    let words: Vec<&str> = split(&low).collect();
    // "Thế nào" and "khi nào" ask how and when; "which" inside a sentence only goes on with it.
    let nao = |i: usize| words[i] == "nào" && i > 0 && !OTHER_NAO.contains(&words[i - 1]);
    let which =
        (0..words.len()).any(nao) || words.iter().take(3).any(|word| *word == "which") || any(&["những gì"]);
    if let Some(degree) = degree(&low) {
        let one = which
            || degree.by == By::Price && !any(&["lowest price", "highest price"])
            || any(&["who", "ai"]);
        return one.then_some(Pick::Most(degree));
    }
    if !(which || any(&["without"]) && any(&["any", "is there", "are there", "list"])) {
        return None;
    }
    // The last "không" asks, and does not deny.
    let body = text.trim_end();
    let body = [" không", " ko", " khong", " chưa", " k"]
        .iter()
        .find_map(|end| body.strip_suffix(end))
        .unwrap_or(body);
    Some(if denied(body) { Pick::Without } else { Pick::With })
}

/// The rows that a superlative picks, and what is picked: rows, or columns of one row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Best {
    /// Where the rows are among the units.
    pub(crate) units: Vec<usize>,
    /// The names of what is picked.
    pub(crate) names: Vec<(BTreeSet<String>, Vec<Figure>)>,
}

/// What a superlative picks, when one table alone tells. `words` say what is looked for; with `asked`, a table of other
/// things is none, and only rows that hold them count.
pub(crate) fn best(
    material: &Material,
    analyser: &Analyser,
    degree: &Degree,
    words: &BTreeSet<String>,
    asked: bool,
) -> Option<Best> {
    let told = terms(&degree.words, analyser);
    let words =
        words.iter().filter(|word| !word.split(' ').any(|part| told.contains(part))).cloned().collect();
    let words: &BTreeSet<String> = &words;
    let mut found: Vec<(f32, Best)> = Vec::new();
    for table in tables(material) {
        let about = relevance(material, &table, words);
        let rows = if asked { rows_about(material, &table, words) } else { table.clone() };
        let best = by_rows(material, analyser, degree, words, &rows)
            .or_else(|| by_columns(material, analyser, degree, words, &table));
        if let Some((named, best)) = best.filter(|(named, _)| about.max(*named) >= MEANT) {
            found.push((about.max(named), best));
        }
    }
    let top = found.iter().map(|(about, _)| *about).fold(0.0, f32::max);
    let mut top = found.into_iter().filter(|(about, _)| *about + 1e-4 >= top).map(|(_, best)| best);
    let first = top.next()?;
    // Tables that say otherwise leave it open.
    top.all(|other| other.names == first.names).then_some(first)
}

/// The rows that have, or lack, what the words say, when a table has a column for it.
pub(crate) fn with_or_without(
    material: &Material,
    analyser: &Analyser,
    words: &BTreeSet<String>,
    without: bool,
) -> Option<Vec<usize>> {
    let mut best: Option<(f32, Vec<usize>)> = None;
    for table in tables(material) {
        let rows: Vec<&Row> = table.iter().filter_map(|&at| material.units[at].row.as_deref()).collect();
        let Some(first) = rows.first() else { continue };
        for column in 1..first.cells.len() {
            let cells: Vec<Option<bool>> = rows.iter().map(|row| says(row.cell(column))).collect();
            let says_no = rows.iter().any(|row| yes_or_no(row.cell(column)) == Some(false));
            let about = named_by(material, first.name(column), words, analyser);
            if !says_no || cells.contains(&None) || about < MEANT {
                continue;
            }
            let about = about + relevance(material, &table, words);
            let picked =
                table.iter().zip(&cells).filter(|(_, cell)| **cell == Some(!without)).map(|(at, _)| *at);
            if best.as_ref().is_none_or(|(known, _)| about > *known) {
                best = Some((about, picked.collect()));
            }
        }
        // Things may be columns, and what they have, rows: then the row tells.
        for (&at, row) in table.iter().zip(&rows) {
            let about = named_by(material, &row.cells[0], words, analyser);
            let tells = row.cells.len() > 2 && row.cells[1..].iter().any(|cell| yes_or_no(cell).is_some());
            let about = about + relevance(material, &table, words);
            if tells && about >= MEANT + 1e-4 && best.as_ref().is_none_or(|(known, _)| about > *known) {
                best = Some((about, vec![at]));
            }
        }
    }
    best.map(|(_, rows)| rows).filter(|rows| !rows.is_empty() && rows.len() <= ROWS)
}

fn says(cell: &str) -> Option<bool> {
    if cell.is_empty() { None } else { Some(yes_or_no(cell).unwrap_or(true)) }
}

/// The rows of each table with named columns, where the whole table is at hand.
fn tables(material: &Material) -> Vec<Vec<usize>> {
    let mut tables: Vec<Vec<usize>> = Vec::new();
    for at in 0..material.units.len() {
        let rows = material.table_of(at);
        if rows.first() != Some(&at) || rows.len() < 2 {
            continue;
        }
        let last = rows.last().copied().unwrap_or(at);
        let unit = &material.units[last];
        let ends = material.units.get(last + 1).is_none_or(|next| next.passage != unit.passage);
        let long = material.passages[unit.passage].text.chars().count() >= WHOLE;
        if material.units[at].row.as_ref().is_some_and(|row| row.names.is_some()) && !(ends && long) {
            tables.push(rows);
        }
    }
    tables
}

/// The share of the words, by weight, that a table, its headings or its rows hold; 1 when there are no words.
fn relevance(material: &Material, table: &[usize], words: &BTreeSet<String>) -> f32 {
    let (mut have, mut all) = (0.0, 0.0);
    for word in words.iter().filter(|word| !word.contains(' ')) {
        let weight = material.weight_of_claim(word);
        all += weight;
        have += weight * f32::from(table.iter().any(|&at| material.says(&material.units[at], word)));
    }
    if all > 0.0 { have / all } else { 1.0 }
}

/// The share of a name's words that the words hold.
fn named_by(material: &Material, name: &str, words: &BTreeSet<String>, analyser: &Analyser) -> f32 {
    let (name, _) = named(name, analyser);
    let weight = |word: &String| material.weight_of_claim(word);
    let all: f32 = name.iter().map(weight).sum();
    let have: f32 = name.iter().filter(|word| holds(|known| words.contains(known), word)).map(weight).sum();
    if all > 0.0 { have / all } else { 0.0 }
}

/// The rows of a table that hold the words which only some of its rows hold; all of them where no word tells.
fn rows_about(material: &Material, table: &[usize], words: &BTreeSet<String>) -> Vec<usize> {
    let own = |at: usize, word: &str| material.units[at].content.terms.contains(word);
    let telling: Vec<&String> = words
        .iter()
        .filter(|word| table.iter().any(|&at| own(at, word)) && !table.iter().all(|&at| own(at, word)))
        .collect();
    table.iter().copied().filter(|&at| telling.iter().all(|word| own(at, word))).collect()
}

fn by_rows(
    material: &Material,
    analyser: &Analyser,
    degree: &Degree,
    words: &BTreeSet<String>,
    table: &[usize],
) -> Option<(f32, Best)> {
    let rows: Vec<&Row> = table.iter().filter_map(|&at| material.units[at].row.as_deref()).collect();
    // One row alone is not the first of anything.
    let first = rows.first().filter(|_| rows.len() > 1)?;
    let mut options: Vec<(f32, Vec<usize>)> = Vec::new();
    for column in 1..first.cells.len() {
        let cells: Vec<&str> = rows.iter().map(|row| row.cell(column)).collect();
        let name = first.name(column);
        if let Some(values) = values(&cells, name, degree) {
            let fits = named_by(material, name, words, analyser);
            options.push((fits, extreme(&values, degree.most)));
        }
    }
    let (named, picked) = agreed(options, degree)?;
    let best = Best {
        units: picked.iter().map(|&i| table[i]).collect(),
        names: picked.iter().map(|&i| rows[i].subject(analyser)).collect(),
    };
    Some((named, best))
}

fn by_columns(
    material: &Material,
    analyser: &Analyser,
    degree: &Degree,
    words: &BTreeSet<String>,
    table: &[usize],
) -> Option<(f32, Best)> {
    let mut options = Vec::new();
    let mut rows = Vec::new();
    for &at in table {
        let Some(row) = material.units[at].row.as_deref().filter(|row| row.cells.len() > 2) else { continue };
        let cells: Vec<&str> = row.cells[1..].iter().map(String::as_str).collect();
        if let Some(values) = values(&cells, &row.cells[0], degree) {
            options.push((named_by(material, &row.cells[0], words, analyser), extreme(&values, degree.most)));
            rows.push((at, row));
        }
    }
    let (top, picked) = agreed(options.clone(), degree)?;
    let (at, row) =
        rows.iter().zip(&options).find(|(_, (fits, _))| *fits + 1e-4 >= top).map(|(row, _)| row)?;
    let names = picked.iter().map(|&i| named(row.name(i + 1), analyser)).collect();
    Some((top, Best { units: vec![*at], names }))
}

/// What is picked by the column that the words name, or by all that may be meant when they agree.
fn agreed(options: Vec<(f32, Vec<usize>)>, degree: &Degree) -> Option<(f32, Vec<usize>)> {
    let top = options.iter().map(|(fits, _)| *fits).fold(0.0, f32::max);
    // "The largest" tells not of what; one column alone may be meant.
    if degree.by == By::Amount && top <= 0.0 && options.len() > 1 {
        return None;
    }
    let mut best = options.into_iter().filter(|(fits, _)| *fits + 1e-4 >= top).map(|(_, picked)| picked);
    let first = best.next()?;
    best.all(|other| other == first).then_some((top, first))
}

/// The amounts of the cells, in one measure, greatest for what the degree calls most; nothing when one tells none, or
/// when they measure something else.
fn values(cells: &[&str], name: &str, degree: &Degree) -> Option<Vec<f64>> {
    let low = plain(name);
    let calls = |words: &[&str]| words.iter().any(|word| low.contains(word));
    let free =
        |cell: &str| degree.by == By::Price && matches!(plain(cell).as_str(), "free" | "miễn phí" | "0");
    let mut measure = None;
    let mut values = Vec::new();
    for cell in cells {
        if free(cell) {
            values.push(0.0);
            continue;
        }
        let read = quantities::read(cell);
        let [figure] = read.claimed.as_slice() else { return None };
        let (value, of) = figure.amount()?;
        if *measure.get_or_insert(of) != of {
            return None;
        }
        values.push(value);
    }
    let rate = cells.iter().all(|cell| cell.contains('/') || cell.to_lowercase().contains("bps"));
    let fits = match (degree.by, measure.flatten()) {
        (By::Price, Some("money")) => true,
        (By::Price, None) => calls(&["giá", "phí", "tiền", "price", "cost", "fee"]),
        (By::Speed, Some("time")) => {
            // The fastest takes the least time.
            if !rate {
                values.iter_mut().for_each(|value| *value = -*value);
            }
            true
        }
        (By::Speed, _) => rate || calls(&["tốc độ", "speed"]),
        (By::Weight, Some("weight")) | (By::Length, Some("time" | "length")) => true,
        (By::Weight, None) => calls(&["nặng", "khối lượng", "trọng lượng", "weight"]),
        (By::Amount, Some("money")) => false,
        (By::Amount, _) => true,
        _ => false,
    };
    fits.then_some(values)
}

fn extreme(values: &[f64], most: bool) -> Vec<usize> {
    let better = |a: f64, b: f64| if most { a.max(b) } else { a.min(b) };
    let best = values.iter().copied().reduce(better);
    values.iter().enumerate().filter(|(_, value)| Some(**value) == best).map(|(i, _)| i).collect()
}

#[cfg(test)]
mod tests {
    use hoidap_shared::text::Language;

    use super::*;
    use crate::generator::passages::{passage_set::tests::passage, segmenter::Cutter};

    const GYMS: &str = "Phòng tập | Phí tháng | Diện tích | Hồ bơi\nPhú Nhuận | 650.000đ | 400 m | không\n\
        Thủ Đức | 480.000đ | 900 m | có\nGò Vấp | 520.000đ | 350 m | không";
    const PLANS: &str = "Feature | Starter | Team | Studio\nPrice | $5 | $12 | $30\nStorage | 10 GB | 100 GB | 1 TB\n\
        Call recording | no | yes | yes";

    fn picked(question: &str, language: Language, texts: &[&str]) -> Option<Vec<String>> {
        let cutter = Cutter::default();
        let passages = texts.iter().map(|text| passage(language.code(), text)).collect();
        let material = Material::new(passages, &cutter);
        let words = terms(&plain(question), &cutter.analyser);
        let words =
            words.into_iter().filter(|word| !matches!(word.as_str(), "nhat" | "re" | "cheapest")).collect();
        let units = match pick(question)? {
            Pick::Most(degree) => best(&material, &cutter.analyser, &degree, &words, true)?.units,
            Pick::With => with_or_without(&material, &cutter.analyser, &words, false)?,
            Pick::Without => with_or_without(&material, &cutter.analyser, &words, true)?,
        };
        Some(units.into_iter().map(|at| material.units[at].row.as_ref().unwrap().cells[0].clone()).collect())
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
    fn what_no_table_tells_is_left_open() {
        assert_eq!(picked("Phòng tập nào tốt nhất?", Language::Vi, &[GYMS]), None);
        for text in [
            "Làm thế nào để thư không bị chặn?",
            "Khi nào không có phí?",
            "I see a page which does not load",
            "What can I do without a password?",
        ] {
            assert_eq!(pick(text), None, "{text}");
        }
        assert_eq!(picked("Xe nào rẻ nhất?", Language::Vi, &[GYMS]), None);
        assert_eq!(picked("Phòng tập nào không có chỗ đỗ xe?", Language::Vi, &[GYMS]), None);
        let gaps = "Máy | Giá\nA | 5 triệu\nB | liên hệ";
        assert_eq!(picked("Máy nào rẻ nhất?", Language::Vi, &[gaps]), None);
        let long = format!("{GYMS}\n{}", "Quận Chín | 700.000đ | 500 m | không\n".repeat(40));
        assert_eq!(picked("Phòng tập nào rẻ nhất?", Language::Vi, &[&long]), None, "the table may go on");
    }
}
