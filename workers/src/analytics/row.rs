use std::collections::BTreeMap;

use clickhouse::Row;
use hoidap_shared::{
    events::ChatEvent,
    job::{DecodeError, JobId, SCHEMA},
};
use serde::{Deserialize, Serialize};

/// The latest moment that ClickHouse's `DateTime64` can hold, the end of the year 2299, in milliseconds.
const LATEST_MS: u64 = 10_413_791_999_999;

/// One row of the table `chats`; `schemas/clickhouse/0001_chats.sql` says what each column holds.
#[derive(Clone, Debug, PartialEq, Row, Serialize)]
pub(super) struct ChatRow {
    pub(super) stream_seq: u64,
    pub(super) epoch: String,
    pub(super) job_id: String,
    at: i64,
    outcome: String,
    problem: String,
    session_id: String,
    user_id: String,
    client: String,
    question: String,
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

/// What can be read of an event whatever its schema.
#[derive(Deserialize)]
pub(super) struct Header {
    schema: u16,
    pub(super) job_id: JobId,
}

/// Reads what every event begins with.
pub(super) fn header(payload: &[u8]) -> Result<Header, DecodeError> {
    Ok(rmp_serde::from_slice(payload)?)
}

/// Reads an event.
pub(super) fn decode(payload: &[u8]) -> Result<ChatEvent, DecodeError> {
    let Header { schema, .. } = header(payload)?;
    if schema != SCHEMA {
        return Err(DecodeError::Schema { found: schema });
    }
    Ok(rmp_serde::from_slice(payload)?)
}

impl ChatRow {
    /// The row of an event; `None` when its time is none that ClickHouse can hold.
    pub(super) fn of(event: ChatEvent, stream_seq: u64, epoch: &str) -> Option<Self> {
        let at = i64::try_from(event.at_ms).ok().filter(|_| event.at_ms <= LATEST_MS)?;
        let short = |ms: u64| u32::try_from(ms).unwrap_or(u32::MAX);
        Some(Self {
            stream_seq,
            epoch: epoch.to_string(),
            job_id: event.job_id.to_string(),
            at,
            outcome: event.outcome,
            problem: event.problem.unwrap_or_default(),
            session_id: event.session_id,
            user_id: event.user_id.unwrap_or_default(),
            client: event.client,
            question: event.question,
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

    /// Year and month, the table's partition.
    pub(super) fn month(&self) -> Option<(i16, i8)> {
        let at = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_millisecond(self.at).ok()?);
        Some((at.year(), at.month()))
    }
}
