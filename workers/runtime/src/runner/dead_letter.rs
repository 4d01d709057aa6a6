use std::time::Duration;

use async_nats::jetstream::{
    ErrorCode,
    context::{PublishError, PublishErrorKind},
};
use hoidap_shared::{
    dead_letter::{DeadLetter, MessageLocation},
    job::{Answer, Classified, Envelope, EnvelopeHeader, Job, Outcome, PageContext, Question, SCHEMA},
    phrases,
    stage::Stage,
    subjects::ANSWER_RETENTION,
    text::Language,
};
use tracing::{error, warn};

use super::{
    Runner,
    dead_letter_reason::DeadLetterReason,
    delivery::{Delivery, DeliveryEnd},
};

/// Longest detail of a dead letter.
const MAX_DETAIL_BYTES: usize = 1_000;
/// More bytes than any letter of a stage takes in the stream.
pub(super) const MAX_LETTER_BYTES: u64 = 2_048;

/// As much as is known about a job that ends without the work of a stage.
pub(super) struct JobSummary {
    pub(super) question: Question,
    pub(super) classified: Option<Classified>,
    pub(super) language: Language,
}

impl JobSummary {
    pub(super) fn new<T: Job>(body: &T) -> Self {
        Self {
            question: body.question().clone(),
            classified: body.classified().cloned(),
            language: body.language(),
        }
    }

    /// Of a message whose body cannot be read.
    fn unknown() -> Self {
        let question = Question {
            message: String::new(),
            session_id: String::new(),
            context: PageContext::default(),
            history: Vec::new(),
            user_id: None,
            client: String::new(),
        };
        Self { question, classified: None, language: Language::default() }
    }

    /// An answer that rests on no document and no model.
    fn answer(&self, outcome: Outcome, text: String) -> Answer {
        let mut answer = Answer::without_sources(&self.question, self.language, outcome, text);
        if let Some(classified) = &self.classified {
            answer.intent = classified.intent.clone();
            answer.product = classified.product.as_ref().map(|product| product.name.clone());
        }
        answer
    }
}

impl<S: Stage> Runner<S> {
    /// Stores a dead letter, then answers the visitor with an apology. The message is acknowledged after that.
    pub(super) async fn dead_letter(
        &self,
        delivery: &Delivery,
        header: Option<EnvelopeHeader>,
        job: Option<&Envelope<S::In>>,
        reason: DeadLetterReason,
    ) -> DeliveryEnd {
        let job = match (job, header) {
            (Some(job), _) => without_body(job).map(JobSummary::new(&job.body)),
            (None, Some(header)) => from_header(header).map(JobSummary::unknown()),
            (None, None) => {
                return match self.store_letter(delivery, None, &reason).await {
                    Ok(()) => DeliveryEnd::Done,
                    Err(error) => self.return_delivery(delivery, &error.to_string()),
                };
            }
        };
        self.dead_letter_job(delivery, &job, reason).await
    }

    /// The same for a job of which more is known than its header.
    pub(super) async fn dead_letter_job(
        &self,
        delivery: &Delivery,
        job: &Envelope<JobSummary>,
        reason: DeadLetterReason,
    ) -> DeliveryEnd {
        let stored = self.store_letter(delivery, Some(job.job_id.as_str()), &reason).await;
        if let Err(error) = stored {
            error!(%error, "a dead letter could not be stored: look at the DEAD stream's size");
            return self.return_delivery(delivery, &error.to_string());
        }
        let apology = phrases::apology(job.body.language, &self.context.config.support.address);
        let answer = job.body.answer(Outcome::Failed, apology);
        let answer = without_body(job).map(Answer { problem: Some(reason.code.to_string()), ..answer });
        match self.finish(&answer, delivery).await {
            Ok(_) => DeliveryEnd::Done,
            Err(error) => self.return_delivery(delivery, &error.to_string()),
        }
    }

    /// Whether answers from the time of a message are no longer kept.
    pub(super) fn is_expired(&self, delivery: &Delivery) -> bool {
        self.age(delivery) > ANSWER_RETENTION
    }

    /// How long ago the message was stored, by the broker's clock.
    pub(super) fn age(&self, delivery: &Delivery) -> Duration {
        Duration::from_millis(self.context.broker.clock.now_ms().saturating_sub(delivery.stored_ms()))
    }

