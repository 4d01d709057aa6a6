use std::{sync::atomic::Ordering, time::Duration};

use async_nats::jetstream::{AckKind, Message};
use hoidap_shared::{
    job::{Envelope, Header, Hop, Job as _, now_ms},
    stage::{Next, Stage, StageError},
    subjects::{ANSWERS_KEPT, MAX_JOB_BYTES},
};
use tokio::time::Instant;
use tracing::{Instrument as _, debug, info_span, warn};

use super::{
    Runner,
    dead::Death,
    finish::Stored,
    stops::Working,
    work::{alive, judged, millis, work},
};
use crate::canary::Place;

/// Marks a message that an operator sent again: its old answer and its deadline no longer count.
pub(crate) const REDRIVE: &str = "Hoidap-Redrive";
/// Room for the headers beside a message's body.
const HEADER_ROOM: usize = 4_096;

/// What the broker says of a delivery.
pub(super) struct Arrival {
    pub(super) sequence: u64,
    pub(super) delivery: u32,
    pub(super) stored_ms: u64,
    pub(super) redrive: Option<String>,
}

/// How a delivery ends.
pub(super) enum End {
    /// What follows is stored: the message is acknowledged.
    Done,
    /// The message comes again after this long.
    Again(Duration),
}

/// What came of the work on a job, and whether a canary did it.
struct Worked<T> {
    done: Result<Next<T>, StageError>,
    canary: bool,
}

impl<S: Stage> Runner<S> {
    /// Works on one delivery and answers the broker.
    pub(super) async fn deliver(&self, message: Message) {
        let Some(arrival) = arrival(&message) else {
            warn!(stage = S::NAME, "a message without delivery information was left alone");
            return;
        };
        let span =
            info_span!("job", stage = S::NAME, sequence = arrival.sequence, delivery = arrival.delivery);
        let started = Instant::now();
        let end = self.work(&message, &arrival).instrument(span).await;
        let kind = match end {
            End::Done => AckKind::Ack,
            End::Again(after) => AckKind::Nak(Some(after)),
        };
        let outcome = if matches!(end, End::Done) { "done" } else { "again" };
        self.deliveries.fetch_add(u64::from(outcome == "done"), Ordering::Relaxed);
        metrics::counter!("hoidap_deliveries_total", "stage" => S::NAME, "outcome" => outcome).increment(1);
        metrics::histogram!("hoidap_delivery_seconds", "stage" => S::NAME)
            .record(started.elapsed().as_secs_f64());
        if let Err(error) = message.ack_with(kind).await {
            debug!(%error, "the acknowledgement was lost; the job is delivered again and known by its answer");
        }
    }

    async fn work(&self, message: &Message, arrival: &Arrival) -> End {
        let age = now_ms().saturating_sub(arrival.stored_ms);
        if Duration::from_millis(age) > ANSWERS_KEPT {
            metrics::counter!("hoidap_stale_jobs_total", "stage" => S::NAME).increment(1);
            return End::Done;
        }
        let header: Option<Header> = rmp_serde::from_slice(&message.payload).ok();
        if let Some(header) = &header {
            match self.already_answered(&header.job_id, arrival).await {
                Ok(true) => return End::Done,
                Ok(false) => {}
                Err(error) => return self.again(arrival, &error.to_string()),
            }
        }
        let job = match Envelope::<S::In>::decode(&message.payload) {
            Ok(job) => job,
            Err(error) => return self.bury(message, arrival, header, None, Death::unreadable(&error)).await,
        };
        tracing::Span::current().record("job", job.job_id.as_str());
        let mut job = if arrival.redrive.is_some() { renewed(job, arrival) } else { job };
        if job.remaining_ms() == 0 {
            return self.bury(message, arrival, None, Some(&job), Death::late()).await;
        }
        if arrival.delivery > self.context.config.worker.max_deliveries {
            return self.bury(message, arrival, None, Some(&job), Death::too_often(arrival.delivery)).await;
        }
        let began = Instant::now();
        let working = self.context.stops.working(&job.job_id);
        let Worked { done, canary } = if working.stop.is_cancelled() {
            Worked { done: Ok(Next::Answer(self.stopped(&job))), canary: false }
        } else {
            self.process(message, arrival, &job, &working).await
        };
        match done {
            Ok(next) => {
                job.hops.push(hop(S::NAME, arrival, began, canary));
                self.pass_on(message, arrival, job, next).await
            }
            Err(StageError::Permanent { code, reason }) => {
                self.bury(message, arrival, None, Some(&job), Death::new(code, reason)).await
            }
            Err(StageError::Retry { reason, after }) => {
                if arrival.delivery >= self.context.config.worker.max_deliveries {
                    return self
                        .bury(message, arrival, None, Some(&job), Death::new("retries_exhausted", reason))
                        .await;
                }
                warn!(job = %job.job_id, reason, "the job is tried again");
                End::Again(after.unwrap_or_else(|| self.context.config.worker.backoff(arrival.delivery)))
            }
        }
    }

