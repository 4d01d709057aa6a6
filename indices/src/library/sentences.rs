//! Scores how well each sentence of a passage matches the question.

use std::{io, ops::Range, sync::Arc};

use hoidap_shared::{
    job::{LineKind, Passage, Query, SentenceScore, headings_above},
    text::has_cells,
};
use rayon::iter::{IntoParallelRefMutIterator as _, ParallelIterator as _};

use super::{Library, SearchError, first_stage::search_error, loaded_collection::LoadedCollection};
use crate::{
    cross_attention::CrossAttention,
    late_interaction::{TokenMatches, mean},
    store::{ChunkRecord, ChunkSentence},
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
    let text = collection.records.text(chunk);
    let above = tokens_above(chunk, text, segments.first().map_or(0, |first| first.start));
    let heads = header_rows(&chunk.segments, text);
    let nothing = Scores { answers: cross_attention.map(|_| 0.0), ..Scores::default() };
    let mut scores: Vec<Option<Scores>> = vec![(!wordings.is_empty()).then_some(nothing); segments.len()];
    for (query, share) in wordings {
        let Some(matches) = tokens.matches(&query.tokens) else { return Ok(Vec::new()) };
        let odds = match cross_attention {
            Some(graph) => graph.log_odds(&query.tokens, dimensions, &tokens, &matches, &segments)?,
            None => vec![None; segments.len()],
        };
        let placed = late_interaction_in_place(&matches, &segments, &heads, &above);
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

/// The token ranges of what stands above each segment: the title, the headings, and the names of the columns for the first
/// section; for a later one, the title and the headings that stay above it. `before` is the number of tokens before the text.
fn tokens_above(chunk: &ChunkRecord, text: &str, before: usize) -> Vec<Vec<Range<usize>>> {
    let lines = headings_above(chunk.heading_path.len(), &chunk.lines, &chunk.heading_depths);
    let mut starts = text.split('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.chars().count() + 1;
        Some(start)
    });
    let starts: Vec<usize> = starts.by_ref().collect();
    let line_of = |segment: &ChunkSentence| {
        starts.partition_point(|start| *start <= segment.characters.start as usize).saturating_sub(1)
    };
    let segment_lines: Vec<usize> = chunk.segments.iter().map(line_of).collect();
    let tokens_of = |line: usize| {
        let inside = chunk.segments.iter().zip(&segment_lines).filter(move |(_, other)| **other == line);
        inside.map(|(segment, _)| range(segment))
    };
    let of_line = |line: &usize| {
        let first_section =
            chunk.lines[..chunk.lines.len().min(line + 1)].iter().all(|kind| *kind != LineKind::Heading);
        let Some(above) = lines.get(*line).filter(|_| !first_section) else {
            return std::iter::once(0..before).collect();
        };
        let of_path = chunk.heading_tokens.get(above.of_path).map_or(before, |tokens| *tokens as usize);
        std::iter::once(0..of_path).chain(above.lines.iter().flat_map(|line| tokens_of(*line))).collect()
    };
    segment_lines.iter().map(of_line).collect()
}

/// For each segment its late interaction alone, and together with its table head and with the tokens that stand `above` it;
/// `None` for a segment without tokens.
fn late_interaction_in_place(
    matches: &TokenMatches,
    segments: &[Range<usize>],
    heads: &[Option<usize>],
    above: &[Vec<Range<usize>>],
) -> Vec<Option<(f32, f32)>> {
    let own: Vec<_> = segments.iter().map(|segment| matches.best(segment.clone())).collect();
    let score = |at: usize| {
        let best = own[at].as_ref()?;
        let head = heads[at].and_then(|head| own[head].clone());
        let around = above[at].iter().filter_map(|tokens| matches.best(tokens.clone())).chain(head);
        let in_place = around.fold(best.clone(), |best, other| highest(&best, &other));
        Some((mean(best), mean(&in_place)))
    };
    (0..own.len()).map(score).collect()
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
    fn a_sentence_stands_below_its_own_headings() {
        let text = "Open.\nHill\nClosed.";
        let sentence = |characters, tokens| ChunkSentence { characters, tokens };
        let chunk = ChunkRecord {
            heading_path: vec!["Branches".into(), "Harbour".into()],
            lines: vec![LineKind::Text, LineKind::Heading, LineKind::Text],
            heading_depths: vec![1],
            heading_tokens: vec![2, 4, 7],
            segments: vec![sentence(0..5, 8..10), sentence(6..10, 10..12), sentence(11..18, 12..15)],
            ..ChunkRecord::default()
        };
        let above = tokens_above(&chunk, text, 8);
        let ends = |ranges: &[Range<usize>]| ranges.iter().map(|range| (range.start, range.end)).collect();
        let above: Vec<Vec<(usize, usize)>> = above.iter().map(|ranges| ends(ranges)).collect();
        assert_eq!(above, [vec![(0, 8)], vec![(0, 4)], vec![(0, 4), (10, 12)]]);
    }

    #[test]
    fn the_rows_of_a_table_have_its_first_row_as_their_head() {
        let text = "Plans\nPlan | Price\nPro | 5\nTeam | 9\nVAT is extra.\nA | 1";
        let ranges = [0..5, 6..18, 19..26, 27..35, 36..49, 50..55];
        let segments: Vec<ChunkSentence> =
            ranges.into_iter().map(|characters| ChunkSentence { characters, tokens: 0..0 }).collect();
        assert_eq!(header_rows(&segments, text), [None, None, Some(1), Some(1), None, None]);
    }
}
