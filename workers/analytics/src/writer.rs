use anyhow::Context as _;
use hoidap_runtime::stream_reader::StreamRecord;
use hoidap_shared::{
    broker::Broker,
    dead_letter::{DeadLetter, MessageLocation},
    events::{CHAT, FEEDBACK},
    fleet::ANALYTICS,
    job::DecodeError,
};
use tracing::warn;

use crate::{
    row::{self, ChatRow, EventRow, FeedbackRow},
    store::{InsertError, Store},
};

/// Longest detail of a dead letter.
const MAX_DETAIL_CHARS: usize = 1_000;

/// Writes events to ClickHouse; those that cannot be a row become dead letters.
pub(super) struct EventWriter<'a> {
    pub(super) broker: &'a Broker,
    pub(super) store: &'a Store,
    /// Whether an event that cannot be a row becomes a dead letter. A rebuild leaves that to the sink.
    pub(super) writes_dead_letters: bool,
}

/// How many events became rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WrittenRows {
    pub(super) chats: usize,
    pub(super) feedback: usize,
}

impl EventWriter<'_> {
    /// Writes all events in order, and returns how many became rows. When it fails, some may have been written: writing them
    /// again is safe.
    pub(super) async fn write(&self, epoch: &str, events: &[StreamRecord]) -> anyhow::Result<WrittenRows> {
        let known = |event: &&StreamRecord| [CHAT, FEEDBACK].iter().any(|kind| self.is_of(event, kind));
        for event in events.iter().filter(|event| !known(event)) {
            let detail = format!("{} is no kind of event that this build knows", event.subject);
            self.dead_letter(epoch, event, "unknown_event", &detail).await?;
        }
        // The chats are written last: they record the position of the sink, so everything else must be stored before.
        let feedback = self.write_kind::<FeedbackRow>(epoch, events).await?;
        let chats = self.write_kind::<ChatRow>(epoch, events).await?;
        Ok(WrittenRows { chats, feedback })
    }

    fn is_of(&self, event: &StreamRecord, kind: &str) -> bool {
        self.broker.subjects.event_kind(&event.subject) == Some(kind)
    }

    /// Writes the events of one kind.
    async fn write_kind<R: EventRow>(&self, epoch: &str, events: &[StreamRecord]) -> anyhow::Result<usize> {
        let mut rows = Vec::new();
        for event in events.iter().filter(|event| self.is_of(event, R::EVENT)) {
            match to_row::<R>(event, epoch) {
                Ok(row) => rows.push(row),
                Err((code, detail)) => self.dead_letter(epoch, event, code, &detail).await?,
            }
        }
        // A block of two partitions is stored in two steps, and a crash between them could leave a greatest sequence whose
        // predecessors are missing. So each run of rows of one month is its own block.
        let mut stored = 0;
        for run in rows.chunk_by(|a, b| a.partition() == b.partition()) {
            stored += self.insert(epoch, events, run).await?;
        }
        Ok(stored)
    }

    /// Inserts rows of one partition. When their content is refused, halves are tried, down to the faulty row.
    async fn insert<R: EventRow>(
        &self,
        epoch: &str,
        events: &[StreamRecord],
        rows: &[R],
    ) -> anyhow::Result<usize> {
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
                        self.dead_letter(epoch, &events[index], "refused_by_clickhouse", &reason).await?;
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
    async fn dead_letter(
        &self,
        epoch: &str,
        event: &StreamRecord,
        code: &'static str,
        detail: &str,
    ) -> anyhow::Result<()> {
        if !self.writes_dead_letters {
            return Ok(());
        }
        let job = row::header(&event.payload).map(|known| known.job_id.to_string()).unwrap_or_default();
        let detail: String = detail.chars().filter(|c| !c.is_control()).take(MAX_DETAIL_CHARS).collect();
        let letter = DeadLetter {
            stage: ANALYTICS.into(),
            reason: code.into(),
            detail,
            job_id: job.clone(),
            subject: event.subject.clone(),
            deliveries: Some(1),
            stream_sequence: Some(event.sequence),
            message: MessageLocation::InLetter(event.payload.clone()),
        };
        let (headers, payload) = letter.into_message(&format!("{epoch}.{}.{ANALYTICS}.dead", event.sequence));
        let subject = self.broker.subjects.dead(ANALYTICS);
        let jetstream = &self.broker.jetstream;
        let stored = jetstream.publish_with_headers(subject, headers, payload).await?.await;
        stored.context("a dead letter could not be stored: look at the DEAD stream's size")?;
        metrics::counter!("hoidap_dead_letters_total", "stage" => ANALYTICS, "reason" => code).increment(1);
        // The detail may contain what the visitor wrote, so it stays out of the log.
        warn!(job, sequence = event.sequence, reason = code, "an event became a dead letter");
        Ok(())
    }
}

/// The row of an event, or why it cannot be one: a stable code and a sentence.
fn to_row<R: EventRow>(event: &StreamRecord, epoch: &str) -> Result<R, (&'static str, String)> {
    let known = row::decode(&event.payload).map_err(|error| (code_of(&error), error.to_string()))?;
    R::from_event(known, event.sequence, epoch)
        .ok_or_else(|| ("malformed_message", "its time is after the year 2299".to_string()))
}

/// The same codes as those of the stages.
fn code_of(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::Schema { .. } => "unknown_schema",
        DecodeError::Malformed(_) => "malformed_message",
    }
}
