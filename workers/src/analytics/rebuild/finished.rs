use std::collections::HashMap;

use anyhow::Context as _;
use async_nats::jetstream::stream::Stream;
use clickhouse::sql::Identifier;
use hoidap_shared::{
    broker::Broker,
    events::{CHAT, ChatEvent},
    job::{Answer, Envelope},
};
use indicatif::ProgressBar;

use super::{
    super::{row::ChatRow, row::EventRow as _, store::Store, writer::Writer},
    events::Events,
};
use crate::{
    log::{Log, Record},
    runner::ended_ms,
};

/// Records read at once: their names are part of a statement.
const PAGE: usize = 1_000;

/// The lasting records of finished jobs, up to the last one that the stream had when this was opened.
pub(super) struct Finished<'a> {
    broker: &'a Broker,
    stream: Stream,
    pub(super) epoch: String,
    last: u64,
    pub(super) read: u64,
}

/// A finished job and the event that told of it.
struct Job {
    record: Record,
    event: ChatEvent,
    /// Whether the event's time is the one that was told, not the one at which the record was stored.
    exact: bool,
}

impl<'a> Finished<'a> {
    pub(super) async fn open(broker: &'a Broker) -> anyhow::Result<Self> {
        let name = broker.subjects.stream("JOBS");
        let stream = broker.jetstream.get_stream(&name).await;
        let stream = stream.with_context(|| format!("the stream {name} cannot be read"))?;
        let info = stream.cached_info();
        let epoch = format!("done-{}", info.created.unix_timestamp_nanos());
        let last = info.state.last_sequence;
        Ok(Self { broker, stream, epoch, last, read: 0 })
    }

    /// Writes the chats whose events are gone. Their rows have an epoch of their own, `done-` and the moment the stream of
    /// jobs was made, and their sequence there: the sink, which looks for its position in the epochs of its stream, never
    /// takes them for it.
    pub(super) async fn fill(
        &mut self,
        store: &Store,
        events: &Events<'_>,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        bar.set_message("finished jobs");
        bar.set_length(self.last);
        let writer = Writer { broker: self.broker, store, buries: false };
        let from = events.from.map_or(i64::MIN, |from| from.as_millisecond());
        let mut log = Log::open(&self.stream, 1, Some(self.broker.subjects.done())).await?;
        loop {
            let page = log.read(PAGE).await?;
            let Some(end) = page.last().map(|record| record.sequence) else { return Ok(()) };
            let jobs: Vec<Job> = page
                .into_iter()
                .filter(|record| record.sequence <= self.last)
                .inspect(|_| self.read += 1)
                .filter_map(job)
                .filter(|job| i64::try_from(job.event.at_ms).is_ok_and(|at| at >= from))
                .collect();
            let told = told(store, &events.epoch, &jobs).await?;
            let mut records = Vec::new();
            for Job { record, event, exact } in jobs {
                // A job that was sent again ended twice; its event of the second end may be the lost one.
                let later = |at: &u64| exact && event.at_ms > *at;
                if told.get(event.job_id.as_str()).is_none_or(later) {
                    let payload = rmp_serde::to_vec_named(&event)?.into();
                    records.push(Record { subject: self.broker.subjects.events(CHAT), payload, ..record });
                }
            }
            writer.write(&self.epoch, &records).await?;
            bar.set_position(end);
            if end >= self.last {
                return Ok(());
            }
        }
    }

    /// How many chats are made of these records: where the event has come after all, it has taken the record's place.
    pub(super) async fn rows(&self, store: &Store) -> anyhow::Result<u64> {
        let query = store.server.query("SELECT count() FROM ?.? FINAL WHERE epoch = ?");
        let query =
            query.bind(Identifier(&store.database)).bind(Identifier(ChatRow::TABLE)).bind(&self.epoch);
        store.within(query.fetch_one()).await
    }
}

/// What a record tells; `None` when it cannot be read.
fn job(record: Record) -> Option<Job> {
    let answer = Envelope::<Answer>::decode(&record.payload).ok()?;
    let ended = ended_ms(&record.headers);
    let stored = u64::try_from(record.stored.as_millisecond()).ok()?;
    let event = ChatEvent::of_answer(&answer, ended.unwrap_or(stored));
    Some(Job { record, event, exact: ended.is_some() })
}

/// The time of each of these jobs whose event is in the tables already.
async fn told(store: &Store, epoch: &str, jobs: &[Job]) -> anyhow::Result<HashMap<String, u64>> {
    let names: Vec<&str> = jobs.iter().map(|job| job.event.job_id.as_str()).collect();
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let query = "SELECT job_id, toUInt64(toUnixTimestamp64Milli(max(at))) FROM ?.? \
                 WHERE epoch = ? AND job_id IN ? GROUP BY job_id";
    let query = store.server.query(query).bind(Identifier(&store.database));
    let query = query.bind(Identifier(ChatRow::TABLE)).bind(epoch).bind(names);
    let found: Vec<(String, u64)> = store.within(query.fetch_all()).await?;
    Ok(found.into_iter().collect())
}
