use std::time::Duration;

use hoidap_shared::{
    fleet::{self, BEAT, Canary, Member},
    stage::StageStatus,
};
use tokio::time::Instant;
use tracing::debug;

use super::Context;

/// How soon a changed status is told.
const LOOK: Duration = Duration::from_millis(250);

/// Tells the fleet how a stage of this process, and its canaries, are doing: every [`BEAT`], and at once when the stage
/// changed; withdrawn at the end.
///
/// # Errors
/// None today: a broker that is away is tried again.
pub async fn announce(
    context: &Context,
    stage: &'static str,
    status: impl Fn() -> (StageStatus, Vec<Canary>) + Send,
) -> anyhow::Result<()> {
    let mut told: Option<(StageStatus, Instant)> = None;
    let mut store = None;
    while !context.stop.is_cancelled() {
        let (now, canaries) = status();
        let due = told.as_ref().is_none_or(|(last, at)| *last != now || at.elapsed() >= BEAT);
        if due {
            if store.is_none() {
                store = fleet::bucket(&context.broker).await.ok();
            }
            if let Some(open) = &store {
                let instance = context.instance.clone();
                let member = Member { stage: stage.into(), instance, status: now.clone(), canaries };
                match fleet::announce(open, &member).await {
                    Ok(()) => told = Some((now, Instant::now())),
                    Err(error) => {
                        debug!(stage, %error, "the fleet cannot be told");
                        store = None;
                    }
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = context.stop.cancelled() => {}
        }
    }
    if let Some(open) = &store {
        // A broker that is away forgets this process by itself.
        let _ = tokio::time::timeout(Duration::from_secs(1), fleet::withdraw(open, stage, &context.instance))
            .await;
    }
    Ok(())
}
