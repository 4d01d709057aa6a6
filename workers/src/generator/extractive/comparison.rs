//! Two things side by side: the columns or rows of a table that a question compares, or a sentence of each.

use std::collections::BTreeSet;

use hoidap_indices::Analyser;
use hoidap_shared::text::fold;
use unicode_segmentation::UnicodeSegmentation as _;

use crate::generator::{
    passages::{
        passage_set::Material,
        segmenter::{Kind, Unit},
        table::{Row, named},
    },
    question::Asked,
    reader::Ranked,
};

/// Lines that are given at most, and things that are compared at most.
const LINES: usize = 8;
const THINGS: usize = 4;
/// What a row's name must hold of the words that ask for it, and a sentence of the words of its side.
const MEANT: f32 = 0.5;

/// What asks for a comparison, in words without diacritics.
const COMPARE: [&str; 20] = [
    "so sanh",
    "khac nhau",
    "khac gi",
    "khac biet",
    "khac the nao",
    "khac cho nao",
    "khac o dau",
    "khac o cho nao",
    "khac ra sao",
    "khac o diem nao",
    "chenh",
    "chenh lech",
    "compare",
    "compared",
    "comparison",
    "difference",
    "differences",
    "differ",
    "vs",
    "versus",
];
/// What may ask for one, where a table has both.
const CHOOSE: [&str; 8] = ["khac", "hay", "hoac", "so voi", "hon", "or", "than", "better"];
/// Words between two things.
const BETWEEN: [&str; 14] =
    ["va", "so voi", "voi", "hay", "hoac", "and", "or", "vs", "versus", "with", "than", "from", "to", "khac"];

/// How a question compares.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Compared {
    /// Its words as they were typed, and without diacritics.
    typed: Vec<String>,
    words: Vec<String>,
    /// Where they ask for a comparison outright; else a table must have what they name.
    outright: Option<(usize, usize)>,
}

/// How a question compares, where it does.
pub(crate) fn compared(question: &str) -> Option<Compared> {
    let typed: Vec<String> = question.unicode_words().map(Into::into).collect();
    let words: Vec<String> = typed.iter().map(|word| fold(word)).collect();
    let outright = find(&words, &COMPARE);
    (outright.is_some() || find(&words, &CHOOSE).is_some()).then_some(Compared { typed, words, outright })
}

/// Where the first of some phrases stands, from and to.
fn find(words: &[String], phrases: &[&str]) -> Option<(usize, usize)> {
    (0..words.len()).find_map(|at| {
        let there = |phrase: &&&str| {
            let mut parts = phrase.split(' ').enumerate();
            parts.all(|(i, part)| words.get(at + i).is_some_and(|word| word == part))
        };
        let longest = phrases.iter().filter(there).map(|phrase| phrase.split(' ').count()).max()?;
        Some((at, at + longest))
    })
}

/// A line of a comparison, with the unit that it is taken from. Sentences are quoted as they stand.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// Its place among the units.
    pub(crate) unit: usize,
    /// What a table says; `None` where the unit is quoted.
    pub(crate) text: Option<String>,
}

/// What a question compares, side by side: what differs, and of that what is asked for where something is. Nothing where the passages do
/// not have both.
pub(crate) fn side_by_side(
    material: &Material,
    ranked: &[Ranked],
    asked: &Asked,
    analyser: &Analyser,
) -> Option<Vec<Line>> {
    let compared = asked.compared.as_ref()?;
    let mut found: Vec<(f32, Vec<Line>)> = Vec::new();
    for at in 0..material.units.len() {
        let table = material.table_of(at);
        if table.first() == Some(&at) {
            let lines = columns(material, &table, asked, analyser)
                .or_else(|| rows(material, &table, asked, analyser));
            found.extend(lines.map(|(meant, lines)| (meant + chance(ranked, &table), lines)));
        }
    }
    let best = found.into_iter().reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map(|(_, lines)| lines).or_else(|| sentences(material, ranked, compared, analyser))
}

/// How likely one of the units answers.
fn chance(ranked: &[Ranked], units: &[usize]) -> f32 {
    ranked.iter().filter(|unit| units.contains(&unit.unit)).map(|unit| unit.chance).sum()
}

