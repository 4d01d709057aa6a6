use std::time::Duration;

use anyhow::{Context as _, bail};
use async_nats::StatusCode;
use futures::StreamExt as _;
use hoidap_shared::{
    job::Envelope,
    stage::{NextStep, Stage},
};
use tokio::time::{Instant, timeout_at};
use tracing::warn;
use uuid::Uuid;

use super::{
    Runner,
    run_stage::{JobVerdict, millis, verdict_of},
};
use crate::canary::{CanaryReply, Route, unhealthy_components};

/// How long a canary that has a job may be silent. It sends more than two signs of life in this time.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(3);

/// What a canary made of a job.
struct CanaryResult<T> {
    next: NextStep<T>,
    /// Milliseconds from the job's arrival to its end.
    took_ms: f64,
    /// The names of its components that are unhealthy.
    unhealthy: Vec<String>,
    /// The canary's version.
    version: String,
}

impl<S: Stage> Runner<S> {
    /// Sends a job to a canary and waits for the result and the canary's version. `None` when the stage must do the work
    /// itself.
    pub(super) async fn dispatch_to_canary(
        &self,
        canary: &str,
        job: &Envelope<S::In>,
    ) -> Option<(NextStep<S::Out>, String)> {
        let route = Route::Canary(canary.to_string());
        let started = Instant::now();
        let (next, failure, took_ms) = match self.request_canary(canary, job).await {
            Ok(None) => {
                self.canaries.mark_away(canary);
                return None;
            }
            Ok(Some(CanaryResult { next, took_ms, unhealthy, version })) => {
                let result = Ok(next);
                let failure = match verdict_of(&result) {
                    JobVerdict::NotCounted => return result.ok().map(|next| (next, version)),
                    JobVerdict::Failed(reason) => Some(reason),
                    // A stage that works without a broken component answers, but not as it should.
                    JobVerdict::Succeeded => {
                        let own = unhealthy_components(self.stage.status());
                        let broken = unhealthy.into_iter().find(|name| !own.contains(name));
                        broken.map(|name| format!("its {name} is unhealthy"))
                    }
                };
                (result.ok().map(|next| (next, version)), failure, took_ms)
            }
            Err(error) => (None, Some(format!("{error:#}")), millis(started.elapsed())),
        };
        self.canaries.count(&route, took_ms, failure.is_some());
        let outcome = if failure.is_some() { "failed" } else { "done" };
        metrics::counter!("hoidap_canary_jobs_total", "stage" => S::NAME, "outcome" => outcome).increment(1);
        if let Some(reason) = failure {
            warn!(job = %job.job_id, canary, reason, "the canary failed on a job");
        }
        next
    }

    /// The canary's result; `None` when no canary received the job.
    async fn request_canary(
        &self,
        canary: &str,
        job: &Envelope<S::In>,
    ) -> anyhow::Result<Option<CanaryResult<S::Out>>> {
        let (client, subjects) = (&self.context.broker.client, &self.context.broker.subjects);
        let reply_to = subjects.canary_reply(S::NAME, &Uuid::new_v4().simple().to_string());
        let mut replies = client.subscribe(reply_to.clone()).await?;
        let subject = subjects.canary_jobs(S::NAME, canary);
        client.publish_with_reply(subject, reply_to, job.encode()?.into()).await?;
        // The other half of the time is for the stage itself, should the canary not finish.
        let deadline = Instant::now() + Duration::from_millis(job.remaining_ms() / 2);
        loop {
            let next_sign = deadline.min(Instant::now() + SILENCE_TIMEOUT);
            let Ok(reply) = timeout_at(next_sign, replies.next()).await else {
                bail!(if Instant::now() >= deadline {
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
                CanaryReply::Working => {}
                CanaryReply::Done { next, took_ms, unhealthy, version } => {
                    // A canary of an earlier release does not say its version.
                    let version = version.unwrap_or_else(|| canary.to_string());
                    return Ok(Some(CanaryResult { next, took_ms, unhealthy, version }));
                }
                CanaryReply::Failed { reason } => bail!(reason),
            }
        }
    }
}
