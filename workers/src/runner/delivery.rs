use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use async_nats::{
    HeaderMap,
    jetstream::{AckKind, Message, message::StreamMessage},
};
use bytes::Bytes;
use hoidap_shared::{
    broker::Clock,
    job::{Envelope, Header, Hop, Job as _, JobId},
    stage::{Next, Stage, StageError},
    subjects::MAX_JOB_BYTES,
};
use tokio::time::Instant;
use tracing::{Instrument as _, Span, debug, field::Empty, info_span, warn};

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

/// A message of the jobs stream, and what the broker says of its delivery.
pub(super) struct Arrival {
    pub(super) sequence: u64,
    pub(super) delivery: u32,
    /// When it was stored, in nanoseconds since the Unix epoch.
    pub(super) stored_ns: i128,
    pub(super) subject: String,
    pub(super) payload: Bytes,
    pub(super) redrive: Option<String>,
    /// Which try this delivery counts as; 0 before it is counted.
    pub(super) tried: AtomicU32,
}

/// How a delivery ends.
pub(super) enum End {
    /// What follows is stored: the message is acknowledged.
    Done,
    /// The try failed: the message comes again after this long.
    Again(Duration),
    /// It was no try: the message comes again after this long.
    Returned(Duration),
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
        let span = info_span!(
            "job",
            stage = S::NAME,
            sequence = arrival.sequence,
            delivery = arrival.delivery,
            job = Empty,
            trace = Empty
        );
        let started = Instant::now();
        let every = Duration::from_millis(self.context.config.worker.ack_wait_ms / 3);
        let beat = || async {
            let _ = message.ack_with(AckKind::Progress).await;
        };
        let end = tokio::select! {
            end = alive(every, beat, self.work(&arrival).instrument(span)) => end,
            () = self.cut_off.cancelled() => End::Returned(Duration::ZERO),
        };
        if matches!(end, End::Returned(_)) {
            self.take_back_try(&arrival).await;
        }
        let (outcome, kind) = match end {
            End::Done => ("done", AckKind::Ack),
            End::Again(after) => ("again", AckKind::Nak(Some(after))),
            End::Returned(after) => ("returned", AckKind::Nak((!after.is_zero()).then_some(after))),
        };
        self.deliveries.fetch_add(u64::from(outcome == "done"), Ordering::Relaxed);
        metrics::counter!("hoidap_deliveries_total", "stage" => S::NAME, "outcome" => outcome).increment(1);
        metrics::histogram!("hoidap_delivery_seconds", "stage" => S::NAME)
            .record(started.elapsed().as_secs_f64());
        if let Err(error) = message.ack_with(kind).await {
            debug!(%error, "the acknowledgement was lost; the job is delivered again and known by its answer");
        }
    }

    async fn work(&self, arrival: &Arrival) -> End {
        let header = arrival.header();
        if let Some(header) = &header {
            match self.already_answered(&header.job_id, arrival).await {
                Ok(true) => return End::Done,
                Ok(false) => {}
                Err(error) => return self.again(arrival, &error.to_string()),
            }
        }
        if self.is_expired(arrival) {
            return self.expire(arrival, header).await;
        }
        let number = match self.count_try(arrival).await {
            Ok(number) => number,
            Err(error) => return self.again(arrival, &error.to_string()),
        };
        let most = self.context.config.worker.max_deliveries;
        let job = match Envelope::<S::In>::decode(&arrival.payload) {
            Ok(job) => job,
            Err(error) => return self.bury(arrival, header, None, Death::unreadable(&error)).await,
        };
        let clock = &self.context.broker.clock;
        let mut job = if arrival.redrive.is_some() { renewed(job, arrival) } else { job };
        if job.deadline_ms <= clock.now_ms() {
            return self.bury(arrival, None, Some(&job), Death::late()).await;
        }
        if number > most {
            return self.bury(arrival, None, Some(&job), Death::too_often(number)).await;
        }
        let began = Instant::now();
        let working = self.context.stops.working(&job.job_id);
        let Worked { done, canary } = if working.stop.is_cancelled() {
            Worked { done: Ok(Next::Answer(self.stopped(&job))), canary: false }
        } else {
            self.process(arrival, &job, &working).await
        };
        match done {
            Ok(next) => {
                job.hops.push(hop(S::NAME, arrival, began, canary, clock));
                self.pass_on(arrival, job, next).await
            }
            Err(StageError::Permanent { code, reason }) => {
                self.bury(arrival, None, Some(&job), Death::new(code, reason)).await
            }
            Err(StageError::Retry { reason, .. }) if number >= most => {
                self.bury(arrival, None, Some(&job), Death::new("retries_exhausted", reason)).await
            }
            Err(StageError::Retry { reason, after }) => {
                warn!(job = %job.job_id, reason, "the job is tried again");
                End::Again(after.unwrap_or_else(|| self.context.config.worker.backoff(number)))
            }
        }
    }

    /// Has the job worked on by whoever serves its session.
    async fn process(&self, arrival: &Arrival, job: &Envelope<S::In>, working: &Working) -> Worked<S::Out> {
        let place = self.board.place(&job.body.question().session_id);
        if let Place::Canary(id) = &place
            && let Some(next) = self.hand_over(id, job).await
        {
            return Worked { done: Ok(next), canary: true };
        }
        let run = format!("{}.{}", self.context.instance, arrival.delivery);
        let started = Instant::now();
        let done = work(&self.stage, &self.context, job, working, run).await;
        if matches!(place, Place::Stable(_))
            && let Some(failure) = judged(&done)
        {
            self.board.count(&place, millis(started.elapsed()), failure.is_some());
        }
        Worked { done, canary: false }
    }

    async fn pass_on(&self, arrival: &Arrival, job: Envelope<S::In>, next: Next<S::Out>) -> End {
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
            return self.bury_parts(arrival, &forward.map((question, None, language)), death).await;
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
                self.bury_parts(arrival, &forward.map((question, None, language)), death).await
            }
            Err(error) => {
                let death = Death::new("encoding_failed", error.to_string());
                self.bury_parts(arrival, &forward.map((question, None, language)), death).await
            }
        }
    }

    /// The broker or the store behind it failed: the job waits, nothing is lost, and it was not the job's fault.
    pub(super) fn again(&self, arrival: &Arrival, reason: &str) -> End {
        warn!(reason, "what follows could not be stored; the job is delivered again");
        End::Returned(self.context.config.worker.backoff(arrival.delivery))
    }
}

