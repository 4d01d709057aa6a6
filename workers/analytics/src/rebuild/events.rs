use anyhow::Context as _;
use async_nats::jetstream::stream::Stream;
use hoidap_runtime::stream_reader::{StreamReader, StreamRecord};
use hoidap_shared::broker::Broker;
use indicatif::ProgressBar;
use serde::Deserialize;

use crate::{row, source::EventReader, store::Store, writer::EventWriter};

/// Events read at once.
const PAGE_SIZE: usize = 10_000;

/// Copies the events of the stream to the tables of one database.
pub(super) struct EventCopier<'a> {
    broker: &'a Broker,
    stream: &'a Stream,
    writer: EventWriter<'a>,
    pub(super) epoch: String,
    /// The greatest sequence that is written.
    pub(super) done: u64,
    /// Only events of this time or later.
    pub(super) from: Option<jiff::Timestamp>,
    pub(super) read: u64,
    /// Events that cannot be a row.
    pub(super) refused: u64,
}

#[derive(Deserialize)]
struct EventTime {
    at_ms: u64,
}

impl<'a> EventCopier<'a> {
    /// Copies the events after a sequence to tables beside those of the sink.
    pub(super) fn new(
        broker: &'a Broker,
        store: &'a Store,
        stream: &'a Stream,
        epoch: String,
        done: u64,
    ) -> Self {
        let writer = EventWriter { broker, store, writes_dead_letters: false };
        Self { broker, stream, writer, epoch, done, from: None, read: 0, refused: 0 }
    }

    /// Copies the events that the sink has not written, in its place.
    pub(super) async fn for_sink<'b>(&self, store: &'b Store) -> anyhow::Result<EventCopier<'b>>
    where
        'a: 'b,
    {
        let EventReader { epoch, done, .. } = EventReader::open(self.broker, store, false).await?;
        anyhow::ensure!(
            epoch == self.epoch,
            "the stream has lost its end, or the tables were lost, while this was at work: run it again"
        );
        let mut events = EventCopier::new(self.broker, store, self.stream, epoch, done);
        events.writer.writes_dead_letters = true;
        Ok(events)
    }

    /// The stream's last sequence.
    pub(super) async fn last(&self) -> anyhow::Result<u64> {
        let info = self.stream.get_info().await.context("the stream of events cannot be read")?;
        Ok(info.state.last_sequence)
    }

    /// Writes everything that the stream holds now.
    pub(super) async fn catch_up(&mut self, bar: &ProgressBar) -> anyhow::Result<()> {
        let last = self.last().await?;
        self.copy_up_to(last, bar).await
    }

    /// Writes everything up to a sequence.
    pub(super) async fn copy_up_to(&mut self, last: u64, bar: &ProgressBar) -> anyhow::Result<()> {
        if self.done >= last {
            return Ok(());
        }
        bar.set_message("events");
        bar.set_length(last);
        let mut reader = StreamReader::open(self.stream, self.done + 1, None).await?;
        while self.done < last {
            let mut page = reader.read(PAGE_SIZE).await?;
            page.retain(|event| event.sequence <= last);
            let Some(end) = page.last().map(|event| event.sequence) else { break };
            page.retain(|event| self.is_in_range(event));
            let written = self.writer.write(&self.epoch, &page).await?;
            self.read += page.len() as u64;
            self.refused += (page.len() - written.chats - written.feedback) as u64;
            self.done = end;
            bar.set_position(end);
        }
        // Events that are gone cannot be waited for.
        self.done = last;
        Ok(())
    }

    /// Whether an event is in the requested time. One without a readable time is, and then counts as refused.
    fn is_in_range(&self, event: &StreamRecord) -> bool {
        let Some(from) = self.from else { return true };
        match rmp_serde::from_slice::<EventTime>(&event.payload) {
            Ok(EventTime { at_ms }) => {
                row::clickhouse_time(at_ms).is_none_or(|at| at >= from.as_millisecond())
            }
            Err(_) => true,
        }
    }
}
