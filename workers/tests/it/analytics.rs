//! The analytics sink over a real broker and the real ClickHouse engine.

mod content;
mod crashes;
mod feedback;
mod outages;
mod rebuild;
mod tables;
mod writers;

use std::{collections::BTreeMap, time::Duration};

use clickhouse::{Client, Compression, RowOwned, RowRead};
use hoidap_analytics::AnalyticsSink;
use hoidap_runtime::runner::WorkerContext;
use hoidap_shared::{
    broker::Broker,
    events::{CHAT, ChatEvent, FEEDBACK, FeedbackEvent, Rating},
    fleet::{ANALYTICS, Fleet, Member},
    job::{JobId, SCHEMA, Usage, now_ms},
};
use hoidap_testing::{Server, jobs::context};
use tokio::{task::JoinHandle, time::Instant};

const LONG: Duration = Duration::from_secs(40);

/// A broker, a ClickHouse, and what a sink needs to know of them.
struct SinkSetup {
    nats: Server,
    clickhouse: Server,
    context: WorkerContext,
    client: Client,
}

impl SinkSetup {
    async fn new(settings: &[(&str, &str)]) -> Self {
        let (nats, clickhouse) = (Server::nats(), Server::clickhouse());
        let url = clickhouse.url();
        let quick = [
            ("CLICKHOUSE__URL", url.as_str()),
            ("CLICKHOUSE__PASSWORD", clickhouse.password()),
            ("ANALYTICS__BATCH_MS", "100"),
        ];
        let settings: Vec<_> = quick.into_iter().chain(settings.iter().copied()).collect();
        let context = context(&nats, &settings).await;
        let client = Client::default()
            .with_url(clickhouse.url())
            .with_user("default")
            .with_password(clickhouse.password())
            .with_database("hoidap")
            .with_compression(Compression::None);
        Self { nats, clickhouse, context, client }
    }

    fn broker(&self) -> &Broker {
        &self.context.broker
    }

    async fn fetch<T: RowOwned + RowRead>(&self, sql: &str) -> Vec<T> {
        self.client.query_raw(sql).fetch_all().await.unwrap()
    }

    async fn run(&self, sql: &str) {
        self.client.query_raw(sql).execute().await.unwrap();
    }

    /// A number that ClickHouse gives, or nothing while it cannot.
    async fn number(&self, sql: &str) -> Option<u64> {
        self.client.query_raw(sql).fetch_one().await.ok()
    }

    /// Waits until the table holds this many chats.
    async fn until_chats(&self, wanted: u64) {
        self.until_rows("chats", wanted).await;
    }

    /// Waits until a table holds this many rows.
    async fn until_rows(&self, table: &str, wanted: u64) {
        let end = Instant::now() + LONG;
        loop {
            let found = self.number(&format!("SELECT count() FROM {table} FINAL")).await;
            if found == Some(wanted) {
                return;
            }
            assert!(Instant::now() < end, "{found:?} {table} after {LONG:?}, {wanted} were expected");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the fleet has heard of a sink that satisfies a condition.
    async fn until_told(&self, fleet: &Fleet, condition: impl Fn(&Member) -> bool) {
        let end = Instant::now() + LONG;
        while !fleet.members(ANALYTICS).iter().any(&condition) {
            assert!(Instant::now() < end, "the sinks tell: {:?}", fleet.members(ANALYTICS));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn stop(&self, sink: JoinHandle<anyhow::Result<()>>) {
        self.context.stop.cancel();
        tokio::time::timeout(LONG, sink).await.unwrap().unwrap().unwrap();
    }
}

fn start(context: &WorkerContext) -> JoinHandle<anyhow::Result<()>> {
    tokio::spawn(AnalyticsSink::run(context.clone()))
}

/// Whether the sink says that all is well, or that something is not.
fn says(member: &Member, healthy: bool, part: &str) -> bool {
    member.status.components.iter().any(|found| found.healthy == healthy && found.detail.contains(part))
}

/// A chat with little in it.
fn event(question: &str) -> ChatEvent {
    ChatEvent {
        schema: SCHEMA,
        job_id: JobId::new(),
        at_ms: now_ms(),
        outcome: "answered".into(),
        times: 1,
        problem: None,
        session_id: "session-0001".into(),
        user_id: None,
        client: "c".into(),
        question: question.into(),
        answer: format!("the answer to {question}"),
        page: "https://www.example.com/".into(),
        intent: "how_to".into(),
        product: None,
        language: "vi".into(),
        confidence: 0.5,
        took_ms: 120,
        provider: None,
        model: None,
        attempts: Vec::new(),
        usage: Usage::default(),
        hops: Vec::new(),
        sources: Vec::new(),
        versions: BTreeMap::new(),
    }
}

fn events(count: usize) -> Vec<ChatEvent> {
    (0..count).map(|number| event(&format!("question {number}"))).collect()
}

/// What a visitor says of the answer to a chat.
fn feedback(chat: &ChatEvent, rating: Rating) -> FeedbackEvent {
    FeedbackEvent {
        schema: SCHEMA,
        job_id: chat.job_id.clone(),
        at_ms: now_ms(),
        session_id: chat.session_id.clone(),
        rating,
        reason: None,
        comment: None,
    }
}

/// Stores bytes in the stream of events and returns their sequence.
async fn tell_bytes(broker: &Broker, kind: &str, bytes: Vec<u8>) -> u64 {
    let subject = broker.subjects.events(kind);
    broker.jetstream.publish(subject, bytes.into()).await.unwrap().await.unwrap().sequence
}

/// Stores an event as the runner does, but without an id, so that the broker takes it twice.
async fn tell(broker: &Broker, event: &ChatEvent) -> u64 {
    tell_bytes(broker, CHAT, rmp_serde::to_vec_named(event).unwrap()).await
}

/// Stores what a visitor says, as the gateway does.
async fn tell_feedback(broker: &Broker, event: &FeedbackEvent) -> u64 {
    tell_bytes(broker, FEEDBACK, rmp_serde::to_vec_named(event).unwrap()).await
}

async fn tell_all(broker: &Broker, events: &[ChatEvent]) {
    for event in events {
        tell(broker, event).await;
    }
}
