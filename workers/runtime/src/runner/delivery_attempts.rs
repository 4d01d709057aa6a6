use std::sync::atomic::Ordering;

use anyhow::Context as _;
use hoidap_shared::stage::Stage;
use tracing::debug;

use super::{Runner, delivery::Delivery};
use crate::direct_get;

// The broker counts deliveries, but not every delivery is an attempt: what a stopping process returns, or what could not
// be stored, is not the job's fault. The count of a first delivery is not stored, because a second delivery implies it.
impl<S: Stage> Runner<S> {
    /// Counts this delivery as an attempt, before anything that a worker may not survive. Which attempt it is, from 1.
    pub(super) async fn count_attempt(&self, delivery: &Delivery) -> anyhow::Result<u32> {
        if delivery.number <= 1 {
            return Ok(1);
        }
        let subject = self.context.broker.subjects.tries(S::NAME, delivery.sequence);
        let stored = direct_get::last(&self.context.broker, "TRIES", subject).await?;
        let before = stored.and_then(|count| std::str::from_utf8(&count.payload).ok()?.parse().ok());
        let attempt = before.unwrap_or(1_u32).saturating_add(1);
        self.store_attempts(delivery, attempt).await?;
        delivery.attempt.store(attempt, Ordering::Relaxed);
        Ok(attempt)
    }

    /// Takes the count of this delivery back: it was no attempt.
    pub(super) async fn uncount_attempt(&self, delivery: &Delivery) {
        let Some(before) = delivery.attempt.load(Ordering::Relaxed).checked_sub(1) else { return };
        if let Err(error) = self.store_attempts(delivery, before).await {
            debug!(%error, "a delivery that was no attempt counts as one");
        }
    }

    async fn store_attempts(&self, delivery: &Delivery, count: u32) -> anyhow::Result<()> {
        let broker = &self.context.broker;
        let subject = broker.subjects.tries(S::NAME, delivery.sequence);
        let stored = broker.jetstream.publish(subject, count.to_string().into()).await?.await;
        stored.context("the number of attempts could not be stored")?;
        Ok(())
    }
}
