//! Calibration: how well the confidence of answers predicts how often they are right.

use serde::Serialize;

/// Bins of equal width between 0 and 1.
pub const BIN_COUNT: usize = 10;

/// Answers of similar confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// The least confidence.
    pub from: f64,
    /// Where the next bin begins.
    pub to: f64,
    /// How many.
    pub answers: usize,
    /// Their mean confidence.
    pub confidence: f64,
    /// The share of them that is right.
    pub right: f64,
}

impl Bin {
    /// The bin at an index (0 to [`BIN_COUNT`] - 1) with this number of answers, sum of confidences and number of right
    /// answers.
    #[must_use]
    pub fn new(index: usize, answers: usize, confidence_sum: f64, right: usize) -> Self {
        Self {
            from: index as f64 / BIN_COUNT as f64,
            to: (index + 1) as f64 / BIN_COUNT as f64,
            answers,
            confidence: confidence_sum / answers as f64,
            right: right as f64 / answers as f64,
        }
    }
}

/// The bins that are not empty, from the least confident one.
#[must_use]
pub fn bins(answers: &[(f32, bool)]) -> Vec<Bin> {
    let mut sums = [(0_usize, 0.0, 0_usize); BIN_COUNT];
    for (confidence, right) in answers {
        // In single precision, as it is written: 0.7 × 10 is 7. A confidence of 1 belongs to the last bin.
        let (answers, sum, hits) = &mut sums[((confidence * BIN_COUNT as f32) as usize).min(BIN_COUNT - 1)];
        *answers += 1;
        *sum += f64::from(*confidence);
        *hits += usize::from(*right);
    }
    let bin = |(index, (answers, sum, hits))| Bin::new(index, answers, sum, hits);
    sums.into_iter().enumerate().filter(|(_, (answers, ..))| *answers > 0).map(bin).collect()
}

/// Expected calibration error (Naeini et al. 2015): the mean distance of a bin's confidence from its share of right answers,
/// each bin weighted by its answers.
#[must_use]
pub fn expected_calibration_error(bins: &[Bin]) -> Option<f64> {
    weighted(bins, |bin| (bin.confidence - bin.right).abs())
}

/// The calibration error expected by chance alone if every confidence were exact: the mean distance of a share of n trials
/// from its probability p is √(2p(1−p)/πn) for a normal distribution.
#[must_use]
pub fn chance_calibration_error(bins: &[Bin]) -> Option<f64> {
    weighted(bins, |bin| {
        let variance = bin.confidence * (1.0 - bin.confidence) / bin.answers as f64;
        (2.0 / std::f64::consts::PI * variance.max(0.0)).sqrt()
    })
}

/// A mean over bins, each weighted by its answers.
fn weighted(bins: &[Bin], value: impl Fn(&Bin) -> f64) -> Option<f64> {
    let of: usize = bins.iter().map(|bin| bin.answers).sum();
    let sum: f64 = bins.iter().map(|bin| bin.answers as f64 * value(bin)).sum();
    (of > 0).then(|| sum / of as f64)
}

/// Brier score (1950): the mean squared distance of the confidence from 1 (right) or 0 (wrong).
#[must_use]
pub fn brier_score(answers: &[(f32, bool)]) -> Option<f64> {
    let squared = |(confidence, right): &(f32, bool)| {
        let distance = f64::from(*confidence) - f64::from(u8::from(*right));
        distance * distance
    };
    (!answers.is_empty()).then(|| answers.iter().map(squared).sum::<f64>() / answers.len() as f64)
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
        near(expected_calibration_error(&bins(&ANSWERS)), 1.6 / 6.0);
        near(expected_calibration_error(&bins(&[(1.0, true), (0.0, false)])), 0.0);
        assert_eq!(expected_calibration_error(&bins(&[])), None);
    }

    #[test]
    fn the_brier_score_is_a_mean_square() {
        // 0.01 + 0.81 + 0.0625 + 0.0625 + 0 + 0.09, of 6.
        near(brier_score(&ANSWERS), 1.035 / 6.0);
        assert_eq!(brier_score(&[]), None);
    }

    #[test]
    fn chance_alone_makes_an_error_of_few_answers() {
        let of =
            |answers| chance_calibration_error(&[Bin::new(5, answers, 0.5 * answers as f64, answers / 2)]);
        // √(2 × 0.25 / 4π) of four answers, a tenth of it of four hundred.
        near(of(4), (0.125 / std::f64::consts::PI).sqrt());
        near(of(400), of(4).unwrap() / 10.0);
        near(chance_calibration_error(&bins(&[(1.0, true), (0.0, false)])), 0.0);
        assert_eq!(chance_calibration_error(&[]), None);
    }
}
