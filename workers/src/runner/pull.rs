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

use super::{Context, Runner, consumer::ensure_consumer};

/// How long one request for messages stands. A process that is to stop makes no new one, and works on what the last one
/// still brings: the server knows no other end of a request that loses nothing, so it is short.
const EXPIRES: Duration = Duration::from_millis(500);
/// How long to wait after the broker failed.
const PAUSE: Duration = Duration::from_millis(500);
/// How long jobs may take to be handed back when the time to finish them is over.
const HAND_BACK: Duration = Duration::from_secs(2);

/// Takes messages while there is room for them, so that none waits in this process while its clock runs.
pub(super) async fn pull<S: Stage>(runner: Arc<Runner<S>>) -> anyhow::Result<()> {
    let context = &runner.context;
    let room = Arc::new(Semaphore::new(S::concurrency(&context.config)));
    let mut working = JoinSet::new();
    let mut consumer = None;
    while !context.stop.is_cancelled() {
        let Some(open) = consumer.take() else {
            match ensure_consumer(&runner).await {
                Ok(found) => consumer = Some(found),
                Err(error) => {
                    warn!(stage = S::NAME, %error, "the consumer is not to be had; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
            continue;
        };
        let permits = tokio::select! {
            permits = take_permits(&room) => permits,
            () = context.stop.cancelled() => break,
        };
        tokio::select! {
            () = context.pauses.ended(S::NAME) => {}
            () = context.stop.cancelled() => break,
        }
        match pull_once(&runner, &open, permits, &mut working).await {
            Ok(()) => consumer = Some(open),
            Err(error) => {
                warn!(stage = S::NAME, %error, "messages cannot be pulled; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
        while working.try_join_next().is_some() {}
    }
    drain(&runner, working).await;
    Ok(())
}

/// At least one permit, and all the others that are free.
async fn take_permits(room: &Arc<Semaphore>) -> Vec<OwnedSemaphorePermit> {
    let mut permits = Vec::new();
    // The semaphore is never closed.
    if let Ok(first) = Arc::clone(room).acquire_owned().await {
        permits.push(first);
    }
    while let Ok(more) = Arc::clone(room).try_acquire_owned() {
        permits.push(more);
    }
    permits
}

async fn pull_once<S: Stage>(
    runner: &Arc<Runner<S>>,
    consumer: &Consumer<Pull>,
    mut permits: Vec<OwnedSemaphorePermit>,
    working: &mut JoinSet<()>,
) -> anyhow::Result<()> {
    let mut batch = consumer.batch().max_messages(permits.len()).expires(EXPIRES).messages().await?;
    while let Some(message) = batch.next().await {
        let message = message.map_err(|error| anyhow::anyhow!("{error}"))?;
        let permit = permits.pop();
        let runner = Arc::clone(runner);
        working.spawn(async move {
            runner.deliver(message).await;
            drop(permit);
        });
    }
    Ok(())
}

/// Lets what is in flight finish; what is not done by the deadline is handed back.
async fn drain<S: Stage>(runner: &Runner<S>, mut working: JoinSet<()>) {
    let in_flight = working.len();
    finish(&runner.context, &mut working).await;
    let left = working.len();
    if left > 0 {
        warn!(stage = S::NAME, left, "stopped with jobs in flight; they are handed back");
        runner.cut_off.cancel();
        let _ = tokio::time::timeout(HAND_BACK, async { while working.join_next().await.is_some() {} }).await;
        working.shutdown().await;
    }
    let deliveries = runner.deliveries.load(Ordering::Relaxed);
    info!(stage = S::NAME, deliveries, in_flight, "stopped");
}

/// Waits for tasks as long as a process may take to end.
async fn finish(context: &Context, working: &mut JoinSet<()>) {
    let limit = Duration::from_millis(context.config.worker.drain_ms);
    let _ = tokio::time::timeout(limit, async { while working.join_next().await.is_some() {} }).await;
}

/// Waits for tasks as long as a process may take to end, then aborts them; how many were aborted.
pub(super) async fn settle(context: &Context, mut working: JoinSet<()>) -> usize {
    finish(context, &mut working).await;
    let left = working.len();
    working.shutdown().await;
    left
}
