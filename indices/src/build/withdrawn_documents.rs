//! Withdrawn documents: removed from the site and never found again, but kept for the statistics of the ranking. So
//! removing a document changes only the answers that used it.

use std::collections::{HashMap, HashSet};

use super::GatheredDocuments;
use crate::store::{ChunkRecord, DocumentRecord, VersionRecords};

/// Puts the removed documents of the previous version back in their places, marked as withdrawn; none of them when they
/// would be more than `share` of all chunks.
pub(super) fn keep_withdrawn(gathered: &mut GatheredDocuments, before: &VersionRecords, share: f32) {
    let removed = removed_documents(&gathered.records.documents, &before.documents);
    let chunks = before.chunks.iter().filter(|chunk| removed[chunk.document]).count();
    let all = gathered.records.chunks.len() + chunks;
    if chunks == 0 || chunks as f32 > share * all as f32 {
        return;
    }
    let order = order(&gathered.records.documents, &before.documents, &removed);
    let old = by_document(before);
    let new = by_document(&gathered.records);
    let mut merged = VersionRecords::default();
    for (removed, index) in order {
        let (records, chunks) =
            if removed { (before, &old[index]) } else { (&gathered.records, &new[index]) };
        let document = DocumentRecord { withdrawn: removed, ..records.documents[index].clone() };
        let index = merged.documents.len();
        for &chunk in chunks {
            let chunk = &records.chunks[chunk];
            merged.chunks.push(ChunkRecord { document: index, ..chunk.clone() });
        }
        merged.documents.push(document);
    }
    gathered.records = merged;
}

/// For each previous document, whether it was removed. A document that only moved was not.
pub(super) fn removed_documents(now: &[DocumentRecord], before: &[DocumentRecord]) -> Vec<bool> {
    let sources: HashSet<&str> = now.iter().map(|document| document.source.as_str()).collect();
    let contents: HashSet<&str> = now.iter().map(|document| document.hash.as_str()).collect();
    let is_gone =
        |d: &DocumentRecord| !sources.contains(d.source.as_str()) && !contents.contains(d.hash.as_str());
    before.iter().map(is_gone).collect()
}

/// The merged order: the current documents, and each removed one after the document it followed. Each entry says whether
/// the document was removed, and its index among the previous or the current documents.
fn order(now: &[DocumentRecord], before: &[DocumentRecord], removed: &[bool]) -> Vec<(bool, usize)> {
    let index_by_source: HashMap<&str, usize> =
        now.iter().zip(0..).map(|(d, index)| (d.source.as_str(), index)).collect();
    let mut behind: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    let mut last = None;
    for (index, document) in before.iter().enumerate() {
        if removed[index] {
            behind.entry(last).or_default().push(index);
        } else {
            last = index_by_source.get(document.source.as_str()).copied();
        }
    }
    let mut order = Vec::new();
    for index in std::iter::once(None).chain((0..now.len()).map(Some)) {
        order.extend(index.map(|index| (false, index)));
        order.extend(behind.remove(&index).into_iter().flatten().map(|index| (true, index)));
    }
    order
}

/// The chunk indices of each document.
fn by_document(records: &VersionRecords) -> Vec<Vec<usize>> {
    let mut chunks = vec![Vec::new(); records.documents.len()];
    for (index, chunk) in records.chunks.iter().enumerate() {
        chunks[chunk.document].push(index);
    }
    chunks
}
