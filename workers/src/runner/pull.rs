use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_nats::jetstream::{
    AckKind, Message,
    consumer::{Consumer, pull::Config as Pull},
};
use futures::StreamExt as _;
use hoidap_shared::stage::Stage;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use tracing::{info, warn};

use super::{Context, Runner};

/// How long one request for messages stands.
const EXPIRES: Duration = Duration::from_secs(2);
/// How long to wait after the broker failed.
const PAUSE: Duration = Duration::from_millis(500);

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
        let permits = take_permits(&room).await;
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

async fn ensure_consumer<S: Stage>(runner: &Runner<S>) -> anyhow::Result<Consumer<Pull>> {
    let broker = &runner.context.broker;
    let wanted = broker.subjects.stage_consumer(S::NAME, &runner.context.config.worker);
    let stream = broker.jetstream.get_stream(broker.subjects.stream("JOBS")).await?;
    Ok(stream.create_consumer(wanted).await?)
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
        // The request still stands on the server when the process is told to stop: what arrives now goes back.
        if runner.context.stop.is_cancelled() {
            hand_back(&message).await;
            continue;
        }
        let permit = permits.pop();
        let runner = Arc::clone(runner);
        working.spawn(async move {
            runner.deliver(message).await;
            drop(permit);
        });
    }
    Ok(())
}

async fn hand_back(message: &Message) {
    if let Err(error) = message.ack_with(AckKind::Nak(Some(Duration::from_millis(50)))).await {
        warn!(%error, "a message could not be handed back; the server does it when its time is over");
    }
}

/// Lets what is in flight finish; what is not done by the deadline is aborted and delivered again elsewhere.
async fn drain<S: Stage>(runner: &Runner<S>, working: JoinSet<()>) {
    let in_flight = working.len();
    let left = settle(&runner.context, working).await;
    if left > 0 {
        warn!(stage = S::NAME, left, "stopped with jobs in flight; they are delivered again");
    }
    let deliveries = runner.deliveries.load(Ordering::Relaxed);
    info!(stage = S::NAME, deliveries, in_flight, "stopped");
}

/// Waits for tasks as long as a process may take to end, then aborts them; how many were aborted.
pub(super) async fn settle(context: &Context, mut working: JoinSet<()>) -> usize {
    let limit = Duration::from_millis(context.config.worker.drain_ms);
    let _ = tokio::time::timeout(limit, async { while working.join_next().await.is_some() {} }).await;
    let left = working.len();
    working.shutdown().await;
    left
}
