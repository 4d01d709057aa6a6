//! What two legs found for several wordings, to one order.

use std::collections::HashMap;

/// A chunk: the collection's place in the search, and the chunk's in the collection.
pub(super) type Place = (usize, usize);

/// What one leg found for one wording, best first, and how much the wording counts.
pub(super) struct Ranking {
    pub(super) weight: f32,
    pub(super) hits: Vec<(Place, f32)>,
}

/// How a leg's scores become shares of its best one.
#[derive(Clone, Copy)]
pub(super) enum Scale {
    /// From the weakest candidate (0) to the best (1): cosines differ little and have no zero.
    Span,
    /// Of the best: a BM25 score of zero means no word in common.
    Ratio,
}

/// One leg's opinion: for each chunk the weighted mean of its scaled scores over the wordings, best first, in 0..1.
pub(super) fn leg(rankings: &[Ranking], scale: Scale) -> Vec<(Place, f32)> {
    let telling = || rankings.iter().filter(|r| !r.hits.is_empty() && r.weight > 0.0);
    let weights: f32 = telling().map(|r| r.weight).sum();
    let mut scores: HashMap<Place, f32> = HashMap::new();
    for ranking in telling() {
        let best = ranking.hits.first().map_or(0.0, |hit| hit.1);
        let floor = match scale {
            Scale::Span => ranking.hits.last().map_or(0.0, |hit| hit.1),
            Scale::Ratio => 0.0,
        };
        let span = best - floor;
        for (place, score) in &ranking.hits {
            // A single candidate, or equal ones: all are the best.
            let scaled = if span > 0.0 { (score - floor) / span } else { 1.0 };
            *scores.entry(*place).or_default() += ranking.weight / weights * scaled;
        }
    }
    sorted(scores)
}

/// The convex combination of two legs (Bruch, Gai and Ingber, 2023): `dense_share` of the dense one, the rest of the
/// lexical one; a chunk that a leg did not find has nothing from it.
pub(super) fn combine(
    dense: &[(Place, f32)],
    lexical: &[(Place, f32)],
    dense_share: f32,
) -> Vec<(Place, f32)> {
    let mut scores: HashMap<Place, f32> = HashMap::new();
    for (leg, share) in [(dense, dense_share), (lexical, 1.0 - dense_share)] {
        for (place, score) in leg {
            *scores.entry(*place).or_default() += share * score;
        }
    }
    sorted(scores)
}

pub(super) fn sorted(scores: HashMap<Place, f32>) -> Vec<(Place, f32)> {
    let mut hits: Vec<(Place, f32)> = scores.into_iter().collect();
    sort(&mut hits);
    hits
}

/// Puts hits in order, the best first, and of equal ones that with the first place.
pub(super) fn sort(hits: &mut [(Place, f32)]) {
    hits.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranking(weight: f32, hits: &[(usize, f32)]) -> Ranking {
        Ranking { weight, hits: hits.iter().map(|(chunk, score)| ((0, *chunk), *score)).collect() }
    }

    #[test]
    fn a_leg_that_found_nothing_changes_no_order() {
        let dense = leg(&[ranking(1.0, &[(1, 0.9), (2, 0.85), (3, 0.8)])], Scale::Span);
        let fused = combine(&dense, &leg(&[ranking(1.0, &[])], Scale::Ratio), 0.5);
        assert_eq!(fused.iter().map(|hit| hit.0.1).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn what_both_legs_found_comes_first() {
        let dense = leg(&[ranking(1.0, &[(1, 0.90), (2, 0.89), (3, 0.80)])], Scale::Span);
        let lexical = leg(&[ranking(1.0, &[(2, 9.0), (4, 8.0)])], Scale::Ratio);
        assert_eq!(combine(&dense, &lexical, 0.5)[0].0.1, 2);
    }

    #[test]
    fn scores_stay_between_zero_and_one() {
        let legs = leg(&[ranking(1.0, &[(1, 5.0), (2, 1.0)]), ranking(0.2, &[(2, 3.0)])], Scale::Ratio);
        assert!(legs.iter().all(|hit| (0.0..=1.0).contains(&hit.1)));
    }
}
