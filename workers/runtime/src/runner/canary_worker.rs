use std::{sync::Arc, time::Duration};

use async_nats::{Message, Subject};
use futures::StreamExt as _;
use hoidap_shared::{job::Envelope, stage::Stage};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, interval, sleep},
};
use tracing::{debug, info, warn};

use super::{
    WorkerContext,
    pull::drain_or_abort,
    run_stage::{millis, run_stage, with_heartbeat},
};
use crate::canary::{
    ANNOUNCE_INTERVAL, CanaryMessage, CanaryOptions, CanaryReply, CanarySpec, encode, unhealthy_components,
};

/// How long a stopping canary still accepts jobs: workers may send some before they read that it ends.
const GOODBYE_GRACE: Duration = Duration::from_millis(300);
/// How long the canary waits for its own announcement before it doubts that others receive it.
const ECHO_TIMEOUT: Duration = Duration::from_secs(5);

/// One canary process.
struct CanaryWorker<S> {
    stage: S,
    context: WorkerContext,
    spec: CanarySpec,
    /// Limits the jobs that are processed at once.
    concurrency: Semaphore,
}

/// Runs a canary of a stage until the context says stop. Jobs in flight are then finished, or the stage does them itself.
///
/// # Errors
/// When the stage cannot be opened, or NATS cannot be reached.
pub async fn run_canary<S: Stage>(context: WorkerContext, options: CanaryOptions) -> anyhow::Result<()> {
    let stage = S::open(&context.config).await?;
    let spec = CanarySpec::new(stage.status(), options);
    info!(stage = S::NAME, canary = spec.id, version = spec.version, share = %spec.share, "open");
    context.opened.send_modify(|open| open.push(S::NAME));
    let concurrency = Semaphore::new(S::concurrency(&context.config));
    let canary = Arc::new(CanaryWorker { stage, context, spec, concurrency });
    let (served, announced) = tokio::join!(Arc::clone(&canary).serve(), canary.announce());
    announced?;
    served
}

impl<S: Stage> CanaryWorker<S> {
    /// Processes the jobs that the stage's workers dispatch.
    async fn serve(self: Arc<Self>) -> anyhow::Result<()> {
        let broker = &self.context.broker;
        let subject = broker.subjects.canary_jobs(S::NAME, &self.spec.id);
        let mut jobs = broker.client.queue_subscribe(subject, "canary".into()).await?;
        let mut running = JoinSet::new();
        let ended = async {
            self.context.stop.cancelled().await;
            sleep(GOODBYE_GRACE).await;
        };
        tokio::pin!(ended);
        loop {
            tokio::select! {
                Some(message) = jobs.next() => {
                    running.spawn(Arc::clone(&self).handle(message));
                    while running.try_join_next().is_some() {}
                }
                () = &mut ended => break,
            }
        }
        jobs.unsubscribe().await?;
        let left = drain_or_abort(&self.context, running).await;
        if left > 0 {
            warn!(stage = S::NAME, left, "stopped with jobs in flight; the stage does them itself");
        }
        Ok(())
    }

    /// Processes one job and replies with the result.
    async fn handle(self: Arc<Self>, message: Message) {
        let Some(reply_to) = message.reply.clone() else { return };
        self.reply(&reply_to, &CanaryReply::Working).await;
        let heartbeat = || self.reply(&reply_to, &CanaryReply::Working);
        let reply = with_heartbeat(ANNOUNCE_INTERVAL, heartbeat, self.process(&message)).await;
        self.reply(&reply_to, &reply).await;
    }

    async fn process(&self, message: &Message) -> CanaryReply<S::Out> {
        let received = Instant::now();
        let job = match Envelope::<S::In>::decode(&message.payload) {
            Ok(job) => job,
            Err(error) => return CanaryReply::Failed { reason: error.to_string() },
        };
        // The semaphore is never closed.
        let _permit = self.concurrency.acquire().await;
        let running = self.context.stops.register(&job.job_id);
        // The reply's subject ends in a token that no other run has.
        let token = message.reply.as_deref().and_then(|reply| reply.rsplit('.').next()).unwrap_or_default();
        let run = format!("{}.{token}", self.context.instance);
        let version = Some(self.stage.version());
        let result = run_stage(&self.stage, &self.context, &job, &running, run).await;
        let took_ms = millis(received.elapsed());
        match result {
            Ok(next) => {
                let unhealthy = unhealthy_components(self.stage.status());
                CanaryReply::Done { next, took_ms, unhealthy, version }
            }
            Err(error) => CanaryReply::Failed { reason: error.to_string() },
        }
    }

    async fn reply(&self, to: &Subject, reply: &CanaryReply<S::Out>) {
        let client = &self.context.broker.client;
        let bytes = rmp_serde::to_vec_named(reply).unwrap_or_else(|error| {
            let failed: CanaryReply<S::Out> =
                CanaryReply::Failed { reason: format!("its result cannot be encoded: {error}") };
            rmp_serde::to_vec_named(&failed).unwrap_or_default()
        });
        if let Err(error) = client.publish(to.clone(), bytes.into()).await {
            warn!(stage = S::NAME, %error, "a result could not be sent; the stage does the job itself");
        }
    }

    /// Announces the canary to the stage's workers, and at the end that it stops. Notices when it has stepped back.
    async fn announce(&self) -> anyhow::Result<()> {
        let broker = &self.context.broker;
        let subject = broker.subjects.canary_messages(S::NAME);
        let mut messages = broker.client.subscribe(subject.clone()).await?;
        let send = async |message: CanaryMessage| {
            if let Err(error) = broker.client.publish(subject.clone(), encode(&message)).await {
                debug!(%error, "the canary could not announce itself");
            }
        };
        let (mut tick, started) = (interval(ANNOUNCE_INTERVAL), Instant::now());
        let (mut has_echo, mut has_warned, mut stepped_back) = (false, false, None);
        while !self.context.stop.is_cancelled() {
            tokio::select! {
                _ = tick.tick() => {
                    send(CanaryMessage::Here { spec: self.spec.clone() }).await;
                    if !has_echo && !has_warned && started.elapsed() > ECHO_TIMEOUT {
                        has_warned = true;
                        warn!(
                            stage = S::NAME,
                            "the canary does not receive its own announcements: nats.user may lack rights to {subject}"
                        );
                    }
                }
                Some(message) = messages.next() => match rmp_serde::from_slice(&message.payload) {
                    Ok(CanaryMessage::Here { spec }) if spec.id == self.spec.id => has_echo = true,
                    Ok(CanaryMessage::Counted { spec, stepped_back: now, .. }) if spec.id == self.spec.id => {
                        if let (None, Some(reason)) = (&stepped_back, &now) {
                            warn!(
                                stage = S::NAME,
                                %reason,
                                "the canary stepped back and serves nobody; change it, or have it judged anew by \
                                 `hoidap-worker canary forget {}`", S::NAME
                            );
                        }
                        stepped_back = now;
                    }
                    Ok(CanaryMessage::Forget) => stepped_back = None,
                    _ => {}
                },
                () = self.context.stop.cancelled() => {}
            }
        }
        send(CanaryMessage::Gone { id: self.spec.id.clone() }).await;
        Ok(())
    }
}
