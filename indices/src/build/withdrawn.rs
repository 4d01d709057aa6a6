//! Documents that were taken away: never found again, and kept for what their words and vectors weigh in the ranking of
//! the others, so that taking one away changes only the answers that it had a part in.

use std::collections::{HashMap, HashSet};

use super::Gathered;
use crate::store::{ChunkRecord, DocumentRecord, Records};

/// Puts the documents of the version before that are gone back into their places, withdrawn; none of them when together
/// they would be more than `share` of all chunks.
pub(super) fn keep(gathered: &mut Gathered, before: &Records, share: f32) {
    let gone = gone(&gathered.records.documents, &before.documents);
    let chunks = before.chunks.iter().filter(|chunk| gone[chunk.document]).count();
    let all = gathered.records.chunks.len() + chunks;
    if chunks == 0 || chunks as f32 > share * all as f32 {
        return;
    }
    let order = order(&gathered.records.documents, &before.documents, &gone);
    let old = by_document(before);
    let new = by_document(&gathered.records);
    let mut merged = Records::default();
    for (gone, place) in order {
        let (records, chunks) = if gone { (before, &old[place]) } else { (&gathered.records, &new[place]) };
        let document = DocumentRecord { withdrawn: gone, ..records.documents[place].clone() };
        let place = merged.documents.len();
        for &chunk in chunks {
            let chunk = &records.chunks[chunk];
            merged.chunks.push(ChunkRecord { document: place, ..chunk.clone() });
        }
        merged.documents.push(document);
    }
    gathered.records = merged;
}

/// Which of the documents of before are gone. What has only moved is there.
pub(super) fn gone(now: &[DocumentRecord], before: &[DocumentRecord]) -> Vec<bool> {
    let sources: HashSet<&str> = now.iter().map(|document| document.source.as_str()).collect();
    let contents: HashSet<&str> = now.iter().map(|document| document.hash.as_str()).collect();
    let is_gone =
        |d: &DocumentRecord| !sources.contains(d.source.as_str()) && !contents.contains(d.hash.as_str());
    before.iter().map(is_gone).collect()
}

/// The documents of now, and each one that is gone behind the one that it stood behind: whether it is gone, and its place
/// among those of now or of before.
fn order(now: &[DocumentRecord], before: &[DocumentRecord], gone: &[bool]) -> Vec<(bool, usize)> {
    let places: HashMap<&str, usize> =
        now.iter().zip(0..).map(|(d, place)| (d.source.as_str(), place)).collect();
    let mut behind: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    let mut last = None;
    for (place, document) in before.iter().enumerate() {
        if gone[place] {
            behind.entry(last).or_default().push(place);
        } else {
            last = places.get(document.source.as_str()).copied();
        }
    }
    let mut order = Vec::new();
    for place in std::iter::once(None).chain((0..now.len()).map(Some)) {
        order.extend(place.map(|place| (false, place)));
        order.extend(behind.remove(&place).into_iter().flatten().map(|place| (true, place)));
    }
    order
}

/// The chunks of each document.
fn by_document(records: &Records) -> Vec<Vec<usize>> {
    let mut chunks = vec![Vec::new(); records.documents.len()];
    for (place, chunk) in records.chunks.iter().enumerate() {
        chunks[chunk.document].push(place);
    }
    chunks
}
