//! The gateway's connection to the fleet over NATS. It connects in the background and lives as long as the process.
//! No other module of the gateway uses NATS.

mod event_backlog;
mod job_record;
mod jobs;
pub mod lag;
mod log_inbox;
mod reader_counts;
mod readers;
mod revocations;
mod shared_logs;
mod waiters;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_nats::{
    HeaderMap,
    connection::State,
    jetstream::{context::PublishErrorKind, message::PublishMessage, stream::Stream},
};
use bytes::Bytes;
use futures::StreamExt as _;
use hoidap_shared::{
    broker::{Broker, BrokerClock, is_wrong_last_sequence},
    config::NatsConfig,
    events::{CHAT, ChatEvent, FEEDBACK, FeedbackEvent},
    fleet::Fleet,
    job::{Answer, Envelope, JobId, now_ms},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tracing::{debug, error, info, warn};

pub use job_record::{JobRecord, question_digest};
pub use jobs::poll_intervals;
pub use readers::ReaderGuard;
pub use waiters::{AnswerSubscription, SharedAnswer};

use event_backlog::EventBacklog;
use lag::Lag;
use log_inbox::LogInbox;
use reader_counts::ReaderCounts;
use readers::Consumer;
use shared_logs::SharedLogs;
use waiters::Waiters;

/// Timeout for a stream to store a message, and for reading a stored answer.
const ROUND_TRIP_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a gateway that is asked for a job's readers waits for one who is just connecting.
const LATECOMER_WINDOW: Duration = Duration::from_millis(500);
/// Delay between attempts while connecting.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// How often this machine's clock is compared with the broker's.
const CLOCK_CHECK_INTERVAL: Duration = Duration::from_mins(1);
/// How often the connection is checked, and the delay between attempts to publish.
const MAINTENANCE_INTERVAL: Duration = Duration::from_millis(250);
/// How often a message is published until a stream acknowledges it. Repeating it is safe: the stream drops duplicates by
/// the message's id.
const PUBLISH_ATTEMPTS: usize = 3;

/// NATS is not available.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(String);

/// A message was not acknowledged. It may be stored all the same.
#[derive(Debug)]
pub struct PublishError {
    error: Unavailable,
    /// Whether it may be stored: neither an acknowledgement nor a refusal came.
    pub in_doubt: bool,
}

impl From<Unavailable> for PublishError {
    fn from(error: Unavailable) -> Self {
        Self { error, in_doubt: false }
    }
}

impl From<PublishError> for Unavailable {
    fn from(PublishError { error, .. }: PublishError) -> Self {
        error
    }
}

struct Connected {
    broker: Broker,
    answers: Stream<()>,
    tokens: Stream<()>,
    revoked: Stream<()>,
    inbox: LogInbox,
    fleet: Fleet,
}

/// The gateway's connection to the fleet. Clones share their state.
#[derive(Clone)]
pub struct BrokerClient {
    gateway: Arc<str>,
    connected: Arc<OnceLock<Connected>>,
    waiters: Waiters,
    readers: ReaderCounts,
    logs: SharedLogs<Consumer>,
    backlog: Arc<EventBacklog>,
    ready: Arc<watch::Sender<bool>>,
}

impl BrokerClient {
    /// Starts to connect as the instance `gateway`. Until it is connected, questions are answered with 503.
    pub fn start(nats: NatsConfig, gateway: String) -> Self {
        let broker_client = Self {
            gateway: gateway.into(),
            connected: Arc::default(),
            waiters: Waiters::default(),
            readers: ReaderCounts::default(),
            logs: SharedLogs::default(),
            backlog: Arc::default(),
            ready: Arc::new(watch::Sender::new(false)),
        };
        let task = broker_client.clone();
        tokio::spawn(async move { task.run(&nats).await });
        broker_client
    }

    /// Connects, subscribes, and maintains the connection.
    async fn run(&self, nats: &NatsConfig) {
        let name = format!("hoidap-gateway {}", self.gateway);
        let broker = loop {
            match Broker::connect(nats, &name).await {
                Ok(broker) => break broker,
                Err(error) => error!("{error:#}"),
            }
            sleep(RETRY_DELAY).await;
        };
        // The client subscribes again by itself after a lost connection.
        let mut replies = loop {
            match broker.client.subscribe(broker.subjects.replies(&self.gateway)).await {
                Ok(replies) => break replies,
                Err(error) => error!(%error, "the subscription to replies failed"),
            }
            sleep(RETRY_DELAY).await;
        };
        let mut questions = loop {
            match broker.client.subscribe(broker.subjects.listener_queries()).await {
                Ok(questions) => break questions,
                Err(error) => error!(%error, "the subscription to other gateways failed"),
            }
            sleep(RETRY_DELAY).await;
        };
        let (inbox, deliveries) = loop {
            match LogInbox::open(&broker).await {
                Ok(open) => break open,
                Err(error) => error!(%error, "the subscription to progress logs failed"),
            }
            sleep(RETRY_DELAY).await;
        };
        let (answers, tokens, revoked) = loop {
            let subjects = &broker.subjects;
            let open = |name| broker.jetstream.get_stream_no_info(name);
            let named = [subjects.stream("ANSWERS"), subjects.stream("TOKENS"), subjects.revoked_stream()];
            let [answers, tokens, revoked] = named.map(open);
            match tokio::try_join!(answers, tokens, revoked) {
                Ok(streams) => break streams,
                Err(error) => error!(%error, "the name of a stream is wrong"),
            }
            sleep(RETRY_DELAY).await;
        };
        let fleet = Fleet::follow(broker.clone());
        let (waiters, clock) = (self.waiters.clone(), broker.clock.clone());
        tokio::spawn(async move {
            while let Some(message) = replies.next().await {
                deliver_reply(&waiters, &clock, &message.payload);
            }
        });
        let (readers, client) = (self.readers.clone(), broker.client.clone());
        tokio::spawn(async move {
            while let Some(question) = questions.next().await {
                let job = str::from_utf8(&question.payload).ok().and_then(|job| job.parse::<JobId>().ok());
                let (Some(job), Some(reply)) = (job, question.reply) else { continue };
                let (readers, client) = (readers.clone(), client.clone());
                tokio::spawn(async move {
                    if readers.has_reader_within(&job, LATECOMER_WINDOW).await {
                        // If this reply is lost, the job is stopped although it is read. The reader may ask again.
                        let _ = client.publish(reply, "yes".into()).await;
                    }
                });
            }
        });
        let connected = Connected { broker: broker.clone(), answers, tokens, revoked, inbox, fleet };
        let _ = self.connected.set(connected);
        tokio::spawn(log_inbox::route(self.clone(), broker.clone(), deliveries));
        self.maintain(&broker, nats).await;
    }

    /// After each connect: ensures that the streams exist, compares the clocks, and publishes the queued events.
    async fn maintain(&self, broker: &Broker, nats: &NatsConfig) {
        let mut mended = None;
        let mut next_clock_check = Instant::now();
        loop {
            let connects = broker.client.statistics().connects.load(std::sync::atomic::Ordering::Relaxed);
            if self.is_connected() && mended != Some(connects) {
                match broker.ensure_streams(nats).await {
                    Ok(()) => {
                        mended = Some(connects);
                        // Before the first question: its deadline is by the broker's clock.
                        next_clock_check = Instant::now() + compare_clocks(broker).await;
                        self.ready.send_replace(true);
                    }
                    Err(error) => {
                        warn!("{error:#}");
                        sleep(RETRY_DELAY).await;
                    }
                }
            }
            if self.is_connected() && Instant::now() >= next_clock_check {
                next_clock_check = Instant::now() + compare_clocks(broker).await;
            }
            if self.is_connected() {
                self.publish_backlog().await;
            }
            metrics::gauge!("hoidap_gateway_waiting").set(self.waiters.len() as f64);
            sleep(MAINTENANCE_INTERVAL).await;
        }
    }

    /// Waits until questions can be published for the first time.
    pub async fn ready(&self) {
        // The sender lives as long as this value.
        let _ = self.ready.subscribe().wait_for(|ready| *ready).await;
    }

    /// Whether NATS is connected now.
    pub fn is_connected(&self) -> bool {
        self.connected.get().is_some_and(|c| c.broker.client.connection_state() == State::Connected)
    }

    /// The fleet behind NATS; `None` before the first connection.
    pub fn fleet(&self) -> Option<&Fleet> {
        self.connected.get().map(|connected| &connected.fleet)
    }

    /// The broker's clock, which jobs and events go by; `None` before the first connection.
    pub fn clock(&self) -> Option<&BrokerClock> {
        self.connected.get().map(|connected| &connected.broker.clock)
    }

    /// The broker's time in milliseconds since the Unix epoch; this machine's before the first comparison.
    pub fn now_ms(&self) -> u64 {
        self.clock().map_or_else(now_ms, BrokerClock::now_ms)
    }

    /// This gateway's instance name.
    pub fn gateway(&self) -> &str {
        &self.gateway
    }

    /// Publishes the event of a chat that never became a job. While NATS is down the event is queued.
    pub async fn publish_chat_event(&self, event: ChatEvent) {
        if let Err(error) = self.try_publish_chat_event(&event).await {
            metrics::counter!("hoidap_gateway_events_delayed_total").increment(1);
            warn!(job_id = %event.job_id, %error, "an analytics event is queued until NATS is back");
            self.backlog.push(event);
        }
    }

    /// Publishes a visitor's feedback.
    ///
    /// # Errors
    /// [`Unavailable`] when it is not stored.
    pub async fn publish_feedback(&self, event: &FeedbackEvent) -> Result<(), Unavailable> {
        let subject = self.connected()?.broker.subjects.events(FEEDBACK);
        let bytes = rmp_serde::to_vec_named(event).map_err(|error| Unavailable(error.to_string()))?;
        // Two ratings may come in the same millisecond; the last one counts.
        let id = format!("{}.feedback.{}.{}", event.job_id, event.at_ms, event.rating.name());
        Ok(self.store(subject, id, bytes.into(), PUBLISH_ATTEMPTS).await?)
    }

    async fn publish_backlog(&self) {
        while let Some(event) = self.backlog.pop() {
            if self.try_publish_chat_event(&event).await.is_err() {
                return self.backlog.push(event);
            }
        }
    }

    async fn try_publish_chat_event(&self, event: &ChatEvent) -> Result<(), Unavailable> {
        let subject = self.connected()?.broker.subjects.events(CHAT);
        let bytes = rmp_serde::to_vec_named(event).map_err(|error| Unavailable(error.to_string()))?;
        // One attempt: an event that is not stored goes into the backlog. A worker's event of the same job has another id.
        Ok(self.store(subject, format!("{}.gateway", event.job_id), bytes.into(), 1).await?)
    }

    /// Publishes to a stream and awaits its acknowledgement. A message with an id that the stream knows is stored once.
    async fn store(
        &self,
        subject: String,
        id: String,
        bytes: Bytes,
        attempts: usize,
    ) -> Result<(), PublishError> {
        let broker = &self.connected()?.broker;
        let mut headers = HeaderMap::new();
        headers.insert(async_nats::header::NATS_MESSAGE_ID, id);
        let message = PublishMessage::build().headers(headers).payload(bytes);
        publish(broker, subject, message, attempts).await.map(|_| ())
    }

    /// The fleet's queues.
    ///
    /// # Errors
    /// [`Unavailable`] when the broker does not answer.
    pub async fn lag(&self) -> Result<Lag, Unavailable> {
        match timeout(ROUND_TRIP_TIMEOUT, Lag::read(&self.connected()?.broker)).await {
            Ok(lag) => lag.map_err(|error| Unavailable(format!("{error:#}"))),
            Err(_) => {
                Err(Unavailable(format!("NATS did not answer within {} s", ROUND_TRIP_TIMEOUT.as_secs())))
            }
        }
    }

    fn connected(&self) -> Result<&Connected, Unavailable> {
        match self.connected.get() {
            Some(connected) if self.is_connected() => Ok(connected),
            _ => Err(Unavailable("NATS is not connected".into())),
        }
    }
}

/// Publishes to a stream until it acknowledges, at most `attempts` times. `false` when the subject's last sequence was not
/// the expected one. The message must be idempotent: stored once however often it is published.
async fn publish(
    broker: &Broker,
    subject: String,
    message: PublishMessage,
    attempts: usize,
) -> Result<bool, PublishError> {
    let mut failure = PublishError::from(Unavailable("not tried".into()));
    for left in (0..attempts).rev() {
        let stored = async {
            let acknowledged = broker.jetstream.send_publish(subject.clone(), message.clone()).await?;
            acknowledged.await
        };
        failure = match timeout(ROUND_TRIP_TIMEOUT, stored).await {
            Ok(Ok(_)) => return Ok(true),
            Ok(Err(error)) if is_wrong_last_sequence(&error) => return Ok(false),
            Ok(Err(error)) => {
                // A refused message was not stored, unless an earlier attempt stored it.
                let lost = matches!(error.kind(), PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe);
                PublishError { error: Unavailable(error.to_string()), in_doubt: failure.in_doubt || lost }
            }
            Err(_) => PublishError {
                error: Unavailable(format!("not stored within {} s", ROUND_TRIP_TIMEOUT.as_secs())),
                in_doubt: true,
            },
        };
        if !failure.in_doubt || left == 0 {
            break;
        }
        sleep(MAINTENANCE_INTERVAL).await;
    }
    Err(failure)
}

/// Asks the broker for its time. Returns how long to wait until the next time.
async fn compare_clocks(broker: &Broker) -> Duration {
    match broker.synchronise_clock().await {
        Ok(ahead_ms) => {
            debug!(ahead_ms, "compared this machine's clock with the broker's");
            CLOCK_CHECK_INTERVAL
        }
        Err(error) => {
            warn!("{error:#}");
            RETRY_DELAY
        }
    }
}

/// Delivers a reply to the requests that wait for its job.
fn deliver_reply(waiters: &Waiters, clock: &BrokerClock, payload: &[u8]) {
    match Envelope::<Answer>::decode(payload) {
        Ok(answer) => {
            let late_ms = clock.now_ms().saturating_sub(answer.deadline_ms);
            let job_id = answer.job_id.clone();
            if !waiters.answer(answer) {
                info!(%job_id, late_ms, "an answer came for a job that nobody waits for");
            }
        }
        Err(error) => warn!(%error, "a reply cannot be read"),
    }
}
