use std::{
    collections::HashMap,
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
    sync::Arc,
};

use super::{
    collection::Collection,
    find::in_service,
    fuse::{Place, sort},
};
use crate::text::tokens;

/// A document is heard once, and once more for every so many chunks it has: a long page must not crowd out the others,
/// but a book is more than a page.
const CHUNKS_A_VOICE: usize = 50;

/// Two passages with this share of words in common say the same.
const SAME: f32 = 0.9;

/// The best candidates in service, near-duplicates left out, no more than `depth`, best first. Where other documents do not fill
/// the list, further passages of the same ones do.
pub(super) fn select(
    collections: &[Arc<Collection>],
    fused: &[(Place, f32)],
    depth: usize,
) -> Vec<(Place, f32)> {
    let mut selection = Selection { collections, depth, chosen: Vec::new(), words: Vec::new() };
    let mut heard: HashMap<(usize, usize), usize> = HashMap::new();
    let mut later = Vec::new();
    for candidate in fused.iter().filter(|candidate| in_service(collections, &candidate.0)) {
        let (collection, chunk) = candidate.0;
        let document = collections[collection].records.chunks[chunk].document;
        let times = heard.entry((collection, document)).or_default();
        if *times <= collections[collection].lengths[document] / CHUNKS_A_VOICE {
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

struct Selection<'a> {
    collections: &'a [Arc<Collection>],
    depth: usize,
    chosen: Vec<(Place, f32)>,
    /// The words of each chosen passage, as hashes in order.
    words: Vec<Vec<u64>>,
}

impl Selection<'_> {
    /// Takes a candidate unless the list is full or says the same already; whether it did.
    fn take(&mut self, candidate: &(Place, f32)) -> bool {
        if self.chosen.len() == self.depth {
            return false;
        }
        let records = &self.collections[candidate.0.0].records;
        let mine = words(records.text(&records.chunks[candidate.0.1]));
        let fresh = !self.words.iter().any(|other| alike(other, &mine));
        if fresh {
            self.words.push(mine);
            self.chosen.push(*candidate);
        }
        fresh
    }
}

/// The distinct words of a text in lower case, as hashes in order.
fn words(text: &str) -> Vec<u64> {
    let hash = BuildHasherDefault::<DefaultHasher>::default();
    let mut words: Vec<u64> = tokens(text).map(|word| hash.hash_one(word)).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// Whether two texts have [`SAME`] of their words in common.
fn alike(a: &[u64], b: &[u64]) -> bool {
    let (shorter, longer) = (a.len().min(b.len()) as f32, a.len().max(b.len()) as f32);
    if shorter < SAME * longer {
        return false;
    }
    let common = a.iter().filter(|word| b.binary_search(word).is_ok()).count() as f32;
    common >= SAME * ((a.len() + b.len()) as f32 - common)
}
