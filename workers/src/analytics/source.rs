use anyhow::Context as _;
use async_nats::jetstream::stream::{DirectGetErrorKind, Stream};
use hoidap_shared::{broker::Broker, events::CHAT, subjects::Subjects};
use tracing::warn;

use super::{
    row,
    store::{Position, Store},
};
use crate::log::{Log, Record};

/// The stream's events, in order, from one past what ClickHouse has.
///
/// A sequence has its meaning within one life of the stream, its epoch: the moment it was made (nanoseconds since the Unix
/// epoch) and a number that rises each time the server is found to have lost the stream's end in a crash, because it
/// then gives the same sequences to other events.
pub(super) struct Source {
    pub(super) epoch: String,
    /// The greatest sequence that is dealt with.
    pub(super) done: u64,
    log: Log,
}

impl Source {
    /// Finds the position and starts to read there, or at the stream's first event.
    pub(super) async fn open(broker: &Broker, store: &Store, from_first: bool) -> anyhow::Result<Self> {
        let name = broker.subjects.stream("EVENTS");
        let stream = broker.jetstream.get_stream(&name).await;
        let stream = stream.with_context(|| format!("the stream {name} cannot be read"))?;
        let info = stream.cached_info();
        let created = info.created.unix_timestamp_nanos().to_string();
        let known = store.positions(&created).await?;
        let latest = known.into_iter().max_by_key(|position| life_of(&position.epoch));
        let (life, done) = match latest {
            None => (0, 0),
            Some(position) => {
                let life = life_of(&position.epoch);
                if position.sequence <= info.state.last_sequence
                    && is_held(&stream, &position, &broker.subjects).await?
                {
                    (life, if from_first { 0 } else { position.sequence })
                } else {
                    warn!(
                        sequence = position.sequence,
                        last = info.state.last_sequence,
                        "the stream lost its end and numbers events anew: reading it from its first one"
                    );
                    metrics::counter!("hoidap_analytics_stream_resets_total").increment(1);
                    (life + 1, 0)
                }
            }
        };
        let log = Log::open(&stream, done + 1, None).await?;
        Ok(Self { epoch: format!("{created}-{life}"), done, log })
    }

    /// What the stream has next, at most `most` events.
    pub(super) async fn read(&mut self, most: usize) -> anyhow::Result<Vec<Record>> {
        self.log.read(most).await
    }

    /// Takes events as dealt with; those that the stream no longer had when they were due are counted.
    pub(super) fn advance(&mut self, events: &[Record]) {
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

/// The number behind the stream's time in an epoch.
fn life_of(epoch: &str) -> u32 {
    epoch.rsplit_once('-').and_then(|(_, life)| life.parse().ok()).unwrap_or(0)
}

/// Whether the stream holds at a position what ClickHouse has from there. An event that expired counts as held.
async fn is_held(stream: &Stream, position: &Position, subjects: &Subjects) -> anyhow::Result<bool> {
    match stream.direct_get(position.sequence).await {
        // What is said of an answer carries the same job.
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
    fn lives_are_ordered_by_number() {
        assert_eq!(life_of("1763901234567890123-0"), 0);
        assert!(life_of("1-10") > life_of("1-9"));
    }
}
