use std::{sync::atomic::Ordering, time::Duration};

use async_nats::jetstream::{AckKind, Message};
use hoidap_shared::{
    broker::BrokerClock,
    job::{Answer, Envelope, Hop, Job as _},
    stage::{NextStep, Stage, StageError},
    subjects::MAX_JOB_BODY_BYTES,
};
use tokio::time::Instant;
use tracing::{Instrument as _, debug, field::Empty, info_span, warn};

use super::{
    Runner,
    dead_letter::JobSummary,
    dead_letter_reason::DeadLetterReason,
    delivery::{Delivery, DeliveryEnd},
    finish::StoredAnswerOwner,
    retry_delay::retry_delay,
    run_stage::{JobVerdict, millis, run_stage, verdict_of, with_heartbeat},
    stop_requests::RunningJob,
};
use crate::canary::Route;

/// A message is new for so long: far less than the broker remembers the ids of what followed from it. A broker that lost its
/// state delivers older ones as if for the first time.
const MAX_NEW_AGE: Duration = Duration::from_secs(2);
/// Shortest time for a job that an operator sent again.
const MIN_REDRIVE_BUDGET_MS: u64 = 1_000;

/// The result of the work on a job, and who did it.
struct Processed<T> {
    result: Result<NextStep<T>, StageError>,
    by_canary: bool,
    /// The version of the stage or canary; empty where none worked.
    version: String,
}

impl<S: Stage> Runner<S> {
    /// Processes one delivery and acknowledges it, or asks the broker to redeliver it.
    pub(super) async fn deliver(&self, message: Message) {
        let Some(delivery) = Delivery::new(&message) else {
            warn!(stage = S::NAME, "a message without delivery information was left alone");
            return;
        };
        let span = info_span!(
            "job",
            stage = S::NAME,
            sequence = delivery.sequence,
            delivery = delivery.number,
            job = Empty,
            trace = Empty
        );
        let started = Instant::now();
        let interval = Duration::from_millis(self.context.config.worker.ack_wait_ms / 3);
        let heartbeat = || async {
            let _ = message.ack_with(AckKind::Progress).await;
        };
        let end = tokio::select! {
            end = with_heartbeat(interval, heartbeat, self.handle(&delivery).instrument(span)) => end,
            () = self.drain_timeout.cancelled() => DeliveryEnd::Returned(Duration::ZERO),
        };
        if matches!(end, DeliveryEnd::Returned(_)) {
            self.uncount_attempt(&delivery).await;
        }
        let (outcome, kind) = match end {
            DeliveryEnd::Done => ("done", AckKind::Ack),
            DeliveryEnd::Retry(after) => ("again", AckKind::Nak(Some(after))),
            DeliveryEnd::Returned(after) => ("returned", AckKind::Nak((!after.is_zero()).then_some(after))),
        };
        self.deliveries.fetch_add(u64::from(outcome == "done"), Ordering::Relaxed);
        metrics::counter!("hoidap_deliveries_total", "stage" => S::NAME, "outcome" => outcome).increment(1);
        metrics::histogram!("hoidap_delivery_seconds", "stage" => S::NAME)
            .record(started.elapsed().as_secs_f64());
        if let Err(error) = message.ack_with(kind).await {
            debug!(%error, "the acknowledgement was lost; the redelivered job is recognised by its answer");
        }
    }

    async fn handle(&self, delivery: &Delivery) -> DeliveryEnd {
        let header = delivery.header();
        if let Some(header) = &header
            && self.may_be_answered(delivery)
        {
            match self.already_answered(&header.job_id, delivery).await {
                Ok(true) => return DeliveryEnd::Done,
                Ok(false) => {}
                Err(error) => return self.return_delivery(delivery, &error.to_string()),
            }
        }
        if self.is_expired(delivery) {
            return self.expire(delivery, header).await;
        }
        let attempt = match self.count_attempt(delivery).await {
            Ok(attempt) => attempt,
            Err(error) => return self.return_delivery(delivery, &error.to_string()),
        };
        let max_attempts = self.context.config.worker.max_deliveries;
        let job = match Envelope::<S::In>::decode(&delivery.payload) {
            Ok(job) => job,
            Err(error) => {
                let reason = DeadLetterReason::unreadable(&error);
                return self.dead_letter(delivery, header, None, reason).await;
            }
        };
        let clock = &self.context.broker.clock;
        let mut job = if delivery.redrive.is_some() { with_new_deadline(job, delivery) } else { job };
        if job.deadline_ms <= clock.now_ms() {
            let reason = DeadLetterReason::deadline_exceeded();
            return self.dead_letter(delivery, None, Some(&job), reason).await;
        }
        if attempt > max_attempts {
            let reason = DeadLetterReason::too_many_attempts(attempt);
            return self.dead_letter(delivery, None, Some(&job), reason).await;
        }
        let began = Instant::now();
        let running = self.context.stops.register(&job.job_id);
        let Processed { result, by_canary, version } = if running.stop.is_cancelled() {
            let result = Ok(NextStep::Answer(self.stopped(&job)));
            Processed { result, by_canary: false, version: String::new() }
        } else {
            self.process(delivery, &job, &running).await
        };
        match result {
            Ok(next) => {
                let hop = hop(S::NAME, delivery, began, clock);
                job.hops.push(Hop { canary: by_canary, version, ..hop });
                self.store_result(delivery, job, next).await
            }
            Err(StageError::Permanent { code, reason }) => {
                self.dead_letter(delivery, None, Some(&job), DeadLetterReason::new(code, reason)).await
            }
            Err(StageError::Retry { reason, .. }) if attempt >= max_attempts => {
                let reason = DeadLetterReason::new("retries_exhausted", reason);
                self.dead_letter(delivery, None, Some(&job), reason).await
            }
            Err(StageError::Retry { reason, after }) => {
                warn!(job = %job.job_id, reason, "the job is tried again");
                DeliveryEnd::Retry(
                    after.unwrap_or_else(|| retry_delay(&self.context.config.worker.backoff_ms, attempt)),
                )
            }
        }
    }

