use std::time::Duration;

use anyhow::bail;
use hoidap_shared::fleet::{Fleet, STALE};
use indicatif::ProgressBar;
use tokio::time::timeout;

use super::{
    compare::{Compared, compare},
    events::Events,
    finished::Finished,
    tables::{Kept, Tables},
};
use crate::process::ANALYTICS;

/// How often the last steps are tried when somebody writes in between.
const TRIES: usize = 3;

/// With the sink's lease: brings both to the same event, compares them, and swaps them. Says how many chats are made of
/// finished jobs.
pub(super) async fn swap(
    fleet: &Fleet,
    tables: &Tables,
    new: &mut Events<'_>,
    finished: &Finished<'_>,
    kept: &mut [Kept],
    bar: &ProgressBar,
) -> anyhow::Result<(u64, Vec<Compared>)> {
    bar.set_message("waiting until the sink stands by");
    let idle = async {
        while fleet.members(ANALYTICS).iter().any(|sink| !sink.status.components.is_empty()) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    // One that is silent is not waited for longer than its word counts: what it may still write does no harm.
    let _ = timeout(STALE, idle).await;
    tables.live.migrate().await?;
    let mut live = new.of_sink(&tables.live).await?;
    let mut left = 0;
    for _ in 0..TRIES {
        let last = live.last().await?;
        live.to(last, bar).await?;
        new.to(last, bar).await?;
        bar.set_message("comparing");
        for (kept, more) in kept.iter_mut().zip(tables.keep(&new.epoch, last).await?) {
            kept.add(more);
        }
        let compared = compare(tables).await?;
        left = compared.iter().map(|compared| compared.lacking).sum();
        if left > 0 {
            continue;
        }
        bar.set_message("swapping");
        let of_jobs = finished.rows(&tables.new).await?;
        tables.exchange().await?;
        // What a sink that was slow to stop wrote to the old tables was in the stream before.
        live.done = last;
        live.catch_up(bar).await?;
        return Ok((of_jobs, compared));
    }
    bail!(
        "the new tables would lack {left} rows that the old ones hold, so nothing was changed: run it again"
    )
}
