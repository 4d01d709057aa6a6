//! The sink: copies events in order, in batches, and begins anew where a table is lost.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use hoidap_runtime::runner::{WorkerContext, announce};
use hoidap_shared::{
    fleet::ANALYTICS,
    stage::{ComponentStatus, StageStatus},
};
use tokio::{sync::watch, time::Instant};
use tracing::{info, warn};

use crate::{
    lease::{Lease, WRITER},
    migrations::ALL,
    row::{ChatRow, EventRow as _, FeedbackRow},
    source::EventReader,
    store::Store,
    writer::EventWriter,
};

/// How often an idle sink checks that its tables still exist.
const TABLE_CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Writes events to ClickHouse.
pub struct AnalyticsSink<'a> {
    context: &'a WorkerContext,
    store: Store,
    held: watch::Receiver<bool>,
    status: watch::Sender<StageStatus>,
    /// The greatest sequence that is written; `None` until it is read from ClickHouse.
    done: watch::Sender<Option<u64>>,
}

impl AnalyticsSink<'_> {
    /// Runs until the context says stop. ClickHouse may be away for as long as the stream keeps the events; a second sink
    /// stands by.
    ///
    /// # Errors
    /// None today: every failure is logged, announced to the fleet, and tried again.
    pub async fn run(context: WorkerContext) -> anyhow::Result<()> {
        let (lease, held) = Lease::new(&context, WRITER);
        let (status, announced) = watch::channel(StageStatus { version: version(), components: Vec::new() });
        let store = Store::new(&context.config.clickhouse);
        let sink = AnalyticsSink { context: &context, store, held, status, done: watch::Sender::new(None) };
        context.opened.send_modify(|open| open.push(ANALYTICS));
        let work = async {
            sink.work().await;
            Lease::release(&context, WRITER).await;
        };
        let ((), (), done) = tokio::join!(
            work,
            lease.keep(),
            announce(&context, ANALYTICS, || (announced.borrow().clone(), Vec::new()))
        );
        info!("analytics: stopped");
        done
    }

    async fn work(&self) {
        let backoff = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(10))
            .without_max_times()
            .with_jitter();
        let mut waits = backoff.build();
        let mut last = None;
        let mut from_first = false;
        while self.wait_for_lease().await {
            let began = Instant::now();
            // The next process writes a batch again that the end of this one interrupts.
            let result = tokio::select! {
                result = self.copy_events(&mut from_first) => result,
                () = self.drain_timeout() => return,
            };
            let Err(error) = result else { continue };
            let reason = format!("{error:#}");
            metrics::counter!("hoidap_analytics_failures_total").increment(1);
            // After a while without failures the waits are short again.
            if began.elapsed() > TABLE_CHECK_INTERVAL {
                waits = backoff.build();
                last = None;
            }
            if last.as_ref() != Some(&reason) {
                warn!(reason, "analytics: waiting; the events stay in the stream");
            }
            self.set_status(false, format!("waiting: {reason}"));
            last = Some(reason);
            self.update_lag().await;
            self.pause(waits.next().unwrap_or(TABLE_CHECK_INTERVAL)).await;
        }
    }

    /// Waits until this process holds the lease; `false` when it is to stop.
    async fn wait_for_lease(&self) -> bool {
        let mut held = self.held.clone();
        if !*held.borrow() {
            // A standby process reports nothing about ClickHouse.
            self.status.send_if_modified(|status| !std::mem::take(&mut status.components).is_empty());
        }
        tokio::select! {
            held = held.wait_for(|held| *held) => held.is_ok() && !self.context.stop.is_cancelled(),
            () = self.context.stop.cancelled() => false,
        }
    }

    /// Ends when the time to finish the work in flight is over.
    async fn drain_timeout(&self) {
        self.context.stop.cancelled().await;
        tokio::time::sleep(Duration::from_millis(self.context.config.worker.drain_ms)).await;
    }

    /// Reads and writes until something fails, the lease is lost or the process is to stop. With `from_first` it starts at
    /// the stream's first event, as when a table is lost.
    async fn copy_events(&self, from_first: &mut bool) -> anyhow::Result<()> {
        *from_first |= self.store.migrate().await?;
        let broker = &self.context.broker;
        let mut reader = EventReader::open(broker, &self.store, *from_first).await?;
        info!(epoch = reader.epoch, after = reader.done, "analytics: reading");
        let writer = EventWriter { broker, store: &self.store, writes_dead_letters: true };
        let settings = &self.context.config.analytics;
        let mut checked = Instant::now();
        let mut filled = [(ChatRow::TABLE, reader.done > 0), (FeedbackRow::TABLE, false)];
        let mut next = None;
        while *self.held.borrow() && !self.context.stop.is_cancelled() {
            let began = Instant::now();
            let events = match next.take() {
                Some(events) => events,
                None => reader.read(settings.batch_rows).await?,
            };
            let (epoch, is_full) = (reader.epoch.clone(), events.len() >= settings.batch_rows);
            // Where events wait, the next ones are read while these are written.
            let read_next =
                async { if is_full { reader.read(settings.batch_rows).await.map(Some) } else { Ok(None) } };
            let (written, read) = tokio::join!(writer.write(&epoch, &events), read_next);
            let written = written?;
            next = read?;
            filled[0].1 |= written.chats > 0;
            filled[1].1 |= written.feedback > 0;
            reader.advance(&events);
            // A failure before that begins at the first event again: a lost table would lack the rest.
            *from_first &= reader.repeats();
            self.done.send_replace(Some(reader.done));
            self.update_lag().await;
            self.set_status(true, "writes to ClickHouse".into());
            if checked.elapsed() >= TABLE_CHECK_INTERVAL {
                checked = Instant::now();
                for (table, _) in filled.iter().filter(|(_, filled)| *filled) {
                    if self.store.is_empty(table).await? {
                        *from_first = true;
                        anyhow::bail!(
                            "the table {table} is empty: writing it again from the stream's first event"
                        );
                    }
                }
            }
            if !is_full {
                self.pause(Duration::from_millis(settings.batch_ms).saturating_sub(began.elapsed())).await;
            }
        }
        Ok(())
    }

    /// Updates the gauge of the lag: the events that ClickHouse does not have; all of them until its position is known.
    async fn update_lag(&self) {
        let broker = &self.context.broker;
        if let Ok(stream) = broker.jetstream.get_stream(broker.subjects.stream("EVENTS")).await {
            let state = &stream.cached_info().state;
            let behind = match *self.done.borrow() {
                Some(done) => state.last_sequence.saturating_sub(done),
                None => state.messages,
            };
            metrics::gauge!("hoidap_analytics_lag").set(behind as f64);
        }
    }

    async fn pause(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.context.stop.cancelled() => {}
        }
    }

    fn set_status(&self, healthy: bool, detail: String) {
        let components = vec![ComponentStatus { name: format!("{ANALYTICS}:clickhouse"), healthy, detail }];
        self.status.send_if_modified(|status| {
            let changed = status.components != components;
            status.components = components;
            changed
        });
    }
}

/// The version of the tables that this build writes.
fn version() -> String {
    ALL.last().map(|migration| migration.name.trim_end_matches(".sql").to_string()).unwrap_or_default()
}
