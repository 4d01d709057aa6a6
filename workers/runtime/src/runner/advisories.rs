use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{
    AckKind, Message,
    consumer::{Consumer, pull::Config as Pull},
    stream::Stream,
};
use futures::StreamExt as _;
use hoidap_shared::{job::Envelope, stage::Stage};
use serde::Deserialize;
use tracing::{Instrument as _, debug, field::Empty, info_span, warn};

use super::{
    Runner,
    dead_letter_reason::DeadLetterReason,
    delivery::{Delivery, DeliveryEnd},
};
use crate::direct_get;

/// How long one request for advisories stands.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(1);
/// Advisories of one request.
const BATCH_SIZE: usize = 16;
/// How long to wait after the broker failed, and before an advisory is redelivered.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The broker's advisory that it gave up delivering a message.
#[derive(Deserialize)]
struct Advisory {
    stream_seq: u64,
    #[serde(default)]
    deliveries: u32,
}

/// Gives every job that the broker gives up its dead letter, its answer and its event. The stage's own consumer has no limit
/// of deliveries; one of an older release, or one that an operator made, has.
pub(super) async fn follow<S: Stage>(runner: Arc<Runner<S>>) {
    let context = &runner.context;
    let mut consumer = None;
    while !context.stop.is_cancelled() {
        tokio::select! {
            () = context.pauses.wait_until_resumed(S::NAME) => {}
            () = context.stop.cancelled() => return,
        }
        let result = match consumer.take() {
            None => ensure_consumer(&runner).await.map(|created| consumer = Some(created)),
            Some(open) => consume(&runner, &open).await.map(|()| consumer = Some(open)),
        };
        if let Err(error) = result {
            debug!(stage = S::NAME, %error, "the broker's advisories cannot be read; trying again");
            tokio::select! {
                () = tokio::time::sleep(RETRY_DELAY) => {}
                () = context.stop.cancelled() => {}
            }
        }
    }
}

async fn ensure_consumer<S: Stage>(runner: &Runner<S>) -> anyhow::Result<Consumer<Pull>> {
    let broker = &runner.context.broker;
    let stream: Stream<()> =
        broker.jetstream.get_stream_no_info(broker.subjects.stream("ADVISORIES")).await?;
    Ok(stream.create_consumer(broker.subjects.advisory_consumer(S::NAME)).await?)
}

async fn consume<S: Stage>(runner: &Runner<S>, consumer: &Consumer<Pull>) -> anyhow::Result<()> {
    let mut messages = consumer.batch().max_messages(BATCH_SIZE).expires(REQUEST_TIMEOUT).messages().await?;
    loop {
        let message = tokio::select! {
            message = messages.next() => message,
            // Advisories on their way are redelivered to another process.
            () = runner.context.stop.cancelled() => None,
        };
        let Some(message) = message else { return Ok(()) };
        let message = message.map_err(|error| anyhow::anyhow!("{error}"))?;
        let kind = match runner.handle_advisory(&message).await {
            Ok(DeliveryEnd::Done) => AckKind::Ack,
            Ok(DeliveryEnd::Retry(_) | DeliveryEnd::Returned(_)) => AckKind::Nak(Some(RETRY_DELAY)),
            Err(error) => {
                warn!(stage = S::NAME, %error, "a job that the broker gave up could not be ended yet");
                AckKind::Nak(Some(RETRY_DELAY))
            }
        };
        message.ack_with(kind).await.map_err(|error| anyhow::anyhow!("{error}"))?;
    }
}

impl<S: Stage> Runner<S> {
    /// Ends one job that the broker gave up, unless it has ended or gone on.
    async fn handle_advisory(&self, message: &Message) -> anyhow::Result<DeliveryEnd> {
        let Ok(Advisory { stream_seq, deliveries }) = serde_json::from_slice(&message.payload) else {
            return Ok(DeliveryEnd::Done);
        };
        let broker = &self.context.broker;
        let found = direct_get::message(broker, "JOBS", stream_seq).await?;
        let Some(found) = found.filter(|found| found.subject.as_str() == broker.subjects.jobs(S::NAME))
        else {
            warn!(
                stage = S::NAME,
                sequence = stream_seq,
                "the broker gave up a job that the stream no longer has"
            );
            return Ok(DeliveryEnd::Done);
        };
        let delivery = Delivery::given_up(found, deliveries);
        let span = info_span!("given up", stage = S::NAME, sequence = stream_seq, job = Empty, trace = Empty);
        Ok(self.end_given_up(&delivery).instrument(span).await)
    }

    async fn end_given_up(&self, delivery: &Delivery) -> DeliveryEnd {
        let header = delivery.header();
        if let Some(header) = &header {
            match self.already_answered(&header.job_id, delivery).await {
                Ok(true) => return DeliveryEnd::Done,
                Ok(false) => {}
                Err(error) => return self.return_delivery(delivery, &error.to_string()),
            }
        }
        match self.is_open(delivery).await {
            Ok(true) => {}
            Ok(false) => return DeliveryEnd::Done,
            Err(error) => return self.return_delivery(delivery, &format!("{error:#}")),
        }
        let job = Envelope::<S::In>::decode(&delivery.payload).ok();
        let reason = DeadLetterReason::given_up_by_broker(delivery.number);
        self.dead_letter(delivery, header, job.as_ref(), reason).await
    }
}
