//! Jobs over a real broker: the context of a worker process, questions, and reading what the streams hold.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_nats::jetstream::stream::DirectGetErrorKind;
use hoidap_runtime::runner::{Pauses, StopRequests, WorkerContext};
use hoidap_shared::{
    broker::Broker,
    config::Config,
    fleet::instance_name,
    job::{
        Answer, Classified, Envelope, JobId, Outcome, PageContext, Query, QueryKind, Question, SCHEMA,
        ScoredLabel, now_ms,
    },
    stage::STAGES,
    text::Language,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Server;

/// The defaults with a few settings changed.
pub fn config(settings: &[(&str, &str)]) -> Config {
    let variables: HashMap<_, _> =
        settings.iter().map(|(key, value)| (format!("HOIDAP_{key}"), (*value).to_string())).collect();
    Config::read(None, Some(variables), &[]).unwrap()
}

/// The context of a worker process on a broker, with the given settings.
pub async fn context(nats: &Server, settings: &[(&str, &str)]) -> WorkerContext {
    let url = nats.url();
    let all: Vec<(&str, &str)> =
        [("NATS__URL", url.as_str())].into_iter().chain(settings.iter().copied()).collect();
    worker_context(config(&all)).await
}

/// The context of a worker process with the given configuration.
pub async fn worker_context(config: Config) -> WorkerContext {
    let broker = Broker::connect(&config.nats, "test").await.unwrap();
    broker.ensure_streams(&config.nats).await.unwrap();
    WorkerContext {
        config: Arc::new(config),
        broker,
        instance: instance_name(),
        stop: CancellationToken::new(),
        opened: watch::channel(Vec::new()).0,
        stops: StopRequests::default(),
        pauses: Pauses::default(),
    }
}

/// A password for each user of `nats/accounts.conf`: `secret` and the user's name.
pub fn passwords() -> Vec<(String, String)> {
    let users = ["gateway"].into_iter().chain(STAGES).chain(["analytics", "operator"]);
    users.map(|user| (format!("NATS_PASSWORD_{}", user.to_uppercase()), format!("secret{user}"))).collect()
}

/// The context of another process: the same broker and settings, its own name and stop.
pub fn another_process(context: &WorkerContext) -> WorkerContext {
    WorkerContext {
        instance: instance_name(),
        stop: CancellationToken::new(),
        opened: watch::channel(Vec::new()).0,
        pauses: Pauses::default(),
        ..context.clone()
    }
}

/// A question as the gateway publishes it.
pub fn question(message: &str) -> Envelope<Question> {
    Envelope {
        schema: SCHEMA,
        job_id: JobId::new(),
        trace: None,
        deadline_ms: now_ms() + 60_000,
        accepted_ms: now_ms(),
        gateway: "test".into(),
        stream: false,
        hops: Vec::new(),
        body: Question {
            message: message.into(),
            session_id: "session-0001".into(),
            context: PageContext { url: "https://www.example.com/".into(), ..PageContext::default() },
            history: Vec::new(),
            user_id: None,
            client: "c".into(),
        },
    }
}

/// An answer with the given text.
pub fn answer(question: &Question, text: &str) -> Answer {
    Answer {
        confidence: 0.5,
        intent: ScoredLabel { name: "how_to".into(), confidence: 0.9 },
        ..Answer::without_sources(question, Language::En, Outcome::Answered, text.into())
    }
}

/// A question as the classifier outputs it, without an embedding.
pub fn classified(question: &str, language: Language) -> Classified {
    Classified {
        embedded_by: String::new(),
        question: Question {
            message: question.into(),
            session_id: "session-0001".into(),
            context: PageContext { url: "https://www.example.com/".into(), ..PageContext::default() },
            history: Vec::new(),
            user_id: None,
            client: "c".into(),
        },
        language,
        meaning: question.into(),
        intent: ScoredLabel { name: "how_to".into(), confidence: 0.9 },
        product: None,
        section: None,
        queries: vec![Query::new(question, QueryKind::Asked, 1.0)],
        collections: Vec::new(),
        version: "v".into(),
        out_of_scope: 0.0,
        identifiers: Vec::new(),
    }
}

/// Publishes a job to a stage as the gateway does.
pub async fn ask(broker: &Broker, stage: &str, job: &Envelope<Question>) {
    let id = format!("{}.{stage}", job.job_id);
    publish(broker, broker.subjects.jobs(stage), &[("Nats-Msg-Id", &id)], job.encode().unwrap()).await;
}

/// Publishes to a stream, and waits until it is stored.
pub async fn publish(broker: &Broker, subject: String, headers: &[(&str, &str)], bytes: Vec<u8>) {
    let mut map = async_nats::HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, *value);
    }
    broker.jetstream.publish_with_headers(subject, map, bytes.into()).await.unwrap().await.unwrap();
}

/// The stored answer of a job, waiting for it.
pub async fn wait_for_answer(broker: &Broker, job: &JobId, within: Duration) -> Envelope<Answer> {
    let stream = broker.jetstream.get_stream_no_info(broker.subjects.stream("ANSWERS")).await.unwrap();
    let end = tokio::time::Instant::now() + within;
    loop {
        match stream.direct_get_last_for_subject(broker.subjects.answer(job)).await {
            Ok(found) => return Envelope::decode(&found.payload).unwrap(),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => {}
            Err(error) => panic!("{error}"),
        }
        assert!(tokio::time::Instant::now() < end, "no answer of {job} within {within:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many messages a stream holds on subjects that match.
pub async fn count(broker: &Broker, stream: &str, subject: &str) -> usize {
    let stream = broker.jetstream.get_stream(broker.subjects.stream(stream)).await.unwrap();
    let info = stream.info_with_subjects(subject).await.unwrap();
    use futures::TryStreamExt as _;
    info.try_fold(0, |sum, (_, messages)| async move { Ok(sum + messages) }).await.unwrap()
}
