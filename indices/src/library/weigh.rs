//! How much each wording of a question counts: what the sentence's own words say of it, and what the documents do.

use std::sync::Arc;

use hoidap_shared::{
    job::{Query, QueryKind},
    text::Language,
};

use super::{collection::Collection, find::Found};

/// A follow-up's own words count so many times what the reader of the sentence gave them: little where they are near nothing, much
/// where they are as near a document as what stands alone. The step lies at so many deviations above unrelated questions.
/// Chosen on follow-ups and changes of topic over two sites (docs/indices.md, "Levers").
const LEAST: f32 = 0.8;
const MOST: f32 = 5.8;
const CLEAR: f32 = 3.0;
const STEEPNESS: f32 = 3.0;

/// The weight of each wording, in the order of `queries`, for which `found` holds what the dense leg found.
pub(super) fn weights(
    collections: &[Arc<Collection>],
    queries: &[Query],
    language: Language,
    found: &Found,
) -> Vec<f32> {
    let mut weights: Vec<f32> = queries.iter().map(|query| query.weight).collect();
    let own = |query: &Query| query.kind != QueryKind::Rewritten;
    let rewritten: Vec<usize> = (0..queries.len()).filter(|&i| !own(&queries[i])).collect();
    if rewritten.is_empty() || rewritten.len() == queries.len() {
        return weights;
    }
    // The answer that a follow-up goes on with says more than the question before it: it is searched in its place.
    if let [text, with_answer] = rewritten[..] {
        (weights[text], weights[with_answer]) = (0.0, queries[text].weight);
    }
    let embedded = queries.iter().filter(|query| query.embedding.is_some()).zip(&found.dense);
    let near = embedded.filter(|(query, _)| own(query)).flat_map(|(_, ranking)| &ranking.hits);
    let nearness = near.map(|(place, score)| {
        let collection = &collections[place.0];
        collection.manifest.background.z(language, collection.hubs.cosine(*score, place.1, language))
    });
    if let Some(nearness) = nearness.reduce(f32::max) {
        let step = 1.0 / (1.0 + (STEEPNESS * (CLEAR - nearness)).exp());
        for (weight, _) in weights.iter_mut().zip(queries).filter(|(_, query)| own(query)) {
            *weight *= LEAST + (MOST - LEAST) * step;
        }
    }
    weights
}
