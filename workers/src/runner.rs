//! Consume, process, publish, acknowledge: once, for every stage.
//!
//! Nothing is acknowledged before what follows from it is stored, and an acknowledgement is never the proof that work
//! is done: a broker that crashes hands back messages that were acknowledged. The stored answer is the proof.

mod announce;
mod canary;
mod dead;
mod delivery;
mod finish;
mod hand_over;
mod pull;
mod stops;
mod tell;
mod work;

use std::sync::{Arc, atomic::AtomicU64};

use hoidap_shared::{broker::Broker, config::Config, stage::Stage};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::canary::Board;
pub use announce::announce;
pub use canary::canary;
pub(crate) use delivery::REDRIVE;
pub(crate) use finish::{ENDED, ended_ms};
pub use stops::Stops;

/// What a stage's runner is handed.
#[derive(Clone, Debug)]
pub struct Context {
    /// The configuration.
    pub config: Arc<Config>,
    /// The connection to NATS.
    pub broker: Broker,
    /// This process's name.
    pub instance: String,
    /// Cancelled when the process is to stop.
    pub stop: CancellationToken,
    /// Told the stage's name once it is open.
    pub opened: watch::Sender<Vec<&'static str>>,
    /// The jobs whose visitors want no more.
    pub stops: Stops,
}

/// Everything one stage's deliveries share.
pub(crate) struct Runner<S> {
    pub(crate) stage: S,
    pub(crate) next: Option<&'static str>,
    pub(crate) context: Context,
    /// The canaries of the stage.
    pub(crate) board: Board,
    /// Deliveries that ended with what follows being stored.
    pub(crate) deliveries: AtomicU64,
}

/// Opens a stage and runs it until the context says stop; what is in flight then is finished or handed back.
///
/// # Errors
/// When the stage cannot be opened, or NATS refuses its consumer.
pub async fn run<S: Stage>(context: Context, next: Option<&'static str>) -> anyhow::Result<()> {
    let stage = S::open(&context.config).await?;
    info!(stage = S::NAME, version = stage.status().version, "open");
    context.opened.send_modify(|open| open.push(S::NAME));
    let board = Board::new(&context.instance);
    let runner =
        Arc::new(Runner { stage, next, context, board: board.clone(), deliveries: AtomicU64::new(0) });
    let telling = announce(&runner.context, S::NAME, || (runner.stage.status(), board.canaries()));
    let following = board.follow(&runner.context.broker, S::NAME, &runner.context.stop);
    let (done, told, ()) = tokio::join!(pull::pull(Arc::clone(&runner)), telling, following);
    told?;
    done
}
