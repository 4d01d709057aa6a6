use anyhow::Context as _;
use async_nats::jetstream::stream::{DirectGetErrorKind, Stream};
use hoidap_runtime::stream_reader::{StreamReader, StreamRecord};
use hoidap_shared::{broker::Broker, events::CHAT, subjects::Subjects};
use tracing::warn;

use crate::{
    row,
    store::{Store, StreamPosition},
};

/// Reads the stream's events in order, starting after those that ClickHouse has.
///
/// A sequence is unique within one epoch of the stream: the moment of its creation (nanoseconds since the Unix epoch) and a
/// number. The number rises each time the server is found to have lost the stream's end in a crash, because the server then
/// gives the same sequences to other events.
pub(super) struct EventReader {
    pub(super) epoch: String,
    /// The greatest sequence that is written.
    pub(super) done: u64,
    /// The greatest sequence that ClickHouse had when it was opened.
    known: u64,
    reader: StreamReader,
}

impl EventReader {
    /// Starts at the position in ClickHouse, or at the stream's first event.
    pub(super) async fn open(broker: &Broker, store: &Store, from_first: bool) -> anyhow::Result<Self> {
        let name = broker.subjects.stream("EVENTS");
        let stream = broker.jetstream.get_stream(&name).await;
        let stream = stream.with_context(|| format!("the stream {name} cannot be read"))?;
        let info = stream.cached_info();
        let created = info.created.unix_timestamp_nanos().to_string();
        let known = store.positions(&created).await?;
        let latest = known.into_iter().max_by_key(|position| epoch_number(&position.epoch));
        let (number, known) = match latest {
            None => (0, 0),
            Some(position) => {
                let number = epoch_number(&position.epoch);
                if position.sequence <= info.state.last_sequence
                    && is_held(&stream, &position, &broker.subjects).await?
                {
                    (number, position.sequence)
                } else {
                    warn!(
                        sequence = position.sequence,
                        last = info.state.last_sequence,
                        "the stream lost its end and numbers events anew: reading it from its first one"
                    );
                    metrics::counter!("hoidap_analytics_stream_resets_total").increment(1);
                    (number + 1, 0)
                }
            }
        };
        let done = if from_first { 0 } else { known };
        let reader = StreamReader::open(&stream, done + 1, None).await?;
        Ok(Self { epoch: format!("{created}-{number}"), done, known, reader })
    }

    /// Whether it still reads events that ClickHouse had when it was opened.
    pub(super) fn repeats(&self) -> bool {
        self.done < self.known
    }

    /// The next events of the stream, at most `max_events`.
    pub(super) async fn read(&mut self, max_events: usize) -> anyhow::Result<Vec<StreamRecord>> {
        self.reader.read(max_events).await
    }

    /// Marks events as written, and counts those that the stream lost before they were read.
    pub(super) fn advance(&mut self, events: &[StreamRecord]) {
        let Some(last) = events.last() else { return };
        let held = u64::try_from(events.len()).unwrap_or(u64::MAX);
        let missing = last.sequence.saturating_sub(self.done).saturating_sub(held);
        if missing > 0 {
            warn!(missing, "the stream no longer had some events when they were due");
            metrics::counter!("hoidap_analytics_missing_total").increment(missing);
        }
        self.done = last.sequence;
    }
}

fn epoch_number(epoch: &str) -> u32 {
    epoch.rsplit_once('-').and_then(|(_, life)| life.parse().ok()).unwrap_or(0)
}

/// Whether the stream holds at a position the event that ClickHouse has from there. An expired event counts as held.
async fn is_held(stream: &Stream, position: &StreamPosition, subjects: &Subjects) -> anyhow::Result<bool> {
    match stream.direct_get(position.sequence).await {
        // Feedback carries the same job as the chat.
        Ok(message) => Ok(subjects.event_kind(&message.subject) == Some(CHAT)
            && row::header(&message.payload).is_ok_and(|event| event.job_id.as_str() == position.job_id)),
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(true),
        Err(error) => Err(error).context("the last stored event cannot be read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_are_ordered_by_number() {
        assert_eq!(epoch_number("1763901234567890123-0"), 0);
        assert!(epoch_number("1-10") > epoch_number("1-9"));
    }
}
