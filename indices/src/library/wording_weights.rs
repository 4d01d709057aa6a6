//! Weights each wording of a question, by the text rules and by how near the documents are to it.

use std::sync::Arc;

use hoidap_shared::{
    job::{Query, QueryKind},
    text::Language,
};

use super::{first_stage::FirstStageRankings, loaded_collection::LoadedCollection};

/// The weight of a follow-up's own words is multiplied by a factor between these two: low when they are near no document, high
/// when they are as near to one as a standalone question. The step is at this many standard deviations above unrelated
/// questions. Chosen on follow-ups and changes of topic over two sites (docs/research/retrieval.md, "Weights of a follow-up").
const MIN_OWN_FACTOR: f32 = 0.8;
const MAX_OWN_FACTOR: f32 = 5.8;
const STEP_DEVIATIONS: f32 = 3.0;
const STEEPNESS: f32 = 3.0;

/// The weight of each wording, in the order of `queries`; `found` holds their rankings.
pub(super) fn weights(
    collections: &[Arc<LoadedCollection>],
    queries: &[Query],
    language: Language,
    found: &FirstStageRankings,
) -> Vec<f32> {
    let mut weights: Vec<f32> = queries.iter().map(|query| query.weight).collect();
    let own = |query: &Query| query.kind != QueryKind::Rewritten;
    let rewritten: Vec<usize> = (0..queries.len()).filter(|&i| !own(&queries[i])).collect();
    if rewritten.is_empty() || rewritten.len() == queries.len() {
        return weights;
    }
    // A wording with the previous answer says more than one with the previous question alone, so it replaces that one.
    if let [text, with_answer] = rewritten[..] {
        (weights[text], weights[with_answer]) = (0.0, queries[text].weight);
    }
    let embedded = queries.iter().filter(|query| query.embedding.is_some()).zip(&found.dense);
    let near = embedded.filter(|(query, _)| own(query)).flat_map(|(_, ranking)| &ranking.hits);
    let nearness = near.map(|(chunk_ref, score)| {
        let collection = &collections[chunk_ref.collection];
        collection
            .manifest
            .background
            .z_score(language, collection.hubness.raw_cosine(*score, chunk_ref.chunk, language))
    });
    if let Some(nearness) = nearness.reduce(f32::max) {
        let step = 1.0 / (1.0 + (STEEPNESS * (STEP_DEVIATIONS - nearness)).exp());
        for (weight, _) in weights.iter_mut().zip(queries).filter(|(_, query)| own(query)) {
            *weight *= MIN_OWN_FACTOR + (MAX_OWN_FACTOR - MIN_OWN_FACTOR) * step;
        }
    }
    weights
}
