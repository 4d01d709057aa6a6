use std::{collections::BTreeMap, time::Duration};

use async_nats::{
    HeaderMap,
    header::NATS_MESSAGE_ID,
    jetstream::{ErrorCode, context::PublishErrorKind},
};
use hoidap_shared::{
    events::page_of,
    job::{
        Answer, Classified, DecodeError, Envelope, Header, Job, Outcome, PageContext, Question, Scored, Usage,
    },
    phrases,
    stage::Stage,
    subjects::ANSWERS_KEPT,
    text::Language,
};
use tracing::{error, warn};

use super::{
    Runner,
    delivery::{Arrival, End},
};

/// Longest detail kept with a dead letter, in bytes.
const MAX_DETAIL: usize = 1_000;
/// More bytes than any letter of a stage needs in the stream.
pub(super) const MAX_LETTER: u64 = 2_048;

/// When a letter's message was stored in the jobs stream, in nanoseconds since the Unix epoch: tells it from another that
/// got its sequence in a stream made anew.
pub(crate) const STORED: &str = "Hoidap-Stored";
/// How many bytes a letter's message has, where the letter does not hold it.
pub(crate) const BYTES: &str = "Hoidap-Bytes";

/// Why a job cannot go on.
pub(super) struct Death {
    code: &'static str,
    detail: String,
}

impl Death {
    pub(super) fn new(code: &'static str, detail: String) -> Self {
        Self { code, detail }
    }

    pub(super) fn unreadable(error: &DecodeError) -> Self {
        let code =
            if matches!(error, DecodeError::Schema { .. }) { "unknown_schema" } else { "malformed_message" };
        Self::new(code, error.to_string())
    }

    pub(super) fn late() -> Self {
        Self::new("deadline_exceeded", "the deadline had passed when the job was taken up".into())
    }

    pub(super) fn too_often(number: u32) -> Self {
        Self::new(
            "too_many_deliveries",
            format!("this was try {number}: the workers before did not survive it"),
        )
    }

    pub(super) fn given_up(deliveries: u32) -> Self {
        Self::new("too_many_deliveries", format!("the broker gave it up after {deliveries} deliveries"))
    }

    pub(super) fn expired(age: Duration) -> Self {
        let minutes = age.as_secs() / 60;
        Self::new("expired", format!("it was stored {minutes} minutes ago, and no worker had finished it"))
    }
}

/// What is known of a job that fails: its question, its classification, the visitor's language.
type Known = (Question, Option<Classified>, Language);

impl<S: Stage> Runner<S> {
    /// Stores a dead letter, then tells the visitor; only then is the message acknowledged.
    pub(super) async fn bury(
        &self,
        arrival: &Arrival,
        header: Option<Header>,
        job: Option<&Envelope<S::In>>,
        death: Death,
    ) -> End {
        let envelope = match (job, header) {
            (Some(job), _) => without_body(job).map(known(job)),
            (None, Some(header)) => of_header(header).map((unknown_question(), None, Language::default())),
            (None, None) => {
                return match self.store_dead(arrival, None, &death).await {
                    Ok(()) => End::Done,
                    Err(error) => self.again(arrival, &error.to_string()),
                };
            }
        };
        self.bury_parts(arrival, &envelope, death).await
    }

    pub(super) async fn bury_parts(&self, arrival: &Arrival, job: &Envelope<Known>, death: Death) -> End {
        let stored = self.store_dead(arrival, Some(job.job_id.as_str()), &death).await;
        if let Err(error) = stored {
            error!(%error, "a dead letter could not be stored: look at the DEAD stream's size");
            return self.again(arrival, &error.to_string());
        }
        let sorry = phrases::apology(job.body.2, &self.context.config.support.address);
        let answer = bare(&job.body, Outcome::Failed, sorry);
        let answer = without_body(job).map(Answer { problem: Some(death.code.to_string()), ..answer });
        match self.finish(&answer, arrival).await {
            Ok(_) => End::Done,
            Err(error) => self.again(arrival, &error.to_string()),
        }
    }

    /// Whether answers from the time of a message are no longer kept.
    pub(super) fn is_expired(&self, arrival: &Arrival) -> bool {
        self.age(arrival) > ANSWERS_KEPT
    }

    fn age(&self, arrival: &Arrival) -> Duration {
        Duration::from_millis(self.context.broker.clock.now_ms().saturating_sub(arrival.stored_ms()))
    }

