use std::collections::BTreeMap;

use rand::{SeedableRng as _, rngs::StdRng};
use rand_distr::{Binomial, Distribution as _};
use serde::{Deserialize, Serialize};
use statrs::distribution::{Beta, Binomial as Law, ContinuousCDF as _, DiscreteCDF as _};

/// Number of bootstrap resamples.
const BOOTSTRAP_RESAMPLES: usize = 2_000;
/// Values are counted in thousandths.
const HISTOGRAM_SCALE: f64 = 1_000.0;

/// Probability left out at either end of an interval.
const TAIL_PROBABILITY: f64 = 0.025;

/// A mean and its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// Number of values.
    pub of: u64,
}

impl Estimate {
    /// The share of `yes` in `of`, with the exact interval of Clopper and Pearson (1934) from quantiles of beta
    /// distributions. Unlike a bootstrap, it stays wide when no case was seen. `None` if `of` is 0.
    pub(crate) fn share(yes: u64, of: u64) -> Option<Self> {
        if of == 0 || yes > of {
            return None;
        }
        let no = of - yes;
        let quantile =
            |a: u64, b: u64, at: f64| Beta::new(a as f64, b as f64).ok().map(|law| law.inverse_cdf(at));
        let low = if yes == 0 { 0.0 } else { quantile(yes, no + 1, TAIL_PROBABILITY)? };
        let high = if no == 0 { 1.0 } else { quantile(yes + 1, no, 1.0 - TAIL_PROBABILITY)? };
        Some(Self { mean: yes as f64 / of as f64, low, high, of })
    }
}

/// A histogram of values between -1 and 1 in thousandths; its memory is bounded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::replay) struct Histogram(pub(in crate::replay) BTreeMap<i32, u64>);

/// Counts of paired yes/no results: both, only as recorded, only as replayed, neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::replay) struct PairedCounts {
    pub(in crate::replay) both: u64,
    pub(in crate::replay) before: u64,
    pub(in crate::replay) after: u64,
    pub(in crate::replay) neither: u64,
}

impl Histogram {
    pub(in crate::replay) fn add(&mut self, value: f32) {
        *self.0.entry((f64::from(value) * HISTOGRAM_SCALE).round() as i32).or_default() += 1;
    }

    /// The mean and its interval, by a percentile bootstrap (Efron 1979) with a fixed seed; `None` without values.
    pub(in crate::replay) fn estimate(&self) -> Option<Estimate> {
        let of: u64 = self.0.values().sum();
        if of == 0 {
            return None;
        }
        let sum: f64 = self.0.iter().map(|(value, count)| f64::from(*value) * *count as f64).sum();
        let mut random = StdRng::seed_from_u64(0);
        let mut means: Vec<f64> = (0..BOOTSTRAP_RESAMPLES).map(|_| self.resampled(of, &mut random)).collect();
        means.sort_by(f64::total_cmp);
        let at = |share: f64| means[((BOOTSTRAP_RESAMPLES - 1) as f64 * share).round() as usize];
        Some(Estimate { mean: sum / HISTOGRAM_SCALE / of as f64, low: at(0.025), high: at(0.975), of })
    }

    /// The mean of a resample of the same size: one binomial draw for each distinct value.
    fn resampled(&self, of: u64, random: &mut StdRng) -> f64 {
        let (mut left, mut rest, mut sum) = (of, of, 0.0);
        for (value, count) in &self.0 {
            let share = (*count as f64 / rest as f64).min(1.0);
            let drawn = Binomial::new(left, share).map_or(0, |law| law.sample(random));
            sum += f64::from(*value) * drawn as f64;
            left -= drawn;
            rest -= count;
            if left == 0 {
                break;
            }
        }
        sum / HISTOGRAM_SCALE / of as f64
    }
}

