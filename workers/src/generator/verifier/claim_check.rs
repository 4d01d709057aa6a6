//! Whether one fact of a passage bears a claim: its subject, its figures and whether it affirms or denies, together.
//!
//! A fact is a unit: a sentence, an item of a list, a row of a table, with its heading and the names of its columns.
//! That its words stand in the fact is not enough: words of one fact with the figure of another make a false sentence.

use std::{collections::BTreeSet, sync::Arc};

use hoidap_indices::Analyser;
use hoidap_shared::text::fold;

use crate::generator::{
    passages::{
        passage_set::Material,
        segmenter::{Kind, Unit},
        table::{self, holds_name},
        table_selection::{self, Best},
    },
    text::{
        clauses::{Clause, head, terms},
        negation::{plain, split},
        quantities::Figure,
        superlative::{By, Degree, compares, degree, says_all, says_only},
        synonyms::{holds, opposed},
    },
    verifier::{binding, claim::Claim},
};

/// Weights below this are none.
pub(in crate::generator) const NOTHING: f32 = 1e-4;
/// A fact is not what a claim speaks of when another one holds of the claim's words this much that the fact lacks, as
/// a share of what the fact holds and the other lacks.
const OUTDONE: f32 = 0.5;
/// A part of a claim is held against the part of a fact that shares this share of its words.
const ALIGNED: f32 = 0.25;

/// What the words of the part before count for a part that speaks of its own thing.
const INHERITED: f32 = 0.5;

/// Words of a fact that name the greatest amount it allows, and the least.
const AT_MOST: [&str; 10] =
    ["tối đa", "đến", "không quá", "giới hạn", "hạn mức", "up to", "at most", "maximum", "limit", "limits"];
const AT_LEAST: [&str; 5] = ["tối thiểu", "ít nhất", "at least", "minimum", "from"];

/// What speaks against a claim that shares its words with a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The fact lacks a number or a code.
    Figure,
    /// The number belongs to something else in the fact.
    Binding,
    /// Another fact is what the claim speaks of.
    Subject,
    /// One affirms and the other denies, or they say opposite things.
    Turned,
    /// The claim gives a place in an order, or says "only" or "all", and the fact does not.
    Degree,
}

/// For each word, which units hold it.
type Held = Vec<Arc<[bool]>>;

/// All units of a job, held against one claim.
pub(crate) struct Facts<'a> {
    pub(in crate::generator) material: &'a Material,
    pub(in crate::generator) analyser: &'a Analyser,
    pub(in crate::generator) claim: &'a Claim,
    /// For each of the claim's words, which units hold it.
    held: Held,
    /// The same of what the claim may leave out, from the nearest on.
    context: Vec<Held>,
    /// Rows that the claim's superlative picks, where a table tells.
    picked: Option<Best>,
}

impl<'a> Facts<'a> {
    /// Holds a claim against all units.
    pub(crate) fn new(material: &'a Material, analyser: &'a Analyser, claim: &'a Claim) -> Self {
        let held = |words: &[(String, f32)]| -> Held {
            words.iter().map(|(term, _)| material.saying(term)).collect()
        };
        let context = claim.context.iter().map(|(words, _)| held(words)).collect();
        let picked = claim
            .degree
            .as_ref()
            .and_then(|degree| table_selection::best(material, analyser, degree, &claim.words(), false));
        Self { material, analyser, claim, held: held(&claim.terms), context, picked }
    }

    /// The share of the claim's words, by weight, that a unit and its place hold.
    pub(crate) fn share(&self, unit: usize) -> f32 {
        let all = self.claim.weight();
        let have: f32 = self.sum(&self.claim.terms, |i| self.held[i][unit]);
        // A bare figure is as good as the fact that holds it.
        if all > NOTHING { have / all } else { 1.0 }
    }

    /// Whether a unit can bear anything.
    pub(crate) fn is_fact(&self, unit: usize) -> bool {
        let unit = &self.material.units[unit];
        !(unit.text.ends_with('?') || unit.kind == Kind::Label && unit.text.ends_with(':'))
    }

