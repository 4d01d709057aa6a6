use anyhow::Context as _;
use async_nats::{
    HeaderMap,
    header::{NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_MESSAGE_ID},
    jetstream::{context::PublishErrorKind, message::PublishMessage},
};
use backon::{ExponentialBuilder, Retryable as _};
use hoidap_shared::{
    events::ChatEvent,
    job::{Answer, Envelope, JobId, Outcome},
    stage::Stage,
};
use tracing::{info, warn};

use super::{
    Runner,
    delivery::{Arrival, REDRIVE},
    tell::Teller,
};
use crate::direct;

/// When a job ended, in milliseconds since the Unix epoch: beside its answer and its lasting record, so that its event can
/// be made from them again.
pub(crate) const ENDED: &str = "Hoidap-Ended";

/// Whose answer is the stored one.
pub(super) enum Stored {
    /// This worker's.
    Here,
    /// Another delivery's: this one's work is thrown away.
    Elsewhere,
}

/// The stored answer of a job.
struct Found {
    answer: Envelope<Answer>,
    sequence: u64,
    ended_ms: u64,
}

impl<S: Stage> Runner<S> {
    /// Whether the job has its answer. If so, and if it was not told of yet, what follows from the answer is stored once
    /// more: the worker that gave it may have died in between.
    pub(super) async fn already_answered(&self, job: &JobId, arrival: &Arrival) -> anyhow::Result<bool> {
        match self.stored(job).await? {
            Some(Found { answer, .. })
                if arrival.redrive.is_some() && answer.body.outcome == Outcome::Failed =>
            {
                Ok(false)
            }
            Some(Found { answer, ended_ms, .. }) => {
                metrics::counter!("hoidap_already_answered_total", "stage" => S::NAME).increment(1);
                if !self.is_told(job, arrival).await? {
                    self.record(&answer, ended_ms, arrival).await?;
                }
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Whether the event of how the job ended is stored: the last of what follows from an answer.
    async fn is_told(&self, job: &JobId, arrival: &Arrival) -> anyhow::Result<bool> {
        let broker = &self.context.broker;
        let event = broker.subjects.chat_event(job, arrival.redrive.as_deref());
        Ok(direct::last(broker, "EVENTS", event).await?.is_some())
    }

    /// Stores the answer, if the job has none yet, and what follows from it.
    pub(super) async fn finish(
        &self,
        answer: &Envelope<Answer>,
        arrival: &Arrival,
    ) -> anyhow::Result<Stored> {
        let bytes = answer.encode().context("the answer cannot be encoded")?;
        let replaced = match &arrival.redrive {
            Some(_) => self.stored(&answer.job_id).await?.map_or(0, |found| found.sequence),
            None => 0,
        };
        let subject = self.context.broker.subjects.answer(&answer.job_id);
        let ended_ms = self.context.broker.clock.now_ms();
        let message = PublishMessage::build()
            .payload(bytes.clone().into())
            .header(ENDED, ended_ms.to_string())
            .expected_last_subject_sequence(replaced);
        let stored = match self.context.broker.jetstream.send_publish(subject, message).await?.await {
            Ok(_) => true,
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => false,
            Err(error) => return Err(error.into()),
        };
        if !stored {
            metrics::counter!("hoidap_duplicate_answers_total", "stage" => S::NAME).increment(1);
            let spent = answer.body.usage.prompt_tokens + answer.body.usage.completion_tokens;
            metrics::counter!("hoidap_duplicate_tokens_total", "stage" => S::NAME)
                .increment(u64::from(spent));
            if let Some(first) = self.stored(&answer.job_id).await? {
                self.record(&first.answer, first.ended_ms, arrival).await?;
            }
            return Ok(Stored::Elsewhere);
        }
        let reply = self.context.broker.subjects.replies(&answer.gateway);
        if let Err(error) = self.context.broker.client.publish(reply, bytes.into()).await {
            warn!(%error, "the gateway could not be told; it reads the answer by itself");
        }
        self.record(answer, ended_ms, arrival).await?;
        info!(job = %answer.job_id, outcome = answer.body.outcome.name(), "answered");
        Ok(Stored::Here)
    }

    /// The lasting record of an answer, then its analytics event: the broker forgets the record's id after a while, but it
    /// knows the event for as long as it keeps it.
    async fn record(
        &self,
        answer: &Envelope<Answer>,
        ended_ms: u64,
        arrival: &Arrival,
    ) -> anyhow::Result<()> {
        let subjects = &self.context.broker.subjects;
        let mut done = headers(&arrival.message_id(&answer.job_id, "done"), arrival);
        done.insert(ENDED, ended_ms.to_string());
        self.store(subjects.done(), done, answer.encode()?).await?;
        let event = rmp_serde::to_vec_named(&ChatEvent::of_answer(answer, ended_ms))?;
        let mut first = headers(&arrival.message_id(&answer.job_id, "event"), arrival);
        first.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, "0");
        let subject = subjects.chat_event(&answer.job_id, arrival.redrive.as_deref());
        self.store(subject, first, event).await?;
        if answer.stream {
            Teller::end(&self.context.broker, &answer.job_id).await;
        }
        Ok(())
    }

    /// Publishes to a stream and waits until it is stored. Doing it again under the same id stores it once.
    pub(super) async fn publish(
        &self,
        subject: String,
        id: &str,
        arrival: &Arrival,
        bytes: Vec<u8>,
    ) -> anyhow::Result<()> {
        self.store(subject, headers(id, arrival), bytes).await
    }

    async fn store(&self, subject: String, headers: HeaderMap, bytes: Vec<u8>) -> anyhow::Result<()> {
        let payload = bytes::Bytes::from(bytes);
        let send = || async {
            let jetstream = &self.context.broker.jetstream;
            let sent = jetstream.publish_with_headers(subject.clone(), headers.clone(), payload.clone());
            match sent.await?.await {
                // What is to be the first on its subject is there.
                Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(()),
                stored => stored.map(|_| ()),
            }
        };
        send.retry(ExponentialBuilder::default().with_max_times(2))
            .await
            .with_context(|| format!("{subject} could not be stored"))?;
        Ok(())
    }

    /// The stored answer of a job.
    async fn stored(&self, job: &JobId) -> anyhow::Result<Option<Found>> {
        let broker = &self.context.broker;
        let Some(found) = direct::last(broker, "ANSWERS", broker.subjects.answer(job)).await? else {
            return Ok(None);
        };
        Ok(Some(Found {
            answer: Envelope::decode(&found.payload)?,
            sequence: found.sequence,
            // A release before this header: the moment it was stored comes closest.
            ended_ms: ended_ms(&found.headers)
                .or_else(|| u64::try_from(found.time.unix_timestamp_nanos() / 1_000_000).ok())
                .unwrap_or_else(|| broker.clock.now_ms()),
        }))
    }
}

/// What every message that follows from a job carries.
fn headers(id: &str, arrival: &Arrival) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, id);
    if let Some(token) = &arrival.redrive {
        headers.insert(REDRIVE, token.as_str());
    }
    headers
}

/// When the job of a stored answer, or of a lasting record, ended; `None` where an older release stored it.
pub(crate) fn ended_ms(headers: &HeaderMap) -> Option<u64> {
    headers.get(ENDED)?.as_str().parse().ok()
}
