//! Re-ranks the candidates of both first-stage searches by late interaction.

use std::{collections::HashMap, sync::Arc};

use hoidap_shared::{job::Query, text::Language};

use super::{
    SearchError,
    first_stage::{FirstStageRankings, search_error},
    fuse::{ChunkRef, Ranking, ScoreScale, scaled_scores, sorted},
    loaded_collection::LoadedCollection,
};
use crate::vector_math::dot;

/// Weights of late interaction and of BM25 (as a share of the best score), relative to the question's corrected cosine with a
/// chunk. Chosen on the second question set of docs/research/retrieval.md, "Experiments".
const LATE_INTERACTION_WEIGHT: f32 = 1.25;
const LEXICAL_WEIGHT: f32 = 0.05;

/// Most chunks of one page among each search's candidates.
const MAX_CHUNKS_PER_PAGE: usize = 3;

/// Re-ranks the candidates, best first, with scores from 0 (the weakest) to 1. `lexical` holds their lexical scores. `None`
/// when the question has no token vectors.
///
/// # Errors
/// [`SearchError::Failed`] when vectors cannot be read.
pub(super) fn rerank(
    collections: &[Arc<LoadedCollection>],
    queries: &[Query],
    weights: &[f32],
    language: Language,
    found: &FirstStageRankings,
    lexical: &[(ChunkRef, f32)],
) -> Result<Option<Vec<(ChunkRef, f32)>>, SearchError> {
    let weighted: Vec<(&Query, f32, &Vec<f32>)> = queries
        .iter()
        .zip(weights)
        .filter(|(query, weight)| !query.tokens.is_empty() && **weight > 0.0)
        .filter_map(|(query, weight)| Some((query, *weight, query.embedding.as_ref()?)))
        .collect();
    if weighted.is_empty() {
        return Ok(None);
    }
    let all: f32 = weighted.iter().map(|(_, weight, _)| weight).sum();
    let words: HashMap<ChunkRef, f32> = lexical.iter().copied().collect();
    // For each collection, the corrected query vector of each wording.
    let vectors = |c: &Arc<LoadedCollection>| {
        weighted.iter().map(|(_, _, own)| c.hubness.corrected_query(own, language)).collect()
    };
    let questions: Vec<Vec<Vec<f32>>> = collections.iter().map(vectors).collect();
    let mut scores: HashMap<ChunkRef, f32> = HashMap::new();
    for chunk_ref in candidates(collections, found) {
        let collection = &collections[chunk_ref.collection];
        let unreadable =
            |error: std::io::Error| search_error(collections, chunk_ref.collection, error.to_string());
        let vector = collection.embeddings.read(chunk_ref.chunk..chunk_ref.chunk + 1).map_err(unreadable)?;
        let tokens = collection.passage_tokens(chunk_ref.chunk).map_err(unreadable)?;
        let mut score = LEXICAL_WEIGHT * words.get(&chunk_ref).copied().unwrap_or(0.0);
        for ((query, weight, _), question) in weighted.iter().zip(&questions[chunk_ref.collection]) {
            let late = tokens.matches(&query.tokens).map_or(0.0, |matches| matches.score());
            score += weight / all * (dot(question, &vector) + LATE_INTERACTION_WEIGHT * late);
        }
        scores.insert(chunk_ref, score);
    }
    let ranking = Ranking { weight: 1.0, hits: sorted(scores) };
    Ok(Some(scaled_scores(&[ranking], ScoreScale::Span)))
}

/// The best chunks of both searches, in the order of the chunks.
fn candidates(collections: &[Arc<LoadedCollection>], found: &FirstStageRankings) -> Vec<ChunkRef> {
    let mut all = Vec::new();
    for ranking in found.dense.iter().chain(&found.lexical) {
        let mut of_page: HashMap<(usize, usize), usize> = HashMap::new();
        for (chunk_ref, _) in &ranking.hits {
            let page = collections[chunk_ref.collection].records.chunks[chunk_ref.chunk].document;
            let count = of_page.entry((chunk_ref.collection, page)).or_default();
            *count += 1;
            all.extend((*count <= MAX_CHUNKS_PER_PAGE).then_some(*chunk_ref));
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}