    /// Whether a unit and its place hold every figure of the claim.
    pub(crate) fn has_figures(&self, unit: usize) -> bool {
        self.claim.figures.iter().all(|figure| self.material.grounds(&self.material.units[unit], figure))
    }

    /// What speaks against a unit as the ground of the claim.
    pub(crate) fn fault(&self, at: usize) -> Option<Fault> {
        let unit = &self.material.units[at];
        if !self.has_figures(at) {
            return Some(Fault::Figure);
        }
        if self.quotes(unit) {
            return self.is_outdone(at).then_some(Fault::Subject);
        }
        if self.degree_is_wrong(at, unit) {
            return Some(Fault::Degree);
        }
        if self.lacks_a_name(unit)
            || self.is_of_another(unit)
            || self.leaves_row_open(at, unit)
            || self.is_outdone(at)
        {
            return Some(Fault::Subject);
        }
        if !binding::is_bound(self.claim, unit) {
            return Some(Fault::Binding);
        }
        if self.is_turned(unit) || self.claim.clauses.iter().any(|clause| opposed(&clause.text, &unit.text)) {
            return Some(Fault::Turned);
        }
        self.altered(at)
    }

    /// The same where the meaning speaks for the unit. Across languages its words cannot: names and figures can, and
    /// whether all that it says is denied.
    pub(crate) fn fault_in_meaning(&self, at: usize, across: bool) -> Option<Fault> {
        if !across {
            return self.fault(at);
        }
        let unit = &self.material.units[at];
        let parts =
            |parts: &[Clause]| (parts.iter().any(|part| part.denied), parts.iter().all(|part| part.denied));
        let ((some, all), (claimed, _)) = (parts(&unit.clauses), parts(&self.claim.clauses));
        if !self.has_figures(at) {
            Some(Fault::Figure)
        } else if self.claim.degree.is_some() && degree(&plain(&unit.text)).is_none() {
            Some(Fault::Degree)
        } else if self.is_outdone(at) {
            Some(Fault::Subject)
        } else if !binding::is_bound(self.claim, unit) {
            Some(Fault::Binding)
        } else if claimed && !some || !claimed && all {
            Some(Fault::Turned)
        } else {
            None
        }
    }

    fn sum(&self, terms: &[(String, f32)], which: impl Fn(usize) -> bool) -> f32 {
        terms.iter().enumerate().filter(|(i, _)| which(*i)).map(|(_, (_, weight))| weight).sum()
    }

    /// Whether a name in the claim stands neither in the unit nor above it.
    pub(crate) fn lacks_a_name(&self, unit: &Unit) -> bool {
        let known = |name: &String| {
            let terms = terms(name, self.analyser);
            // "Thêm" is a word of grammar, and the name of a button.
            let words = || {
                let low = plain(&unit.text);
                split(name).all(|word| split(&low).any(|known| fold(known) == fold(word)))
            };
            if terms.is_empty() { words() } else { terms.iter().all(|term| self.material.says(unit, term)) }
        };
        !self.claim.names.iter().all(known)
    }

    /// Whether the claim begins with something that the sentence does not hold, in place of what that begins with.
    fn is_of_another(&self, unit: &Unit) -> bool {
        // What a limit names is what it allows most of: "the largest file" is the file of "files up to 25 MB".
        let limited = self.claim.degree.as_ref().is_some_and(|degree| self.is_limit(unit, degree));
        if limited || unit.row.is_some() || self.claim.head.iter().all(|term| self.material.says(unit, term))
        {
            return false;
        }
        let said =
            |term: &String| holds(|known| self.claim.terms.iter().any(|(term, _)| term == known), term);
        let heads = unit.clauses.iter().enumerate().filter(|(i, part)| *i == 0 || part.begins());
        let heads = heads.map(|(_, part)| head(&part.text, self.analyser));
        let heads: Vec<_> = heads.filter(|head| !head.is_empty()).collect();
        !heads.is_empty() && !heads.iter().any(|head| head.iter().all(said))
    }