    /// Ends a job that is older than any answer is kept: the log tells whether it has ended before.
    pub(super) async fn expire(&self, arrival: &Arrival, header: Option<Header>) -> End {
        match self.is_open(arrival).await {
            Ok(true) => {
                metrics::counter!("hoidap_expired_jobs_total", "stage" => S::NAME).increment(1);
                let job = Envelope::<S::In>::decode(&arrival.payload).ok();
                self.bury(arrival, header, job.as_ref(), Death::expired(self.age(arrival))).await
            }
            Ok(false) => {
                metrics::counter!("hoidap_stale_jobs_total", "stage" => S::NAME).increment(1);
                End::Done
            }
            Err(error) => self.again(arrival, &format!("{error:#}")),
        }
    }

    /// Whether nothing follows from a message yet.
    pub(super) async fn is_open(&self, arrival: &Arrival) -> anyhow::Result<bool> {
        self.log.is_open(&self.context.broker, S::NAME, self.next, arrival.sequence).await
    }

    /// Stores why a job cannot go on, and where its message is. The message itself stays in the jobs stream alone.
    async fn store_dead(&self, arrival: &Arrival, job: Option<&str>, death: &Death) -> anyhow::Result<()> {
        let detail: String = death.detail.chars().filter(|c| !c.is_control()).collect();
        let detail = &detail[..detail.floor_char_boundary(MAX_DETAIL)];
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, format!("{}.{}.dead", arrival.sequence, S::NAME));
        headers.insert("Hoidap-Stage", S::NAME);
        headers.insert("Hoidap-Reason", death.code);
        headers.insert("Hoidap-Detail", detail);
        headers.insert("Hoidap-Job", job.unwrap_or_default());
        headers.insert("Hoidap-Subject", arrival.subject.as_str());
        headers.insert("Hoidap-Deliveries", arrival.delivery.to_string());
        headers.insert("Hoidap-Stream-Seq", arrival.sequence.to_string());
        headers.insert(STORED, arrival.stored_ns.to_string());
        headers.insert(BYTES, arrival.payload.len().to_string());
        let broker = &self.context.broker;
        let subject = broker.subjects.dead(S::NAME);
        let letter = broker.jetstream.publish_with_headers(subject, headers, bytes::Bytes::new());
        if let Err(error) = letter.await?.await {
            if is_full(&error) {
                self.pause();
            }
            return Err(error.into());
        }
        metrics::counter!("hoidap_dead_letters_total", "stage" => S::NAME, "reason" => death.code)
            .increment(1);
        warn!(job, reason = death.code, detail, "dead letter");
        Ok(())
    }

    /// The answer to a job that its visitor stopped before a stage began with it.
    pub(super) fn stopped(&self, job: &Envelope<S::In>) -> Answer {
        bare(&known(job), Outcome::Stopped, String::new())
    }
}

fn known<T: Job>(job: &Envelope<T>) -> Known {
    (job.body.question().clone(), job.body.classified().cloned(), job.body.language())
}

/// An answer that rests on no document and no model.
fn bare((question, classified, language): &Known, outcome: Outcome, text: String) -> Answer {
    let unknown = || Scored { name: "unknown".into(), confidence: 0.0 };
    let product = classified.as_ref().and_then(|known| known.product.as_ref());
    Answer {
        session_id: question.session_id.clone(),
        user_id: question.user_id.clone(),
        client: question.client.clone(),
        question: question.message.clone(),
        page: page_of(&question.context),
        outcome,
        problem: None,
        text,
        sources: Vec::new(),
        citations: Vec::new(),
        choices: Vec::new(),
        confidence: 0.0,
        intent: classified.as_ref().map_or_else(unknown, |known| known.intent.clone()),
        product: product.map(|product| product.name.clone()),
        language: *language,
        provider: None,
        model: None,
        attempts: Vec::new(),
        usage: Usage::default(),
        versions: BTreeMap::new(),
    }
}

/// Whether the broker refused a message for want of room.
fn is_full(error: &async_nats::jetstream::context::PublishError) -> bool {
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

fn of_header(header: Header) -> Envelope<()> {
    Envelope {
        schema: hoidap_shared::job::SCHEMA,
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

fn unknown_question() -> Question {
    Question {
        message: String::new(),
        session_id: String::new(),
        context: PageContext::default(),
        history: Vec::new(),
        user_id: None,
        client: String::new(),
    }
}
