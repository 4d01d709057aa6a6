//! Whether a canary is significantly worse than its stage. The test holds at any moment, however often it is repeated.

use hoidap_shared::fleet::{CanaryRegression, Fraction};
use serde::{Deserialize, Serialize};
use statrs::function::beta::ln_beta;

/// The share of canaries that are no worse, but are called worse at some time of their life.
const MAX_FALSE_ALARM_RATE: f64 = 0.01;
/// Classes of the histogram of durations: the n-th ends at `2^(n/3)` ms, the last one never. A step is 26 %.
const DURATION_CLASSES: usize = 52;
/// The prior weight of a success and of a failure.
const PRIOR_WEIGHT: f64 = 0.5;

/// The counts of one arm: the canary, or the stage beside it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ArmCounts {
    /// Jobs that ended.
    pub(crate) jobs: u64,
    /// Those that failed.
    pub(crate) errors: u64,
    /// Those that did not fail, as a histogram of their durations.
    took: Vec<u64>,
}

/// The counts of both arms.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CanaryEvidence {
    /// Jobs of the sessions that the canary serves.
    pub(crate) canary: ArmCounts,
    /// Jobs of all other sessions.
    pub(crate) stable: ArmCounts,
}

impl ArmCounts {
    /// Counts a job that took `ms` milliseconds, or failed.
    pub(crate) fn count(&mut self, ms: f64, failed: bool) {
        self.jobs += 1;
        if failed {
            self.errors += 1;
            return;
        }
        self.took.resize(DURATION_CLASSES, 0);
        let class = if ms <= 1.0 { 0 } else { ((3.0 * ms.log2()).ceil() as usize).min(DURATION_CLASSES - 1) };
        self.took[class] += 1;
    }

    /// Adds what another process counted.
    pub(crate) fn add(&mut self, other: &Self) {
        self.jobs = self.jobs.saturating_add(other.jobs);
        self.errors = self.errors.saturating_add(other.errors);
        self.took.resize(DURATION_CLASSES, 0);
        for (mine, its) in self.took.iter_mut().zip(&other.took) {
            *mine = mine.saturating_add(*its);
        }
    }

    /// The quantile of the durations, in milliseconds: the end of its class, up to 26 % more than the exact value. `None`
    /// before the first job.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let of = total(&self.took);
        let wanted = (share * of as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let class = self.took.iter().position(|count| {
            seen = count.saturating_add(seen);
            seen >= wanted
        })?;
        Some(end_of_class(class))
    }

    /// The share of the jobs slower than the end of a class, among those that did not fail.
    fn slower(&self, class: usize) -> Fraction {
        Fraction { count: total(self.took.get(class + 1..).unwrap_or_default()), of: total(&self.took) }
    }
}

impl CanaryEvidence {
    /// Adds what another process counted.
    pub(crate) fn add(&mut self, other: &Self) {
        self.canary.add(&other.canary);
        self.stable.add(&other.stable);
    }

    /// How the canary is significantly worse; `None` when it is not, or when there is too little evidence.
    ///
    /// It is worse when the confidence interval of its error rate lies wholly above that of the stage, or when, for some
    /// duration, the interval of its share of slower jobs does, although the stage is given 26 % less time. The intervals hold
    /// at all moments at once, so repeated tests cause no false alarms: see [`bounds`].
    pub(crate) fn regression(&self) -> Option<CanaryRegression> {
        let errors = |arm: &ArmCounts| Fraction { count: arm.errors, of: arm.jobs };
        let (canary, stable) = (errors(&self.canary), errors(&self.stable));
        if above(canary, stable, MAX_FALSE_ALARM_RATE / 2.0) {
            return Some(CanaryRegression { over_ms: None, canary, stable });
        }
        let tests = (DURATION_CLASSES - 2) as f64;
        let slower = (1..DURATION_CLASSES - 1).find(|class| {
            above(
                self.canary.slower(*class),
                self.stable.slower(class - 1),
                MAX_FALSE_ALARM_RATE / 2.0 / tests,
            )
        })?;
        let (canary, stable) = (self.canary.slower(slower), self.stable.slower(slower));
        Some(CanaryRegression { over_ms: Some(end_of_class(slower)), canary, stable })
    }
}

/// The sum of counts. They may come from another process and be any number.
fn total(counts: &[u64]) -> u64 {
    counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
}

/// The end of a class, in milliseconds.
fn end_of_class(class: usize) -> f64 {
    (class as f64 / 3.0).exp2()
}

/// Whether a share is greater than another one. Over all moments it is wrong with a probability of at most `error`.
fn above(one: Fraction, other: Fraction, error: f64) -> bool {
    let more = u128::from(one.count) * u128::from(other.of) > u128::from(other.count) * u128::from(one.of);
    more && bounds(one, error / 2.0).0 > bounds(other, error / 2.0).1
}

