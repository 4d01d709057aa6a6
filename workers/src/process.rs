//! A worker process: the stages it runs, its health, its end.

mod health;

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use hoidap_shared::{broker::Broker, config::Config, fleet, telemetry};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    analytics::Sink,
    canary::Offer,
    pipeline::{Entry, pipeline},
    runner::{Context, Pauses, Stops},
};

/// How often this machine's clock is compared with the broker's.
const COMPARE: Duration = Duration::from_mins(1);
/// Longest wait for the last acknowledgements to leave.
const FLUSH: Duration = Duration::from_secs(2);

/// The name of the analytics sink on the command line: not a stage, but run like one.
pub const ANALYTICS: &str = "analytics";

/// Runs the named stages (and the analytics sink, when named), or a canary of each, until SIGTERM or Ctrl-C.
///
/// # Errors
/// When a name is unknown or has no canary, a stage cannot be opened, or NATS cannot be reached.
pub async fn run(config: Config, names: &[String], canary: Option<Offer>) -> anyhow::Result<()> {
    let entries = chosen(names)?;
    let analytics = names.iter().any(|name| name == ANALYTICS);
    if analytics && canary.is_some() {
        bail!("{ANALYTICS} is no stage that sessions pass: it has no canary");
    }
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(stop_on_signal(stop.clone())?);
    telemetry::init_tls();
    let metrics = telemetry::init_metrics()?;
    let connected = async {
        let broker = Broker::connect(&config.nats, "hoidap-worker").await?;
        broker.ensure_streams(&config.nats).await?;
        compare(&broker, config.worker.max_clock_skew_ms).await;
        anyhow::Ok(broker)
    };
    let broker = tokio::select! {
        broker = connected => broker?,
        () = stop.cancelled() => return Ok(()),
    };

    let (opened, open) = watch::channel(Vec::new());
    let instance = fleet::instance_name();
    // The analytics sink works on no job.
    let stops = if entries.is_empty() { Stops::default() } else { Stops::follow(&broker).await? };
    let pauses = Pauses::default();
    let config = Arc::new(config);
    let context = Context {
        config: Arc::clone(&config),
        broker: broker.clone(),
        instance,
        stop: stop.clone(),
        opened,
        stops,
        pauses: pauses.clone(),
    };
    let wanted = entries.len() + usize::from(analytics);
    let health = health::Health::new(metrics, broker.clone(), open, wanted, pauses);
    let served = health::serve(config.worker.listen, health, stop.clone()).await?;

    for entry in entries {
        tasks.spawn(match &canary {
            Some(offer) => (entry.canary)(context.clone(), offer.clone()),
            None => (entry.run)(context.clone(), entry.next),
        });
    }
    if analytics {
        tasks.spawn(Sink::run(context.clone()));
    }
    tasks.spawn(served);
    tasks.spawn(keep_comparing(broker.clone(), config.worker.max_clock_skew_ms, stop.clone()));
    let result = first_failure(&mut tasks, &stop).await;
    // Gives the last acknowledgements time to leave the socket.
    let _ = tokio::time::timeout(FLUSH, broker.client.flush()).await;
    info!("stopped");
    result
}

/// Every stage of the pipeline, and the analytics sink.
pub fn every_name() -> Vec<String> {
    pipeline().iter().map(|entry| entry.name).chain([ANALYTICS]).map(String::from).collect()
}

/// The entries of the named stages, in the pipeline's order.
fn chosen(names: &[String]) -> anyhow::Result<Vec<Entry>> {
    let all = pipeline();
    for name in names {
        if name != ANALYTICS && !all.iter().any(|entry| entry.name == name) {
            bail!("`{name}` is not a stage: choose from {}", every_name().join(", "));
        }
    }
    Ok(all.into_iter().filter(|entry| names.iter().any(|name| name == entry.name)).collect())
}

/// Compares this machine's clock with the broker's, and says so.
async fn compare(broker: &Broker, most_ms: u64) {
    match broker.compare_clock().await {
        Ok(ahead_ms) => match broker.clock.trouble(most_ms) {
            Some(trouble) => warn!(ahead_ms, "no stage takes jobs: {trouble}"),
            None => info!(ahead_ms, "compared this machine's clock with the broker's"),
        },
        Err(error) => {
            warn!(
                error = format!("{error:#}"),
                "this machine's clock could not be compared with the broker's"
            );
        }
    }
}

async fn keep_comparing(broker: Broker, most_ms: u64, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            () = tokio::time::sleep(COMPARE) => compare(&broker, most_ms).await,
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// Listens for SIGTERM and Ctrl-C from now on; the returned future cancels the token when one comes.
pub(crate) fn stop_on_signal(
    stop: CancellationToken,
) -> anyhow::Result<impl Future<Output = anyhow::Result<()>>> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be listened for")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be listened for")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => info!("SIGTERM: finishing what is in flight"),
            _ = interrupt.recv() => info!("interrupted: finishing what is in flight"),
            () = stop.cancelled() => {}
        }
        stop.cancel();
        Ok(())
    })
}

/// Waits for every task. When one fails, the others are told to stop, so that the process ends and is started anew.
async fn first_failure(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut result = Ok(());
    while let Some(ended) = tasks.join_next().await {
        let ended =
            ended.unwrap_or_else(|panic| Err(anyhow::anyhow!("a task of this process died: {panic}")));
        if ended.is_err() && result.is_ok() {
            result = ended;
        }
        if result.is_err() {
            stop.cancel();
        }
    }
    result
}
