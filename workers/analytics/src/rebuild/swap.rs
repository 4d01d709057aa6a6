use std::time::Duration;

use anyhow::bail;
use hoidap_shared::fleet::{ANALYTICS, Fleet, HEARTBEAT_TIMEOUT};
use indicatif::ProgressBar;
use tokio::time::timeout;

use super::{
    compare::{TableComparison, compare},
    events::EventCopier,
    finished::FinishedJobs,
    tables::{RetainedRows, Tables},
};

/// How often the last steps are tried while another process writes in between.
const MAX_ATTEMPTS: usize = 3;

/// Brings old and new tables to the same event, compares them, and swaps them. Needs the sink's lease. Returns the number of
/// chats derived from finished jobs, and the comparisons.
pub(super) async fn swap(
    fleet: &Fleet,
    tables: &Tables,
    new: &mut EventCopier<'_>,
    finished: &FinishedJobs<'_>,
    retained: &mut [RetainedRows],
    bar: &ProgressBar,
) -> anyhow::Result<(u64, Vec<TableComparison>)> {
    bar.set_message("waiting until the sink stands by");
    let idle = async {
        while fleet.members(ANALYTICS).iter().any(|sink| !sink.status.components.is_empty()) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    // A silent sink is not waited for longer than its announcement counts: what it may still write does no harm.
    let _ = timeout(HEARTBEAT_TIMEOUT, idle).await;
    tables.live.migrate().await?;
    let mut live = new.for_sink(&tables.live).await?;
    let mut lacking = 0;
    for _ in 0..MAX_ATTEMPTS {
        let last = live.last().await?;
        live.copy_up_to(last, bar).await?;
        new.copy_up_to(last, bar).await?;
        bar.set_message("comparing");
        for (retained, more) in retained.iter_mut().zip(tables.copy_retained_rows(&new.epoch, last).await?) {
            retained.add(more);
        }
        let compared = compare(tables).await?;
        lacking = compared.iter().map(|compared| compared.lacking).sum();
        if lacking > 0 {
            continue;
        }
        bar.set_message("swapping");
        let of_jobs = finished.count_rows(&tables.new).await?;
        tables.exchange().await?;
        // What a sink that was slow to stop wrote to the old tables was in the stream before.
        live.done = last;
        live.catch_up(bar).await?;
        return Ok((of_jobs, compared));
    }
    bail!(
        "the new tables would lack {lacking} rows that the old ones hold, so nothing was changed: run it again"
    )
}