impl Arrival {
    /// A message that is read from the log after the broker gave up its delivery.
    pub(super) fn given_up(message: StreamMessage, deliveries: u32) -> Self {
        Self {
            sequence: message.sequence,
            delivery: deliveries,
            stored_ns: message.time.unix_timestamp_nanos(),
            subject: message.subject.to_string(),
            redrive: redrive_of(&message.headers),
            payload: message.payload,
            tried: AtomicU32::new(0),
        }
    }

    /// What can be read of the message whatever its body is; tells the log of whose job it is.
    pub(super) fn header(&self) -> Option<Header> {
        let header: Header = rmp_serde::from_slice(&self.payload).ok()?;
        let span = Span::current();
        span.record("job", header.job_id.as_str());
        if let Some(trace) = header.trace.as_deref() {
            // Of a `traceparent`, the second part names the trace.
            span.record("trace", trace.split('-').nth(1).unwrap_or(trace));
        }
        Some(header)
    }

    /// When it was stored, in milliseconds since the Unix epoch.
    pub(super) fn stored_ms(&self) -> u64 {
        u64::try_from(self.stored_ns / 1_000_000).unwrap_or(0)
    }

    /// The id under which the broker knows what follows from a job, so that doing it twice stores it once.
    pub(super) fn message_id(&self, job: &JobId, what: &str) -> String {
        match &self.redrive {
            Some(token) => format!("{job}.{what}.{token}"),
            None => format!("{job}.{what}"),
        }
    }
}

/// What a stage did with a job that began to be worked on at `began`.
fn hop(stage: &str, arrival: &Arrival, began: Instant, canary: bool, clock: &Clock) -> Hop {
    let worked_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let waited_ms = clock.now_ms().saturating_sub(arrival.stored_ms()).saturating_sub(worked_ms);
    Hop { stage: stage.into(), waited_ms, worked_ms, delivery: arrival.delivery, canary }
}

fn arrival(message: &Message) -> Option<Arrival> {
    let info = message.info().ok()?;
    let delivery = u32::try_from(info.delivered).unwrap_or(u32::MAX);
    Some(Arrival {
        sequence: info.stream_sequence,
        delivery,
        stored_ns: info.published.unix_timestamp_nanos(),
        subject: message.subject.to_string(),
        payload: message.payload.clone(),
        redrive: message.headers.as_ref().and_then(redrive_of),
        tried: AtomicU32::new(u32::from(delivery <= 1)),
    })
}

/// The token of a message that an operator sent again; it becomes part of subjects.
pub(super) fn redrive_of(headers: &HeaderMap) -> Option<String> {
    let token = headers.get(REDRIVE)?.as_str();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (!token.is_empty() && token.len() <= 64 && token.chars().all(plain)).then(|| token.to_string())
}

/// A job that was sent again has as much time as it had at first, from its sending.
fn renewed<T>(mut job: Envelope<T>, arrival: &Arrival) -> Envelope<T> {
    let budget = job.deadline_ms.saturating_sub(job.accepted_ms).max(1_000);
    job.accepted_ms = job.accepted_ms.max(arrival.stored_ms());
    job.deadline_ms = job.deadline_ms.max(arrival.stored_ms().saturating_add(budget));
    job
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_could_not_be_part_of_a_subject_is_none() {
        let read = |token: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REDRIVE, token);
            redrive_of(&headers)
        };
        assert_eq!(read("1795447497-17").as_deref(), Some("1795447497-17"));
        for hostile in ["", "a.b", "*", ">", "a b", "ngữ", &"x".repeat(65)] {
            assert_eq!(read(hostile), None, "{hostile}");
        }
        assert_eq!(redrive_of(&HeaderMap::new()), None);
    }
}
