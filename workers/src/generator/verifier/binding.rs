//! Whether a fact's figure belongs to what the claim gives it to: `Free 2 GB, Pro 20 GB` does not say `Pro 2 GB`.

use std::collections::BTreeSet;

use crate::generator::{
    passages::segmenter::Unit,
    text::{clauses::Clause, quantities::Figure},
    verifier::{claim::Claim, claim_check::NOTHING},
};

/// A figure belongs elsewhere when the other place holds this much more of the claim's words.
const ELSEWHERE: f32 = 0.5;

/// A claim is about one part of a fact when that holds this share of those of its words that the fact holds.
const ONE_PART: f32 = 0.75;

/// Whether every part of the claim agrees with one part of the fact about what its figures, or its words, belong to.
pub(in crate::generator) fn is_bound(claim: &Claim, unit: &Unit) -> bool {
    let parts = &unit.clauses;
    claim.clauses.iter().all(|clause| {
        clause.figures.iter().all(|figure| figure_is_bound(claim, clause, figure, parts))
            && order_is_kept(clause, parts)
            && rates_agree(clause, unit)
            && (unit.row.is_some() || words_are_bound(claim, clause, parts))
    })
}

fn figure_is_bound(claim: &Claim, clause: &Clause, figure: &Figure, parts: &[Clause]) -> bool {
    let has = |part: &Clause| part.figures.iter().any(|known| known.equals(figure));
    let rival = |part: &Clause| !has(part) && part.figures.iter().any(|known| kind(known) == kind(figure));
    let mine: Vec<&Clause> = parts.iter().filter(|part| has(part)).collect();
    if mine.is_empty() {
        return true;
    }
    parts.iter().filter(|part| rival(part)).all(|other| {
        mine.iter().any(|mine| {
            let (part, other) = (subject(mine), subject(other));
            let all: BTreeSet<&String> = claim.terms.iter().map(|(term, _)| term).collect();
            let mut levels = vec![clause.terms.iter().collect::<BTreeSet<_>>(), all];
            levels
                .extend(claim.context.iter().map(|(words, _)| words.iter().map(|(term, _)| term).collect()));
            for words in levels {
                let weigh = |a: &BTreeSet<&String>, b: &BTreeSet<&String>| -> f32 {
                    words
                        .iter()
                        .filter(|w| a.contains(**w) && !b.contains(**w))
                        .map(|w| weight(claim, w))
                        .sum()
                };
                let has = weigh(&part, &other);
                // A part that the claim names by its own words may leave the words before it away.
                let inherited =
                    part.iter().copied().chain(mine.before.iter().filter(|_| has > NOTHING)).collect();
                let lacks = weigh(&other, &inherited);
                if lacks > NOTHING || has > NOTHING {
                    return lacks <= ELSEWHERE * has;
                }
            }
            true
        })
    })
}

fn weight(claim: &Claim, term: &str) -> f32 {
    let known = claim.weight_of(term);
    let said = || claim.context.iter().flat_map(|(words, _)| words).find(|(word, _)| word == term);
    if known > 0.0 { known } else { said().map_or(1.0, |(_, weight)| *weight) }
}

/// The words of a part; where it has none, those of the part before it.
fn subject(part: &Clause) -> BTreeSet<&String> {
    let own = part.terms.iter().filter(|term| !term.contains(' ')).count();
    let before = part.before.iter().filter(|_| own == 0);
    part.terms.iter().chain(before).collect()
}

fn kind(figure: &Figure) -> &'static str {
    if figure.is_code() { "code" } else { figure.dimension().unwrap_or("number") }
}

/// Whether figures of one kind stand in the order of the fact: "from 9 to 20" is not "from 20 to 9".
fn order_is_kept(clause: &Clause, parts: &[Clause]) -> bool {
    let kinds: BTreeSet<&str> = clause.figures.iter().filter(|figure| !figure.is_code()).map(kind).collect();
    kinds.into_iter().all(|of| {
        let said: Vec<&Figure> = clause.figures.iter().filter(|figure| kind(figure) == of).collect();
        said.len() < 2
            || parts.iter().all(|part| {
                let places: Vec<usize> = said
                    .iter()
                    .filter_map(|figure| part.figures.iter().position(|known| known.equals(figure)))
                    .collect();
                places.len() < said.len() || places.is_sorted()
            })
    })
}

/// Whether an amount is counted for the same time: "an hour" is not "a minute".
fn rates_agree(clause: &Clause, unit: &Unit) -> bool {
    let known = || unit.clauses.iter().flat_map(|part| &part.rates);
    known().next().is_none()
        || clause
            .rates
            .iter()
            .all(|rate| known().any(|known| known.equals(rate)) || unit.content.grounds(rate))
}

/// Whether the words and figures of a part of the claim do not come from two statements of the fact, each of its own
/// thing.
fn words_are_bound(claim: &Claim, clause: &Clause, parts: &[Clause]) -> bool {
    let mut statements: Vec<Clause> = Vec::new();
    for part in parts {
        match statements.last_mut().filter(|_| !part.begins()) {
            Some(statement) => {
                statement.terms.extend(part.terms.iter().cloned());
                statement.figures.extend(part.figures.iter().cloned());
            }
            None => statements.push(part.clone()),
        }
    }
    let words = |which: &dyn Fn(&String) -> bool| -> f32 {
        clause.terms.iter().filter(|term| which(term)).map(|term| claim.weight_of(term)).sum()
    };
    let has =
        |statement: &Clause, figure: &Figure| statement.figures.iter().any(|known| known.equals(figure));
    let all = words(&|term| statements.iter().any(|one| one.terms.contains(term)));
    let figures: Vec<&Figure> =
        clause.figures.iter().filter(|figure| statements.iter().any(|one| has(one, figure))).collect();
    let whole = |one: &Clause| {
        words(&|term| one.terms.contains(term)) >= ONE_PART * all
            && figures.iter().all(|figure| has(one, figure))
    };
    let apart = |one: &Clause, other: &Clause| {
        let only = |a: &Clause, b: &Clause| {
            let count = figures.iter().filter(|figure| has(a, figure) && !has(b, figure)).count();
            words(&|term| a.terms.contains(term) && !b.terms.contains(term)) + count as f32
        };
        only(one, other).min(only(other, one)) > NOTHING
    };
    let pairs = |i: usize| statements[i + 1..].iter().any(|other| apart(&statements[i], other));
    statements.iter().any(whole) || !(0..statements.len()).any(pairs)
}
