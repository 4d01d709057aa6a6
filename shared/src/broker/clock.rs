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

/// A request with a round trip up to this is precise enough.
const GOOD_ROUND_TRIP: Duration = Duration::from_millis(200);
/// Most requests of one synchronisation.
const MAX_ATTEMPTS: usize = 3;

/// The broker's time. Cheap to clone; clones share their state. After the first synchronisation it does not depend on
/// this machine's clock, which may be changed at any moment.
#[derive(Clone, Debug, Default)]
pub struct BrokerClock {
    /// The broker's time at a moment of this process; `None` before the first synchronisation.
    reference: Arc<RwLock<Option<(Instant, u64)>>>,
}

impl BrokerClock {
    /// The broker's time in milliseconds since the Unix epoch; this machine's before the first synchronisation.
    pub fn now_ms(&self) -> u64 {
        match *self.reference.read().unwrap_or_else(PoisonError::into_inner) {
            Some((at, broker_ms)) => {
                broker_ms.saturating_add(u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX))
            }
            None => now_ms(),
        }
    }

    /// Whether it was ever synchronised.
    pub fn is_synchronised(&self) -> bool {
        self.reference.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Sets the broker's current time, in milliseconds since the Unix epoch.
    pub fn set(&self, broker_ms: u64) {
        let mut reference = self.reference.write().unwrap_or_else(PoisonError::into_inner);
        *reference = Some((Instant::now(), broker_ms));
    }

    /// How many milliseconds this machine's clock is ahead of the broker's; negative when it is behind.
    pub fn skew_ms(&self) -> i64 {
        let (local, broker) = (now_ms(), self.now_ms());
        let skew = i64::try_from(local.abs_diff(broker)).unwrap_or(i64::MAX);
        if local < broker { -skew } else { skew }
    }

    /// A sentence for the operator when this machine's clock differs from the broker's by more than is allowed.
    pub fn skew_problem(&self, max_skew_ms: u64) -> Option<String> {
        let skew = self.skew_ms();
        let direction = if skew < 0 { "behind" } else { "ahead of" };
        (skew.unsigned_abs() > max_skew_ms).then(|| {
            format!(
                "this machine's clock is {} ms {direction} the broker's, {max_skew_ms} ms are allowed \
                 (worker.max_clock_skew_ms): set it right, by NTP for instance",
                skew.unsigned_abs()
            )
        })
    }
}

/// The time in a reply about a stream.
#[derive(Deserialize)]
struct StreamInfoTime {
    ts: Timestamp,
}

impl Broker {
    /// Asks the broker for its time and sets [`Broker::clock`]. Returns how many milliseconds this machine's clock is ahead.
    ///
    /// # Errors
    /// When the broker does not reply with its time.
    pub async fn synchronise_clock(&self) -> anyhow::Result<i64> {
        let mut best: Option<(Duration, Instant, u64)> = None;
        for _ in 0..MAX_ATTEMPTS {
            let sent = Instant::now();
            let broker_ms = self.server_time_ms().await?;
            let round_trip = sent.elapsed();
            if best.is_none_or(|(least, ..)| round_trip < least) {
                // The broker read its clock half a round trip ago.
                let half = u64::try_from(round_trip.as_millis() / 2).unwrap_or(0);
                best = Some((round_trip, Instant::now(), broker_ms.saturating_add(half)));
            }
            if round_trip <= GOOD_ROUND_TRIP {
                break;
            }
        }
        if let Some((_, at, broker_ms)) = best {
            let since = u64::try_from(at.elapsed().as_millis()).unwrap_or(0);
            self.clock.set(broker_ms.saturating_add(since));
        }
        Ok(self.clock.skew_ms())
    }

    async fn server_time_ms(&self) -> anyhow::Result<u64> {
        let subject = format!("STREAM.INFO.{}", self.subjects.stream("JOBS"));
        let reply =
            self.jetstream.request(subject, &()).await.context("the broker's clock cannot be read")?;
        match reply {
            Response::Ok(StreamInfoTime { ts }) => Ok(u64::try_from(ts.as_millisecond()).unwrap_or(0)),
            Response::Err { error } => bail!("the broker's clock cannot be read: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_skew_is_reported_with_its_direction_and_limit() {
        let clock = BrokerClock::default();
        assert_eq!(clock.skew_problem(0), None, "before the first comparison nothing is known");
        clock.set(now_ms() + 7_200_000);
        let said = clock.skew_problem(5_000).unwrap();
        assert!(said.contains("behind the broker's") && said.contains("5000 ms are allowed"), "{said}");
        clock.set(now_ms() - 7_200_000);
        assert!(clock.skew_problem(5_000).unwrap().contains("ahead of the broker's"));
        clock.set(now_ms() - 1_000);
        assert_eq!(clock.skew_problem(5_000), None);
    }
}
