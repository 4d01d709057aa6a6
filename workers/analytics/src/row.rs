use std::collections::BTreeMap;

use clickhouse::{Row, RowOwned, RowWrite};
use hoidap_shared::{
    events::{CHAT, ChatEvent, FEEDBACK, FeedbackEvent},
    job::{DecodeError, JobId, SCHEMA},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The latest moment that ClickHouse's `DateTime64` can hold, the end of the year 2299, in milliseconds.
const LATEST_MS: u64 = 10_413_791_999_999;

/// An event, whatever its kind.
pub(super) trait Event: DeserializeOwned {
    /// The number of its schema.
    fn schema(&self) -> u16;
}

impl Event for ChatEvent {
    fn schema(&self) -> u16 {
        self.schema
    }
}

impl Event for FeedbackEvent {
    fn schema(&self) -> u16 {
        self.schema
    }
}

/// The row of one kind of event.
pub(super) trait EventRow: Clone + RowOwned + RowWrite + Send + Sync {
    /// The event of the row.
    type Event: Event;
    /// The event's kind.
    const EVENT: &'static str;
    /// The table of the row.
    const TABLE: &'static str;

    /// The row of an event; `None` when ClickHouse cannot store its time.
    fn from_event(event: Self::Event, stream_seq: u64, epoch: &str) -> Option<Self>;

    /// The event's sequence in the stream.
    fn stream_seq(&self) -> u64;

    /// The partition of the row.
    fn partition(&self) -> Option<(i16, i8)>;
}

/// One row of the table `chats`; `schemas/clickhouse/0001_chats.sql` documents the columns.
#[derive(Clone, Debug, PartialEq, Row, Serialize)]
pub(super) struct ChatRow {
    stream_seq: u64,
    epoch: String,
    job_id: String,
    at: i64,
    outcome: String,
    times: u32,
    problem: String,
    session_id: String,
    user_id: String,
    client: String,
    question: String,
    answer: String,
    page: String,
    intent: String,
    product: String,
    language: String,
    confidence: f32,
    took_ms: u32,
    provider: String,
    model: String,
    prompt_tokens: u32,
    completion_tokens: u32,
    cost_usd: f64,
    cost_known: bool,
    attempt_provider: Vec<String>,
    attempt_ms: Vec<u32>,
    attempt_error: Vec<String>,
    hop_stage: Vec<String>,
    hop_waited_ms: Vec<u32>,
    hop_worked_ms: Vec<u32>,
    hop_delivery: Vec<u32>,
    sources: Vec<String>,
    versions: BTreeMap<String, String>,
}

/// One row of the table `feedback`; `schemas/clickhouse/0002_feedback.sql` documents the columns.
#[derive(Clone, Debug, PartialEq, Row, Serialize)]
pub(super) struct FeedbackRow {
    stream_seq: u64,
    epoch: String,
    job_id: String,
    at: i64,
    session_id: String,
    rating: String,
    reason: String,
    comment: String,
}

/// The fields of an event that can be read whatever its schema.
#[derive(Deserialize)]
pub(super) struct EventHeader {
    schema: u16,
    pub(super) job_id: JobId,
}

/// Reads the header of an event.
pub(super) fn header(payload: &[u8]) -> Result<EventHeader, DecodeError> {
    Ok(rmp_serde::from_slice(payload)?)
}

/// Reads an event. Only one that cannot be read is read a second time, for the schema number that may say why.
pub(super) fn decode<E: Event>(payload: &[u8]) -> Result<E, DecodeError> {
    let event = rmp_serde::from_slice::<E>(payload);
    let found = match &event {
        Ok(event) => event.schema(),
        Err(_) => header(payload)?.schema,
    };
    if found != SCHEMA {
        return Err(DecodeError::Schema { found });
    }
    Ok(event?)
}

/// A time as ClickHouse stores it; `None` when it is too late.
pub(super) fn clickhouse_time(at_ms: u64) -> Option<i64> {
    i64::try_from(at_ms).ok().filter(|_| at_ms <= LATEST_MS)
}

impl EventRow for ChatRow {
    type Event = ChatEvent;
    const EVENT: &'static str = CHAT;
    const TABLE: &'static str = "chats";

    fn from_event(event: ChatEvent, stream_seq: u64, epoch: &str) -> Option<Self> {
        let at = clickhouse_time(event.at_ms)?;
        let short = |ms: u64| u32::try_from(ms).unwrap_or(u32::MAX);
        Some(Self {
            stream_seq,
            epoch: epoch.to_string(),
            job_id: event.job_id.to_string(),
            at,
            outcome: event.outcome,
            times: event.times,
            problem: event.problem.unwrap_or_default(),
            session_id: event.session_id,
            user_id: event.user_id.unwrap_or_default(),
            client: event.client,
            question: event.question,
            answer: event.answer,
            page: event.page,
            intent: event.intent,
            product: event.product.unwrap_or_default(),
            language: event.language,
            // One NaN would make every mean NaN.
            confidence: if event.confidence.is_finite() { event.confidence.clamp(0.0, 1.0) } else { 0.0 },
            took_ms: short(event.took_ms),
            provider: event.provider.unwrap_or_default(),
            model: event.model.unwrap_or_default(),
            prompt_tokens: event.usage.prompt_tokens,
            completion_tokens: event.usage.completion_tokens,
            cost_usd: event.usage.cost_usd.filter(|cost| cost.is_finite()).unwrap_or(0.0),
            cost_known: event.usage.cost_usd.is_some_and(f64::is_finite),
            attempt_provider: event.attempts.iter().map(|attempt| attempt.provider.clone()).collect(),
            attempt_ms: event.attempts.iter().map(|attempt| short(attempt.took_ms)).collect(),
            attempt_error: event
                .attempts
                .into_iter()
                .map(|attempt| attempt.error.unwrap_or_default())
                .collect(),
            hop_waited_ms: event.hops.iter().map(|hop| short(hop.waited_ms)).collect(),
            hop_worked_ms: event.hops.iter().map(|hop| short(hop.worked_ms)).collect(),
            hop_delivery: event.hops.iter().map(|hop| hop.delivery).collect(),
            hop_stage: event.hops.into_iter().map(|hop| hop.stage).collect(),
            sources: event.sources,
            versions: event.versions,
        })
    }

    fn stream_seq(&self) -> u64 {
        self.stream_seq
    }

    /// Year and month.
    fn partition(&self) -> Option<(i16, i8)> {
        let at = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_millisecond(self.at).ok()?);
        Some((at.year(), at.month()))
    }
}

impl EventRow for FeedbackRow {
    type Event = FeedbackEvent;
    const EVENT: &'static str = FEEDBACK;
    const TABLE: &'static str = "feedback";

    fn from_event(event: FeedbackEvent, stream_seq: u64, epoch: &str) -> Option<Self> {
        Some(Self {
            stream_seq,
            epoch: epoch.to_string(),
            job_id: event.job_id.to_string(),
            at: clickhouse_time(event.at_ms)?,
            session_id: event.session_id,
            rating: event.rating.name().to_string(),
            reason: event.reason.unwrap_or_default(),
            comment: event.comment.unwrap_or_default(),
        })
    }

    fn stream_seq(&self) -> u64 {
        self.stream_seq
    }

    /// The table has only one partition.
    fn partition(&self) -> Option<(i16, i8)> {
        None
    }
}
