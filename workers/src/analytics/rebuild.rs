//! `hoidap-worker rebuild analytics`: the tables again from the log, filled beside the old ones and swapped with them.
//!
//! The sink writes to the old tables until the new ones have everything. Then its lease is taken for a moment: both are
//! brought to the same event and compared, the new ones take the place of the old ones, and the sink goes on behind that
//! event, which is the greatest that the new tables hold. A rebuild that is killed leaves either the old tables or
//! the new ones, each whole.

mod compare;
mod events;
mod finished;
mod swap;
mod tables;

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use hoidap_shared::{
    broker::Broker,
    config::{ClickHouse, Config},
    fleet::{BEAT, Fleet, STALE, instance_name},
    telemetry,
};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use self::{events::Events, finished::Finished, swap::swap, tables::Tables};
use super::{
    lease::{Lease, REBUILDER, WRITER},
    migrations::TABLES,
    source::Source,
    store::Store,
};
use crate::{
    progress_bar::progress_bar,
    runner::{Context, Pauses, Stops},
};

/// Longest wait for one statement: a whole table may have to be read for it.
const PATIENCE: Duration = Duration::from_hours(1);

/// What can be made again from the log.
#[derive(Debug, Subcommand)]
pub enum Rebuild {
    /// The tables in ClickHouse, from EVENTS and, where that does not reach, from finished jobs. Rows that neither has are
    /// kept. Chats go on meanwhile, and so does the sink.
    Analytics(Options),
}

/// What is made again.
#[derive(Args, Debug)]
pub struct Options {
    /// Only what happened at this time or later, such as `2026-11-01T00:00:00Z`; older rows stay as they are.
    #[arg(long, value_name = "TIME")]
    from: Option<jiff::Timestamp>,
}

impl Rebuild {
    /// Does what the command line says.
    ///
    /// # Errors
    /// When NATS or ClickHouse cannot be reached or does not allow it, when another rebuild is at work, or when the new
    /// tables would lack what the old ones hold. The old tables are then as they were.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let Self::Analytics(options) = self;
        telemetry::init_tls();
        let context = Context {
            config: Arc::new(config.clone()),
            broker: Broker::connect(&config.nats, "hoidap-rebuild").await?,
            instance: instance_name(),
            stop: CancellationToken::new(),
            opened: watch::channel(Vec::new()).0,
            stops: Stops::default(),
            pauses: Pauses::default(),
        };
        let (lease, alone) = Lease::new(&context, REBUILDER);
        let result = tokio::select! {
            result = Box::pin(alone_rebuild(&context, &options, alone)) => result,
            () = lease.keep() => Ok(()),
        };
        Lease::give_back(&context, REBUILDER).await;
        result
    }
}

/// Rebuilds as soon as, and for as long as, no other process does.
async fn alone_rebuild(
    context: &Context,
    options: &Options,
    mut alone: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    // A killed one is missed after a while.
    let free = timeout(STALE + 2 * BEAT, alone.wait_for(|alone| *alone)).await;
    anyhow::ensure!(
        free.is_ok_and(|free| free.is_ok()),
        "another rebuild is at work: wait until it has ended"
    );
    let database = &context.config.clickhouse.database;
    let new = format!("{database}{}{}", tables::MARK, uuid::Uuid::new_v4().simple());
    let store = |database: &str| {
        let timeout_ms = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
        Store::new(&ClickHouse { database: database.into(), timeout_ms, ..context.config.clickhouse.clone() })
    };
    let tables = Tables { live: store(database), new: store(&new) };
    let result = tokio::select! {
        result = rebuild(context, options, &tables) => result,
        _ = alone.wait_for(|alone| !*alone) => {
            Err(anyhow::anyhow!("NATS was away for too long, and another rebuild may have begun: run it again"))
        }
    };
    let dropped = tables.drop(&new).await;
    result.and(dropped)
}

async fn rebuild(context: &Context, options: &Options, tables: &Tables) -> anyhow::Result<()> {
    let broker = &context.broker;
    let fleet = Fleet::follow(broker.clone());
    tables.check().await?;
    for left in tables.drop_left().await? {
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
    tables.make().await?;
    let name = broker.subjects.stream("EVENTS");
    let stream = broker.jetstream.get_stream(&name).await;
    let stream = stream.with_context(|| format!("the stream {name} cannot be read"))?;
    let known = tables.has(&tables.live, TABLES[0]).await?;
    let epoch = Source::open(broker, if known { &tables.live } else { &tables.new }, true).await?.epoch;

    let bar = progress_bar("{bar:30} {pos}/{len} {msg}", 0);
    let mut new = Events::new(broker, &tables.new, &stream, epoch, 0);
    new.from = options.from;
    // The jobs on record have told of themselves by the time the events are read, except for the very last.
    let mut finished = Finished::open(broker).await?;
    new.catch_up(&bar).await?;
    finished.fill(&tables.new, &new, &bar).await?;
    new.catch_up(&bar).await?;
    bar.set_message("copying the rows that the log does not have");
    let mut kept = tables.keep(&new.epoch, new.done).await?;

    let (lease, mut held) = Lease::new(context, WRITER);
    lease.seize().await?;
    let swapped = tokio::select! {
        swapped = swap(&fleet, tables, &mut new, &finished, &mut kept, &bar) => swapped,
        _ = held.wait_for(|held| !*held) => bail!("NATS was away for too long: run it again"),
        () = lease.keep() => bail!("the lease of the sink was not kept: run it again"),
    };
    Lease::give_back(context, WRITER).await;
    let (of_jobs, compared) = swapped?;
    bar.finish_and_clear();

    println!("{} events read, {} of them are no rows", new.read, new.refused);
    println!("{} finished jobs read, {of_jobs} of them no longer in {name}", finished.read);
    for (kept, (table, compared)) in kept.iter().zip(TABLES.iter().zip(compared)) {
        println!("{table}: {kept}\n{table}: {compared}");
    }
    Ok(())
}
