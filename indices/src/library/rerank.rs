//! A second look at the candidates of both legs, by the words that questions and passages are made of.

use std::{collections::HashMap, sync::Arc};

use hoidap_shared::{job::Query, text::Language};

use super::{
    SearchError,
    collection::Collection,
    find::{Found, failed},
    fuse::{Place, Ranking, Scale, leg, sorted},
};
use crate::{embed::dot, late};

/// What counts beside the question's cosine with a chunk (less the chunk's part as a hub): late interaction, and BM25 as a share of
/// the best. Chosen on the second set of docs/indices.md, "Levers".
const LATE: f32 = 1.25;
const LEXICAL: f32 = 0.05;

/// How many chunks of one page each leg offers.
const OF_A_PAGE: usize = 3;

/// The candidates, best first, with scores from 0, the weakest, to 1. `lexical` is what the lexical leg says of them. `None` where the model gave the question no token vectors.
///
/// # Errors
/// [`SearchError::Failed`] when vectors cannot be read.
pub(super) fn rerank(
    collections: &[Arc<Collection>],
    queries: &[Query],
    weights: &[f32],
    language: Language,
    found: &Found,
    lexical: &[(Place, f32)],
) -> Result<Option<Vec<(Place, f32)>>, SearchError> {
    let asked: Vec<(&Query, f32, &Vec<f32>)> = queries
        .iter()
        .zip(weights)
        .filter(|(query, weight)| !query.tokens.is_empty() && **weight > 0.0)
        .filter_map(|(query, weight)| Some((query, *weight, query.embedding.as_ref()?)))
        .collect();
    if asked.is_empty() {
        return Ok(None);
    }
    let all: f32 = asked.iter().map(|(_, weight, _)| weight).sum();
    let words: HashMap<Place, f32> = lexical.iter().copied().collect();
    // The vectors to compare with a collection's chunks, of each wording.
    let vectors =
        |c: &Arc<Collection>| asked.iter().map(|(_, _, own)| c.hubs.vector(own, language)).collect();
    let questions: Vec<Vec<Vec<f32>>> = collections.iter().map(vectors).collect();
    let mut scores: HashMap<Place, f32> = HashMap::new();
    for place in candidates(collections, found) {
        let collection = &collections[place.0];
        let unreadable = |error: std::io::Error| failed(collections, place.0, error.to_string());
        let vector = collection.embeddings.read(place.1..place.1 + 1).map_err(unreadable)?;
        let tokens = collection.tokens.read(place.1).map_err(unreadable)?;
        let mut score = LEXICAL * words.get(&place).copied().unwrap_or(0.0);
        for ((query, weight, _), question) in asked.iter().zip(&questions[place.0]) {
            let met = late::score(&query.tokens, &tokens, collection.manifest.token_dimensions);
            score += weight / all * (dot(question, &vector) + LATE * met.unwrap_or(0.0));
        }
        scores.insert(place, score);
    }
    let ranking = Ranking { weight: 1.0, hits: sorted(scores) };
    Ok(Some(leg(&[ranking], Scale::Span)))
}

/// The best chunks of both legs, in order of their place.
fn candidates(collections: &[Arc<Collection>], found: &Found) -> Vec<Place> {
    let mut all = Vec::new();
    for ranking in found.dense.iter().chain(&found.lexical) {
        let mut of_page: HashMap<(usize, usize), usize> = HashMap::new();
        for (place, _) in &ranking.hits {
            let page = collections[place.0].records.chunks[place.1].document;
            let taken = of_page.entry((place.0, page)).or_default();
            *taken += 1;
            all.extend((*taken <= OF_A_PAGE).then_some(*place));
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}