/// The names that a question holds whole, by what each has that the others have not.
fn held<'a>(names: impl Iterator<Item = &'a str>, asked: &Asked, analyser: &Analyser) -> Vec<usize> {
    let names: Vec<BTreeSet<String>> = names.map(|name| named(name, analyser).0).collect();
    let others = |own: usize, word: &String| {
        names
            .iter()
            .enumerate()
            .any(|(other, name)| other != own && names[own] != *name && name.contains(word))
    };
    let is_held = |&at: &usize| {
        let mut own = names[at].iter().filter(|word| !others(at, word)).peekable();
        own.peek().is_some() && own.all(|word| asked.content.terms.contains(word))
    };
    (0..names.len()).filter(is_held).collect()
}

/// The words of a question that neither name what is compared nor stand above the table: what it is compared by.
fn by_what(
    material: &Material,
    table: &[usize],
    names: &[&str],
    asked: &Asked,
    analyser: &Analyser,
) -> BTreeSet<String> {
    let mut known: BTreeSet<String> = names.iter().flat_map(|name| named(name, analyser).0).collect();
    for phrase in COMPARE.iter().chain(&CHOOSE) {
        known.extend(phrase.split(' ').map(String::from));
    }
    let unit = &material.units[table[0]];
    let label = unit.label.and_then(|label| material.units.get(label));
    let above = |term: &String| {
        material.cuts[unit.passage].headings.terms.contains(term)
            || label.is_some_and(|label| label.content.terms.contains(term))
    };
    let is_about = |term: &&String| !term.contains(' ') && !known.contains(*term) && !above(term);
    asked.content.terms.iter().filter(is_about).cloned().collect()
}

/// The share of words, by weight, that a name holds.
fn share(material: &Material, words: &BTreeSet<String>, name: &str, analyser: &Analyser) -> f32 {
    let (name, _) = named(name, analyser);
    let weight = |word: &&String| material.weight_of_claim(word);
    let all: f32 = words.iter().map(|word| weight(&word)).sum();
    let have: f32 = words
        .iter()
        .filter(|word| crate::generator::text::synonyms::holds(|known| name.contains(known), word))
        .map(|word| weight(&word))
        .sum();
    if all > 0.0 { have / all } else { 0.0 }
}

/// What is asked for of the lines, else those whose sides differ, what comes near to what is asked for first.
fn told(mut lines: Vec<(f32, bool, Line)>) -> Option<(f32, Vec<Line>)> {
    let most = lines.iter().map(|(meant, ..)| *meant).fold(0.0, f32::max);
    if most >= MEANT {
        lines.retain(|(meant, ..)| *meant + 1e-4 >= most);
    } else {
        lines.retain(|(_, differ, _)| *differ);
        lines.sort_by(|a, b| b.0.total_cmp(&a.0));
    }
    lines.truncate(LINES);
    let lines: Vec<Line> = lines.into_iter().map(|(.., line)| line).collect();
    (!lines.is_empty()).then_some((most, lines))
}

fn differ(cells: &[&str]) -> bool {
    cells.windows(2).any(|pair| pair[0].trim().to_lowercase() != pair[1].trim().to_lowercase())
}

/// `Storage – Free: 5 GB; Pro: 50 GB`
fn line(of: &str, sides: &[(&str, &str)]) -> String {
    let cell = |cell: &str| if cell.is_empty() { "–".to_string() } else { cell.to_string() };
    let sides: Vec<String> = sides.iter().map(|(name, value)| format!("{name}: {}", cell(value))).collect();
    if of.is_empty() { sides.join("; ") } else { format!("{of} – {}", sides.join("; ")) }
}