    /// Ends a job that is older than any kept answer. Only the jobs stream still tells whether it has ended before.
    pub(super) async fn expire(&self, delivery: &Delivery, header: Option<EnvelopeHeader>) -> DeliveryEnd {
        match self.is_open(delivery).await {
            Ok(true) => {
                metrics::counter!("hoidap_expired_jobs_total", "stage" => S::NAME).increment(1);
                let job = Envelope::<S::In>::decode(&delivery.payload).ok();
                let reason = DeadLetterReason::expired(self.age(delivery));
                self.dead_letter(delivery, header, job.as_ref(), reason).await
            }
            Ok(false) => {
                metrics::counter!("hoidap_stale_jobs_total", "stage" => S::NAME).increment(1);
                DeliveryEnd::Done
            }
            Err(error) => self.return_delivery(delivery, &format!("{error:#}")),
        }
    }

    /// Whether nothing follows from a message yet.
    pub(super) async fn is_open(&self, delivery: &Delivery) -> anyhow::Result<bool> {
        self.open_jobs.is_open(&self.context.broker, S::NAME, self.next, delivery.sequence).await
    }

    /// Stores why a job cannot be processed, and where its message is. The message itself stays in the jobs stream.
    async fn store_letter(
        &self,
        delivery: &Delivery,
        job: Option<&str>,
        reason: &DeadLetterReason,
    ) -> anyhow::Result<()> {
        let mut detail: String = reason.detail.chars().filter(|c| !c.is_control()).collect();
        detail.truncate(detail.floor_char_boundary(MAX_DETAIL_BYTES));
        let letter = DeadLetter {
            stage: S::NAME.into(),
            reason: reason.code.into(),
            detail: detail.clone(),
            job_id: job.unwrap_or_default().into(),
            subject: delivery.subject.clone(),
            deliveries: Some(delivery.number.into()),
            stream_sequence: Some(delivery.sequence),
            message: MessageLocation::InJobsStream {
                stored_ns: Some(delivery.stored_ns),
                bytes: delivery.payload.len() as u64,
            },
        };
        let (headers, payload) = letter.into_message(&format!("{}.{}.dead", delivery.sequence, S::NAME));
        let broker = &self.context.broker;
        let subject = broker.subjects.dead(S::NAME);
        let published = broker.jetstream.publish_with_headers(subject, headers, payload);
        if let Err(error) = published.await?.await {
            if is_full(&error) {
                self.pause_for_full_stream();
            }
            return Err(error.into());
        }
        metrics::counter!("hoidap_dead_letters_total", "stage" => S::NAME, "reason" => reason.code)
            .increment(1);
        warn!(job, reason = reason.code, detail, "dead letter");
        Ok(())
    }

    /// The answer to a job that its visitor stopped before the stage began with it.
    pub(super) fn stopped(&self, job: &Envelope<S::In>) -> Answer {
        JobSummary::new(&job.body).answer(Outcome::Stopped, String::new())
    }
}

/// Whether the broker refused a message because the stream is full.
fn is_full(error: &PublishError) -> bool {
    use std::error::Error as _;
    let full = |error: &async_nats::jetstream::Error| error.error_code() == ErrorCode::STREAM_STORE_FAILED;
    error.kind() == PublishErrorKind::Other
        && error.source().and_then(|source| source.downcast_ref()).is_some_and(full)
}

fn without_body<T>(job: &Envelope<T>) -> Envelope<()> {
    Envelope {
        schema: job.schema,
        job_id: job.job_id.clone(),
        trace: job.trace.clone(),
        deadline_ms: job.deadline_ms,
        accepted_ms: job.accepted_ms,
        gateway: job.gateway.clone(),
        stream: job.stream,
        hops: job.hops.clone(),
        body: (),
    }
}

fn from_header(header: EnvelopeHeader) -> Envelope<()> {
    Envelope {
        schema: SCHEMA,
        job_id: header.job_id,
        trace: header.trace,
        deadline_ms: header.accepted_ms,
        accepted_ms: header.accepted_ms,
        gateway: header.gateway,
        stream: header.stream,
        hops: Vec::new(),
        body: (),
    }
}
