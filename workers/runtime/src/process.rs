//! A worker process: runs its services, serves its health, and stops on a signal.

mod health;

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use anyhow::Context as _;
use hoidap_shared::{broker::Broker, config::Config, fleet, telemetry};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::runner::{Pauses, StopRequests, WorkerContext};

/// How often this machine's clock is compared with the broker's.
const CLOCK_CHECK_INTERVAL: Duration = Duration::from_mins(1);
/// Longest wait for the last acknowledgements to leave.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// A task of a worker process.
pub type ServiceTask = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

/// What a worker process runs: a stage, a canary of a stage, or the analytics sink.
pub struct Service {
    name: &'static str,
    processes_jobs: bool,
    start: Box<dyn FnOnce(WorkerContext) -> ServiceTask + Send>,
}

impl Service {
    /// A service that processes jobs, such as a stage. It runs until the context says stop.
    pub fn for_jobs(
        name: &'static str,
        start: impl FnOnce(WorkerContext) -> ServiceTask + Send + 'static,
    ) -> Self {
        Self { name, processes_jobs: true, start: Box::new(start) }
    }

    /// A service that processes no jobs, and so needs no stop requests of visitors.
    pub fn without_jobs(
        name: &'static str,
        start: impl FnOnce(WorkerContext) -> ServiceTask + Send + 'static,
    ) -> Self {
        Self { name, processes_jobs: false, start: Box::new(start) }
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Runs services until SIGTERM or Ctrl-C.
///
/// # Errors
/// When a service fails, or NATS cannot be reached.
pub async fn run(config: Config, services: Vec<Service>) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(stop_on_signal(stop.clone())?);
    telemetry::init_tls();
    let metrics = telemetry::init_metrics()?;
    let connected = async {
        let broker = Broker::connect(&config.nats, "hoidap-worker").await?;
        broker.ensure_streams(&config.nats).await?;
        check_clock(&broker, config.worker.max_clock_skew_ms).await;
        anyhow::Ok(broker)
    };
    let broker = tokio::select! {
        broker = connected => broker?,
        () = stop.cancelled() => return Ok(()),
    };

    let (opened, open) = watch::channel(Vec::new());
    let processes_jobs = services.iter().any(|service| service.processes_jobs);
    let stops =
        if processes_jobs { StopRequests::subscribe(&broker).await? } else { StopRequests::default() };
    let pauses = Pauses::default();
    let config = Arc::new(config);
    let context = WorkerContext {
        config: Arc::clone(&config),
        broker: broker.clone(),
        instance: fleet::instance_name(),
        stop: stop.clone(),
        opened,
        stops,
        pauses: pauses.clone(),
    };
    tasks.spawn(upkeep(metrics.clone(), stop.clone()));
    let health = health::HealthState::new(metrics, broker.clone(), open, services.len(), pauses);
    let health_server = health::serve(config.worker.listen, health, stop.clone()).await?;

    for service in services {
        tasks.spawn((service.start)(context.clone()));
    }
    tasks.spawn(health_server);
    tasks.spawn(watch_clock(broker.clone(), config.worker.max_clock_skew_ms, stop.clone()));
    let result = first_failure(&mut tasks, &stop).await;
    // Gives the last acknowledgements time to leave the socket.
    let _ = tokio::time::timeout(FLUSH_TIMEOUT, broker.client.flush()).await;
    info!("stopped");
    result
}

/// Compares this machine's clock with the broker's, and logs the result.
async fn check_clock(broker: &Broker, max_skew_ms: u64) {
    match broker.synchronise_clock().await {
        Ok(ahead_ms) => match broker.clock.skew_problem(max_skew_ms) {
            Some(problem) => warn!(ahead_ms, "no stage takes jobs: {problem}"),
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

/// Merges latency samples into their histograms also where nobody scrapes the metrics.
async fn upkeep(metrics: PrometheusHandle, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            () = tokio::time::sleep(telemetry::METRICS_UPKEEP_INTERVAL) => metrics.run_upkeep(),
            () = stop.cancelled() => return Ok(()),
        }
    }
}

async fn watch_clock(broker: Broker, max_skew_ms: u64, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            () = tokio::time::sleep(CLOCK_CHECK_INTERVAL) => check_clock(&broker, max_skew_ms).await,
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// Listens for SIGTERM and Ctrl-C from now on. The returned future cancels the token when one comes.
///
/// # Errors
/// When the handlers of the signals cannot be set.
pub fn stop_on_signal(stop: CancellationToken) -> anyhow::Result<impl Future<Output = anyhow::Result<()>>> {
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

/// Waits for every task. When one fails, the others are told to stop, so that the process ends and is started again.
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