/// The columns that a question names, row by row.
fn columns(
    material: &Material,
    table: &[usize],
    asked: &Asked,
    analyser: &Analyser,
) -> Option<(f32, Vec<Line>)> {
    let head = material.units[table[0]].row.as_ref()?.names.clone()?;
    let named: Vec<usize> =
        held(head.iter().skip(1).map(String::as_str), asked, analyser).iter().map(|at| at + 1).collect();
    if !(2..=THINGS).contains(&named.len()) {
        return None;
    }
    let names: Vec<&str> = named.iter().map(|&column| head[column].as_str()).collect();
    let words = by_what(material, table, &names, asked, analyser);
    let lines = table.iter().filter_map(|&unit| {
        let row: &Row = material.units[unit].row.as_deref()?;
        let cells: Vec<&str> = named.iter().map(|&column| row.cell(column)).collect();
        if cells.iter().all(|cell| cell.is_empty()) {
            return None;
        }
        let sides: Vec<(&str, &str)> = names.iter().copied().zip(cells.iter().copied()).collect();
        let text = Some(line(row.cell(0), &sides));
        Some((share(material, &words, row.cell(0), analyser), differ(&cells), Line { unit, text }))
    });
    told(lines.collect())
}

/// The rows that a question names, column by column.
fn rows(
    material: &Material,
    table: &[usize],
    asked: &Asked,
    analyser: &Analyser,
) -> Option<(f32, Vec<Line>)> {
    let rows: Vec<&Row> = table.iter().filter_map(|&unit| material.units[unit].row.as_deref()).collect();
    let named = held(rows.iter().map(|row| row.cell(0)), asked, analyser);
    if !(2..=THINGS).contains(&named.len()) {
        return None;
    }
    let names: Vec<&str> = named.iter().map(|&at| rows[at].cell(0)).collect();
    let words = by_what(material, table, &names, asked, analyser);
    let lines = (1..rows[named[0]].cells.len()).filter_map(|column| {
        let cells: Vec<&str> = named.iter().map(|&at| rows[at].cell(column)).collect();
        if cells.iter().all(|cell| cell.is_empty()) {
            return None;
        }
        let sides: Vec<(&str, &str)> = names.iter().copied().zip(cells.iter().copied()).collect();
        let of = rows[named[0]].name(column);
        let text = Some(line(of, &sides));
        Some((share(material, &words, of, analyser), differ(&cells), Line { unit: table[named[0]], text }))
    });
    told(lines.collect())
}

/// The likeliest sentence of each side, or the one that speaks of both.
fn sentences(
    material: &Material,
    ranked: &[Ranked],
    compared: &Compared,
    analyser: &Analyser,
) -> Option<Vec<Line>> {
    let (left, right) = sides(compared, analyser)?;
    let holds = |unit: &Unit, side: &BTreeSet<String>| {
        let weight = |word: &&String| material.weight_of_claim(word);
        let all: f32 = side.iter().map(|word| weight(&word)).sum();
        side.iter().filter(|word| material.says(unit, word)).map(|word| weight(&word)).sum::<f32>()
            > MEANT * all
    };
    let first =
        |of: &dyn Fn(&Unit) -> bool| ranked.iter().map(|unit| unit.unit).find(|&at| of(&material.units[at]));
    let own = |unit: &Unit, side: &BTreeSet<String>, other: &BTreeSet<String>| {
        unit.kind != Kind::Label && holds(unit, side) && !holds(unit, other)
    };
    let quoted = |unit: usize| Line { unit, text: None };
    let both = ranked
        .first()
        .filter(|best| holds(&material.units[best.unit], &left) && holds(&material.units[best.unit], &right));
    if let Some(both) = both {
        return Some(vec![quoted(both.unit)]);
    }
    let (one, other) =
        (first(&|unit: &Unit| own(unit, &left, &right))?, first(&|unit: &Unit| own(unit, &right, &left))?);
    Some(vec![quoted(one), quoted(other)])
}

/// The words on both sides of a comparison, each without those of the other.
fn sides(compared: &Compared, analyser: &Analyser) -> Option<(BTreeSet<String>, BTreeSet<String>)> {
    let (from, to) = compared.outright?;
    let words = &compared.words;
    let terms = |words: &[String]| -> BTreeSet<String> {
        analyser
            .content(&words.join(" "))
            .folded
            .into_iter()
            .filter(|word| !["between", "giua"].contains(&word.as_str()))
            .collect()
    };
    for between in BETWEEN {
        let Some((at, end)) = find(words, &[between]) else { continue };
        let left = if to <= at { terms(&compared.typed[to..at]) } else { terms(&compared.typed[..at]) };
        let right =
            if from >= end { terms(&compared.typed[end..from]) } else { terms(&compared.typed[end..]) };
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
