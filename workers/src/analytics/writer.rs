use anyhow::Context as _;
use async_nats::{HeaderMap, header::NATS_MESSAGE_ID};
use hoidap_shared::{
    broker::Broker,
    events::{CHAT, FEEDBACK},
    job::DecodeError,
};
use tracing::warn;

use super::{
    row::{self, ChatRow, EventRow, FeedbackRow},
    store::{InsertError, Store},
};
use crate::{log::Record, process::ANALYTICS};

/// Longest detail kept with a dead letter, in characters.
const MAX_DETAIL: usize = 1_000;

/// Brings events to ClickHouse; those that cannot go there become dead letters.
pub(super) struct Writer<'a> {
    pub(super) broker: &'a Broker,
    pub(super) store: &'a Store,
    /// Whether what cannot be a row becomes a dead letter; who writes events a second time leaves that to the sink.
    pub(super) buries: bool,
}

/// How many events became rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written {
    pub(super) chats: usize,
    pub(super) feedback: usize,
}

impl Writer<'_> {
    /// Deals with every event, in order, and says how many became rows. When it fails, some of them may have been dealt
    /// with: doing it again is safe.
    pub(super) async fn write(&self, epoch: &str, events: &[Record]) -> anyhow::Result<Written> {
        let known = |event: &&Record| [CHAT, FEEDBACK].iter().any(|kind| self.is_of(event, kind));
        for event in events.iter().filter(|event| !known(event)) {
            let detail = format!("{} is no kind of event that this build knows", event.subject);
            self.bury(epoch, event, "unknown_event", &detail).await?;
        }
        // The chats last: they tell how far the sink is, so what stands beside them must be stored before.
        let feedback = self.write_kind::<FeedbackRow>(epoch, events).await?;
        let chats = self.write_kind::<ChatRow>(epoch, events).await?;
        Ok(Written { chats, feedback })
    }

    fn is_of(&self, event: &Record, kind: &str) -> bool {
        self.broker.subjects.event_kind(&event.subject) == Some(kind)
    }

    /// Deals with the events of one kind.
    async fn write_kind<R: EventRow>(&self, epoch: &str, events: &[Record]) -> anyhow::Result<usize> {
        let mut rows = Vec::new();
        for event in events.iter().filter(|event| self.is_of(event, R::EVENT)) {
            match to_row::<R>(event, epoch) {
                Ok(row) => rows.push(row),
                Err((code, detail)) => self.bury(epoch, event, code, &detail).await?,
            }
        }
        // A block that touches two partitions is stored in two steps, and a crash between them could leave a greatest
        // sequence whose predecessors are missing. So each run of rows of one month is a block of its own.
        let mut stored = 0;
        for run in rows.chunk_by(|a, b| a.partition() == b.partition()) {
            stored += self.insert(epoch, events, run).await?;
        }
        Ok(stored)
    }

    /// Inserts rows of one partition. When their content is refused, halves are tried, down to the row that is at fault.
    async fn insert<R: EventRow>(&self, epoch: &str, events: &[Record], rows: &[R]) -> anyhow::Result<usize> {
        let mut stored = 0;
        let mut left = vec![rows];
        while let Some(rows) = left.pop() {
            let (Some(first), Some(last)) = (rows.first(), rows.last()) else { continue };
            let (first, last) = (first.stream_seq(), last.stream_seq());
            let token = format!("{epoch}:{first}-{last}:{}", rows.len());
            match self.store.insert(rows, &token).await {
                Ok(()) => {
                    stored += rows.len();
                    metrics::counter!("hoidap_analytics_rows_total").increment(rows.len() as u64);
                    metrics::counter!("hoidap_analytics_batches_total").increment(1);
                }
                Err(InsertError::Content(reason)) if rows.len() == 1 => {
                    if let Ok(index) = events.binary_search_by_key(&first, |event| event.sequence) {
                        self.bury(epoch, &events[index], "refused_by_clickhouse", &reason).await?;
                    }
                }
                Err(InsertError::Content(_)) => {
                    let (before, after) = rows.split_at(rows.len() / 2);
                    left.extend([after, before]);
                }
                Err(InsertError::Failed(error)) => return Err(error),
            }
        }
        Ok(stored)
    }

    /// Stores an event as a dead letter, where that is asked for.
    async fn bury(
        &self,
        epoch: &str,
        event: &Record,
        code: &'static str,
        detail: &str,
    ) -> anyhow::Result<()> {
        if !self.buries {
            return Ok(());
        }
        let job = row::header(&event.payload).map(|known| known.job_id.to_string()).unwrap_or_default();
        let detail: String = detail.chars().filter(|c| !c.is_control()).take(MAX_DETAIL).collect();
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, format!("{epoch}.{}.{ANALYTICS}.dead", event.sequence));
        headers.insert("Hoidap-Stage", ANALYTICS);
        headers.insert("Hoidap-Reason", code);
        headers.insert("Hoidap-Detail", detail.as_str());
        headers.insert("Hoidap-Job", job.as_str());
        headers.insert("Hoidap-Subject", event.subject.as_str());
        headers.insert("Hoidap-Deliveries", "1");
        headers.insert("Hoidap-Stream-Seq", event.sequence.to_string());
        let subject = self.broker.subjects.dead(ANALYTICS);
        let jetstream = &self.broker.jetstream;
        let stored = jetstream.publish_with_headers(subject, headers, event.payload.clone()).await?.await;
        stored.context("a dead letter could not be stored: look at the DEAD stream's size")?;
        metrics::counter!("hoidap_dead_letters_total", "stage" => ANALYTICS, "reason" => code).increment(1);
        // The detail may hold what the visitor wrote, so it stays out of the log.
        warn!(job, sequence = event.sequence, reason = code, "an event became a dead letter");
        Ok(())
    }
}

/// The row of an event, or why it is none: a stable code and a sentence.
fn to_row<R: EventRow>(event: &Record, epoch: &str) -> Result<R, (&'static str, String)> {
    let known = row::decode(&event.payload).map_err(|error| (code_of(&error), error.to_string()))?;
    R::of(known, event.sequence, epoch)
        .ok_or_else(|| ("malformed_message", "its time is after the year 2299".to_string()))
}

/// The codes that the stages give, too.
fn code_of(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::Schema { .. } => "unknown_schema",
        DecodeError::Malformed(_) => "malformed_message",
    }
}
