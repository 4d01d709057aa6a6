use anyhow::Context as _;
use async_nats::{
    HeaderMap,
    header::{NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_MESSAGE_ID},
    jetstream::{context::PublishErrorKind, message::PublishMessage},
};
use backon::{ExponentialBuilder, Retryable as _};
use hoidap_shared::{
    broker::is_wrong_last_sequence,
    events::ChatEvent,
    headers::{ENDED, REDRIVE, ended_ms},
    job::{Answer, Envelope, JobId, Outcome},
    stage::Stage,
};
use tracing::{info, warn};

use super::{Runner, delivery::Delivery, progress_publisher::ProgressPublisher};
use crate::direct_get;

/// How often a message that could not be stored is published again.
const MAX_PUBLISH_RETRIES: usize = 2;

/// Whose answer is the stored one.
pub(super) enum StoredAnswerOwner {
    ThisDelivery,
    /// Another one was quicker: this one's work is discarded.
    OtherDelivery,
}

/// The stored answer of a job.
struct StoredAnswer {
    answer: Envelope<Answer>,
    sequence: u64,
    /// When the job ended, in milliseconds since the Unix epoch.
    ended_ms: u64,
}

impl<S: Stage> Runner<S> {
    /// Whether the job has its answer. Where its event is missing, record and event are stored once more: the worker that
    /// stored the answer may have died in between.
    pub(super) async fn already_answered(&self, job: &JobId, delivery: &Delivery) -> anyhow::Result<bool> {
        match self.stored_answer(job).await? {
            Some(StoredAnswer { answer, .. })
                if delivery.redrive.is_some() && answer.body.outcome == Outcome::Failed =>
            {
                Ok(false)
            }
            Some(StoredAnswer { answer, ended_ms, .. }) => {
                metrics::counter!("hoidap_already_answered_total", "stage" => S::NAME).increment(1);
                if !self.has_event(job, delivery).await? {
                    self.store_record_and_event(&answer, ended_ms, delivery).await?;
                }
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Whether the event of the job's end is stored: the last thing that is stored of a job.
    async fn has_event(&self, job: &JobId, delivery: &Delivery) -> anyhow::Result<bool> {
        let broker = &self.context.broker;
        let event = broker.subjects.chat_event(job, delivery.redrive.as_deref());
        Ok(direct_get::last(broker, "EVENTS", event).await?.is_some())
    }

    /// Stores the answer if the job has none yet, notifies the gateway, and stores the record and the event.
    pub(super) async fn finish(
        &self,
        answer: &Envelope<Answer>,
        delivery: &Delivery,
    ) -> anyhow::Result<StoredAnswerOwner> {
        let bytes = answer.encode().context("the answer cannot be encoded")?;
        let replaced = match &delivery.redrive {
            Some(_) => self.stored_answer(&answer.job_id).await?.map_or(0, |found| found.sequence),
            None => 0,
        };
        let subject = self.context.broker.subjects.answer(&answer.job_id);
        let ended_ms = self.context.broker.clock.now_ms();
        let message = PublishMessage::build()
            .payload(bytes.clone().into())
            .header(ENDED, ended_ms.to_string())
            .expected_last_subject_sequence(replaced);
        let is_stored = match self.context.broker.jetstream.send_publish(subject, message).await?.await {
            Ok(_) => true,
            Err(error) if is_wrong_last_sequence(&error) => false,
            Err(error) => return Err(error.into()),
        };
        if !is_stored {
            metrics::counter!("hoidap_duplicate_answers_total", "stage" => S::NAME).increment(1);
            let wasted = answer.body.usage.prompt_tokens + answer.body.usage.completion_tokens;
            metrics::counter!("hoidap_duplicate_tokens_total", "stage" => S::NAME)
                .increment(u64::from(wasted));
            // A server of a cluster may know the other answer a moment later: then the delivery is handed back.
            let first = self.stored_answer(&answer.job_id).await?;
            let first = first.context("the stored answer cannot be read yet")?;
            self.store_record_and_event(&first.answer, first.ended_ms, delivery).await?;
            return Ok(StoredAnswerOwner::OtherDelivery);
        }
        let reply = self.context.broker.subjects.replies(&answer.gateway);
        if let Err(error) = self.context.broker.client.publish(reply, bytes.into()).await {
            warn!(%error, "the gateway could not be notified; it reads the answer by itself");
        }
        self.store_record_and_event(answer, ended_ms, delivery).await?;
        info!(job = %answer.job_id, outcome = answer.body.outcome.name(), "answered");
        Ok(StoredAnswerOwner::ThisDelivery)
    }

    /// Stores the lasting record of an answer, then its analytics event. The broker forgets the record's id after a while,
    /// but it recognises the event's subject for as long as it keeps events.
    async fn store_record_and_event(
        &self,
        answer: &Envelope<Answer>,
        ended_ms: u64,
        delivery: &Delivery,
    ) -> anyhow::Result<()> {
        let subjects = &self.context.broker.subjects;
        let mut record_headers = result_headers(&delivery.message_id(&answer.job_id, "done"), delivery);
        record_headers.insert(ENDED, ended_ms.to_string());
        self.store(subjects.done(), record_headers, answer.encode()?).await?;
        let event = rmp_serde::to_vec_named(&ChatEvent::from_answer(answer, ended_ms))?;
        let mut event_headers = result_headers(&delivery.message_id(&answer.job_id, "event"), delivery);
        event_headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, "0");
        let subject = subjects.chat_event(&answer.job_id, delivery.redrive.as_deref());
        self.store(subject, event_headers, event).await?;
        if answer.stream {
            ProgressPublisher::end(&self.context.broker, &answer.job_id).await;
        }
        Ok(())
    }

    /// Publishes to a stream and waits until the message is stored. Doing it again under the same id stores it once.
    pub(super) async fn publish(
        &self,
        subject: String,
        id: &str,
        delivery: &Delivery,
        bytes: Vec<u8>,
    ) -> anyhow::Result<()> {
        self.store(subject, result_headers(id, delivery), bytes).await
    }

    async fn store(&self, subject: String, headers: HeaderMap, bytes: Vec<u8>) -> anyhow::Result<()> {
        let payload = bytes::Bytes::from(bytes);
        let send = || async {
            let jetstream = &self.context.broker.jetstream;
            let sent = jetstream.publish_with_headers(subject.clone(), headers.clone(), payload.clone());
            match sent.await?.await {
                // The subject's one message is there already.
                Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(()),
                stored => stored.map(|_| ()),
            }
        };
        send.retry(ExponentialBuilder::default().with_max_times(MAX_PUBLISH_RETRIES))
            .await
            .with_context(|| format!("{subject} could not be stored"))?;
        Ok(())
    }

    async fn stored_answer(&self, job: &JobId) -> anyhow::Result<Option<StoredAnswer>> {
        let broker = &self.context.broker;
        let Some(found) = direct_get::last(broker, "ANSWERS", broker.subjects.answer(job)).await? else {
            return Ok(None);
        };
        Ok(Some(StoredAnswer {
            answer: Envelope::decode(&found.payload)?,
            sequence: found.sequence,
            // Older releases set no header: the moment of storing comes closest.
            ended_ms: ended_ms(&found.headers)
                .or_else(|| u64::try_from(found.time.unix_timestamp_nanos() / 1_000_000).ok())
                .unwrap_or_else(|| broker.clock.now_ms()),
        }))
    }
}

/// The headers of every message that results from a job.
fn result_headers(id: &str, delivery: &Delivery) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, id);
    if let Some(token) = &delivery.redrive {
        headers.insert(REDRIVE, token.as_str());
    }
    headers
}
