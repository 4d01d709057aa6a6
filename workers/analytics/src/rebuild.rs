//! `hoidap-worker rebuild analytics`: new tables from the streams, filled beside the old ones and swapped with them.
//!
//! The sink writes to the old tables until the new ones have everything. Then the rebuild seizes the sink's lease for a
//! moment, brings both to the same event, compares them and swaps them. The sink continues after that event, which is the
//! last one in the new tables. A killed rebuild leaves either the old or the new tables, and each is complete.

mod compare;
mod events;
mod finished;
mod swap;
mod tables;

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use hoidap_runtime::runner::{Pauses, StopRequests, WorkerContext};
use hoidap_shared::{
    broker::Broker,
    config::{ClickHouseConfig, Config},
    fleet::{Fleet, HEARTBEAT_INTERVAL, HEARTBEAT_TIMEOUT, instance_name},
    telemetry,
};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use self::{events::EventCopier, finished::FinishedJobs, swap::swap, tables::Tables};
use crate::{
    lease::{Lease, REBUILDER, WRITER},
    migrations::TABLES,
    source::EventReader,
    store::Store,
};

/// Longest wait for one statement, which may read a whole table.
const STATEMENT_TIMEOUT: Duration = Duration::from_hours(1);

/// What can be rebuilt from the streams.
#[derive(Debug, Subcommand)]
pub enum Rebuild {
    /// The tables in ClickHouse, from EVENTS and, where that does not reach, from finished jobs. Rows that neither has are
    /// kept. Chats go on meanwhile, and so does the sink.
    Analytics(RebuildOptions),
}

/// Options of a rebuild.
#[derive(Args, Debug)]
pub struct RebuildOptions {
    /// Only what happened at this time or later, such as `2026-11-01T00:00:00Z`; older rows stay as they are.
    #[arg(long, value_name = "TIME")]
    from: Option<jiff::Timestamp>,
}

impl Rebuild {
    /// Runs the command.
    ///
    /// # Errors
    /// When NATS or ClickHouse cannot be reached or does not allow it, when another rebuild is at work, or when the new
    /// tables would lack what the old ones hold. The old tables are then as they were.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let Self::Analytics(options) = self;
        telemetry::init_tls();
        let context = WorkerContext {
            config: Arc::new(config.clone()),
            broker: Broker::connect(&config.nats, "hoidap-rebuild").await?,
            instance: instance_name(),
            stop: CancellationToken::new(),
            opened: watch::channel(Vec::new()).0,
            stops: StopRequests::default(),
            pauses: Pauses::default(),
        };
        let (lease, is_holder) = Lease::new(&context, REBUILDER);
        let result = tokio::select! {
            result = Box::pin(rebuild_exclusively(&context, &options, is_holder)) => result,
            () = lease.keep() => Ok(()),
        };
        Lease::release(&context, REBUILDER).await;
        result
    }
}

/// Rebuilds while this process holds the lease.
async fn rebuild_exclusively(
    context: &WorkerContext,
    options: &RebuildOptions,
    mut is_holder: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    // The lease of a killed process expires.
    let free =
        timeout(HEARTBEAT_TIMEOUT + 2 * HEARTBEAT_INTERVAL, is_holder.wait_for(|is_holder| *is_holder)).await;
    anyhow::ensure!(
        free.is_ok_and(|free| free.is_ok()),
        "another rebuild is running: wait until it has ended"
    );
    let database = &context.config.clickhouse.database;
    let new = format!("{database}{}{}", tables::DATABASE_MARK, uuid::Uuid::new_v4().simple());
    let store = |database: &str| {
        let timeout_ms = u64::try_from(STATEMENT_TIMEOUT.as_millis()).unwrap_or(u64::MAX);
        Store::new(&ClickHouseConfig {
            database: database.into(),
            timeout_ms,
            ..context.config.clickhouse.clone()
        })
    };
    let tables = Tables { live: store(database), new: store(&new) };
    let result = tokio::select! {
        result = rebuild(context, options, &tables) => result,
        _ = is_holder.wait_for(|is_holder| !*is_holder) => {
            Err(anyhow::anyhow!("NATS could not be reached for too long, and another rebuild may have begun: run it again"))
        }
    };
    let dropped = tables.drop(&new).await;
    result.and(dropped)
}

async fn rebuild(context: &WorkerContext, options: &RebuildOptions, tables: &Tables) -> anyhow::Result<()> {
    let broker = &context.broker;
    let fleet = Fleet::follow(broker.clone());
    tables.check().await?;
    for left in tables.drop_leftovers().await? {
        eprintln!("dropped {left}, which a rebuild that was killed had left");
    }
    if options.from.is_some() {
        for table in TABLES {
            anyhow::ensure!(
                tables.has(&tables.live, table).await?,
                "--from keeps the older rows of the table {table}, but there is no such table: leave --from out"
            );
        }
    }
    tables.create().await?;
    let name = broker.subjects.stream("EVENTS");
    let stream = broker.jetstream.get_stream(&name).await;
    let stream = stream.with_context(|| format!("the stream {name} cannot be read"))?;
    let known = tables.has(&tables.live, TABLES[0]).await?;
    let epoch = EventReader::open(broker, if known { &tables.live } else { &tables.new }, true).await?.epoch;

    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")?;
    let bar = ProgressBar::new(0).with_style(style);
    let mut new = EventCopier::new(broker, &tables.new, &stream, epoch, 0);
    new.from = options.from;
    // The jobs on record have told of themselves by the time the events are read, except for the very last.
    let mut finished = FinishedJobs::open(broker).await?;
    new.catch_up(&bar).await?;
    finished.fill(&tables.new, &new, &bar).await?;
    new.catch_up(&bar).await?;
    bar.set_message("copying the rows that the log does not have");
    let mut retained = tables.copy_retained_rows(&new.epoch, new.done).await?;

    let (lease, mut held) = Lease::new(context, WRITER);
    lease.seize().await?;
    let swapped = tokio::select! {
        swapped = swap(&fleet, tables, &mut new, &finished, &mut retained, &bar) => swapped,
        _ = held.wait_for(|held| !*held) => bail!("NATS could not be reached for too long: run it again"),
        () = lease.keep() => bail!("the lease of the sink was not kept: run it again"),
    };
    Lease::release(context, WRITER).await;
    let (of_jobs, compared) = swapped?;
    bar.finish_and_clear();

    println!("{} events read, {} of them are no rows", new.read, new.refused);
    println!("{} finished jobs read, {of_jobs} of them no longer in {name}", finished.read);
    for (retained, (table, compared)) in retained.iter().zip(TABLES.iter().zip(compared)) {
        println!("{table}: {retained}\n{table}: {compared}");
    }
    Ok(())
}