impl PairedCounts {
    /// Adds a pair.
    pub(in crate::replay) fn add(&mut self, before: bool, after: bool) {
        let count = match (before, after) {
            (true, true) => &mut self.both,
            (true, false) => &mut self.before,
            (false, true) => &mut self.after,
            (false, false) => &mut self.neither,
        };
        *count += 1;
    }

    /// Number of pairs.
    pub(in crate::replay) fn of(&self) -> u64 {
        self.both + self.before + self.after + self.neither
    }

    /// The shares of yes: as recorded, as replayed.
    pub(in crate::replay) fn shares(&self) -> (f64, f64) {
        let of = self.of().max(1) as f64;
        ((self.both + self.before) as f64 / of, (self.both + self.after) as f64 / of)
    }

    /// The change of the share with its interval; zero without pairs.
    pub(in crate::replay) fn difference(&self) -> Estimate {
        let counts = [(-1_000, self.before), (0, self.both + self.neither), (1_000, self.after)];
        let counts = Histogram(counts.into_iter().filter(|(_, count)| *count > 0).collect());
        counts.estimate().unwrap_or(Estimate { mean: 0.0, low: 0.0, high: 0.0, of: 0 })
    }

    /// The p-value of the difference: the exact two-sided McNemar test (McNemar 1947).
    pub(in crate::replay) fn p(&self) -> f64 {
        let moved = self.before + self.after;
        let Ok(law) = Law::new(0.5, moved) else { return 1.0 };
        (2.0 * law.cdf(self.before.min(self.after))).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_lies_in_its_interval_and_the_interval_shrinks() {
        let estimate = |times: usize| {
            let mut counts = Histogram::default();
            for value in [1.0, 0.875, 0.5, 0.0] {
                (0..times).for_each(|_| counts.add(value));
            }
            counts.estimate().unwrap()
        };
        let (few, many) = (estimate(10), estimate(1_000));
        assert!((few.mean - 0.59375).abs() < 1e-3, "{few:?}");
        assert!(few.low < few.mean && few.mean < few.high);
        // The standard error is the deviation over the root of the number: 0.392 / sqrt(40), times 1.96.
        assert!((few.high - few.low - 2.0 * 1.96 * 0.0620).abs() < 0.03, "{few:?}");
        assert!((many.high - many.low) * 5.0 < few.high - few.low, "{many:?}");
        assert_eq!(estimate(10), few, "a fixed seed");
        assert!(Histogram::default().estimate().is_none());
    }

    #[test]
    fn a_share_has_the_exact_interval() {
        let share = |yes, of| Estimate::share(yes, of).unwrap();
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} is not {b}");
        // None and all of n have closed forms: 1 - 0.025^(1/n), 0.025^(1/n).
        near(share(0, 500).high, 1.0 - 0.025_f64.powf(1.0 / 500.0));
        near(share(500, 500).low, 0.025_f64.powf(1.0 / 500.0));
        assert_eq!((share(0, 500).low, share(500, 500).high), (0.0, 1.0));
        // At an end of the interval, what was seen or more extreme has a chance of 2.5 %.
        let some = share(5, 100);
        near(1.0 - Law::new(some.low, 100).unwrap().cdf(4), 0.025);
        near(Law::new(some.high, 100).unwrap().cdf(5), 0.025);
        assert_eq!(some.mean, 0.05);
        assert!(Estimate::share(0, 0).is_none());
    }

    #[test]
    fn the_paired_test_is_mcnemars() {
        let paired = PairedCounts { both: 100, before: 2, after: 10, neither: 5 };
        // 2 * P(X <= 2) of a fair coin thrown twelve times: 2 * 79 / 4096.
        assert!((paired.p() - 158.0 / 4096.0).abs() < 1e-9, "{}", paired.p());
        assert_eq!(PairedCounts::default().p(), 1.0);
        let moved = paired.difference();
        assert!((moved.mean - 8.0 / 117.0).abs() < 1e-3 && moved.low > 0.0, "{moved:?}");
    }
}
