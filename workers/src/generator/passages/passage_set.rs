//! The passages of a job and their units, and how rare each word is among them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use hoidap_indices::Analyser;
use hoidap_shared::{
    job::{Passage, SentenceScore},
    text::Language,
};

use crate::generator::{
    passages::{
        segmenter::{Cut, Cutter, Unit},
        table::named,
    },
    text::{quantities::Figure, synonyms::holds},
};

/// The passages of a job and their units.
pub(crate) struct Material {
    /// The passages, best first.
    pub(crate) passages: Vec<Passage>,
    /// Their units, passage by passage, in the order of the text.
    pub(crate) units: Vec<Unit>,
    /// How well each unit meets the question, where that is known.
    pub(crate) met: Vec<Option<Met>>,
    /// Each passage, cut.
    pub(crate) cuts: Vec<Arc<Cut>>,
    /// Which units say the terms that were asked for: sentences of one answer share most of their words.
    said: Mutex<HashMap<String, Arc<[bool]>>>,
}

/// Log odds beyond this count as this.
pub(crate) const SURE: f32 = 8.0;

/// How well a unit meets the question by its tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Met {
    /// Late interaction with its own tokens, and with those of what stands above it as well.
    pub(crate) late: f32,
    pub(crate) in_place: f32,
    /// The log odds that it answers, where these are known.
    pub(crate) answers: Option<f32>,
}

impl Material {
    /// Cuts the passages.
    pub(crate) fn new(passages: Vec<Passage>, cutter: &Cutter) -> Self {
        let cuts: Vec<_> = passages.iter().map(|passage| cutter.cut(passage)).collect();
        let mut units = Vec::new();
        for (passage, cut) in cuts.iter().enumerate() {
            let before = units.len();
            let placed = cut.units.iter().cloned();
            units.extend(placed.map(|unit| Unit {
                passage,
                label: unit.label.map(|label| before + label),
                ..unit
            }));
        }
        let met = units.iter().map(|unit| met(&passages[unit.passage], unit.start)).collect();
        Self { passages, units, met, cuts, said: Mutex::default() }
    }

    /// Whether a unit is in a language.
    pub(crate) fn is_in(&self, at: usize, language: Language) -> bool {
        Language::from_locale(&self.passages[self.units[at].passage].locale) == Some(language)
    }

    /// A unit as it stands in its passage; as it is quoted where nothing is known of the passage's sentences.
    pub(crate) fn raw(&self, at: usize) -> String {
        let unit = &self.units[at];
        let passage = &self.passages[unit.passage];
        sentence(passage, unit.start).map_or_else(
            || unit.text.to_string(),
            |found| passage.text.chars().skip(found.start).take(found.end - found.start).collect(),
        )
    }

    /// How much a term tells: ln(1 + units / (units that hold it + 0.5)).
    pub(crate) fn weight(&self, term: &str) -> f32 {
        let all = self.units.len() as f32;
        let with: u32 = self.cuts.iter().filter_map(|cut| cut.frequency.get(term)).sum();
        (all / (with as f32 + 0.5)).ln_1p()
    }

    /// The same for a word of a claim: one that no unit holds tells as much as one that a single unit holds.
    pub(crate) fn weight_of_claim(&self, term: &str) -> f32 {
        let all = self.units.len() as f32;
        (all / 1.5).ln_1p().min(self.weight(term))
    }

    /// The heading a unit stands under: the nearest in its passage, else the last above it.
    pub(crate) fn heading(&self, unit: &Unit) -> Option<&str> {
        let near = unit.label.and_then(|label| self.units.get(label)).map(|label| &*label.text);
        near.or_else(|| self.passages[unit.passage].heading_path.last().map(String::as_str))
    }

    /// Whether any passage holds a term.
    pub(crate) fn knows(&self, term: &str) -> bool {
        self.cuts.iter().any(|cut| cut.frequency.contains_key(term) || cut.headings.terms.contains(term))
    }

    /// For each unit, whether it says a term.
    pub(crate) fn saying(&self, term: &str) -> Arc<[bool]> {
        let known = || self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(said) = known().get(term) {
            return Arc::clone(said);
        }
        let said: Arc<[bool]> = self.units.iter().map(|unit| self.says(unit, term)).collect();
        known().insert(term.to_string(), Arc::clone(&said));
        said
    }

