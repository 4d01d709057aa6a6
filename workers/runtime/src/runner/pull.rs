use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_nats::jetstream::consumer::{Consumer, pull::Config as Pull};
use futures::StreamExt as _;
use hoidap_shared::stage::Stage;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use tracing::{info, warn};

use super::{Runner, WorkerContext, consumer::ensure_consumer};

/// How long one request for messages stands. A stopping process makes no new one, and works on what the last one still
/// brings: a request cannot be cancelled without losing messages, so it is short.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(500);
/// How long to wait after the broker failed.
const RETRY_DELAY: Duration = Duration::from_millis(500);
/// How long jobs may take to be returned to the broker when the time to finish them is over.
const RETURN_TIMEOUT: Duration = Duration::from_secs(2);

/// Pulls messages only while they can be processed at once, so that none waits here while its acknowledgement is due.
pub(super) async fn pull<S: Stage>(runner: Arc<Runner<S>>) -> anyhow::Result<()> {
    let context = &runner.context;
    let permits_left = Arc::new(Semaphore::new(S::concurrency(&context.config)));
    let mut running = JoinSet::new();
    let mut consumer = None;
    while !context.stop.is_cancelled() {
        let Some(open) = consumer.take() else {
            match ensure_consumer(&runner).await {
                Ok(found) => consumer = Some(found),
                Err(error) => {
                    warn!(stage = S::NAME, %error, "the consumer cannot be created or updated; trying again");
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            }
            continue;
        };
        let permits = tokio::select! {
            permits = take_permits(&permits_left) => permits,
            () = context.stop.cancelled() => break,
        };
        tokio::select! {
            () = context.pauses.wait_until_resumed(S::NAME) => {}
            () = context.stop.cancelled() => break,
        }
        match pull_once(&runner, &open, permits, &mut running).await {
            Ok(()) => consumer = Some(open),
            Err(error) => {
                warn!(stage = S::NAME, %error, "messages cannot be pulled; trying again");
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
        while running.try_join_next().is_some() {}
    }
    drain(&runner, running).await;
    Ok(())
}

/// Waits for one permit, and takes all others that are free.
async fn take_permits(semaphore: &Arc<Semaphore>) -> Vec<OwnedSemaphorePermit> {
    let mut permits = Vec::new();
    // The semaphore is never closed.
    if let Ok(first) = Arc::clone(semaphore).acquire_owned().await {
        permits.push(first);
    }
    while let Ok(more) = Arc::clone(semaphore).try_acquire_owned() {
        permits.push(more);
    }
    permits
}

async fn pull_once<S: Stage>(
    runner: &Arc<Runner<S>>,
    consumer: &Consumer<Pull>,
    mut permits: Vec<OwnedSemaphorePermit>,
    running: &mut JoinSet<()>,
) -> anyhow::Result<()> {
    let mut batch = consumer.batch().max_messages(permits.len()).expires(REQUEST_TIMEOUT).messages().await?;
    while let Some(message) = batch.next().await {
        let message = message.map_err(|error| anyhow::anyhow!("{error}"))?;
        let permit = permits.pop();
        let runner = Arc::clone(runner);
        running.spawn(async move {
            runner.deliver(message).await;
            drop(permit);
        });
    }
    Ok(())
}

/// Waits until the jobs in flight end. Those that do not in time are returned to the broker.
async fn drain<S: Stage>(runner: &Runner<S>, mut running: JoinSet<()>) {
    let in_flight = running.len();
    wait_for_tasks(&runner.context, &mut running).await;
    let left = running.len();
    if left > 0 {
        warn!(stage = S::NAME, left, "stopped with jobs in flight; they are returned to the broker");
        runner.drain_timeout.cancel();
        let _ = tokio::time::timeout(RETURN_TIMEOUT, async { while running.join_next().await.is_some() {} })
            .await;
        running.shutdown().await;
    }
    let deliveries = runner.deliveries.load(Ordering::Relaxed);
    info!(stage = S::NAME, deliveries, in_flight, "stopped");
}

/// Waits for tasks as long as a process may take to end.
async fn wait_for_tasks(context: &WorkerContext, running: &mut JoinSet<()>) {
    let limit = Duration::from_millis(context.config.worker.drain_ms);
    let _ = tokio::time::timeout(limit, async { while running.join_next().await.is_some() {} }).await;
}

/// Waits for tasks as long as a process may take to end, then aborts the rest. Returns how many were aborted.
pub(super) async fn drain_or_abort(context: &WorkerContext, mut running: JoinSet<()>) -> usize {
    wait_for_tasks(context, &mut running).await;
    let left = running.len();
    running.shutdown().await;
    left
}
