//! Whether a fact's quantity belongs to what the claim gives it to: `Free 2 GB, Pro 20 GB` does not say `Pro 2 GB`.

use std::collections::BTreeSet;

use crate::generator::{
    passages::segmenter::Segment,
    text::{clauses::Clause, quantities::Quantity},
    verifier::{claim::Claim, claim_check::NEGLIGIBLE_WEIGHT},
};

/// A quantity belongs elsewhere when the other place holds this much more of the claim's words.
const OTHER_CLAUSE_RATIO: f32 = 0.5;

/// A claim is about one part of a fact when that holds this share of those of its words that the fact holds.
const MIN_SINGLE_STATEMENT_SHARE: f32 = 0.75;

/// Whether every part of the claim agrees with one part of the fact about what its quantities, or its words, belong to.
pub(in crate::generator) fn binding_matches(claim: &Claim, segment: &Segment) -> bool {
    let parts = &segment.clauses;
    claim.clauses.iter().all(|clause| {
        clause.quantities.iter().all(|quantity| quantity_binding_matches(claim, clause, quantity, parts))
            && order_matches(clause, parts)
            && rates_match(clause, segment)
            && (segment.row.is_some() || term_binding_matches(claim, clause, parts))
    })
}

fn quantity_binding_matches(claim: &Claim, clause: &Clause, quantity: &Quantity, parts: &[Clause]) -> bool {
    let has = |part: &Clause| part.quantities.iter().any(|known| known.equals(quantity));
    let rival = |part: &Clause| {
        !has(part) && part.quantities.iter().any(|known| quantity_kind(known) == quantity_kind(quantity))
    };
    let mine: Vec<&Clause> = parts.iter().filter(|part| has(part)).collect();
    if mine.is_empty() {
        return true;
    }
    parts.iter().filter(|part| rival(part)).all(|other| {
        mine.iter().any(|mine| {
            let (part, other) = (clause_subject(mine), clause_subject(other));
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
                let inherited = part
                    .iter()
                    .copied()
                    .chain(mine.inherited.iter().filter(|_| has > NEGLIGIBLE_WEIGHT))
                    .collect();
                let lacks = weigh(&other, &inherited);
                if lacks > NEGLIGIBLE_WEIGHT || has > NEGLIGIBLE_WEIGHT {
                    return lacks <= OTHER_CLAUSE_RATIO * has;
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
fn clause_subject(part: &Clause) -> BTreeSet<&String> {
    let own = part.terms.iter().filter(|term| !term.contains(' ')).count();
    let before = part.inherited.iter().filter(|_| own == 0);
    part.terms.iter().chain(before).collect()
}

fn quantity_kind(quantity: &Quantity) -> &'static str {
    if quantity.is_code() { "code" } else { quantity.dimension().unwrap_or("number") }
}

/// Whether quantities of one kind stand in the order of the fact: "from 9 to 20" is not "from 20 to 9".
fn order_matches(clause: &Clause, parts: &[Clause]) -> bool {
    let kinds: BTreeSet<&str> =
        clause.quantities.iter().filter(|quantity| !quantity.is_code()).map(quantity_kind).collect();
    kinds.into_iter().all(|of| {
        let said: Vec<&Quantity> =
            clause.quantities.iter().filter(|quantity| quantity_kind(quantity) == of).collect();
        said.len() < 2
            || parts.iter().all(|part| {
                let places: Vec<usize> = said
                    .iter()
                    .filter_map(|quantity| part.quantities.iter().position(|known| known.equals(quantity)))
                    .collect();
                places.len() < said.len() || places.is_sorted()
            })
    })
}

/// Whether an amount is counted for the same time: "an hour" is not "a minute".
fn rates_match(clause: &Clause, segment: &Segment) -> bool {
    let known = || segment.clauses.iter().flat_map(|part| &part.rates);
    known().next().is_none()
        || clause
            .rates
            .iter()
            .all(|rate| known().any(|known| known.equals(rate)) || segment.content.has_quantity(rate))
}

/// Whether the words and quantities of a part of the claim do not come from two statements of the fact, each of its own
/// thing.
fn term_binding_matches(claim: &Claim, clause: &Clause, parts: &[Clause]) -> bool {
    let mut statements: Vec<Clause> = Vec::new();
    for part in parts {
        match statements.last_mut().filter(|_| !part.is_independent()) {
            Some(statement) => {
                statement.terms.extend(part.terms.iter().cloned());
                statement.quantities.extend(part.quantities.iter().cloned());
            }
            None => statements.push(part.clone()),
        }
    }
    let words = |which: &dyn Fn(&String) -> bool| -> f32 {
        clause.terms.iter().filter(|term| which(term)).map(|term| claim.weight_of(term)).sum()
    };
    let has = |statement: &Clause, quantity: &Quantity| {
        statement.quantities.iter().any(|known| known.equals(quantity))
    };
    let all = words(&|term| statements.iter().any(|one| one.terms.contains(term)));
    let quantities: Vec<&Quantity> =
        clause.quantities.iter().filter(|quantity| statements.iter().any(|one| has(one, quantity))).collect();
    let whole = |one: &Clause| {
        words(&|term| one.terms.contains(term)) >= MIN_SINGLE_STATEMENT_SHARE * all
            && quantities.iter().all(|quantity| has(one, quantity))
    };
    let apart = |one: &Clause, other: &Clause| {
        let only = |a: &Clause, b: &Clause| {
            let count = quantities.iter().filter(|quantity| has(a, quantity) && !has(b, quantity)).count();
            words(&|term| a.terms.contains(term) && !b.terms.contains(term)) + count as f32
        };
        only(one, other).min(only(other, one)) > NEGLIGIBLE_WEIGHT
    };
    let pairs = |i: usize| statements[i + 1..].iter().any(|other| apart(&statements[i], other));
    statements.iter().any(whole) || !(0..statements.len()).any(pairs)
}
