//! Whether quantities and terms belong to the same thing in the claim and in the fact: `Free 2 GB, Pro 20 GB` does
//! not support `Pro 2 GB`.

use std::collections::BTreeSet;

use crate::generator::{
    passages::segmenter::Segment,
    text::{clauses::Clause, quantities::Quantity},
    verifier::claim::{Claim, NEGLIGIBLE_WEIGHT},
};

/// A quantity belongs to another clause if that clause matches the claim's terms this much better.
const OTHER_CLAUSE_RATIO: f32 = 0.5;

/// A claim is about a single statement if that contains this share of the matching terms.
const MIN_SINGLE_STATEMENT_SHARE: f32 = 0.75;

/// Whether every clause of the claim binds its quantities and terms as the fact does.
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
    // "Pine covers 700 hectares" does not follow from "It covers 700 hectares, of which 550 are planted with pine".
    let subject_is_of = |part: &Clause| {
        claim.subject.iter().any(|term| part.terms.contains(term) || part.inherited.contains(term))
    };
    let has_other_subject = claim.clauses.len() == 1 && !mine.iter().any(|part| subject_is_of(part));
    parts.iter().filter(|part| rival(part)).all(|other| {
        if has_other_subject && subject_is_of(other) {
            return false;
        }
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
                // A clause that the claim names by its own terms may leave out the terms before it.
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

/// A clause's terms; those of the clause before it if it has none.
fn clause_subject(part: &Clause) -> BTreeSet<&String> {
    let own = part.terms.iter().filter(|term| !term.contains(' ')).count();
    let before = part.inherited.iter().filter(|_| own == 0);
    part.terms.iter().chain(before).collect()
}

fn quantity_kind(quantity: &Quantity) -> &'static str {
    if quantity.is_code() { "code" } else { quantity.dimension().unwrap_or("number") }
}

/// Whether quantities of one kind have the same order: "from 9 to 20" is not "from 20 to 9".
fn order_matches(clause: &Clause, parts: &[Clause]) -> bool {
    let kinds: BTreeSet<&str> =
        clause.quantities.iter().filter(|quantity| !quantity.is_code()).map(quantity_kind).collect();
    kinds.into_iter().all(|of| {
        let said: Vec<&Quantity> =
            clause.quantities.iter().filter(|quantity| quantity_kind(quantity) == of).collect();
        said.len() < 2
            || parts.iter().all(|part| {
                let positions: Vec<usize> = said
                    .iter()
                    .filter_map(|quantity| part.quantities.iter().position(|known| known.equals(quantity)))
                    .collect();
                positions.len() < said.len() || positions.is_sorted()
            })
    })
}

/// Whether amounts are counted for the same time: "an hour" is not "a minute".
fn rates_match(clause: &Clause, segment: &Segment) -> bool {
    let known = || segment.clauses.iter().flat_map(|part| &part.rates);
    known().next().is_none()
        || clause
            .rates
            .iter()
            .all(|rate| known().any(|known| known.equals(rate)) || segment.content.has_quantity(rate))
}

/// Whether a clause's terms and quantities come from a single statement of the fact, not from two about different
/// things.
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
