use anyhow::Context as _;
use async_nats::{
    HeaderMap,
    header::NATS_MESSAGE_ID,
    jetstream::{
        context::PublishErrorKind,
        message::PublishMessage,
        stream::{DirectGetErrorKind, Stream},
    },
};
use backon::{ExponentialBuilder, Retryable as _};
use hoidap_shared::{
    events::{CHAT, ChatEvent},
    job::{Answer, Envelope, JobId, Outcome, now_ms},
    stage::Stage,
};
use tracing::{info, warn};

use super::{
    Runner,
    delivery::{Arrival, REDRIVE},
    tell::Teller,
};

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
    /// Whether the job has its answer. If so, what follows from the answer is stored once more, in case the worker
    /// that gave it died in between: each of these is known by its id.
    pub(super) async fn already_answered(&self, job: &JobId, arrival: &Arrival) -> anyhow::Result<bool> {
        match self.stored(job).await? {
            Some(Found { answer, .. })
                if arrival.redrive.is_some() && answer.body.outcome == Outcome::Failed =>
            {
                Ok(false)
            }
            Some(Found { answer, ended_ms, .. }) => {
                metrics::counter!("hoidap_already_answered_total", "stage" => S::NAME).increment(1);
                self.record(&answer, ended_ms, arrival).await?;
                Ok(true)
            }
            None => Ok(false),
        }
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
        let ended_ms = now_ms();
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

    /// The lasting record and the analytics event of an answer.
    async fn record(
        &self,
        answer: &Envelope<Answer>,
        ended_ms: u64,
        arrival: &Arrival,
    ) -> anyhow::Result<()> {
        let subjects = &self.context.broker.subjects;
        let event = rmp_serde::to_vec_named(&ChatEvent::of_answer(answer, ended_ms))?;
        let told = arrival.message_id(&answer.job_id, "event");
        let mut done = headers(&arrival.message_id(&answer.job_id, "done"), arrival);
        done.insert(ENDED, ended_ms.to_string());
        tokio::try_join!(
            self.store(subjects.done(), done, answer.encode()?),
            self.publish(subjects.events(CHAT), &told, arrival, event),
        )?;
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
            jetstream.publish_with_headers(subject.clone(), headers.clone(), payload.clone()).await?.await
        };
        send.retry(ExponentialBuilder::default().with_max_times(2))
            .await
            .with_context(|| format!("{subject} could not be stored"))?;
        Ok(())
    }

    /// The stored answer of a job.
    async fn stored(&self, job: &JobId) -> anyhow::Result<Option<Found>> {
        let broker = &self.context.broker;
        let stream: Stream<()> =
            broker.jetstream.get_stream_no_info(broker.subjects.stream("ANSWERS")).await?;
        match stream.direct_get_last_for_subject(broker.subjects.answer(job)).await {
            Ok(found) => Ok(Some(Found {
                answer: Envelope::decode(&found.payload)?,
                sequence: found.sequence,
                // A release before this header: the moment it was stored comes closest.
                ended_ms: ended_ms(&found.headers)
                    .or_else(|| u64::try_from(found.time.unix_timestamp_nanos() / 1_000_000).ok())
                    .unwrap_or_else(now_ms),
            })),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("the stored answers cannot be read"),
        }
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