    /// Whether another unit is what the claim speaks of: it holds words of the claim that this one lacks, and this one
    /// has little for itself. Where the claim's own words do not tell them apart, what was said before it does.
    pub(crate) fn is_outdone(&self, at: usize) -> bool {
        let codes = |unit: &Unit, codes: &[Figure]| {
            codes.iter().filter(|code| self.material.grounds(unit, code)).count() as f32
        };
        self.material.units.iter().enumerate().any(|(other, unit)| {
            if other == at || unit.kind == Kind::Label || !self.is_fact(other) {
                return false;
            }
            let (mine, theirs) = (|i: usize| self.held[i][at], |i: usize| self.held[i][other]);
            let lacks = self.sum(&self.claim.terms, |i| theirs(i) && !mine(i));
            let has = self.sum(&self.claim.terms, |i| mine(i) && !theirs(i));
            if lacks > NOTHING || has > NOTHING {
                return lacks > NOTHING && lacks > OUTDONE * has;
            }
            // A fact that holds by itself what this one has from its heading is nearer.
            if let (None, None) = (&unit.row, &self.material.units[at].row) {
                let own = |unit: &Unit, term: &str| holds(|known| unit.content.terms.contains(known), term);
                let only = |a: &Unit, b: &Unit| -> f32 {
                    let words = self.claim.terms.iter().filter(|(term, _)| own(a, term) && !own(b, term));
                    words.map(|(_, weight)| weight).sum()
                };
                let me = &self.material.units[at];
                if only(unit, me) > only(me, unit) + NOTHING {
                    return true;
                }
            }
            // What was said before tells two facts apart that say the same of two things.
            if !self.is_rival(unit) {
                return false;
            }
            for ((words, names), held) in self.claim.context.iter().zip(&self.context) {
                let lacks = self.sum(words, |i| held[i][other] && !held[i][at]) + codes(unit, names);
                let has = self.sum(words, |i| held[i][at] && !held[i][other])
                    + codes(&self.material.units[at], names);
                if (lacks - has).abs() > NOTHING {
                    return lacks > has;
                }
            }
            false
        })
    }

    /// Whether a unit has another amount where the claim has one.
    fn is_rival(&self, unit: &Unit) -> bool {
        let amounts = || self.claim.figures.iter().filter(|figure| !figure.is_code());
        let other = |figure: &Figure| {
            let same = |known: &&Figure| known.dimension() == figure.dimension() && !known.is_code();
            unit.content.figures.iter().filter(same).any(|known| !known.equals(figure))
        };
        amounts().next().is_none() || amounts().any(other)
    }

    /// Whether the claim is about one row of a table, says not which, and other rows say otherwise.
    fn leaves_row_open(&self, at: usize, unit: &Unit) -> bool {
        let Some(row) = &unit.row else { return false };
        let rows = self.material.table_of(at);
        if rows.len() < 2 || self.picked.as_ref().is_some_and(|picked| picked.units.contains(&at)) {
            return false;
        }
        let (words, codes) = self.material.only_in_row(at, self.analyser);
        if words.is_empty() && codes.is_empty() {
            return false;
        }
        let said = |terms: &[(String, f32)], figures: &[Figure]| {
            words.iter().any(|word| terms.iter().any(|(term, _)| holds(|known| known == term, word)))
                || codes.iter().any(|code| figures.iter().any(|figure| figure.equals(code)))
        };
        let cells_differ = || {
            let column = |row: &table::Row, cell: usize| row.cells.get(cell).cloned();
            let told = (1..row.cells.len()).filter(|&cell| {
                let (name, _) = table::named(row.name(cell), self.analyser);
                name.iter().any(|word| self.claim.terms.iter().any(|(term, _)| term == word))
            });
            let mut told: Vec<usize> = told.collect();
            if told.is_empty() {
                told = (1..row.cells.len()).collect();
            }
            rows.iter()
                .filter_map(|&other| self.material.units[other].row.as_ref())
                .any(|other| told.iter().any(|&cell| column(other, cell) != column(row, cell)))
        };
        let named = said(&self.claim.terms, &self.claim.figures)
            || (!says_all(&self.claim.low) && self.is_named_before(at, &rows));
        !named && cells_differ()
    }

