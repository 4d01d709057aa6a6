//! The deliveries of all consumers that read progress logs, over one subscription.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_nats::{
    Message, StatusCode, Subscriber,
    jetstream::{
        self,
        consumer::{AckPolicy, DeliverPolicy, ReplayPolicy, push},
    },
};
use futures::StreamExt as _;
use hoidap_shared::{broker::Broker, job::JobId};
use tokio::time::MissedTickBehavior;
use tracing::debug;

use super::{BrokerClient, readers::Consumer, shared_logs::Log};

/// The broker offers flow control only with heartbeats. They do not name their consumer.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long a consumer may be silent until the broker is asked whether it is there.
const MAX_SILENCE: Duration = Duration::from_secs(15);
/// How often silent consumers and new connections are looked for.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// How long the broker keeps a consumer whose gateway is gone.
const INACTIVE_THRESHOLD: Duration = Duration::from_secs(30);
/// A heartbeat of a consumer that waits for the reply to a request for flow control names that request.
const STALLED: &str = "Nats-Consumer-Stalled";

/// Where the consumers of this gateway deliver: all to one subject, since the broker takes only a subscription to exactly a
/// consumer's subject for interest in it. A delivery's reply subject names its consumer.
pub(super) struct LogInbox {
    subject: String,
}

impl LogInbox {
    /// Subscribes to a new inbox.
    pub(super) async fn open(broker: &Broker) -> Result<(Self, Subscriber), async_nats::SubscribeError> {
        let subject = broker.client.new_inbox();
        let deliveries = broker.client.subscribe(subject.clone()).await?;
        Ok((Self { subject }, deliveries))
    }

    /// The name of the consumer that delivers the log with this number.
    pub(super) fn consumer(&self, number: u64) -> String {
        let inbox = self.subject.rsplit('.').next().unwrap_or_default();
        format!("{inbox}-{number}")
    }

    /// The consumer that delivers a job's log from its beginning, without acknowledgements.
    pub(super) fn settings(&self, broker: &Broker, job: &JobId, number: u64) -> push::Config {
        push::Config {
            name: Some(self.consumer(number)),
            description: Some("reads the progress log of one job".into()),
            deliver_subject: self.subject.clone(),
            filter_subject: broker.subjects.tokens(job),
            deliver_policy: DeliverPolicy::All,
            replay_policy: ReplayPolicy::Instant,
            ack_policy: AckPolicy::None,
            max_deliver: 1,
            flow_control: true,
            idle_heartbeat: HEARTBEAT,
            inactive_threshold: INACTIVE_THRESHOLD,
            memory_storage: true,
            num_replicas: 1,
            ..push::Config::default()
        }
    }
}

/// Hands deliveries to their logs for as long as the process runs.
pub(super) async fn route(broker_client: BrokerClient, broker: Broker, mut deliveries: Subscriber) {
    let connects = || broker.client.statistics().connects.load(Ordering::Relaxed);
    let mut seen = connects();
    let mut checks = tokio::time::interval(CHECK_INTERVAL);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            message = deliveries.next() => match message {
                Some(message) => handle_message(&broker_client, &broker, message).await,
                None => return,
            },
            _ = checks.tick() => {
                let now = connects();
                if std::mem::replace(&mut seen, now) != now {
                    // What was delivered while there was no connection is lost.
                    broker_client.logs.end_all();
                }
                for log in broker_client.logs.silent(MAX_SILENCE) {
                    tokio::spawn(check(broker_client.clone(), log));
                }
            }
        }
    }
}

/// Creates a silent consumer again, which changes nothing where it is there, and compares the number of its deliveries.
async fn check(broker_client: BrokerClient, log: Arc<Log<Consumer>>) {
    let deliveries = broker_client.create_consumer(log.job(), log.number()).await;
    log.compare(deliveries.ok());
}

/// Takes in a delivery, or replies to a request for flow control.
async fn handle_message(broker_client: &BrokerClient, broker: &Broker, message: Message) {
    match message.status {
        None => deliver(broker_client, broker, message),
        Some(StatusCode::IDLE_HEARTBEAT) => reply_to_flow_control(broker, &message).await,
        Some(_) => {}
    }
}

fn deliver(broker_client: &BrokerClient, broker: &Broker, message: Message) {
    let line = rmp_serde::from_slice(&message.payload).ok();
    let message = jetstream::Message { message, context: broker.jetstream.clone() };
    let Ok(info) = message.info() else { return };
    if let Some(number) = info.consumer.rsplit('-').next().and_then(|number| number.parse().ok()) {
        broker_client.logs.deliver(number, info.consumer_sequence, line);
    }
}

/// Tells a consumer that what it delivered before is taken in: it waits for that.
async fn reply_to_flow_control(broker: &Broker, message: &Message) {
    let stalled = || message.headers.as_ref()?.get_last(STALLED).map(ToString::to_string);
    if let Some(reply) = message.reply.as_ref().map(ToString::to_string).or_else(stalled)
        && let Err(error) = broker.client.publish(reply, "".into()).await
    {
        debug!(%error, "a consumer was not told to go on");
    }
}
