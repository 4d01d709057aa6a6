//! How well the confidence of answers tells how often they are right.

use serde::Serialize;

/// Bins of equal width between 0 and 1.
const BINS: usize = 10;

/// Answers of about one confidence.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Bin {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) answers: usize,
    /// Their mean confidence.
    pub(super) confidence: f64,
    /// The share of them that is right.
    pub(super) right: f64,
}

/// The bins that hold an answer, from the least confident one.
pub(super) fn bins(answers: &[(f32, bool)]) -> Vec<Bin> {
    let mut sums = [(0_usize, 0.0, 0_usize); BINS];
    for (confidence, right) in answers {
        // In single precision, as it is written: 0.7 × 10 is 7. A confidence of 1 belongs to the last bin.
        let (answers, sum, hits) = &mut sums[((confidence * BINS as f32) as usize).min(BINS - 1)];
        *answers += 1;
        *sum += f64::from(*confidence);
        *hits += usize::from(*right);
    }
    let bin = |(at, (answers, sum, hits)): (usize, (usize, f64, usize))| Bin {
        from: at as f64 / BINS as f64,
        to: (at + 1) as f64 / BINS as f64,
        answers,
        confidence: sum / answers as f64,
        right: hits as f64 / answers as f64,
    };
    sums.into_iter().enumerate().filter(|(_, (answers, ..))| *answers > 0).map(bin).collect()
}

/// Expected calibration error (Naeini et al. 2015): the mean distance of a bin's confidence from its share of right answers,
/// each bin weighted by its answers.
pub(super) fn expected_error(bins: &[Bin]) -> Option<f64> {
    let of: usize = bins.iter().map(|bin| bin.answers).sum();
    let sum: f64 = bins.iter().map(|bin| bin.answers as f64 * (bin.confidence - bin.right).abs()).sum();
    (of > 0).then(|| sum / of as f64)
}

/// Brier score (1950): the mean squared distance of the confidence from 1 (right) or 0 (wrong).
pub(super) fn brier(answers: &[(f32, bool)]) -> Option<f64> {
    super::figures::mean(answers.iter().map(|(confidence, right)| {
        let distance = f64::from(*confidence) - f64::from(u8::from(*right));
        distance * distance
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two answers of 0.9, one of them right; two of 0.25, none right; one of 1, right; one of 0.7, right.
    const ANSWERS: [(f32, bool); 6] =
        [(0.9, true), (0.9, false), (0.25, false), (0.25, false), (1.0, true), (0.7, true)];

    fn near(found: Option<f64>, wanted: f64) {
        assert!((found.unwrap() - wanted).abs() < 1e-6, "{found:?} is not {wanted}");
    }

    #[test]
    fn answers_are_put_into_bins_of_a_tenth() {
        let bins = bins(&ANSWERS);
        let told: Vec<_> = bins.iter().map(|bin| (bin.from, bin.to, bin.answers)).collect();
        assert_eq!(told, [(0.2, 0.3, 2), (0.7, 0.8, 1), (0.9, 1.0, 3)]);
        near(Some(bins[2].confidence), 2.8 / 3.0);
        near(Some(bins[2].right), 2.0 / 3.0);
    }

    #[test]
    fn the_expected_error_weighs_bins_by_their_answers() {
        // 2 × |0.25 - 0| + 1 × |0.7 - 1| + 3 × |2.8/3 - 2/3| = 0.5 + 0.3 + 0.8, of 6.
        near(expected_error(&bins(&ANSWERS)), 1.6 / 6.0);
        near(expected_error(&bins(&[(1.0, true), (0.0, false)])), 0.0);
        assert_eq!(expected_error(&bins(&[])), None);
    }

    #[test]
    fn the_brier_score_is_a_mean_square() {
        // 0.01 + 0.81 + 0.0625 + 0.0625 + 0 + 0.09, of 6.
        near(brier(&ANSWERS), 1.035 / 6.0);
        assert_eq!(brier(&[]), None);
    }
}
