//! The broker's time, as this process knows it.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use anyhow::{Context as _, bail};
use async_nats::jetstream::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::Instant;

use super::Broker;
use crate::job::now_ms;

/// A comparison is good enough when its answer took no longer than this.
const QUICK: Duration = Duration::from_millis(200);
/// How often one comparison is tried, should the answers be slow.
const TRIES: usize = 3;

/// The broker's time. Cheap to clone; all clones are the same. After the first comparison it does not depend on the
/// machine's clock, which may be set at any moment.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// What the broker's clock said at a moment of this process; `None` before the first comparison.
    compared: Arc<RwLock<Option<(Instant, u64)>>>,
}

impl Clock {
    /// The broker's time in milliseconds since the Unix epoch; this machine's before the first comparison.
    pub fn now_ms(&self) -> u64 {
        match *self.compared.read().unwrap_or_else(PoisonError::into_inner) {
            Some((at, broker_ms)) => {
                broker_ms.saturating_add(u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX))
            }
            None => now_ms(),
        }
    }

    /// Whether it was ever compared.
    pub fn is_compared(&self) -> bool {
        self.compared.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Takes the given time, in milliseconds since the Unix epoch, as the broker's now.
    pub fn set(&self, broker_ms: u64) {
        let mut compared = self.compared.write().unwrap_or_else(PoisonError::into_inner);
        *compared = Some((Instant::now(), broker_ms));
    }

    /// How many milliseconds this machine's clock is ahead of the broker's; below zero when it is behind.
    pub fn skew_ms(&self) -> i64 {
        let (here, there) = (now_ms(), self.now_ms());
        let far = i64::try_from(here.abs_diff(there)).unwrap_or(i64::MAX);
        if here < there { -far } else { far }
    }

    /// Says that this machine's clock is further from the broker's than is allowed.
    pub fn trouble(&self, most_ms: u64) -> Option<String> {
        let skew = self.skew_ms();
        let side = if skew < 0 { "behind" } else { "ahead of" };
        (skew.unsigned_abs() > most_ms).then(|| {
            format!(
                "this machine's clock is {} ms {side} the broker's, {most_ms} ms are allowed \
                 (worker.max_clock_skew_ms): set it right, by NTP for instance",
                skew.unsigned_abs()
            )
        })
    }
}

/// The part of an answer about a stream that tells when it was given.
#[derive(Deserialize)]
struct Given {
    ts: Timestamp,
}

impl Broker {
    /// Asks the broker for its time and keeps it in [`Broker::clock`]; how many milliseconds this machine's clock is
    /// ahead of it.
    ///
    /// # Errors
    /// When the broker does not answer, or does not tell its time.
    pub async fn compare_clock(&self) -> anyhow::Result<i64> {
        let mut best: Option<(Duration, Instant, u64)> = None;
        for _ in 0..TRIES {
            let asked = Instant::now();
            let broker_ms = self.told_ms().await?;
            let took = asked.elapsed();
            if best.is_none_or(|(least, ..)| took < least) {
                // Half of the way there and back has passed since the broker looked at its clock.
                let half = u64::try_from(took.as_millis() / 2).unwrap_or(0);
                best = Some((took, Instant::now(), broker_ms.saturating_add(half)));
            }
            if took <= QUICK {
                break;
            }
        }
        if let Some((_, at, broker_ms)) = best {
            let since = u64::try_from(at.elapsed().as_millis()).unwrap_or(0);
            self.clock.set(broker_ms.saturating_add(since));
        }
        Ok(self.clock.skew_ms())
    }

    async fn told_ms(&self) -> anyhow::Result<u64> {
        let subject = format!("STREAM.INFO.{}", self.subjects.stream("JOBS"));
        let told = self.jetstream.request(subject, &()).await.context("the broker does not tell its time")?;
        match told {
            Response::Ok(Given { ts }) => Ok(u64::try_from(ts.as_millisecond()).unwrap_or(0)),
            Response::Err { error } => bail!("the broker does not tell its time: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_far_off_is_told_with_its_side_and_the_bound() {
        let clock = Clock::default();
        assert_eq!(clock.trouble(0), None, "before the first comparison nothing is known");
        clock.set(now_ms() + 7_200_000);
        let said = clock.trouble(5_000).unwrap();
        assert!(said.contains("behind the broker's") && said.contains("5000 ms are allowed"), "{said}");
        clock.set(now_ms() - 7_200_000);
        assert!(clock.trouble(5_000).unwrap().contains("ahead of the broker's"));
        clock.set(now_ms() - 1_000);
        assert_eq!(clock.trouble(5_000), None);
    }
}
