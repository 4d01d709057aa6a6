//! Sentences made from what passages say, true ones and false ones, to try the judge with.
//!
//! False ones have a value, a name, a unit, a number, a denial or a condition exchanged; those that the passages tell after
//! all are left out. True ones are safe rewrites. Everything follows from the passages and a seed.

mod context_passages;
mod negations;
mod paraphrases;
#[cfg(test)]
mod sample_site;
mod statement_index;
mod substitutions;
mod table_claims;
mod tokens;

use std::collections::{BTreeSet, HashSet};

use hoidap_shared::{job::Passage, text::Language};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde::Serialize;

use self::{context_passages::Around, statement_index::Told, tokens::Names};
use crate::collections::digest;
pub(crate) use crate::generator::text::sentence_embedder::Meaning;
use crate::generator::{
    passages::{
        passage_set::Material,
        segmenter::{Cutter, Kind, Unit},
    },
    text::sentence_embedder::language,
    verifier::{Judge, Known, Verdict},
};

/// Words of a sentence that is taken, from and to.
const LENGTH: std::ops::RangeInclusive<usize> = 5..=60;

/// A sentence that was made, and what became of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Made {
    /// Whether it is true.
    pub(crate) right: bool,
    /// How it was made.
    pub(crate) kind: &'static str,
    /// Its language.
    pub(crate) language: Language,
    /// The words.
    pub(crate) sentence: String,
    /// What the answer says before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) before: Vec<String>,
    /// The sentence, item or row that it was made from.
    pub(crate) made_from: String,
    /// The page of that.
    pub(crate) source: String,
    /// What the judge says of it.
    pub(crate) verdict: String,
    /// Whether it would be given to a visitor.
    pub(crate) given: bool,
}

impl Made {
    fn new(right: bool, kind: &'static str, language: Language, from: &str, sentence: String) -> Self {
        Self {
            right,
            kind,
            language,
            sentence,
            before: Vec::new(),
            made_from: from.into(),
            source: String::new(),
            verdict: String::new(),
            given: false,
        }
    }

    fn right(kind: &'static str, language: Language, from: &str, sentence: String) -> Self {
        Self::new(true, kind, language, from, sentence)
    }

    fn wrong(kind: &'static str, language: Language, from: &str, sentence: String) -> Self {
        Self::new(false, kind, language, from, sentence)
    }
}

/// A collection whose sentences are tried.
pub(crate) struct Trial<'a> {
    passages: Vec<Passage>,
    around: Around,
    names: Names,
    cutter: Cutter,
    meaning: &'a Meaning,
    threshold: f32,
    seed: u64,
}

impl<'a> Trial<'a> {
    /// Reads a collection's passages, those of one page in their order.
    pub(crate) fn new(passages: Vec<Passage>, meaning: &'a Meaning, threshold: f32, seed: u64) -> Self {
        let cutter = Cutter::default();
        let mut names = Names::default();
        for passage in &passages {
            cutter.cut(passage).units.iter().for_each(|unit| names.count(&unit.text));
        }
        let around = Around::of(&passages, &cutter.analyser);
        Self { passages, around, names, cutter, meaning, threshold, seed }
    }

    /// The sentences that are tried, by their passages: at most `most`, no two of the same words.
    pub(crate) fn chosen(&self, most: usize) -> Vec<(usize, usize)> {
        let mut seen = HashSet::new();
        let mut all: Vec<(String, usize, usize)> = Vec::new();
        for (at, passage) in self.passages.iter().enumerate() {
            for (unit, found) in self.cutter.cut(passage).units.iter().enumerate() {
                if is_taken(found) && seen.insert(found.text.clone()) {
                    let key = digest(&[&self.seed.to_string(), &passage.source, &found.text]);
                    all.push((key, at, unit));
                }
            }
        }
        all.sort();
        all.into_iter().take(most).map(|(_, passage, unit)| (passage, unit)).collect()
    }

    /// What is made of one sentence of a passage, judged over that passage and those around it.
    pub(crate) fn tried(&self, (passage, unit): (usize, usize)) -> Vec<Made> {
        let around = self.around.passage(passage, &self.passages);
        let passages = around.iter().map(|&at| self.passages[at].clone()).collect();
        let material = Material::new(passages, &self.cutter);
        let source = &self.passages[passage].source;
        let seed = digest(&[&self.seed.to_string(), source, &material.units[unit].text]);
        let mut maker = Maker {
            told: Told::of(&material, &self.cutter.analyser),
            material: &material,
            cutter: &self.cutter,
            names: &self.names,
            language: Language::from_locale(&self.passages[passage].locale).unwrap_or_default(),
            chance: StdRng::seed_from_u64(u64::from_str_radix(&seed, 16).unwrap_or(self.seed)),
        };
        let mut made = maker.of(unit);
        for made in &mut made {
            made.source.clone_from(source);
            self.judge(&material, made);
        }
        made
    }

    fn judge(&self, material: &Material, made: &mut Made) {
        let judge = Judge {
            material,
            meaning: self.meaning,
            analyser: &self.cutter.analyser,
            threshold: self.threshold,
            language: made.language,
            question: "",
            known: &Known::default(),
        };
        let before: Vec<&str> = made.before.iter().map(String::as_str).collect();
        let verdict = judge.judge(&before, &made.sentence);
        made.given = matches!(verdict, Verdict::Supported(..) | Verdict::NoClaim);
        made.verdict = format!("{verdict:?}");
    }
}

fn is_taken(unit: &Unit) -> bool {
    let words = unit.text.split_whitespace();
    let capitals = words.clone().filter(|word| word.starts_with(char::is_uppercase)).count();
    match &unit.row {
        Some(row) => row.names.is_some() && row.cells.len() > 1,
        None => {
            unit.kind != Kind::Label
                && unit.text.ends_with(['.', '!', ')'])
                && LENGTH.contains(&words.clone().count())
                && capitals * 2 < words.count()
        }
    }
}

/// Makes sentences from one.
struct Maker<'a> {
    material: &'a Material,
    told: Told,
    cutter: &'a Cutter,
    names: &'a Names,
    language: Language,
    chance: StdRng,
}

impl Maker<'_> {
    fn of(&mut self, at: usize) -> Vec<Made> {
        let unit = &self.material.units[at];
        let mut made = Vec::new();
        if let Some(row) = unit.row.clone() {
            self.of_row(at, &row, &mut made);
            return made;
        }
        let own = unit.text.to_string();
        let language = language(&own, self.language);
        self.rewrites(at, &own, language, &mut made);
        self.numbers(&own, language, &mut made);
        self.names(&own, language, &mut made);
        self.of_neighbours(at, &own, language, &mut made);
        let turned = negations::turned(&own, language);
        let conditions = negations::conditions(&own).into_iter().map(|text| ("condition", text));
        for (kind, sentence) in turned.into_iter().chain(conditions) {
            if !self.tells(&sentence, Some(&own)) {
                made.push(Made::wrong(kind, language, &own, sentence));
            }
        }
        made
    }

    /// Whether the passages hold all that a sentence says in one place other than `own`.
    fn tells(&self, sentence: &str, own: Option<&str>) -> bool {
        self.told.tells(sentence, own, &self.cutter.analyser)
    }

    fn content(&self, text: &str) -> BTreeSet<String> {
        self.cutter.analyser.content(text).folded.into_iter().collect()
    }

    fn number(&mut self, below: usize) -> usize {
        self.chance.random_range(0..below.max(1))
    }

    fn pick<'b, T>(&mut self, from: &'b [T]) -> Option<&'b T> {
        let at = self.number(from.len());
        from.get(at)
    }
}