/// A confidence interval for a share that holds at all moments at once with probability `1 - error`: the shares `p` whose
/// mixture likelihood ratio `B(y + 1/2, n - y + 1/2) / B(1/2, 1/2) / (p^y (1 - p)^(n - y))` is below `1 / error`. Robbins,
/// Statistical methods related to the law of the iterated logarithm (1970), with Ville's inequality.
fn bounds(seen: Fraction, error: f64) -> (f64, f64) {
    let (yes, no) = (seen.count as f64, seen.of.saturating_sub(seen.count) as f64);
    if yes + no == 0.0 {
        return (0.0, 1.0);
    }
    let mixture = ln_beta(yes + PRIOR_WEIGHT, no + PRIOR_WEIGHT) - ln_beta(PRIOR_WEIGHT, PRIOR_WEIGHT);
    let power = |count: f64, share: f64| if count == 0.0 { 0.0 } else { count * share.ln() };
    let holds = |p: f64| mixture - power(yes, p) - power(no, 1.0 - p) < -error.ln();
    let mean = yes / (yes + no);
    // Bisection between the mean, which is inside, and the end, which is outside unless no evidence excludes it.
    let border = |end: f64| {
        let (mut inside, mut outside) = (mean, end);
        for _ in 0..50 {
            let middle = f64::midpoint(inside, outside);
            if holds(middle) { inside = middle } else { outside = middle }
        }
        outside
    };
    (border(0.0), border(1.0))
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
    use rand_distr::{Distribution as _, LogNormal};

    use super::*;

    /// Jobs of which one in twenty goes to the canary, which fails at its own rate and takes `slower` times as long; after
    /// how many jobs of its own it is called worse.
    fn until_worse(seed: u64, jobs: usize, errors: f64, slower: f64) -> Option<u64> {
        let mut random = StdRng::seed_from_u64(seed);
        let took = LogNormal::new(3.0, 0.7).unwrap();
        let mut evidence = CanaryEvidence::default();
        for _ in 0..jobs {
            let ms = took.sample(&mut random);
            if random.random_bool(0.05) {
                evidence.canary.count(ms * slower, random.random_bool(errors));
                if evidence.regression().is_some() {
                    return Some(evidence.canary.jobs);
                }
            } else {
                evidence.stable.count(ms, random.random_bool(0.03));
            }
        }
        None
    }

    #[test]
    fn a_canary_that_is_no_worse_keeps_serving() {
        let called = (0..200).filter(|seed| until_worse(*seed, 4_000, 0.03, 1.0).is_some()).count();
        println!("no worse: called worse in {called} of 200 runs of 4,000 jobs");
        // At most two are expected; more than six have a chance below 0.5 %.
        assert!(called <= 6, "{called} of 200");
        // Nor is one that is slower by less than a class.
        assert!((0..50).all(|seed| until_worse(seed, 4_000, 0.03, 1.05).is_none()));
    }

    #[test]
    fn the_worse_a_canary_the_sooner_it_is_found() {
        let mean = |errors: f64, slower: f64| {
            let found: Vec<u64> =
                (0..50).map(|seed| until_worse(seed, 40_000, errors, slower).unwrap()).collect();
            let mean = found.iter().sum::<u64>() as f64 / 50.0;
            println!("fails in {errors}, takes {slower} times as long: found after {mean} jobs of its own");
            mean
        };
        let (dead, poor) = (mean(1.0, 1.0), mean(0.2, 1.0));
        assert!(dead < 8.0 && dead < poor && poor < 120.0, "{dead} {poor}");
        let (crawls, slow) = (mean(0.03, 10.0), mean(0.03, 2.0));
        assert!(crawls < 15.0 && crawls < slow && slow < 150.0, "{crawls} {slow}");
    }

    #[test]
    fn an_interval_follows_its_formula() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} is not {b}");
        let bounds = |count, of, error| bounds(Fraction { count, of }, error);
        let mixture = (ln_beta(0.5, 200.5) - ln_beta(0.5, 0.5)).exp();
        near(bounds(0, 200, 0.01).1, 1.0 - (0.01 * mixture).powf(1.0 / 200.0));
        assert_eq!(bounds(0, 200, 0.01).0, 0.0);
        let (low, high) = bounds(50, 100, 0.05);
        near(low, 1.0 - high);
        assert!(low > 0.3 && low < 0.4, "{low}: wider than one moment's 0.40");
        assert_eq!(bounds(0, 0, 0.01), (0.0, 1.0));
        assert_eq!(bounds(3, 3, 0.01).1, 1.0);
    }

    #[test]
    fn counts_of_processes_add_up() {
        let (mut one, mut other, mut all) =
            (ArmCounts::default(), ArmCounts::default(), ArmCounts::default());
        for (n, ms) in [0.2, 1.0, 3.0, 90.0, 1e9].into_iter().enumerate() {
            if n % 2 == 0 { &mut one } else { &mut other }.count(ms, false);
            all.count(ms, false);
        }
        one.count(1.0, true);
        all.count(1.0, true);
        one.add(&other);
        assert_eq!(one, all);
        assert_eq!((all.jobs, all.errors), (6, 1));
        assert_eq!(all.quantile(0.5), Some(end_of_class(5)));
        assert!(all.quantile(0.5).unwrap() >= 3.0 && end_of_class(4) < 3.0);
        assert_eq!(ArmCounts::default().quantile(0.5), None);
    }
}
