//! The two first-stage searches, dense and lexical. Their candidates are re-ranked or fused.

use std::{collections::HashSet, sync::Arc};

use hoidap_shared::job::Query;

use super::{
    SearchError, SearchRequest,
    fuse::{ChunkRef, Ranking, sort},
    loaded_collection::LoadedCollection,
};
use crate::lexical::{self, Analyser};

/// The rankings of the dense and the lexical search under one filter: one for each wording.
pub(super) struct FirstStageRankings {
    pub(super) dense: Vec<Ranking>,
    pub(super) lexical: Vec<Ranking>,
}

impl FirstStageRankings {
    /// Whether nothing was found, apart from withdrawn documents.
    pub(super) fn is_empty(&self, collections: &[Arc<LoadedCollection>]) -> bool {
        let mut hits = self.dense.iter().chain(&self.lexical).flat_map(|ranking| &ranking.hits);
        !hits.any(|(chunk_ref, _)| in_service(collections, chunk_ref))
    }

    /// Sets the weight of each ranking to that of its wording.
    pub(super) fn weigh(&mut self, queries: &[Query], weights: &[f32]) {
        for (ranking, weight) in self.lexical.iter_mut().zip(weights) {
            ranking.weight = *weight;
        }
        let embedded = queries.iter().zip(weights).filter(|(query, _)| query.embedding.is_some());
        for (ranking, (_, weight)) in self.dense.iter_mut().zip(embedded) {
            ranking.weight = *weight;
        }
    }

    /// Merges the rankings of the same wordings under another filter.
    pub(super) fn add(&mut self, other: Self) {
        for (own, other) in [(&mut self.dense, other.dense), (&mut self.lexical, other.lexical)] {
            for (own, other) in own.iter_mut().zip(other) {
                let known: HashSet<ChunkRef> = own.hits.iter().map(|(chunk_ref, _)| *chunk_ref).collect();
                own.hits.extend(other.hits.into_iter().filter(|(chunk_ref, _)| !known.contains(chunk_ref)));
                sort(&mut own.hits);
            }
        }
    }
}

/// Whether a chunk's document is not withdrawn.
pub(super) fn in_service(collections: &[Arc<LoadedCollection>], chunk_ref: &ChunkRef) -> bool {
    !collections[chunk_ref.collection].records.withdrawn(chunk_ref.chunk)
}

/// Searches both indices at once: FAISS on its own thread, the lexical index on this one.
pub(super) fn search_first_stage(
    analyser: &Analyser,
    collections: &[Arc<LoadedCollection>],
    request: &SearchRequest<'_>,
    product: Option<&str>,
    section: Option<&str>,
) -> Result<FirstStageRankings, SearchError> {
    let language = request.locale.unwrap_or_default();
    let withdrawn = collections.iter().any(|collection| collection.manifest.withdrawn.chunks > 0);
    let limit = if withdrawn { 2 * request.candidates } else { request.candidates };
    let best = |hits| top_hits(collections, hits, request.candidates);
    let filters: Vec<_> = collections.iter().map(|c| c.filter(product, section)).collect();
    let mut pending = Vec::new();
    for query in request.queries {
        let Some(vector) = &query.embedding else { continue };
        for (index, collection) in collections.iter().enumerate() {
            let expected = collection.dense.dimensions();
            if vector.len() != expected {
                let collection = collection.manifest.collection.clone();
                return Err(SearchError::Dimensions { collection, expected, found: vector.len() });
            }
            let vector = collection.hubness.corrected_query(vector, language);
            pending.push((
                query.weight,
                index,
                collection.dense.request(&vector, limit, filters[index].as_ref()),
            ));
        }
    }
    let indices: Vec<_> =
        collections.iter().zip(&filters).map(|(c, filter)| (&c.lexical, filter.as_ref())).collect();
    let mut found = FirstStageRankings { dense: Vec::new(), lexical: Vec::new() };
    for query in request.queries {
        let hits = lexical::search(&indices, &analyser.question(&query.text), limit)
            .map_err(|error| search_error(collections, 0, error.to_string()))?;
        let hits = hits.into_iter().enumerate().flat_map(|(collection, hits)| {
            hits.into_iter().map(move |(chunk, score)| (ChunkRef { collection, chunk }, score))
        });
        found.lexical.push(Ranking { weight: query.weight, hits: best(hits.collect()) });
    }
    let per_query = collections.len().max(1);
    let mut answers = pending.into_iter();
    for _ in request.queries.iter().filter(|query| query.embedding.is_some()) {
        let mut hits = Vec::new();
        let mut weight = 0.0;
        for (w, index, answer) in answers.by_ref().take(per_query) {
            weight = w;
            let near = answer.wait().map_err(|error| search_error(collections, index, error))?;
            hits.extend(
                near.into_iter().map(|(chunk, cosine)| (ChunkRef { collection: index, chunk }, cosine)),
            );
        }
        found.dense.push(Ranking { weight, hits: best(hits) });
    }
    Ok(found)
}

/// The best `count` hits, or more when over half of those are of withdrawn documents.
fn top_hits(
    collections: &[Arc<LoadedCollection>],
    mut hits: Vec<(ChunkRef, f32)>,
    count: usize,
) -> Vec<(ChunkRef, f32)> {
    sort(&mut hits);
    let mut live = 0;
    let last = hits.iter().position(|(chunk_ref, _)| {
        live += usize::from(in_service(collections, chunk_ref));
        2 * live >= count
    });
    hits.truncate(last.map_or(hits.len(), |last| count.max(last + 1)));
    hits
}

pub(super) fn search_error(
    collections: &[Arc<LoadedCollection>],
    index: usize,
    reason: String,
) -> SearchError {
    let collection = collections.get(index).map(|c| c.manifest.collection.clone()).unwrap_or_default();
    SearchError::Failed { collection, reason }
}
