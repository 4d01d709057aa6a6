//! The sink of analytics events: it reads the EVENTS stream in order and writes it to ClickHouse.
//!
//! What ClickHouse holds is the only record of how far it is. An event is forgotten by the stream when it is old, never
//! because it was read; a batch that was written twice is known by its deduplication token, a row by its job. There is a
//! table for each kind of event.

mod evaluations;
mod lease;
mod migrations;
mod rebuild;
mod row;
mod source;
mod store;
mod writer;

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use hoidap_shared::stage::{Component, StageStatus};
use tokio::{sync::watch, time::Instant};
use tracing::{info, warn};

use crate::{
    process::ANALYTICS,
    runner::{Context, announce},
};
pub(crate) use evaluations::{EvaluationRow, Evaluations};
use lease::{Lease, WRITER};
pub use rebuild::Rebuild;
use row::{ChatRow, EventRow as _, FeedbackRow};
use source::Source;
use store::Store;
use writer::Writer;

/// How often an idle sink looks whether its tables are still there.
const LOOK: Duration = Duration::from_secs(5);

/// Writes events to ClickHouse.
pub struct Sink<'a> {
    context: &'a Context,
    store: Store,
    held: watch::Receiver<bool>,
    status: watch::Sender<StageStatus>,
    /// The greatest sequence that is dealt with, once ClickHouse has told it.
    done: watch::Sender<Option<u64>>,
}

impl Sink<'_> {
    /// Runs until the context says stop. ClickHouse may be away for as long as the stream keeps the events; a second sink
    /// stands by.
    ///
    /// # Errors
    /// None today: whatever is wrong is logged, told to the fleet, and tried again.
    pub async fn run(context: Context) -> anyhow::Result<()> {
        let (lease, held) = Lease::new(&context, WRITER);
        let (status, told) = watch::channel(StageStatus { version: version(), components: Vec::new() });
        let store = Store::new(&context.config.clickhouse);
        let sink = Sink { context: &context, store, held, status, done: watch::Sender::new(None) };
        context.opened.send_modify(|open| open.push(ANALYTICS));
        let work = async {
            sink.work().await;
            Lease::give_back(&context, WRITER).await;
        };
        let ((), (), done) = tokio::join!(
            work,
            lease.keep(),
            announce(&context, ANALYTICS, || (told.borrow().clone(), Vec::new()))
        );
        info!("analytics: stopped");
        done
    }

    async fn work(&self) {
        let patience = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(10))
            .without_max_times()
            .with_jitter();
        let mut waits = patience.build();
        let mut last = None;
        let mut from_first = false;
        while self.has_lease().await {
            let began = Instant::now();
            // A batch that is cut off by the end of the process is written again by the next one.
            let result = tokio::select! {
                result = self.follow(&mut from_first) => result,
                () = self.out_of_time() => return,
            };
            let Err(error) = result else { continue };
            let reason = format!("{error:#}");
            metrics::counter!("hoidap_analytics_failures_total").increment(1);
            // What went well for a while starts with short waits when it fails again.
            if began.elapsed() > LOOK {
                waits = patience.build();
                last = None;
            }
            if last.as_ref() != Some(&reason) {
                warn!(reason, "analytics: waiting; the events stay in the stream");
            }
            self.tell(false, format!("waiting: {reason}"));
            last = Some(reason);
            self.measure().await;
            self.pause(waits.next().unwrap_or(LOOK)).await;
        }
    }

    /// Waits until this process is the one that writes; `false` when it is to stop.
    async fn has_lease(&self) -> bool {
        let mut held = self.held.clone();
        if !*held.borrow() {
            // A process that stands by says nothing about ClickHouse.
            self.status.send_if_modified(|status| !std::mem::take(&mut status.components).is_empty());
        }
        tokio::select! {
            held = held.wait_for(|held| *held) => held.is_ok() && !self.context.stop.is_cancelled(),
            () = self.context.stop.cancelled() => false,
        }
    }

    /// Ends when the process has used up its time to finish what is in flight.
    async fn out_of_time(&self) {
        self.context.stop.cancelled().await;
        tokio::time::sleep(Duration::from_millis(self.context.config.worker.drain_ms)).await;
    }

    /// Reads and writes until something fails, the lease is lost or the process is to stop. `from_first` asks for the
    /// stream's first event, as when a table is lost.
    async fn follow(&self, from_first: &mut bool) -> anyhow::Result<()> {
        *from_first |= self.store.migrate().await?;
        let broker = &self.context.broker;
        let mut source = Source::open(broker, &self.store, *from_first).await?;
        *from_first = false;
        info!(epoch = source.epoch, after = source.done, "analytics: reading");
        let writer = Writer { broker, store: &self.store, buries: true };
        let settings = &self.context.config.analytics;
        let mut looked = Instant::now();
        let mut filled = [(ChatRow::TABLE, source.done > 0), (FeedbackRow::TABLE, false)];
        while *self.held.borrow() && !self.context.stop.is_cancelled() {
            let began = Instant::now();
            let events = source.read(settings.batch_rows).await?;
            let written = writer.write(&source.epoch, &events).await?;
            filled[0].1 |= written.chats > 0;
            filled[1].1 |= written.feedback > 0;
            source.advance(&events);
            self.done.send_replace(Some(source.done));
            self.measure().await;
            self.tell(true, "writes to ClickHouse".into());
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                for (table, _) in filled.iter().filter(|(_, filled)| *filled) {
                    if self.store.is_empty(table).await? {
                        *from_first = true;
                        anyhow::bail!(
                            "the table {table} is empty: writing it again from the stream's first event"
                        );
                    }
                }
            }
            if events.len() < settings.batch_rows {
                self.pause(Duration::from_millis(settings.batch_ms).saturating_sub(began.elapsed())).await;
            }
        }
        Ok(())
    }

    /// How many events of the stream ClickHouse does not have; all of them, as long as it was never asked.
    async fn measure(&self) {
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

    fn tell(&self, healthy: bool, detail: String) {
        let components = vec![Component { name: format!("{ANALYTICS}:clickhouse"), healthy, detail }];
        self.status.send_if_modified(|status| {
            let changed = status.components != components;
            status.components = components;
            changed
        });
    }
}

/// The form of the tables this build writes.
fn version() -> String {
    migrations::ALL
        .last()
        .map(|migration| migration.name.trim_end_matches(".sql").to_string())
        .unwrap_or_default()
}
