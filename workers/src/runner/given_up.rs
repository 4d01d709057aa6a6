use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{
    AckKind, Message,
    consumer::{Consumer, pull::Config as Pull},
    stream::Stream,
};
use futures::StreamExt as _;
use hoidap_shared::stage::Stage;
use serde::Deserialize;
use tracing::{Instrument as _, debug, field::Empty, info_span, warn};

use super::{
    Runner,
    dead::Death,
    delivery::{Arrival, End},
};
use crate::direct;

/// How long one request for notices stands.
const EXPIRES: Duration = Duration::from_secs(1);
/// Notices taken at once.
const BATCH: usize = 16;
/// How long to wait after the broker failed, and before a notice comes again.
const PAUSE: Duration = Duration::from_secs(1);

/// The broker's notice that it gave up a delivery.
#[derive(Deserialize)]
struct Notice {
    stream_seq: u64,
    #[serde(default)]
    deliveries: u32,
}

/// Sees to it that a job which the broker gives up has its dead letter, its answer and its event. The stage's own consumer
/// has no limit at which it would; one of an older release, or one that an operator made, has.
pub(super) async fn follow<S: Stage>(runner: Arc<Runner<S>>) {
    let context = &runner.context;
    let mut consumer = None;
    while !context.stop.is_cancelled() {
        tokio::select! {
            () = context.pauses.ended(S::NAME) => {}
            () = context.stop.cancelled() => return,
        }
        let result = match consumer.take() {
            None => ensure(&runner).await.map(|made| consumer = Some(made)),
            Some(open) => take(&runner, &open).await.map(|()| consumer = Some(open)),
        };
        if let Err(error) = result {
            debug!(stage = S::NAME, %error, "what the broker gave up is not to be had; trying again");
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = context.stop.cancelled() => {}
            }
        }
    }
}

async fn ensure<S: Stage>(runner: &Runner<S>) -> anyhow::Result<Consumer<Pull>> {
    let broker = &runner.context.broker;
    let stream: Stream<()> =
        broker.jetstream.get_stream_no_info(broker.subjects.stream("ADVISORIES")).await?;
    Ok(stream.create_consumer(broker.subjects.given_up_consumer(S::NAME)).await?)
}

async fn take<S: Stage>(runner: &Runner<S>, consumer: &Consumer<Pull>) -> anyhow::Result<()> {
    let mut notices = consumer.batch().max_messages(BATCH).expires(EXPIRES).messages().await?;
    loop {
        let notice = tokio::select! {
            notice = notices.next() => notice,
            // What is on its way comes again, to whoever listens then.
            () = runner.context.stop.cancelled() => None,
        };
        let Some(notice) = notice else { return Ok(()) };
        let notice = notice.map_err(|error| anyhow::anyhow!("{error}"))?;
        let kind = match runner.settle(&notice).await {
            Ok(End::Done) => AckKind::Ack,
            Ok(End::Again(_) | End::Returned(_)) => AckKind::Nak(Some(PAUSE)),
            Err(error) => {
                warn!(stage = S::NAME, %error, "a job that the broker gave up waits for its end");
                AckKind::Nak(Some(PAUSE))
            }
        };
        notice.ack_with(kind).await.map_err(|error| anyhow::anyhow!("{error}"))?;
    }
}

impl<S: Stage> Runner<S> {
    /// Ends one job that the broker gave up, unless it has ended or gone on.
    async fn settle(&self, notice: &Message) -> anyhow::Result<End> {
        let Ok(Notice { stream_seq, deliveries }) = serde_json::from_slice(&notice.payload) else {
            return Ok(End::Done);
        };
        let broker = &self.context.broker;
        let message = direct::message(broker, "JOBS", stream_seq).await?;
        let Some(message) = message.filter(|found| found.subject.as_str() == broker.subjects.jobs(S::NAME))
        else {
            warn!(
                stage = S::NAME,
                sequence = stream_seq,
                "the broker gave up a job that the log no longer has"
            );
            return Ok(End::Done);
        };
        let arrival = Arrival::given_up(message, deliveries);
        let span = info_span!("given up", stage = S::NAME, sequence = stream_seq, job = Empty, trace = Empty);
        Ok(self.end_given_up(&arrival).instrument(span).await)
    }

    async fn end_given_up(&self, arrival: &Arrival) -> End {
        let header = arrival.header();
        if let Some(header) = &header {
            match self.already_answered(&header.job_id, arrival).await {
                Ok(true) => return End::Done,
                Ok(false) => {}
                Err(error) => return self.again(arrival, &error.to_string()),
            }
        }
        match self.is_open(arrival).await {
            Ok(true) => {}
            Ok(false) => return End::Done,
            Err(error) => return self.again(arrival, &format!("{error:#}")),
        }
        let job = hoidap_shared::job::Envelope::<S::In>::decode(&arrival.payload).ok();
        self.bury(arrival, header, job.as_ref(), Death::given_up(arrival.delivery)).await
    }
}
