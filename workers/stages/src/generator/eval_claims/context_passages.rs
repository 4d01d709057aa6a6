//! Chooses the passages that a claim is verified against: its own, adjacent ones, and those that share the rarest
//! words.

use std::collections::{BTreeMap, HashMap, HashSet};

use hoidap_indices::Analyser;
use hoidap_shared::job::Passage;

/// Passages for a claim, as many as a question gets by default.
const MAX_CONTEXT_PASSAGES: usize = 8;
/// Words in more passages than this are ignored.
const MAX_PASSAGES_WITH_TERM: usize = 200;

/// An index of a collection's passages by word.
pub(super) struct ContextPassages {
    words: Vec<HashSet<String>>,
    holding: HashMap<String, Vec<usize>>,
}

impl ContextPassages {
    /// Builds the index.
    pub(super) fn build(passages: &[Passage], analyser: &Analyser) -> Self {
        let words: Vec<HashSet<String>> = passages
            .iter()
            .map(|passage| analyser.content(&passage.text).folded.into_iter().collect())
            .collect();
        let mut holding: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, words) in words.iter().enumerate() {
            for word in words {
                holding.entry(word.clone()).or_default().push(at);
            }
        }
        Self { words, holding }
    }

    /// The indices of a passage and of its related ones.
    pub(super) fn of_passage(&self, at: usize, passages: &[Passage]) -> Vec<usize> {
        let beside = [Some(at), at.checked_sub(1), Some(at + 1)].into_iter().flatten();
        let own =
            |other: &usize| passages.get(*other).is_some_and(|other| other.source == passages[at].source);
        let mut found: Vec<usize> = beside.filter(own).collect();
        let mut near: BTreeMap<usize, f32> = BTreeMap::new();
        for holding in self.words[at].iter().filter_map(|word| self.holding.get(word)) {
            let rarity = (passages.len() as f32 / holding.len() as f32).ln_1p();
            for &other in holding.iter().filter(|_| holding.len() <= MAX_PASSAGES_WITH_TERM) {
                *near.entry(other).or_default() += rarity;
            }
        }
        let mut near: Vec<(usize, f32)> =
            near.into_iter().filter(|(other, _)| !found.contains(other)).collect();
        // The sum of the same weights in another order differs in its last digit.
        let rounded = |weight: f32| (weight * 1_000.0).round() as i64;
        near.sort_by_key(|(other, weight)| (std::cmp::Reverse(rounded(*weight)), *other));
        found.extend(near.into_iter().map(|(other, _)| other).take(MAX_CONTEXT_PASSAGES - found.len()));
        found
    }
}
