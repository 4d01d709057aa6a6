//! Scores the sentences of the passages by cross-attention with the question.

use std::{collections::HashMap, io, sync::Arc};

use hoidap_shared::job::Query;

use super::{fuse::ChunkRef, loaded_collection::LoadedCollection};
use crate::cross_attention::{CrossAttention, PassageInput, SentenceLogOdds};

/// The log odds of each chunk's sentences: the weighted mean over the wordings. Chunks without token vectors are left out.
///
/// # Errors
/// When token vectors cannot be read, or do not fit the weights.
pub(super) fn answer_odds(
    weights: &CrossAttention,
    collections: &[Arc<LoadedCollection>],
    wordings: &[(&Query, f32)],
    chunk_refs: &[ChunkRef],
) -> io::Result<HashMap<ChunkRef, SentenceLogOdds>> {
    let weighted: Vec<&(&Query, f32)> =
        wordings.iter().filter(|(query, weight)| *weight > 0.0 && !query.tokens.is_empty()).collect();
    let all: f32 = weighted.iter().map(|(_, weight)| weight).sum();
    let mut odds = HashMap::new();
    for (number, collection) in collections.iter().enumerate() {
        let own: Vec<&ChunkRef> =
            chunk_refs.iter().filter(|chunk_ref| chunk_ref.collection == number).collect();
        let inputs = own
            .iter()
            .map(|chunk_ref| passage_input(collection, chunk_ref.chunk))
            .collect::<io::Result<Vec<_>>>()?;
        let mut read: Vec<Vec<(f32, SentenceLogOdds)>> = vec![Vec::new(); own.len()];
        for (query, weight) in &weighted {
            let odds_of_passage =
                weights.score_sentences(&query.tokens, collection.manifest.token_dimensions, &inputs)?;
            for (parts, odds_of_passage) in read.iter_mut().zip(odds_of_passage) {
                parts.extend(odds_of_passage.map(|odds_of_passage| (weight / all, odds_of_passage)));
            }
        }
        for (chunk_ref, parts) in own.into_iter().zip(read) {
            let parts: Vec<_> = parts.iter().map(|(share, part)| (*share, part)).collect();
            odds.extend(SentenceLogOdds::mean(&parts).map(|mean| (*chunk_ref, mean)));
        }
    }
    Ok(odds)
}

fn passage_input(collection: &LoadedCollection, chunk: usize) -> io::Result<PassageInput> {
    let segments = &collection.records.chunks[chunk].segments;
    let sentences = segments.iter().map(|part| part.tokens.start as usize..part.tokens.end as usize);
    Ok(PassageInput { tokens: collection.tokens.read(chunk)?, sentences: sentences.collect() })
}
