//! The analytics sink, beside reading its stream alone and inserting the same rows alone.

mod clickhouse;
mod events;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Args;
use hoidap_analytics::AnalyticsSink;
use hoidap_runtime::{
    runner::{Pauses, StopRequests, WorkerContext},
    stream_reader::StreamReader,
};
use hoidap_shared::{broker::Broker, config::Config, fleet::instance_name, telemetry};
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use clickhouse::ClickHouse;

/// The sink's own count of the rows that it has inserted.
const ROWS_COUNTER: &str = "hoidap_analytics_rows_total";
/// How often that count is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(2);
/// Longest wait for the sink to write all events.
const COPY_TIMEOUT: Duration = Duration::from_mins(3);

/// Fills the stream of events of a broker that has none, and copies it to ClickHouse, reads it and inserts its rows in turn.
#[derive(Debug, Args)]
pub struct AnalyticsArgs {
    /// Events in the stream.
    #[arg(long, default_value_t = 100_000)]
    pub events: usize,
    /// How often each is measured.
    #[arg(long, default_value_t = 1)]
    pub rounds: usize,
}

/// Rows each second, a value for each round.
#[derive(Debug, Default, Serialize)]
pub struct AnalyticsReport {
    /// Mean bytes of an event.
    pub event_bytes: usize,
    /// The sink: from its first batch to its last.
    pub sink: Vec<f64>,
    /// Reading the same pages of the stream, and leaving them.
    pub read: Vec<f64>,
    /// Inserting the same blocks of rows, which are there as bytes.
    pub insert: Vec<f64>,
}

impl AnalyticsArgs {
    /// Measures with the broker and the ClickHouse of the environment's settings. Its databases are removed again.
    ///
    /// # Errors
    /// When NATS or ClickHouse refuse something, or the sink does not write all events in time.
    pub async fn run(&self) -> anyhow::Result<AnalyticsReport> {
        let config = Config::load(None, &[])?;
        let broker = Broker::connect(&config.nats, "hoidap-bench").await?;
        broker.ensure_streams(&config.nats).await?;
        let event_bytes = events::fill(&broker, self.events).await?;
        let mut report = AnalyticsReport { event_bytes, ..AnalyticsReport::default() };
        let server = ClickHouse::new(&config.clickhouse)?;
        let metrics = telemetry::init_metrics()?;
        let written = || rows_written(&metrics.render());
        let mut blocks = None;
        for _ in 0..self.rounds {
            let database = server.new_database();
            report.sink.push(self.copy(&config, &broker, &database, written).await?);
            let blocks = match &mut blocks {
                Some(blocks) => blocks,
                None => {
                    blocks.insert(server.blocks(&database, self.events, config.analytics.batch_rows).await?)
                }
            };
            report.read.push(self.read(&broker, config.analytics.batch_rows).await?);
            report.insert.push(server.insert(&database, blocks, self.events).await?);
            server.drop_database(&database).await?;
        }
        Ok(report)
    }

    /// Runs the sink on a database that is not there yet until it has written all events.
    async fn copy(
        &self,
        config: &Config,
        broker: &Broker,
        database: &str,
        written: impl Fn() -> usize,
    ) -> anyhow::Result<f64> {
        let mut config = config.clone();
        config.clickhouse.database = database.into();
        let stop = CancellationToken::new();
        let context = WorkerContext {
            config: Arc::new(config),
            broker: broker.clone(),
            instance: instance_name(),
            stop: stop.clone(),
            opened: watch::Sender::new(Vec::new()),
            stops: StopRequests::default(),
            pauses: Pauses::default(),
        };
        let before = written();
        let sink = tokio::spawn(AnalyticsSink::run(context));
        let rows = || written() - before;
        let measured = tokio::time::timeout(COPY_TIMEOUT, async {
            let first = wait_for(&rows, 1).await;
            let begun = Instant::now();
            wait_for(&rows, self.events).await;
            (self.events - first) as f64 / begun.elapsed().as_secs_f64()
        });
        let measured = measured.await.context("the sink did not write all events in time");
        stop.cancel();
        sink.await??;
        measured
    }

    /// Reads the whole stream as the sink does.
    async fn read(&self, broker: &Broker, page: usize) -> anyhow::Result<f64> {
        let stream = broker.jetstream.get_stream(broker.subjects.stream("EVENTS")).await?;
        let begun = Instant::now();
        let mut reader = StreamReader::open(&stream, 1, None).await?;
        let mut read = 0;
        while read < self.events {
            let records = reader.read(page).await?;
            anyhow::ensure!(!records.is_empty(), "the stream ended after {read} events");
            read += records.len();
        }
        Ok(read as f64 / begun.elapsed().as_secs_f64())
    }
}

/// Waits until there are at least so many rows; returns how many there are.
async fn wait_for(rows: &impl Fn() -> usize, least: usize) -> usize {
    loop {
        let now = rows();
        if now >= least {
            return now;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// The sink's count in the text of all metrics; 0 before its first row.
fn rows_written(metrics: &str) -> usize {
    let count = |line: &str| line.strip_prefix(ROWS_COUNTER)?.trim().parse().ok();
    metrics.lines().find_map(count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_its_own_line() {
        let metrics = "# TYPE hoidap_analytics_rows_total counter\nhoidap_analytics_rows_total 20000\n\n# TYPE a gauge\na 1\n";
        assert_eq!(rows_written(metrics), 20_000);
        assert_eq!(rows_written("a 1\n"), 0);
    }
}
