use std::time::Duration;

use hoidap_shared::{
    fleet::{self, CanaryReport, HEARTBEAT_INTERVAL, Member},
    stage::StageStatus,
};
use tokio::time::Instant;
use tracing::debug;

use super::WorkerContext;

/// How often the status is compared with the announced one.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// How long a process that stops waits for its entry to be removed.
const WITHDRAW_TIMEOUT: Duration = Duration::from_secs(1);

/// Announces the status of a stage of this process, and its canaries, to the fleet: every [`HEARTBEAT_INTERVAL`], and at
/// once when the status changes. Withdraws it at the end.
///
/// # Errors
/// None today: an unreachable broker is tried again.
pub async fn announce(
    context: &WorkerContext,
    stage: &'static str,
    status: impl Fn() -> (StageStatus, Vec<CanaryReport>) + Send,
) -> anyhow::Result<()> {
    let mut announced: Option<(StageStatus, Instant)> = None;
    let mut store = None;
    while !context.stop.is_cancelled() {
        let (now, canaries) = status();
        let is_due =
            announced.as_ref().is_none_or(|(last, at)| *last != now || at.elapsed() >= HEARTBEAT_INTERVAL);
        if is_due {
            if store.is_none() {
                store = fleet::open_bucket(&context.broker).await.ok();
            }
            if let Some(open) = &store {
                let instance = context.instance.clone();
                let member = Member { stage: stage.into(), instance, status: now.clone(), canaries };
                match fleet::announce(open, &member).await {
                    Ok(()) => announced = Some((now, Instant::now())),
                    Err(error) => {
                        debug!(stage, %error, "the status cannot be announced");
                        store = None;
                    }
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            () = context.stop.cancelled() => {}
        }
    }
    if let Some(open) = &store {
        // The entry expires by itself when the broker cannot be reached.
        let withdraw = fleet::withdraw(open, stage, &context.instance);
        let _ = tokio::time::timeout(WITHDRAW_TIMEOUT, withdraw).await;
    }
    Ok(())
}