    /// Whether what was said before names this row of a table, and no other one better.
    fn is_named_before(&self, at: usize, rows: &[usize]) -> bool {
        let names: Vec<_> =
            rows.iter().map(|&row| (row, self.material.only_in_row(row, self.analyser))).collect();
        for (terms, figures) in &self.claim.context {
            let said = |(words, codes): &(BTreeSet<String>, Vec<Figure>)| {
                let word = |word: &&String| terms.iter().any(|(term, _)| holds(|known| known == term, word));
                let code = |code: &&Figure| figures.iter().any(|figure| figure.equals(code));
                words.iter().filter(word).count() + codes.iter().filter(code).count()
            };
            let most = names.iter().map(|(_, name)| said(name)).max().unwrap_or_default();
            if most > 0 {
                return names.iter().any(|(row, name)| *row == at && said(name) == most);
            }
        }
        false
    }

    fn degree_is_wrong(&self, at: usize, unit: &Unit) -> bool {
        let low = plain(&unit.text);
        let words = self.claim.words();
        let misplaced = self.claim.degree.as_ref().is_some_and(|claimed| {
            let same = degree(&low).is_some_and(|said| said.most == claimed.most && said.by == claimed.by);
            let names =
                |best: &Best| best.names.iter().any(|name| holds_name(&words, &self.claim.figures, name));
            let picked = self.picked.as_ref().is_some_and(|best| best.units.contains(&at) && names(best));
            !same && !picked && !self.is_limit(unit, claimed)
        });
        let only =
            self.claim.only && !says_only(&low) && !low.contains("riêng") && !low.contains("exclusive");
        let compares = self.claim.compares && !compares(&low);
        misplaced || only || compares
    }

    /// Whether the fact is a limit, so that the amount it names is the greatest, or the least, that it allows.
    fn is_limit(&self, unit: &Unit, claimed: &Degree) -> bool {
        let words: &[&str] = if claimed.most { &AT_MOST } else { &AT_LEAST };
        let passage = &self.material.passages[unit.passage];
        let text = format!("{} {} {}", unit.text, passage.title, passage.heading_path.join(" "));
        let low = format!(" {} ", split(&plain(&text)).collect::<Vec<_>>().join(" "));
        matches!(claimed.by, By::Amount | By::Length)
            && self.claim.figures.iter().any(|figure| figure.amount().is_some())
            && words.iter().any(|word| low.contains(&format!(" {word} ")))
    }

    /// Whether a part of the claim affirms what the fact denies, or the other way round.
    fn is_turned(&self, unit: &Unit) -> bool {
        let alone = self.claim.clauses.len() == 1;
        // What a row is called by tells none of its cells from the others.
        let subject = unit.row.as_ref().map(|row| row.subject(self.analyser).0).unwrap_or_default();
        self.claim.clauses.iter().any(|clause| {
            let all: f32 = clause.terms.iter().map(|term| self.claim.weight_of(term)).sum();
            let mut best: Option<(f32, bool)> = None;
            for part in &unit.clauses[..] {
                let weight = |term: &&String| self.claim.weight_of(term);
                let own: f32 = clause
                    .terms
                    .iter()
                    .filter(|term| !subject.contains(*term))
                    .filter(|term| holds(|known| part.terms.contains(known), term))
                    .map(|t| weight(&t))
                    .sum();
                let before: f32 = clause
                    .terms
                    .intersection(&part.before)
                    .filter(|term| !part.terms.contains(*term))
                    .map(|t| weight(&t))
                    .sum();
                let figures = clause
                    .figures
                    .iter()
                    .filter(|figure| part.figures.iter().any(|known| known.equals(figure)))
                    .count();
                // A part that goes on with the one before it leaves that one's subject away.
                let inherits = if part.begins() { INHERITED } else { 1.0 };
                let near = own + inherits * before + figures as f32;
                if best.is_none_or(|(known, _)| near > known + NOTHING) {
                    best = Some((near, part.denied));
                }
            }
            match best {
                Some((near, denied)) if near > NOTHING && (alone || near >= ALIGNED * all) => {
                    denied != clause.denied
                }
                // A table of one column has only its cell to say.
                Some((_, denied)) if unit.row.is_some() && unit.clauses.len() == 1 => denied != clause.denied,
                Some(_) if alone => !unit.clauses.iter().any(|part| part.denied == clause.denied),
                _ => false,
            }
        })
    }
}
