//! Consume, process, publish, acknowledge: once, for every stage.
//!
//! Nothing is acknowledged before what follows from it is stored, and an acknowledgement is never the proof that work
//! is done: a broker that crashes hands back messages that were acknowledged. The stored answer is the proof.

mod announce;
mod canary;
mod consumer;
mod dead;
mod delivery;
mod finish;
mod fitness;
mod given_up;
mod hand_over;
mod pauses;
mod pull;
mod stops;
mod tell;
mod tries;
mod unfinished;
mod work;

use std::sync::{Arc, atomic::AtomicU64};

use hoidap_shared::{broker::Broker, config::Config, stage::Stage};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::canary::Board;
pub use announce::announce;
pub use canary::canary;
pub(crate) use dead::{BYTES, STORED};
pub(crate) use delivery::REDRIVE;
pub(crate) use finish::{ENDED, ended_ms};
pub use pauses::Pauses;
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
    /// Why stages take no jobs now.
    pub pauses: Pauses,
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
    /// What is known of jobs that are not finished.
    log: unfinished::Log,
    /// Cancelled when the time to finish what is in flight is over.
    cut_off: CancellationToken,
}

/// Opens a stage and runs it until the context says stop; what is in flight then is finished or handed back.
///
/// # Errors
/// When the stage cannot be opened, or NATS refuses its consumer.
pub async fn run<S: Stage>(context: Context, next: Option<&'static str>) -> anyhow::Result<()> {
    let stage = tokio::select! {
        stage = S::open(&context.config) => stage?,
        () = context.stop.cancelled() => return Ok(()),
    };
    info!(stage = S::NAME, version = stage.status().version, "open");
    let board = Board::new(&context.instance);
    let runner = Arc::new(Runner {
        stage,
        next,
        context,
        board: board.clone(),
        deliveries: AtomicU64::new(0),
        log: unfinished::Log::default(),
        cut_off: CancellationToken::new(),
    });
    runner.look().await;
    runner.context.opened.send_modify(|open| open.push(S::NAME));
    let status = || {
        let mut status = runner.stage.status();
        status.components.push(runner.context.pauses.component(S::NAME));
        (status, board.canaries())
    };
    let telling = announce(&runner.context, S::NAME, status);
    let following = board.follow(&runner.context.broker, S::NAME, &runner.context.stop);
    let (done, told, (), (), ()) = tokio::join!(
        pull::pull(Arc::clone(&runner)),
        telling,
        following,
        runner.keep_looking(),
        given_up::follow(Arc::clone(&runner)),
    );
    told?;
    done
}
