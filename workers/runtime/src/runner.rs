//! Consumes, processes, publishes and acknowledges the messages of every stage.
//!
//! Nothing is acknowledged before its result is stored, and an acknowledgement is never the proof that work is done: a
//! broker that crashes redelivers messages that were acknowledged. The stored answer is the proof.

mod advisories;
mod announce;
mod canary_dispatch;
mod canary_worker;
mod consumer;
mod dead_letter;
mod dead_letter_reason;
mod delivery;
mod delivery_attempts;
mod finish;
mod handle_delivery;
mod open_jobs;
mod pauses;
mod progress_publisher;
mod pull;
mod readiness;
mod retry_delay;
mod run_stage;
mod stop_requests;

use std::sync::{Arc, atomic::AtomicU64};

use hoidap_shared::{broker::Broker, config::Config, stage::Stage};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::canary::CanaryRegistry;
pub use announce::announce;
pub use canary_worker::run_canary;
pub use pauses::Pauses;
pub use stop_requests::StopRequests;

/// What every task of a worker process shares.
#[derive(Clone, Debug)]
pub struct WorkerContext {
    /// The configuration.
    pub config: Arc<Config>,
    /// The connection to NATS.
    pub broker: Broker,
    /// The unique name of this process.
    pub instance: String,
    /// Cancelled when the process is to stop.
    pub stop: CancellationToken,
    /// The names of the stages that are open.
    pub opened: watch::Sender<Vec<&'static str>>,
    /// The jobs that their visitors stopped.
    pub stops: StopRequests,
    /// Why stages consume no messages now.
    pub pauses: Pauses,
}

/// What all deliveries of one stage share.
pub(crate) struct Runner<S> {
    pub(crate) stage: S,
    /// The next stage; `None` for the last.
    pub(crate) next: Option<&'static str>,
    pub(crate) context: WorkerContext,
    /// The canaries of the stage.
    pub(crate) canaries: CanaryRegistry,
    /// Deliveries whose result is stored.
    pub(crate) deliveries: AtomicU64,
    /// The messages of the stage that have no result yet.
    open_jobs: open_jobs::OpenJobsCache,
    /// Cancelled when the time to finish jobs in flight is over.
    drain_timeout: CancellationToken,
}

/// Opens a stage and runs it until the context says stop. Jobs in flight are then finished or returned to the broker.
///
/// # Errors
/// When the stage cannot be opened, or NATS refuses its consumer.
pub async fn run<S: Stage>(context: WorkerContext, next: Option<&'static str>) -> anyhow::Result<()> {
    let stage = tokio::select! {
        stage = S::open(&context.config) => stage?,
        () = context.stop.cancelled() => return Ok(()),
    };
    info!(stage = S::NAME, version = stage.version(), "open");
    let canaries = CanaryRegistry::new(&context.instance);
    let runner = Arc::new(Runner {
        stage,
        next,
        context,
        canaries: canaries.clone(),
        deliveries: AtomicU64::new(0),
        open_jobs: open_jobs::OpenJobsCache::default(),
        drain_timeout: CancellationToken::new(),
    });
    runner.check_readiness().await;
    runner.context.opened.send_modify(|open| open.push(S::NAME));
    let status = || {
        let mut status = runner.stage.status();
        status.components.push(runner.context.pauses.component(S::NAME));
        (status, canaries.reports())
    };
    let announcing = announce(&runner.context, S::NAME, status);
    let following = canaries.follow(&runner.context.broker, S::NAME, &runner.context.stop);
    let (pulled, announced, (), (), ()) = tokio::join!(
        pull::pull(Arc::clone(&runner)),
        announcing,
        following,
        runner.watch_readiness(),
        advisories::follow(Arc::clone(&runner)),
    );
    announced?;
    pulled
}
