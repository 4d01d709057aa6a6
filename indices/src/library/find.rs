use std::sync::Arc;

use super::{
    SearchError, SearchRequest,
    collection::Collection,
    fuse::{Place, Ranking},
};
use crate::lexical::{self, Analyser};

/// What both legs found, under one filter: a ranking for each wording.
pub(super) struct Found {
    pub(super) dense: Vec<Ranking>,
    pub(super) lexical: Vec<Ranking>,
}

impl Found {
    pub(super) fn is_empty(&self) -> bool {
        self.dense.iter().chain(&self.lexical).all(|ranking| ranking.hits.is_empty())
    }
}

/// Asks both legs at once: FAISS on its own thread, the lexical index on this one.
pub(super) fn find(
    collections: &[Arc<Collection>],
    request: &SearchRequest<'_>,
    product: Option<&str>,
    section: Option<&str>,
) -> Result<Found, SearchError> {
    let filters: Vec<_> = collections.iter().map(|c| c.filter(product, section)).collect();
    let mut pending = Vec::new();
    for query in request.queries {
        let Some(vector) = &query.embedding else { continue };
        for (place, collection) in collections.iter().enumerate() {
            let expected = collection.dense.dimensions();
            if vector.len() != expected {
                let collection = collection.manifest.collection.clone();
                return Err(SearchError::Dimensions { collection, expected, found: vector.len() });
            }
            pending.push((
                query.weight,
                place,
                collection.dense.ask(vector, request.candidates, filters[place].as_ref()),
            ));
        }
    }
    let analyser = Analyser::default();
    let indices: Vec<_> =
        collections.iter().zip(&filters).map(|(c, filter)| (&c.lexical, filter.as_ref())).collect();
    let mut found = Found { dense: Vec::new(), lexical: Vec::new() };
    for query in request.queries {
        let hits = lexical::search(&indices, &analyser.question(&query.text), request.candidates)
            .map_err(|error| failed(collections, 0, error.to_string()))?;
        let hits = hits
            .into_iter()
            .enumerate()
            .flat_map(|(c, hits)| hits.into_iter().map(move |(chunk, score)| ((c, chunk), score)));
        found.lexical.push(Ranking { weight: query.weight, hits: best(hits.collect(), request.candidates) });
    }
    let per_query = collections.len().max(1);
    let mut answers = pending.into_iter();
    for _ in request.queries.iter().filter(|query| query.embedding.is_some()) {
        let mut hits = Vec::new();
        let mut weight = 0.0;
        for (w, place, answer) in answers.by_ref().take(per_query) {
            weight = w;
            let near = answer.wait().map_err(|error| failed(collections, place, error))?;
            hits.extend(near.into_iter().map(|(chunk, cosine)| ((place, chunk), cosine)));
        }
        found.dense.push(Ranking { weight, hits: best(hits, request.candidates) });
    }
    Ok(found)
}

fn best(mut hits: Vec<(Place, f32)>, count: usize) -> Vec<(Place, f32)> {
    hits.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    hits.truncate(count);
    hits
}

pub(super) fn failed(collections: &[Arc<Collection>], place: usize, reason: String) -> SearchError {
    let collection = collections.get(place).map(|c| c.manifest.collection.clone()).unwrap_or_default();
    SearchError::Failed { collection, reason }
}