    /// Whether it is worth asking for the job's answer before the work. A message that has just been stored and was never
    /// delivered has none, unless its job was published twice; then the work is wasted, and the first answer stays.
    fn may_be_answered(&self, delivery: &Delivery) -> bool {
        delivery.number > 1 || delivery.redrive.is_some() || self.age(delivery) > MAX_NEW_AGE
    }

    /// Has the job processed by the canary or by the stage itself, whoever serves its session.
    async fn process(
        &self,
        delivery: &Delivery,
        job: &Envelope<S::In>,
        running: &RunningJob,
    ) -> Processed<S::Out> {
        let route = self.canaries.route(&job.body.question().session_id);
        if let Route::Canary(id) = &route
            && let Some((next, version)) = self.dispatch_to_canary(id, job).await
        {
            return Processed { result: Ok(next), by_canary: true, version };
        }
        let run = format!("{}.{}", self.context.instance, delivery.number);
        let started = Instant::now();
        let version = self.stage.version();
        let result = run_stage(&self.stage, &self.context, job, running, run).await;
        if matches!(route, Route::Stable(_)) {
            let took_ms = millis(started.elapsed());
            match verdict_of(&result) {
                JobVerdict::Succeeded => self.canaries.count(&route, took_ms, false),
                JobVerdict::Failed(_) => self.canaries.count(&route, took_ms, true),
                JobVerdict::NotCounted => {}
            }
        }
        Processed { result, by_canary: false, version }
    }

    /// Stores the answer, or the message for the next stage.
    async fn store_result(
        &self,
        delivery: &Delivery,
        job: Envelope<S::In>,
        next: NextStep<S::Out>,
    ) -> DeliveryEnd {
        let body = match next {
            NextStep::Answer(answer) => {
                let answer = Answer { versions: job.versions(), ..answer };
                return match self.finish(&job.map(answer), delivery).await {
                    Ok(StoredAnswerOwner::ThisDelivery | StoredAnswerOwner::OtherDelivery) => {
                        DeliveryEnd::Done
                    }
                    Err(error) => self.return_delivery(delivery, &error.to_string()),
                };
            }
            NextStep::Forward(body) => body,
        };
        // The apology for a result that cannot be stored names no intent and no product.
        let summary = JobSummary { classified: None, ..JobSummary::new(&job.body) };
        let forward = job.map(body);
        let Some(next) = self.next else {
            let reason = DeadLetterReason::new(
                "no_next_stage",
                format!("{} is the last stage and did not answer", S::NAME),
            );
            return self.dead_letter_job(delivery, &forward.map(summary), reason).await;
        };
        let reason = match forward.encode() {
            Ok(bytes) if bytes.len() <= MAX_JOB_BODY_BYTES => {
                let id = delivery.message_id(&forward.job_id, next);
                let subject = self.context.broker.subjects.jobs(next);
                return match self.publish(subject, &id, delivery, bytes).await {
                    Ok(()) => DeliveryEnd::Done,
                    Err(error) => self.return_delivery(delivery, &error.to_string()),
                };
            }
            Ok(bytes) => DeadLetterReason::new(
                "message_too_large",
                format!("the message for {next} has {} bytes, {MAX_JOB_BODY_BYTES} are allowed", bytes.len()),
            ),
            Err(error) => DeadLetterReason::new("encoding_failed", error.to_string()),
        };
        self.dead_letter_job(delivery, &forward.map(summary), reason).await
    }

    /// Returns a job to the broker because a result could not be stored: nothing is lost, and it was no attempt.
    pub(super) fn return_delivery(&self, delivery: &Delivery, reason: &str) -> DeliveryEnd {
        warn!(reason, "the result could not be stored; the job is delivered again");
        DeliveryEnd::Returned(retry_delay(&self.context.config.worker.backoff_ms, delivery.number))
    }
}

/// The hop of a stage that began to process a job at `began`.
fn hop(stage: &str, delivery: &Delivery, began: Instant, clock: &BrokerClock) -> Hop {
    let worked_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let waited_ms = clock.now_ms().saturating_sub(delivery.stored_ms()).saturating_sub(worked_ms);
    Hop { stage: stage.into(), waited_ms, worked_ms, delivery: delivery.number, ..Hop::default() }
}

/// A job that was sent again gets as much time as it had at first.
fn with_new_deadline<T>(mut job: Envelope<T>, delivery: &Delivery) -> Envelope<T> {
    let budget = job.deadline_ms.saturating_sub(job.accepted_ms).max(MIN_REDRIVE_BUDGET_MS);
    job.accepted_ms = job.accepted_ms.max(delivery.stored_ms());
    job.deadline_ms = job.deadline_ms.max(delivery.stored_ms().saturating_add(budget));
    job
}
