//! Scores how well each sentence of a passage matches the question.

use std::{io, ops::Range, sync::Arc};

use hoidap_shared::{
    job::{Passage, Query, SentenceScore},
    text::has_cells,
};
use rayon::iter::{IntoParallelRefMutIterator as _, ParallelIterator as _};

use super::{Library, SearchError, first_stage::search_error, loaded_collection::LoadedCollection};
use crate::{
    cross_attention::CrossAttention,
    late_interaction::{TokenMatches, mean},
    store::ChunkSentence,
};

impl Library {
    /// Scores the sentences of passages that a search found, `weights` being those of the wordings. Where the search had a newer
    /// version of a collection, that is loaded first. A passage whose chunk was replaced long ago keeps none. Blocks for
    /// milliseconds, and uses idle cores.
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
        let mut snapshot = self.snapshot();
        if self.reloads && passages.iter().any(|passage| snapshot.holder_of(passage).is_none()) {
            self.reload_and_log();
            snapshot = self.snapshot();
        }
        let weighted: Vec<(&Query, f32)> = queries
            .iter()
            .zip(weights.iter().copied())
            .filter(|(query, weight)| *weight > 0.0 && !query.tokens.is_empty())
            .collect();
        let all: f32 = weighted.iter().map(|(_, weight)| weight).sum();
        let wordings: Vec<(&Query, f32)> =
            weighted.into_iter().map(|(query, weight)| (query, weight / all)).collect();
        passages.par_iter_mut().try_for_each(|passage| {
            passage.sentences = match snapshot.holder_of(passage) {
                Some((collection, chunk)) => score_chunk(collection, chunk, &wordings, cross_attention)
                    .map_err(|error| search_error(&[Arc::clone(collection)], 0, error.to_string()))?,
                None => Vec::new(),
            };
            passage.sentences.retain(|sentence| sentence.end <= self.max_passage_chars);
            Ok(())
        })
    }
}

/// The scores of one sentence, each a weighted mean over the wordings.
#[derive(Clone, Copy, Default)]
struct Scores {
    late: f32,
    in_place: f32,
    /// `None` when a wording has none.
    answers: Option<f32>,
}

/// Scores the sentences of a chunk: by late interaction with the sentence alone, by late interaction with the sentence and its
/// headings, and by cross-attention. Each wording has its share. Sentences without token vectors are left out.
///
/// # Errors
/// When the token vectors cannot be read, or do not fit the cross-attention.
fn score_chunk(
    collection: &LoadedCollection,
    chunk: usize,
    wordings: &[(&Query, f32)],
    cross_attention: Option<&CrossAttention>,
) -> io::Result<Vec<SentenceScore>> {
    let dimensions = collection.manifest.token_dimensions;
    let tokens = collection.passage_tokens(chunk)?;
    let chunk = &collection.records.chunks[chunk];
    let segments: Vec<Range<usize>> = chunk.segments.iter().map(range).collect();
    let heads = header_rows(&chunk.segments, collection.records.text(chunk));
    let above = 0..segments.first().map_or(0, |first| first.start);
    let nothing = Scores { answers: cross_attention.map(|_| 0.0), ..Scores::default() };
    let mut scores: Vec<Option<Scores>> = vec![(!wordings.is_empty()).then_some(nothing); segments.len()];
    for (query, share) in wordings {
        let Some(matches) = tokens.matches(&query.tokens) else { return Ok(Vec::new()) };
        let odds = match cross_attention {
            Some(graph) => graph.log_odds(&query.tokens, dimensions, &tokens, &matches, &segments)?,
            None => vec![None; segments.len()],
        };
        let placed = late_interaction_in_place(&matches, &segments, &heads, above.clone());
        for ((score, odds), placed) in scores.iter_mut().zip(odds).zip(placed) {
            *score = score.zip(placed).map(|(score, (late, in_place))| Scores {
                late: score.late + share * late,
                in_place: score.in_place + share * in_place,
                answers: score.answers.zip(odds).map(|(sum, odds)| sum + share * odds),
            });
        }
    }
    let scored = chunk.segments.iter().zip(scores).filter_map(|(segment, scores)| {
        let Scores { late, in_place, answers } = scores?;
        let (start, end) = (segment.characters.start as usize, segment.characters.end as usize);
        Some(SentenceScore { start, end, late, in_place, answers })
    });
    Ok(scored.collect())
}

/// For each segment its late interaction alone, and together with its table head and with what stands `above` all segments;
/// `None` for a segment without tokens.
fn late_interaction_in_place(
    matches: &TokenMatches,
    segments: &[Range<usize>],
    heads: &[Option<usize>],
    above: Range<usize>,
) -> Vec<Option<(f32, f32)>> {
    let above = matches.best(above);
    let own: Vec<_> = segments.iter().map(|segment| matches.best(segment.clone())).collect();
    let score = |(best, head): (&Option<Vec<f32>>, &Option<usize>)| {
        let best = best.as_ref()?;
        let head = head.and_then(|head| own[head].as_ref());
        let around = [above.as_ref(), head].into_iter().flatten();
        let in_place = around.fold(best.clone(), |best, other| highest(&best, other));
        Some((mean(best), mean(&in_place)))
    };
    own.iter().zip(heads).map(score).collect()
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
        if has_cells(&words) {
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
