//! The distribution of measured times.

use serde::Serialize;
use statrs::statistics::{Data, Max as _, OrderStatistics as _};

/// Percentiles of latencies, in milliseconds; all zero where nothing was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Latencies {
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

impl Latencies {
    /// Of these milliseconds, in any order. Between two of them, percentiles are interpolated.
    pub fn of(milliseconds: Vec<f64>) -> Self {
        if milliseconds.is_empty() {
            return Self::default();
        }
        let mut all = Data::new(milliseconds);
        let (p50_ms, p90_ms, p99_ms) = (all.percentile(50), all.percentile(90), all.percentile(99));
        Self { p50_ms, p90_ms, p99_ms, max_ms: all.max() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_where_so_many_of_the_times_are_shorter() {
        let shuffled = (0..1000).map(|n| f64::from((n * 7919) % 1000 + 1)).collect();
        let Latencies { p50_ms, p90_ms, p99_ms, max_ms } = Latencies::of(shuffled);
        for (percentile, expected) in [(p50_ms, 500.0), (p90_ms, 900.0), (p99_ms, 990.0)] {
            assert!((percentile - expected).abs() <= 1.0, "{percentile} instead of {expected}");
        }
        assert_eq!(max_ms, 1000.0);
    }

    #[test]
    fn few_times_have_percentiles_too() {
        let one = Latencies::of(vec![3.0]);
        assert_eq!(one, Latencies { p50_ms: 3.0, p90_ms: 3.0, p99_ms: 3.0, max_ms: 3.0 });
        assert_eq!(Latencies::of(Vec::new()), Latencies::default());
    }
}