    /// Whether a unit, or what stands above it, holds a term or another one that says the same.
    pub(crate) fn says(&self, unit: &Unit, term: &str) -> bool {
        let headings = &self.cuts[unit.passage].headings.terms;
        let has = |term: &str| {
            unit.content.terms.contains(term)
                || unit.around.terms.contains(term)
                || headings.contains(term)
                || unit.clauses.iter().any(|clause| clause.terms.contains(term))
                // An amount of money is a price.
                || term == "price" && unit.content.figures.iter().any(|figure| figure.dimension() == Some("money"))
        };
        holds(has, term)
    }

    /// Whether a unit, or what stands above it, can be the ground of a figure.
    pub(crate) fn grounds(&self, unit: &Unit, figure: &Figure) -> bool {
        unit.content.grounds(figure)
            || unit.around.grounds(figure)
            || self.cuts[unit.passage].headings.grounds(figure)
    }

    /// The rows of the table that a unit is a row of; none when it is none.
    pub(crate) fn table_of(&self, at: usize) -> Vec<usize> {
        let unit = &self.units[at];
        let Some(row) = &unit.row else { return Vec::new() };
        let (from, units) = self.of_passage(unit.passage);
        let same = |other: &Unit| other.row.as_ref().is_some_and(|other| other.table == row.table);
        units.iter().enumerate().filter(|(_, other)| same(other)).map(|(i, _)| from + i).collect()
    }

    /// The words and codes of a row's first cell, or else its second, that not all rows of its table share.
    pub(crate) fn only_in_row(&self, at: usize, analyser: &Analyser) -> (BTreeSet<String>, Vec<Figure>) {
        let rows = self.table_of(at);
        let name = |at: usize, cell: usize| {
            let row = self.units[at].row.as_ref();
            named(row.and_then(|row| row.cells.get(cell)).map_or("", String::as_str), analyser)
        };
        for cell in 0..2 {
            let (words, codes) = name(at, cell);
            let others: Vec<_> = rows.iter().map(|&other| name(other, cell)).collect();
            let words: BTreeSet<_> = words
                .into_iter()
                .filter(|word| !others.iter().all(|(known, _)| known.contains(word)))
                .collect();
            let shared =
                |code: &Figure| others.iter().all(|(_, known)| known.iter().any(|known| known.equals(code)));
            let codes: Vec<_> = codes.into_iter().filter(|code| !shared(code)).collect();
            if !words.is_empty() || !codes.is_empty() {
                return (words, codes);
            }
        }
        (BTreeSet::new(), Vec::new())
    }

    /// The log odds that a sentence of a passage answers, where these are known.
    pub(crate) fn answers(&self, passage: usize) -> Option<f32> {
        let (from, units) = self.of_passage(passage);
        let known = self.met[from..from + units.len()].iter().filter_map(|met| met.as_ref()?.answers);
        // Of none the sum is 0, whose logarithm is no number.
        Some(known.map(f32::exp).sum::<f32>().ln()).filter(|odds| odds.is_finite())
    }

    /// The units of one passage, and where they begin among all.
    pub(crate) fn of_passage(&self, passage: usize) -> (usize, &[Unit]) {
        let from = self.units.partition_point(|unit| unit.passage < passage);
        let to = self.units.partition_point(|unit| unit.passage <= passage);
        (from, &self.units[from..to])
    }
}

/// The sentence of a passage that starts at a character.
fn sentence(passage: &Passage, start: usize) -> Option<&SentenceScore> {
    let at = passage.sentences.binary_search_by_key(&start, |sentence| sentence.start).ok()?;
    passage.sentences.get(at)
}

/// Its scores; one that is no number is none.
fn met(passage: &Passage, start: usize) -> Option<Met> {
    let SentenceScore { late, in_place, answers, .. } = *sentence(passage, start)?;
    let answers = answers.filter(|odds| odds.is_finite()).map(|odds| odds.clamp(-SURE, SURE));
    (late.is_finite() && in_place.is_finite()).then_some(Met { late, in_place, answers })
}

#[cfg(test)]
pub(crate) mod tests {
    use hoidap_shared::job::Ranks;

    use super::*;

    /// A passage with the given locale and text.
    pub(crate) fn passage(locale: &str, text: &str) -> Passage {
        Passage {
            chunk_id: format!("chunk-{}", text.len()),
            collection: "docs".into(),
            version: "v1".into(),
            text: text.into(),
            score: 0.8,
            similarity: Some(0.9),
            ranks: Ranks { dense: Some(1), lexical: Some(1), fused: Some(1) },
            url: "https://www.example.com/page".into(),
            source: "page.html".into(),
            title: "Page".into(),
            heading_path: vec!["Section".into()],
            start: 0,
            end: text.chars().count(),
            locale: locale.into(),
            product: None,
            section: None,
            document_hash: "00".into(),
            sentences: Vec::new(),
        }
    }
}
