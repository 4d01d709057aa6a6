use std::time::Duration;

use anyhow::{Context as _, bail};
use async_nats::StatusCode;
use futures::StreamExt as _;
use hoidap_shared::{
    job::Envelope,
    stage::{Next, Stage},
};
use tokio::time::{Instant, timeout_at};
use tracing::warn;
use uuid::Uuid;

use super::{
    Runner,
    work::{judged, millis},
};
use crate::canary::{Place, Reply, unwell};

/// How long a canary that has a job may be silent: it tells more than twice as often.
const SILENT: Duration = Duration::from_secs(3);

/// What a canary gave back.
struct Handed<T> {
    next: Next<T>,
    /// Milliseconds that it had the job.
    took_ms: f64,
    /// Its components that are not well, by name.
    unwell: Vec<String>,
}

impl<S: Stage> Runner<S> {
    /// Hands a job to a canary; what it made of it, or `None` when the stage must do the work itself.
    pub(super) async fn hand_over(&self, canary: &str, job: &Envelope<S::In>) -> Option<Next<S::Out>> {
        let place = Place::Canary(canary.to_string());
        let started = Instant::now();
        let (next, reason, took_ms) = match self.handed(canary, job).await {
            Ok(None) => {
                self.board.away(canary);
                return None;
            }
            Ok(Some(Handed { next, took_ms, unwell: its })) => {
                let done = Ok(next);
                let Some(failure) = judged(&done) else { return done.ok() };
                // A stage that does without a broken part answers, but not as it should.
                let own = unwell(self.stage.status());
                let broken = its.into_iter().find(|name| !own.contains(name));
                let failure = failure.or_else(|| broken.map(|name| format!("its {name} is not well")));
                (done.ok(), failure, took_ms)
            }
            Err(error) => (None, Some(format!("{error:#}")), millis(started.elapsed())),
        };
        self.board.count(&place, took_ms, reason.is_some());
        let outcome = if reason.is_some() { "failed" } else { "done" };
        metrics::counter!("hoidap_canary_jobs_total", "stage" => S::NAME, "outcome" => outcome).increment(1);
        if let Some(reason) = reason {
            warn!(job = %job.job_id, canary, reason, "the canary failed on a job");
        }
        next
    }

    /// What a canary gave back; `None` when nobody was there.
    async fn handed(&self, canary: &str, job: &Envelope<S::In>) -> anyhow::Result<Option<Handed<S::Out>>> {
        let (client, subjects) = (&self.context.broker.client, &self.context.broker.subjects);
        let back = subjects.canary_reply(S::NAME, &Uuid::new_v4().simple().to_string());
        let mut replies = client.subscribe(back.clone()).await?;
        let to = subjects.canary_jobs(S::NAME, canary);
        client.publish_with_reply(to, back, job.encode()?.into()).await?;
        // The other half of the time is the stage's own, should the canary not come to an end.
        let end = Instant::now() + Duration::from_millis(job.remaining_ms() / 2);
        loop {
            let Ok(reply) = timeout_at(end.min(Instant::now() + SILENT), replies.next()).await else {
                bail!(if Instant::now() >= end {
                    "it took more than half of the time"
                } else {
                    "it gave no sign of life"
                });
            };
            let reply = reply.context("the connection to NATS was closed")?;
            if reply.status == Some(StatusCode::NO_RESPONDERS) {
                return Ok(None);
            }
            match rmp_serde::from_slice(&reply.payload).context("its reply cannot be read")? {
                Reply::Working => {}
                Reply::Done { made, took_ms, unwell } => {
                    return Ok(Some(Handed { next: made, took_ms, unwell }));
                }
                Reply::Failed { reason } => bail!(reason),
            }
        }
    }
}
