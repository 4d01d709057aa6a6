use std::{
    collections::HashMap,
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
    sync::Arc,
};

use super::{
    first_stage::in_service,
    fuse::{ChunkRef, sort},
    loaded_collection::LoadedCollection,
};
use crate::text::lower_words;

/// A document gives one passage, and one more for every this many chunks: a long page holds several answers, and must not crowd
/// out the others.
const CHUNKS_PER_FURTHER_PASSAGE: usize = 3;

/// Two passages with at least this share of words in common are near-duplicates.
const DUPLICATE_OVERLAP: f32 = 0.9;

/// Selects the best `depth` candidates in service, without near-duplicates, best first. When the documents give too few
/// passages, further passages of the same documents fill the list.
pub(super) fn select(
    collections: &[Arc<LoadedCollection>],
    fused: &[(ChunkRef, f32)],
    depth: usize,
) -> Vec<(ChunkRef, f32)> {
    let mut selection = PassageSelection { collections, depth, chosen: Vec::new(), words: Vec::new() };
    let mut taken_per_document: HashMap<(usize, usize), usize> = HashMap::new();
    let mut later = Vec::new();
    for candidate in fused.iter().filter(|candidate| in_service(collections, &candidate.0)) {
        let ChunkRef { collection, chunk } = candidate.0;
        let document = collections[collection].records.chunks[chunk].document;
        let times = taken_per_document.entry((collection, document)).or_default();
        if *times <= collections[collection].chunks_per_document[document] / CHUNKS_PER_FURTHER_PASSAGE {
            *times += usize::from(selection.take(candidate));
        } else {
            later.push(candidate);
        }
    }
    for candidate in later {
        selection.take(candidate);
    }
    sort(&mut selection.chosen);
    selection.chosen
}

struct PassageSelection<'a> {
    collections: &'a [Arc<LoadedCollection>],
    depth: usize,
    chosen: Vec<(ChunkRef, f32)>,
    /// The words of each chosen passage, as sorted hashes.
    words: Vec<Vec<u64>>,
}

impl PassageSelection<'_> {
    /// Takes a candidate unless the list is full or has a near-duplicate. Returns whether it was taken.
    fn take(&mut self, candidate: &(ChunkRef, f32)) -> bool {
        if self.chosen.len() == self.depth {
            return false;
        }
        let records = &self.collections[candidate.0.collection].records;
        let mine = words(records.text(&records.chunks[candidate.0.chunk]));
        let fresh = !self.words.iter().any(|other| are_duplicates(other, &mine));
        if fresh {
            self.words.push(mine);
            self.chosen.push(*candidate);
        }
        fresh
    }
}

/// The distinct words of a text in lower case, as sorted hashes.
fn words(text: &str) -> Vec<u64> {
    let hash = BuildHasherDefault::<DefaultHasher>::default();
    let mut words: Vec<u64> = lower_words(text).map(|word| hash.hash_one(word)).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// Whether two texts share at least [`DUPLICATE_OVERLAP`] of their words.
fn are_duplicates(a: &[u64], b: &[u64]) -> bool {
    let (shorter, longer) = (a.len().min(b.len()) as f32, a.len().max(b.len()) as f32);
    if shorter < DUPLICATE_OVERLAP * longer {
        return false;
    }
    let common = a.iter().filter(|word| b.binary_search(word).is_ok()).count() as f32;
    common >= DUPLICATE_OVERLAP * ((a.len() + b.len()) as f32 - common)
}