    /// Has the job worked on by whoever serves its session, with signs of life to the broker.
    async fn process(
        &self,
        message: &Message,
        arrival: &Arrival,
        job: &Envelope<S::In>,
        working: &Working,
    ) -> Worked<S::Out> {
        let every = Duration::from_millis(self.context.config.worker.ack_wait_ms / 3);
        let beat = || async {
            let _ = message.ack_with(AckKind::Progress).await;
        };
        let place = self.board.place(&job.body.question().session_id);
        if let Place::Canary(id) = &place
            && let Some(next) = alive(every, beat, self.hand_over(id, job)).await
        {
            return Worked { done: Ok(next), canary: true };
        }
        let run = format!("{}.{}", self.context.instance, arrival.delivery);
        let started = Instant::now();
        let done = alive(every, beat, work(&self.stage, &self.context, job, working, run)).await;
        if matches!(place, Place::Stable(_))
            && let Some(failure) = judged(&done)
        {
            self.board.count(&place, millis(started.elapsed()), failure.is_some());
        }
        Worked { done, canary: false }
    }

    async fn pass_on(
        &self,
        message: &Message,
        arrival: &Arrival,
        job: Envelope<S::In>,
        next: Next<S::Out>,
    ) -> End {
        let body = match next {
            Next::Answer(answer) => {
                return match self.finish(&job.map(answer), arrival).await {
                    Ok(Stored::Here | Stored::Elsewhere) => End::Done,
                    Err(error) => self.again(arrival, &error.to_string()),
                };
            }
            Next::Forward(body) => body,
        };
        let language = job.body.language();
        let question = job.body.question().clone();
        let forward = job.map(body);
        let Some(next) = self.next else {
            let death =
                Death::new("no_next_stage", format!("{} is the last stage and did not answer", S::NAME));
            return self.bury_parts(message, arrival, &forward.map((question, None, language)), death).await;
        };
        match forward.encode() {
            Ok(bytes) if bytes.len() + HEADER_ROOM <= MAX_JOB_BYTES as usize => {
                let id = arrival.message_id(&forward.job_id, next);
                let subject = self.context.broker.subjects.jobs(next);
                match self.publish(subject, &id, arrival, bytes).await {
                    Ok(()) => End::Done,
                    Err(error) => self.again(arrival, &error.to_string()),
                }
            }
            Ok(bytes) => {
                let reason =
                    format!("the message for {next} has {} bytes, {MAX_JOB_BYTES} are allowed", bytes.len());
                let death = Death::new("message_too_large", reason);
                self.bury_parts(message, arrival, &forward.map((question, None, language)), death).await
            }
            Err(error) => {
                let death = Death::new("encoding_failed", error.to_string());
                self.bury_parts(message, arrival, &forward.map((question, None, language)), death).await
            }
        }
    }

    /// The broker or the store behind it failed: the job waits, and nothing is lost.
    pub(super) fn again(&self, arrival: &Arrival, reason: &str) -> End {
        warn!(reason, "what follows could not be stored; the job is delivered again");
        End::Again(self.context.config.worker.backoff(arrival.delivery))
    }
}

impl Arrival {
    /// The id under which the broker knows what follows from a job, so that doing it twice stores it once.
    pub(super) fn message_id(&self, job: &hoidap_shared::job::JobId, what: &str) -> String {
        match &self.redrive {
            Some(token) => format!("{job}.{what}.{token}"),
            None => format!("{job}.{what}"),
        }
    }
}

/// What a stage did with a job that began to be worked on at `began`.
fn hop(stage: &str, arrival: &Arrival, began: Instant, canary: bool) -> Hop {
    let worked_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let waited_ms = now_ms().saturating_sub(arrival.stored_ms).saturating_sub(worked_ms);
    Hop { stage: stage.into(), waited_ms, worked_ms, delivery: arrival.delivery, canary }
}

fn arrival(message: &Message) -> Option<Arrival> {
    let info = message.info().ok()?;
    let redrive = message
        .headers
        .as_ref()
        .and_then(|headers| headers.get(REDRIVE))
        .map(|token| token.as_str().to_string());
    Some(Arrival {
        sequence: info.stream_sequence,
        delivery: u32::try_from(info.delivered).unwrap_or(u32::MAX),
        stored_ms: u64::try_from(info.published.unix_timestamp_nanos() / 1_000_000).unwrap_or(0),
        redrive,
    })
}

/// A job that was sent again has as much time as it had at first, from its sending.
fn renewed<T>(mut job: Envelope<T>, arrival: &Arrival) -> Envelope<T> {
    let budget = job.deadline_ms.saturating_sub(job.accepted_ms).max(1_000);
    job.accepted_ms = job.accepted_ms.max(arrival.stored_ms);
    job.deadline_ms = job.deadline_ms.max(arrival.stored_ms.saturating_add(budget));
    job
}
