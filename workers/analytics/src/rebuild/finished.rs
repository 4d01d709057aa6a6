use std::collections::HashMap;

use anyhow::Context as _;
use async_nats::jetstream::stream::Stream;
use clickhouse::sql::Identifier;
use hoidap_runtime::stream_reader::{StreamReader, StreamRecord};
use hoidap_shared::{
    broker::Broker,
    events::{CHAT, ChatEvent},
    headers::ended_ms,
    job::{Answer, Envelope},
};
use indicatif::ProgressBar;

use super::{
    super::{row::ChatRow, row::EventRow as _, store::Store, writer::EventWriter},
    events::EventCopier,
};

/// Records read at once: their names are part of a statement.
const PAGE_SIZE: usize = 1_000;

/// The lasting records of finished jobs, up to the last one that the stream had when this was opened.
pub(super) struct FinishedJobs<'a> {
    broker: &'a Broker,
    stream: Stream,
    pub(super) epoch: String,
    last: u64,
    pub(super) read: u64,
}

/// A finished job, and its event derived from the record.
struct FinishedJob {
    record: StreamRecord,
    event: ChatEvent,
    /// Whether the time is that of the original event; otherwise it is the time at which the record was stored.
    exact: bool,
}

impl<'a> FinishedJobs<'a> {
    pub(super) async fn open(broker: &'a Broker) -> anyhow::Result<Self> {
        let name = broker.subjects.stream("JOBS");
        let stream = broker.jetstream.get_stream(&name).await;
        let stream = stream.with_context(|| format!("the stream {name} cannot be read"))?;
        let info = stream.cached_info();
        let epoch = format!("done-{}", info.created.unix_timestamp_nanos());
        let last = info.state.last_sequence;
        Ok(Self { broker, stream, epoch, last, read: 0 })
    }

    /// Writes the chats whose events are gone. Their rows have their own epoch, `done-` and the moment the jobs stream was
    /// created, and the sequence of their record. The sink looks for its position only in the epochs of the events stream.
    pub(super) async fn fill(
        &mut self,
        store: &Store,
        events: &EventCopier<'_>,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        bar.set_message("finished jobs");
        bar.set_length(self.last);
        let writer = EventWriter { broker: self.broker, store, writes_dead_letters: false };
        let from = events.from.map_or(i64::MIN, |from| from.as_millisecond());
        let mut reader = StreamReader::open(&self.stream, 1, Some(self.broker.subjects.done())).await?;
        loop {
            let page = reader.read(PAGE_SIZE).await?;
            let Some(end) = page.last().map(|record| record.sequence) else { return Ok(()) };
            let jobs: Vec<FinishedJob> = page
                .into_iter()
                .filter(|record| record.sequence <= self.last)
                .inspect(|_| self.read += 1)
                .filter_map(finished_job)
                .filter(|job| i64::try_from(job.event.at_ms).is_ok_and(|at| at >= from))
                .collect();
            let event_times = event_times(store, &events.epoch, &jobs).await?;
            let mut records = Vec::new();
            for FinishedJob { record, event, exact } in jobs {
                // A job that was sent again ended twice; the lost event may be that of the second end.
                let later = |at: &u64| exact && event.at_ms > *at;
                if event_times.get(event.job_id.as_str()).is_none_or(later) {
                    let payload = rmp_serde::to_vec_named(&event)?.into();
                    records.push(StreamRecord {
                        subject: self.broker.subjects.events(CHAT),
                        payload,
                        ..record
                    });
                }
            }
            writer.write(&self.epoch, &records).await?;
            bar.set_position(end);
            if end >= self.last {
                return Ok(());
            }
        }
    }

    /// The number of chats derived from these records: an event that came after all has replaced its record.
    pub(super) async fn count_rows(&self, store: &Store) -> anyhow::Result<u64> {
        let query = store.server.query("SELECT count() FROM ?.? FINAL WHERE epoch = ?");
        let query =
            query.bind(Identifier(&store.database)).bind(Identifier(ChatRow::TABLE)).bind(&self.epoch);
        store.with_timeout(query.fetch_one()).await
    }
}

/// The job of a record; `None` when it cannot be read.
fn finished_job(record: StreamRecord) -> Option<FinishedJob> {
    let answer = Envelope::<Answer>::decode(&record.payload).ok()?;
    let ended = ended_ms(&record.headers);
    let stored = u64::try_from(record.stored.as_millisecond()).ok()?;
    let event = ChatEvent::from_answer(&answer, ended.unwrap_or(stored));
    Some(FinishedJob { record, event, exact: ended.is_some() })
}

/// The times of the events that the tables have already, by job.
async fn event_times(
    store: &Store,
    epoch: &str,
    jobs: &[FinishedJob],
) -> anyhow::Result<HashMap<String, u64>> {
    let names: Vec<&str> = jobs.iter().map(|job| job.event.job_id.as_str()).collect();
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let query = "SELECT job_id, toUInt64(toUnixTimestamp64Milli(max(at))) FROM ?.? \
                 WHERE epoch = ? AND job_id IN ? GROUP BY job_id";
    let query = store.server.query(query).bind(Identifier(&store.database));
    let query = query.bind(Identifier(ChatRow::TABLE)).bind(epoch).bind(names);
    let found: Vec<(String, u64)> = store.with_timeout(query.fetch_all()).await?;
    Ok(found.into_iter().collect())
}
