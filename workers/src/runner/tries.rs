use std::sync::atomic::Ordering;

use anyhow::Context as _;
use hoidap_shared::stage::Stage;
use tracing::debug;

use super::{Runner, delivery::Arrival};
use crate::direct;

// The server counts deliveries, but not every delivery is a try: what a process that ends hands back, or what could not be
// stored, is not the job's fault. A job that is delivered once has no count stored, since a second delivery tells of it.
impl<S: Stage> Runner<S> {
    /// Counts this delivery as a try, before anything is done that a worker may not survive; which one it is, from 1.
    pub(super) async fn count_try(&self, arrival: &Arrival) -> anyhow::Result<u32> {
        if arrival.delivery <= 1 {
            return Ok(1);
        }
        let subject = self.context.broker.subjects.tries(S::NAME, arrival.sequence);
        let stored = direct::last(&self.context.broker, "TRIES", subject).await?;
        let before = stored.and_then(|count| std::str::from_utf8(&count.payload).ok()?.parse().ok());
        let number = before.unwrap_or(1_u32).saturating_add(1);
        self.store_tries(arrival, number).await?;
        arrival.tried.store(number, Ordering::Relaxed);
        Ok(number)
    }

    /// Takes back the count of this delivery: it was no try.
    pub(super) async fn take_back_try(&self, arrival: &Arrival) {
        let Some(before) = arrival.tried.load(Ordering::Relaxed).checked_sub(1) else { return };
        if let Err(error) = self.store_tries(arrival, before).await {
            debug!(%error, "a delivery that was no try counts as one");
        }
    }

    async fn store_tries(&self, arrival: &Arrival, number: u32) -> anyhow::Result<()> {
        let broker = &self.context.broker;
        let subject = broker.subjects.tries(S::NAME, arrival.sequence);
        let stored = broker.jetstream.publish(subject, number.to_string().into()).await?.await;
        stored.context("the number of tries could not be stored")?;
        Ok(())
    }
}
