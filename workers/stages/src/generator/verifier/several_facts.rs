//! Support of a sentence by several facts of one passage: each of its clauses by one, or each of the rows that it names.

use std::collections::{BTreeSet, HashMap};

use super::Verifier;
use crate::generator::{
    text::quantities::Quantity,
    verifier::{claim::Claim, claim_check::ClaimCheck},
};

impl Verifier<'_> {
    /// The passage that supports every clause by a fact of its own.
    pub(super) fn supported_by_clauses(&self, claim: &Claim) -> Option<(usize, f32)> {
        if claim.clauses.len() < 2 || claim.superlative.is_some() {
            return None;
        }
        let mut all: Option<HashMap<usize, f32>> = None;
        for at in 0..claim.clauses.len() {
            let part = claim.clause_claim(at, self.passage_set, self.analyser);
            if part.is_empty() {
                continue;
            }
            let facts = ClaimCheck::new(self.passage_set, self.analyser, &part);
            let mut bears: HashMap<usize, f32> = HashMap::new();
            for segment in 0..self.passage_set.segments.len() {
                let share = facts.coverage(segment);
                if share >= self.threshold && facts.can_support(segment) && facts.mismatch(segment).is_none()
                {
                    let known = bears.entry(self.passage_set.segments[segment].passage).or_default();
                    *known = known.max(share);
                }
            }
            all = Some(match all {
                None => bears,
                Some(all) => {
                    let both = all.into_iter();
                    both.filter_map(|(passage, known)| Some((passage, known.min(*bears.get(&passage)?))))
                        .collect()
                }
            });
        }
        all?.into_iter().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
    }

    /// The passage whose table rows support a claim about several of them, each row by itself.
    pub(super) fn supported_by_rows(&self, claim: &Claim) -> Option<(usize, f32)> {
        let words = claim.words();
        let mut tables: HashMap<(usize, usize), Vec<usize>> = HashMap::new();
        for (at, segment) in self.passage_set.segments.iter().enumerate() {
            if let Some(row) = &segment.row
                && self.passage_set.is_row_named(at, &words, &claim.quantities, self.analyser)
            {
                tables.entry((segment.passage, row.table)).or_default().push(at);
            }
        }
        let mut found: Vec<(usize, f32)> = Vec::new();
        for ((passage, _), rows) in tables.into_iter().filter(|(_, rows)| rows.len() > 1) {
            let names: Vec<_> =
                rows.iter().map(|&row| self.passage_set.distinguishing_names(row, self.analyser)).collect();
            let support = rows.iter().enumerate().map(|(i, &row)| {
                let others = names.iter().enumerate().filter(|(other, _)| *other != i);
                let (mut words, mut codes): (BTreeSet<String>, Vec<Quantity>) = Default::default();
                for (_, (other, named)) in others {
                    words.extend(other.difference(&names[i].0).cloned());
                    codes.extend(named.iter().filter(|code| !names[i].1.contains(code)).cloned());
                }
                let claim = claim.without(&words, &codes);
                let facts = ClaimCheck::new(self.passage_set, self.analyser, &claim);
                if facts.mismatch(row).is_none() { facts.coverage(row) } else { 0.0 }
            });
            let least = support.fold(1.0, f32::min);
            if least >= self.threshold {
                found.push((passage, least));
            }
        }
        found.into_iter().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
    }
}
