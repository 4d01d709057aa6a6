//! Scores how well each sentence of a passage matches the question.

use std::{collections::HashMap, io, ops::Range, sync::Arc};

use hoidap_shared::{
    job::{Passage, Query, SentenceScore},
    text::CELL_SEPARATOR,
};

use super::{
    Library, SearchError, answer_odds::answer_odds, first_stage::search_error, fuse::ChunkRef,
    loaded_collection::LoadedCollection,
};
use crate::{
    cross_attention::{CrossAttention, SentenceLogOdds},
    late_interaction,
    store::ChunkSentence,
};

impl Library {
    /// Scores the sentences of passages that a search found, `weights` being those of the wordings. A passage whose chunk is no
    /// longer in service keeps none. Blocks for milliseconds.
    ///
    /// # Errors
    /// [`SearchError`] when token vectors cannot be read, or do not fit the cross-attention.
    pub fn score_sentences(
        &self,
        cross_attention: Option<&CrossAttention>,
        queries: &[Query],
        weights: &[f32],
        passages: &mut [Passage],
    ) -> Result<(), SearchError> {
        let snapshot = self.snapshot();
        let (names, collections): (Vec<&String>, Vec<_>) =
            snapshot.collections.iter().map(|(name, collection)| (name, Arc::clone(collection))).unzip();
        let chunk_ref = |passage: &Passage| {
            let collection = names.iter().position(|name| **name == passage.collection)?;
            let chunk = *collections[collection].chunk_by_id.get(&passage.chunk_id)?;
            Some(ChunkRef { collection, chunk })
        };
        let chunk_refs: Vec<Option<ChunkRef>> = passages.iter().map(chunk_ref).collect();
        let wordings: Vec<(&Query, f32)> = queries.iter().zip(weights.iter().copied()).collect();
        let known: Vec<ChunkRef> = chunk_refs.iter().copied().flatten().collect();
        let unreadable = |error: io::Error| search_error(&collections, 0, error.to_string());
        let odds = match cross_attention {
            Some(graph) => answer_odds(graph, &collections, &wordings, &known).map_err(unreadable)?,
            None => HashMap::new(),
        };
        for (passage, chunk_ref) in passages.iter_mut().zip(chunk_refs) {
            passage.sentences = match chunk_ref {
                Some(chunk_ref) => score_chunk(
                    &collections,
                    chunk_ref,
                    &wordings,
                    self.max_passage_chars,
                    odds.get(&chunk_ref),
                )
                .map_err(unreadable)?,
                None => Vec::new(),
            };
        }
        Ok(())
    }
}

/// Scores the sentences in the first `characters` of a chunk: by late interaction with the sentence alone, by late interaction
/// with the sentence and its headings, and by the cross-attention odds. Empty when there are no token vectors.
///
/// # Errors
/// When the token vectors cannot be read.
fn score_chunk(
    collections: &[Arc<LoadedCollection>],
    chunk_ref: ChunkRef,
    wordings: &[(&Query, f32)],
    characters: usize,
    reading: Option<&SentenceLogOdds>,
) -> io::Result<Vec<SentenceScore>> {
    let collection = &collections[chunk_ref.collection];
    let dimensions = collection.manifest.token_dimensions;
    let weighted: Vec<(&Query, f32)> = wordings
        .iter()
        .copied()
        .filter(|(query, weight)| *weight > 0.0 && !query.tokens.is_empty())
        .collect();
    if dimensions == 0 || weighted.is_empty() {
        return Ok(Vec::new());
    }
    let all: f32 = weighted.iter().map(|(_, weight)| weight).sum();
    let tokens = collection.tokens.read(chunk_ref.chunk)?;
    let chunk = &collection.records.chunks[chunk_ref.chunk];
    let heads = header_rows(&chunk.segments, collection.records.text(chunk));
    let above = 0..chunk.segments.first().map_or(0, |first| first.tokens.start as usize);
    let mut scores: Vec<Option<(f32, f32)>> = vec![Some((0.0, 0.0)); chunk.segments.len()];
    for (query, weight) in weighted {
        let best =
            |part: Range<usize>| late_interaction::best_cosines_in(&query.tokens, &tokens, dimensions, part);
        let above = best(above.clone());
        let own: Vec<_> = chunk.segments.iter().map(|segment| best(range(segment))).collect();
        for (at, score) in scores.iter_mut().enumerate() {
            let Some(best) = &own[at] else {
                *score = None;
                continue;
            };
            let head = heads[at].and_then(|head| own[head].as_ref());
            let in_place = [above.as_ref(), head]
                .into_iter()
                .flatten()
                .fold(best.clone(), |best, other| highest(&best, other));
            let share = weight / all;
            *score =
                score.map(|(late, placed)| (late + share * mean(best), placed + share * mean(&in_place)));
        }
    }
    let scored = chunk.segments.iter().zip(scores).enumerate().filter_map(|(at, (segment, score))| {
        let (start, end) = (segment.characters.start as usize, segment.characters.end as usize);
        let (late, in_place) = score?;
        let answers = reading.and_then(|reading| *reading.sentences.get(at)?);
        (end <= characters).then_some(SentenceScore { start, end, late, in_place, answers })
    });
    Ok(scored.collect())
}

/// For each table row after the first, the index of the first row: most tables begin with the column names.
fn header_rows(segments: &[ChunkSentence], text: &str) -> Vec<Option<usize>> {
    let mut rest = text.chars();
    let mut at = 0;
    let mut first: Option<usize> = None;
    let mut heads = Vec::with_capacity(segments.len());
    for (i, segment) in segments.iter().enumerate() {
        let (start, end) = (segment.characters.start as usize, segment.characters.end as usize);
        let words: String =
            rest.by_ref().skip(start.saturating_sub(at)).take(end.saturating_sub(start)).collect();
        at = end;
        if words.contains(CELL_SEPARATOR) {
            heads.push(first);
            first.get_or_insert(i);
        } else {
            heads.push(None);
            first = None;
        }
    }
    heads
}

fn range(segment: &ChunkSentence) -> Range<usize> {
    segment.tokens.start as usize..segment.tokens.end as usize
}

fn highest(one: &[f32], other: &[f32]) -> Vec<f32> {
    one.iter().zip(other).map(|(a, b)| a.max(*b)).collect()
}

fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_a_table_have_its_first_row_as_their_head() {
        let text = "Plans\nPlan | Price\nPro | 5\nTeam | 9\nVAT is extra.\nA | 1";
        let ranges = [0..5, 6..18, 19..26, 27..35, 36..49, 50..55];
        let segments: Vec<ChunkSentence> =
            ranges.into_iter().map(|characters| ChunkSentence { characters, tokens: 0..0 }).collect();
        assert_eq!(header_rows(&segments, text), [None, None, Some(1), Some(1), None, None]);
    }
}
