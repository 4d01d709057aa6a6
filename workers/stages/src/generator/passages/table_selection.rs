//! Selects rows by comparing a whole table: the cheapest, or those with or without a feature.

mod extremes;

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use hoidap_indices::Analyser;
use hoidap_shared::job::LineKind;

use crate::generator::{
    passages::{
        passage_set::PassageSet,
        segmenter::Segment,
        table::{TableRow, name_terms, parse_yes_no},
    },
    text::{
        negation::{canonical_form, is_negated, split_words},
        superlative::{ComparedMeasure, Superlative, find_superlative},
        synonyms::has_synonym,
    },
};

pub(crate) use extremes::{SelectedRows, select_extreme};

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
    for rows in passage_set.tables().into_iter().filter(|rows| rows.len() > 1) {
        let at = rows[0];
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

/// The share of the terms, by weight, that a table, its surroundings and the text of its section before it contain; 1 without
/// terms.
fn table_relevance(passage_set: &PassageSet, table: &[usize], words: &BTreeSet<String>) -> f32 {
    let before = text_before(passage_set, table);
    let has = |at: usize, word: &str| passage_set.segment_has_term(&passage_set.segments[at], word);
    let (mut have, mut all) = (0.0, 0.0);
    for word in words.iter().filter(|word| !word.contains(' ')) {
        let weight = passage_set.claim_term_weight(word);
        all += weight;
        have += weight * f32::from(table.iter().copied().chain(before.clone()).any(|at| has(at, word)));
    }
    if all > 0.0 { have / all } else { 1.0 }
}

/// The segments before a table in its section, other tables' rows included.
fn text_before(passage_set: &PassageSet, table: &[usize]) -> Range<usize> {
    let Some(&first) = table.first() else { return 0..0 };
    let row = &passage_set.segments[first];
    let same = |other: &&Segment| other.passage == row.passage && Arc::ptr_eq(&other.headings, &row.headings);
    let before = passage_set.segments[..first].iter().rev().take_while(same).count();
    first - before..first
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

#[cfg(test)]
mod tests {
    use hoidap_shared::{
        job::{Cut, Passage},
        text::Language,
    };

    use super::*;
    use crate::generator::{
        passages::{passage_set::tests::passage, segmenter::Segmenter},
        text::clauses::content_terms,
    };

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
    fn what_is_compared_does_not_filter_the_rows() {
        let crowns = "Dòng sứ | Giá một răng | Bảo hành\nSứ kim loại | 1.500.000đ | 3 năm\nSứ Titan | 2.500.000đ | 5 năm\n\
            Katana | 4.000.000đ | 7 năm\nLava | 8.500.000đ | 15 năm";
        let vi = |question: &str| picked(question, Language::Vi, &[crowns]);
        assert_eq!(vi("Dòng sứ nào bảo hành lâu nhất?").unwrap(), ["Lava"]);
        assert_eq!(vi("Răng sứ nào đắt nhất?").unwrap(), ["Lava"]);
        assert_eq!(vi("Răng sứ loại nào rẻ nhất?").unwrap(), ["Sứ kim loại"]);
    }

    #[test]
    fn of_two_tables_with_the_column_the_one_that_is_meant_decides() {
        let crowns =
            "Crown | Per tooth | Warranty\nKatana | 4,000,000 VND | 7 years\nLava | 8,500,000 VND | 15 years";
        let implants = "Implant | Price | Warranty\nDentium | 16,000,000 VND | 10 years\nHiossen | 22,500,000 VND | 20 years";
        let en = |question: &str| picked(question, Language::En, &[implants, crowns]);
        assert_eq!(en("Which crown has the longest warranty?").unwrap(), ["Lava"]);
        assert_eq!(en("Which implant has the longest warranty?").unwrap(), ["Hiossen"]);
        assert_eq!(en("Which has the longest warranty?"), None, "the tables disagree");
    }

    #[test]
    fn a_feature_that_the_question_names_filters_the_rows() {
        let berths = "Berth | Length | Price | Power\nPontoon A | 8 m | 18 euros | No\nPontoon B | 12 m | 31 euros | Yes\n\
            Quay | 20 m | 44 euros | Yes";
        let en = |question: &str| picked(question, Language::En, &[berths]);
        assert_eq!(en("Which berth with power is the cheapest?").unwrap(), ["Pontoon B"]);
        assert_eq!(en("Which berth is the cheapest?").unwrap(), ["Pontoon A"]);
    }

    #[test]
    fn a_dash_and_a_range_are_compared_as_what_they_are() {
        let prices = "Loại | Giá veneer | Giá mão\nOto | – | 1 triệu\nTitan | 5 triệu – 7 triệu | 2 triệu\nLava | 6 triệu | 9 triệu";
        let vi = |question: &str| picked(question, Language::Vi, &[prices]);
        assert_eq!(vi("Loại nào có giá veneer rẻ nhất?").unwrap(), ["Titan"]);
        assert_eq!(vi("Loại nào có giá veneer đắt nhất?").unwrap(), ["Titan"]);
    }

    #[test]
    fn numbers_below_a_price_list_are_prices() {
        let fares = "Ferry fares\nIsland | Winter | Summer\nNorholm | 14.50 | 22.00\nVesterby | 9.80 | 25.40\nSkarn | 31.00 | 42.50";
        let en = |question: &str| picked(question, Language::En, &[fares]);
        assert_eq!(en("Which island is the cheapest in winter?").unwrap(), ["Vesterby"]);
        assert_eq!(en("Which island is the cheapest in summer?").unwrap(), ["Norholm"]);
        assert_eq!(en("Which island is the cheapest?"), None, "the seasons disagree");
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
