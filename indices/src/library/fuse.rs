//! Fuses the rankings of the dense and the lexical search over several wordings.

use std::collections::HashMap;

/// Weight of the dense search when question and documents share a language, and when they do not: then only names and technical
/// terms match lexically.
const DENSE_SHARE: f32 = 0.5;
const CROSS_LANGUAGE_DENSE_SHARE: f32 = 0.7;

/// Number of first dense candidates that show the language of the documents.
const LANGUAGE_SAMPLE: usize = 10;

/// A chunk of one of the searched collections. The order is that of the collections, then of their chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ChunkRef {
    /// Index of the collection in the search.
    pub(super) collection: usize,
    /// Index of the chunk in the collection.
    pub(super) chunk: usize,
}

/// One search's hits for one wording, best first, and the wording's weight.
pub(super) struct Ranking {
    pub(super) weight: f32,
    pub(super) hits: Vec<(ChunkRef, f32)>,
}

/// How a search's scores are scaled to 0..1.
#[derive(Clone, Copy)]
pub(super) enum ScoreScale {
    /// From the weakest candidate (0) to the best (1), for cosines: they differ little and have no natural zero.
    Span,
    /// As a share of the best score, for BM25: its zero means no word in common.
    Ratio,
}

/// One search's scores: for each chunk, the weighted mean of its scaled scores over the wordings, in 0..1, best first.
pub(super) fn scaled_scores(rankings: &[Ranking], scale: ScoreScale) -> Vec<(ChunkRef, f32)> {
    let contributing = || rankings.iter().filter(|r| !r.hits.is_empty() && r.weight > 0.0);
    let weights: f32 = contributing().map(|r| r.weight).sum();
    let mut scores: HashMap<ChunkRef, f32> = HashMap::new();
    for ranking in contributing() {
        let best = ranking.hits.first().map_or(0.0, |hit| hit.1);
        let floor = match scale {
            ScoreScale::Span => ranking.hits.last().map_or(0.0, |hit| hit.1),
            ScoreScale::Ratio => 0.0,
        };
        let span = best - floor;
        for (chunk_ref, score) in &ranking.hits {
            // With a single candidate, or equal scores, all are the best.
            let scaled = if span > 0.0 { (score - floor) / span } else { 1.0 };
            *scores.entry(*chunk_ref).or_default() += ranking.weight / weights * scaled;
        }
    }
    sorted(scores)
}

/// The convex combination of the two searches (Bruch, Gai and Ingber, 2023): `dense_share` of the dense score plus the rest of the
/// lexical score. A chunk that a search did not find gets 0 from it.
pub(super) fn fuse(
    dense: &[(ChunkRef, f32)],
    lexical: &[(ChunkRef, f32)],
    dense_share: f32,
) -> Vec<(ChunkRef, f32)> {
    let mut scores: HashMap<ChunkRef, f32> = HashMap::new();
    for (hits, share) in [(dense, dense_share), (lexical, 1.0 - dense_share)] {
        for (chunk_ref, score) in hits {
            *scores.entry(*chunk_ref).or_default() += share * score;
        }
    }
    sorted(scores)
}

pub(super) fn sorted(scores: HashMap<ChunkRef, f32>) -> Vec<(ChunkRef, f32)> {
    let mut hits: Vec<(ChunkRef, f32)> = scores.into_iter().collect();
    sort(&mut hits);
    hits
}

/// Sorts hits, the best first; equal scores keep the order of the chunks.
pub(super) fn sort(hits: &mut [(ChunkRef, f32)]) {
    hits.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
}

/// The weight of the dense search: by the share of its first hits that do not speak the question's language.
pub(super) fn dense_share(dense: &[(ChunkRef, f32)], speaks: &impl Fn(&ChunkRef) -> bool) -> f32 {
    let sample = &dense[..dense.len().min(LANGUAGE_SAMPLE)];
    let other = sample.iter().filter(|(chunk_ref, _)| !speaks(chunk_ref)).count();
    let share = other as f32 / sample.len().max(1) as f32;
    DENSE_SHARE + (CROSS_LANGUAGE_DENSE_SHARE - DENSE_SHARE) * share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranking(weight: f32, hits: &[(usize, f32)]) -> Ranking {
        Ranking {
            weight,
            hits: hits
                .iter()
                .map(|(chunk, score)| (ChunkRef { collection: 0, chunk: *chunk }, *score))
                .collect(),
        }
    }

    #[test]
    fn a_search_that_found_nothing_changes_no_order() {
        let dense = scaled_scores(&[ranking(1.0, &[(1, 0.9), (2, 0.85), (3, 0.8)])], ScoreScale::Span);
        let fused = fuse(&dense, &scaled_scores(&[ranking(1.0, &[])], ScoreScale::Ratio), 0.5);
        assert_eq!(fused.iter().map(|hit| hit.0.chunk).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn what_both_searches_found_comes_first() {
        let dense = scaled_scores(&[ranking(1.0, &[(1, 0.90), (2, 0.89), (3, 0.80)])], ScoreScale::Span);
        let lexical = scaled_scores(&[ranking(1.0, &[(2, 9.0), (4, 8.0)])], ScoreScale::Ratio);
        assert_eq!(fuse(&dense, &lexical, 0.5)[0].0.chunk, 2);
    }

    #[test]
    fn scores_stay_between_zero_and_one() {
        let scores = scaled_scores(
            &[ranking(1.0, &[(1, 5.0), (2, 1.0)]), ranking(0.2, &[(2, 3.0)])],
            ScoreScale::Ratio,
        );
        assert!(scores.iter().all(|hit| (0.0..=1.0).contains(&hit.1)));
    }
}
