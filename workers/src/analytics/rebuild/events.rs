use anyhow::Context as _;
use async_nats::jetstream::stream::Stream;
use hoidap_shared::broker::Broker;
use indicatif::ProgressBar;
use serde::Deserialize;

use super::super::{row, source::Source, store::Store, writer::Writer};
use crate::log::{Log, Record};

/// Events read at once.
const PAGE: usize = 10_000;

/// The events of the stream on their way to the tables of one database.
pub(super) struct Events<'a> {
    broker: &'a Broker,
    stream: &'a Stream,
    writer: Writer<'a>,
    pub(super) epoch: String,
    /// The greatest sequence that is dealt with.
    pub(super) done: u64,
    /// Only events of this time or later.
    pub(super) from: Option<jiff::Timestamp>,
    pub(super) read: u64,
    /// Those that cannot be a row.
    pub(super) refused: u64,
}

/// What tells an event's time.
#[derive(Deserialize)]
struct At {
    at_ms: u64,
}

impl<'a> Events<'a> {
    /// Events behind a sequence, for tables that are filled beside those of the sink.
    pub(super) fn new(
        broker: &'a Broker,
        store: &'a Store,
        stream: &'a Stream,
        epoch: String,
        done: u64,
    ) -> Self {
        let writer = Writer { broker, store, buries: false };
        Self { broker, stream, writer, epoch, done, from: None, read: 0, refused: 0 }
    }

    /// Events that the sink has not dealt with, written as it would.
    pub(super) async fn of_sink<'b>(&self, store: &'b Store) -> anyhow::Result<Events<'b>>
    where
        'a: 'b,
    {
        let Source { epoch, done, .. } = Source::open(self.broker, store, false).await?;
        anyhow::ensure!(
            epoch == self.epoch,
            "the stream has lost its end, or the tables were lost, while this was at work: run it again"
        );
        let mut events = Events::new(self.broker, store, self.stream, epoch, done);
        events.writer.buries = true;
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
        self.to(last, bar).await
    }

    /// Writes everything up to a sequence.
    pub(super) async fn to(&mut self, last: u64, bar: &ProgressBar) -> anyhow::Result<()> {
        if self.done >= last {
            return Ok(());
        }
        bar.set_message("events");
        bar.set_length(last);
        let mut log = Log::open(self.stream, self.done + 1, None).await?;
        while self.done < last {
            let mut page = log.read(PAGE).await?;
            page.retain(|event| event.sequence <= last);
            let Some(end) = page.last().map(|event| event.sequence) else { break };
            page.retain(|event| self.is_meant(event));
            let written = self.writer.write(&self.epoch, &page).await?;
            self.read += page.len() as u64;
            self.refused += (page.len() - written.chats - written.feedback) as u64;
            self.done = end;
            bar.set_position(end);
        }
        // What is not there any more cannot be waited for.
        self.done = last;
        Ok(())
    }

    /// Whether an event's time is asked for; one whose time cannot be read counts as any other that is no row.
    fn is_meant(&self, event: &Record) -> bool {
        let Some(from) = self.from else { return true };
        match rmp_serde::from_slice::<At>(&event.payload) {
            Ok(At { at_ms }) => row::moment(at_ms).is_none_or(|at| at >= from.as_millisecond()),
            Err(_) => true,
        }
    }
}
