//! Whether a claim is a fact with something exchanged: a name, a value, a denial, a condition.

use std::collections::BTreeSet;

use hoidap_shared::text::fold;

use crate::generator::{
    passages::{
        segmenter::{Unit, points_back},
        table::{Row, named},
    },
    text::{
        negation::{plain, split},
        quantities::{self, Figure},
        synonyms::holds,
    },
    verifier::{
        alignment::{Alignment, Change, same_words},
        claim_check::{Facts, Fault, NOTHING},
    },
};

/// A claim is laid beside a fact when they share this share of its content words.
const NEAR: f32 = 0.5;
/// One that shares this share is that fact, or that fact altered.
const NEARLY: f32 = 0.8;
/// Of the weight of a claim's words, what other units hold and the fact does not may be this share.
const OF_OTHERS: f32 = 0.3;

impl Facts<'_> {
    /// What the claim exchanges in a fact.
    pub(in crate::generator) fn altered(&self, at: usize) -> Option<Fault> {
        let unit = &self.material.units[at];
        if self.words_of_others(unit) > OF_OTHERS * self.claim.weight() {
            return Some(Fault::Subject);
        }
        if let Some(row) = &unit.row {
            if self.names_another_row(at, unit, row) {
                return Some(Fault::Subject);
            }
            return self.is_of_another_column(unit, row).then_some(Fault::Binding);
        }
        let laid = Alignment::of(&self.claim.tokens, &unit.tokens);
        if laid.nearness() < NEAR {
            return None;
        }
        if laid.exchanges() {
            return Some(Fault::Binding);
        }
        if laid.nearness() >= NEARLY && self.exchanges_a_figure(unit) {
            return Some(Fault::Figure);
        }
        laid.changes().iter().find_map(|change| {
            if laid.turns(change) || laid.sets_another_condition(change) {
                return Some(Fault::Turned);
            }
            self.replaces(unit, &laid, change).then_some(Fault::Subject)
        })
    }

    /// Whether the claim has a figure from the fact's place where the fact has another one of its kind.
    fn exchanges_a_figure(&self, unit: &Unit) -> bool {
        let claimed = &self.claim.figures;
        let left_out: Vec<&Figure> = unit
            .content
            .figures
            .iter()
            .filter(|known| !claimed.iter().any(|figure| known.equals(figure)))
            .collect();
        let mut strange = claimed.iter().filter(|figure| !unit.content.grounds(figure));
        strange.any(|figure| {
            left_out
                .iter()
                .any(|known| known.is_code() == figure.is_code() && known.dimension() == figure.dimension())
        })
    }

    /// Whether a sentence or row has nearly all words of the claim and bears it not: then the claim is that one altered.
    pub(in crate::generator) fn is_one_altered(&self) -> bool {
        (0..self.material.units.len()).any(|at| {
            let unit = &self.material.units[at];
            let laid = || Alignment::of(&self.claim.tokens, &unit.tokens);
            self.is_fact(at)
                && self.share(at) >= NEARLY
                && (unit.row.is_some() || laid().nearness() >= NEARLY)
                && (!self.has_figures(at) || self.altered(at).is_some())
        })
    }

    /// Whether the claim has all words and figures of a sentence, in their order or with two parts in each other's place.
    pub(in crate::generator) fn quotes(&self, unit: &Unit) -> bool {
        let (mine, theirs) = (&self.claim.tokens, &unit.tokens);
        if unit.row.is_some() || mine.len() != theirs.len() || mine.is_empty() {
            return false;
        }
        let same = same_words(mine, theirs);
        if !same && !Alignment::of(mine, theirs).rearranges() {
            return false;
        }
        let theirs = quantities::read(&plain(&unit.text)).claimed;
        let mine = &self.claim.figures;
        // Parts that change places take their figures with them.
        let turns = if same { 1 } else { theirs.len().max(1) };
        mine.len() == theirs.len()
            && (0..turns).any(|by| {
                let theirs = theirs.iter().cycle().skip(by);
                mine.iter().zip(theirs).all(|(mine, theirs)| theirs.equals(mine))
            })
    }

    /// The weight of the claim's words that other units hold, and this one does not.
    fn words_of_others(&self, unit: &Unit) -> f32 {
        let of_others =
            |term: &str| !term.contains(' ') && self.material.knows(term) && !self.material.says(unit, term);
        self.claim.terms.iter().filter(|(term, _)| of_others(term)).map(|(_, weight)| weight).sum()
    }

    /// Whether a change puts a word that the fact and its place do not hold where the fact has another one.
    fn replaces(&self, unit: &Unit, laid: &Alignment<'_>, change: &Change) -> bool {
        // In a fact's own place, what only its heading says stands for something else.
        let points = points_back(&unit.text);
        let told = |term: &str| {
            let own = |term: &str| {
                unit.content.terms.contains(term)
                    || points && unit.around.terms.contains(term)
                    || unit.clauses.iter().any(|part| part.terms.contains(term))
            };
            holds(own, term)
        };
        let mine: Vec<&str> =
            laid.of_claim(change).iter().filter_map(|token| token.term.as_deref()).collect();
        let pair = |at: usize| mine.get(at..at + 2).is_some_and(|pair| told(&pair.join(" ")));
        // Figures are held against figures; what gives a place in an order, against the order.
        let counts = |term: &str| self.claim.weight_of(term) > NOTHING;
        let strange = (0..mine.len()).any(|at| {
            counts(mine[at]) && !told(mine[at]) && !pair(at) && !at.checked_sub(1).is_some_and(pair)
        });
        let mut theirs = laid.of_fact(change).iter().filter_map(|token| token.term.as_deref());
        strange && theirs.any(|term| !holds(|known| mine.contains(&known), term))
    }

    /// Whether the claim has a word that only another row of the table is called by, or has in a column that is named.
    fn names_another_row(&self, at: usize, unit: &Unit, row: &Row) -> bool {
        let claims = |word: &String| self.claim.terms.iter().any(|(term, _)| term == word);
        let claimed = |word: &String| claims(word) && !self.material.says(unit, word);
        let own = |word: &String| unit.clauses.iter().any(|part| part.terms.contains(word));
        // What tells another row from this one is not this one's, whatever the headings say.
        let anothers = |word: &String| claims(word) && !own(word) && !unit.content.terms.contains(word);
        let whole = |cell: &str| {
            let (words, _) = named(cell, self.analyser);
            !words.is_empty() && words.iter().all(claims)
        };
        let is_named = whole(row.cell(0));
        let columns = self.named_columns(row, &self.claim.low, &self.claim.words());
        let mut others = self.material.table_of(at).into_iter().filter(|other| *other != at);
        others.any(|other| {
            let cells = self.material.units[other].row.as_deref();
            let cell = |column: &usize| {
                let words = |row: &Row| named(row.cell(*column), self.analyser).0;
                let told = words(row).iter().all(claims);
                let theirs = cells.map(words).unwrap_or_default();
                theirs.iter().any(|word| claimed(word) || !told && anothers(word))
            };
            let (words, _) = self.material.only_in_row(other, self.analyser);
            words.iter().any(anothers)
                || columns.iter().any(cell)
                || !is_named && cells.is_some_and(|cells| whole(cells.cell(0)))
        })
    }

    /// The columns of a row whose names some words hold.
    fn named_columns(&self, row: &Row, low: &str, terms: &BTreeSet<String>) -> Vec<usize> {
        let claimed = |word: &String| holds(|known| terms.contains(known), word);
        let spaced = |text: &str| format!(" {} ", split(&plain(text)).collect::<Vec<_>>().join(" "));
        let low = spaced(low);
        let is_named = |column: &usize| {
            let (words, _) = named(row.name(*column), self.analyser);
            let name = spaced(row.name(*column));
            // A name of words of grammar, such as "Use it to".
            let phrase = || !name.trim().is_empty() && low.contains(&name);
            if words.is_empty() { phrase() } else { words.iter().all(claimed) }
        };
        (1..row.cells.len()).filter(is_named).collect()
    }

    /// Whether a part of the claim names a column of a row, and has figures or words of another column's cell.
    fn is_of_another_column(&self, unit: &Unit, row: &Row) -> bool {
        let cells: Vec<_> =
            (1..row.cells.len()).map(|column| named(row.cell(column), self.analyser).0).collect();
        let names: Vec<_> =
            (1..row.cells.len()).map(|column| named(row.name(column), self.analyser).0).collect();
        let headings = &self.material.cuts[unit.passage].headings.terms;
        let mut columns = Vec::new();
        self.claim.clauses.iter().any(|clause| {
            // A part that names none goes on with the one before it, unless it names half of one.
            let named = self.named_columns(row, &clause.text, &clause.terms);
            let hints = |column: usize| names[column - 1].iter().any(|word| clause.terms.contains(word));
            if !named.is_empty() {
                columns = named;
            } else if (1..row.cells.len()).any(hints) {
                columns.clear();
            }
            if columns.is_empty() {
                return false;
            }
            let word = |term: &String| {
                let held = |column: usize| cells[column - 1].contains(term);
                let elsewhere = (1..row.cells.len()).any(held) && !columns.iter().any(|&column| held(column));
                elsewhere && !unit.around.terms.contains(term) && !headings.contains(term)
            };
            clause.terms.iter().any(word)
                || !clause.figures.iter().all(|figure| self.has_figure(unit, row, &columns, figure))
        })
    }

    /// Whether the cells of some columns, or what names them and their row, hold a figure.
    fn has_figure(&self, unit: &Unit, row: &Row, columns: &[usize], figure: &Figure) -> bool {
        let label = unit.label.map(|label| &self.material.units[label].content.figures);
        let headings = &self.material.cuts[unit.passage].headings.figures;
        let cells = columns.iter().map(|&column| row.cell(column)).chain([row.cell(0)]);
        let names = (0..row.cells.len()).flat_map(|column| quantities::read(row.name(column)).claimed);
        // "20" is 20 GB only where the row or the column says so; a price may leave its currency away.
        let measured = |dimension: &str| {
            let texts = columns.iter().map(|&column| row.name(column)).chain([row.cell(0)]);
            let low: Vec<String> = texts.map(plain).collect();
            let mut words = low.iter().flat_map(|text| split(text));
            words.any(|word| {
                quantities::unit(&fold(word)).is_some_and(|unit| quantities::dimension(unit) == dimension)
            })
        };
        let fits = |known: Figure| {
            known.equals(figure)
                && (known.dimension().is_some()
                    || figure.dimension().is_none_or(|dimension| dimension == "money" || measured(dimension)))
        };
        cells.flat_map(|text| quantities::read(text).all()).any(fits)
            || names.into_iter().chain(label.into_iter().flatten().cloned()).any(|known| known.equals(figure))
            || headings.iter().any(|known| known.equals(figure))
    }
}
