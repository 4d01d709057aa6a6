use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::TestGateway;
use async_nats::jetstream::message::PublishMessage;
use futures::StreamExt as _;
use hoidap_shared::{
    broker::Broker,
    config::Config,
    fleet::{CanaryReport, HEARTBEAT_INTERVAL, Member, announce, open_bucket, withdraw},
    job::{Answer, Citation, Envelope, Outcome, Question, ScoredLabel, Source, SourceMetadata, Usage},
    stage::{ComponentStatus, STAGES, StageStatus},
    text::Language,
};

/// How the fake fleet answers a question.
pub(crate) enum StubAnswer {
    /// Stored, then sent as a reply, as a worker does.
    Replied(Answer),
    /// Stored, but the reply is lost.
    StoredOnly(Answer),
    /// Stored and sent after a delay.
    Delayed(Answer, Duration),
    /// Not answered.
    Never,
}

/// Takes questions from the real stream and answers them, and announces stages as workers do.
pub(crate) struct FakeFleet {
    broker: Broker,
    seen: Arc<Mutex<Vec<Envelope<Question>>>>,
    members: Arc<Mutex<Vec<Member>>>,
}

impl FakeFleet {
    pub(super) async fn start(config: Config, stub_answer: fn(&Question) -> StubAnswer) -> Self {
        let broker = Broker::connect(&config.nats, "test fleet").await.unwrap();
        broker.ensure_streams(&config.nats).await.unwrap();
        let fleet = Self { broker: broker.clone(), seen: Arc::default(), members: Arc::default() };
        let jobs = broker.jetstream.get_stream(broker.subjects.stream("JOBS")).await.unwrap();
        let settings = broker.subjects.stage_consumer("classifier", &config.worker);
        let consumer = jobs.create_consumer(settings).await.unwrap();
        let seen = fleet.seen.clone();
        tokio::spawn(async move {
            let mut messages = consumer.messages().await.unwrap();
            while let Some(message) = messages.next().await {
                let Ok(message) = message else { continue };
                let job = Envelope::<Question>::decode(&message.payload).unwrap();
                seen.lock().unwrap().push(job.clone());
                finish(&broker, job, stub_answer).await;
                message.ack().await.unwrap();
            }
        });
        let (told, broker) = (fleet.members.clone(), fleet.broker.clone());
        tokio::spawn(async move {
            loop {
                announce_members(&broker, &told).await;
                tokio::time::sleep(HEARTBEAT_INTERVAL).await;
            }
        });
        fleet
    }

    /// Announces every stage with this version, and the components as the retriever's. Waits until the gateway knows them.
    pub(crate) async fn stages(&self, site: &TestGateway, version: &str, components: &[(&str, bool)]) {
        let member = |stage: &str, components| Member {
            canaries: Vec::new(),
            stage: stage.into(),
            instance: "one".into(),
            status: StageStatus { version: version.into(), components },
        };
        let components = components.iter().map(|(name, healthy)| ComponentStatus {
            name: (*name).into(),
            healthy: *healthy,
            detail: "told".into(),
        });
        *self.members.lock().unwrap() = vec![
            member("classifier", vec![]),
            member("retriever", components.collect()),
            member("reranker", vec![]),
            member("generator", vec![]),
            member("analytics", vec![]),
        ];
        announce_members(&self.broker, &self.members).await;
        let heard =
            |health: &serde_json::Value| health["components"]["stage:generator"]["status"] == "healthy";
        site.until("the stages are heard", heard).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }

    /// Announces canaries of a stage.
    pub(crate) async fn canaries(&self, stage: &str, canaries: Vec<CanaryReport>) {
        for member in self.members.lock().unwrap().iter_mut().filter(|member| member.stage == stage) {
            member.canaries.clone_from(&canaries);
        }
        announce_members(&self.broker, &self.members).await;
    }

    /// Announces nothing any more, as if every process had been killed.
    pub(crate) fn kill_stages(&self) {
        self.members.lock().unwrap().clear();
    }

    /// Withdraws a stage.
    pub(crate) async fn stop_stage(&self, stage: &str) {
        self.members.lock().unwrap().retain(|member| member.stage != stage);
        withdraw(&open_bucket(&self.broker).await.unwrap(), stage, "one").await.unwrap();
    }

    /// The questions that were received, in order.
    pub(crate) fn received_questions(&self) -> Vec<Envelope<Question>> {
        self.seen.lock().unwrap().clone()
    }
}

async fn announce_members(broker: &Broker, members: &Mutex<Vec<Member>>) {
    let members = members.lock().unwrap().clone();
    let Ok(store) = open_bucket(broker).await else { return };
    for member in members {
        let _ = announce(&store, &member).await;
    }
}

async fn finish(broker: &Broker, job: Envelope<Question>, stub_answer: fn(&Question) -> StubAnswer) {
    let (answer, told) = match stub_answer(&job.body) {
        StubAnswer::Replied(answer) => (answer, true),
        StubAnswer::StoredOnly(answer) => (answer, false),
        StubAnswer::Delayed(answer, wait) => {
            tokio::time::sleep(wait).await;
            (answer, true)
        }
        StubAnswer::Never => return,
    };
    let envelope = job.map(answer);
    let bytes = envelope.encode().unwrap();
    let message = PublishMessage::build().payload(bytes.clone().into()).expected_last_subject_sequence(0);
    let subject = broker.subjects.answer(&envelope.job_id);
    if broker.jetstream.send_publish(subject, message).await.unwrap().await.is_ok() && told {
        broker.client.publish(broker.subjects.replies(&envelope.gateway), bytes.into()).await.unwrap();
    }
}

/// An answer from one document, made by a fleet at version `v1`.
pub(crate) fn answer(question: &Question) -> Answer {
    let versions = STAGES.map(|stage| (stage.to_string(), "v1".to_string()));
    Answer {
        session_id: question.session_id.clone(),
        user_id: question.user_id.clone(),
        client: question.client.clone(),
        question: question.message.clone(),
        page: question.context.url.clone(),
        outcome: Outcome::Answered,
        problem: None,
        text: "Mở Cài đặt rồi chọn Mật khẩu. [1]".into(),
        sources: vec![Source {
            content: "Mở Cài đặt rồi chọn Mật khẩu.".into(),
            collection: "mail".into(),
            score: 0.75,
            metadata: SourceMetadata {
                url: "https://www.a.example/vi/mail/mat-khau".into(),
                title: "Mật khẩu".into(),
                heading_path: vec!["Tài khoản".into()],
                chunk_id: "c1".into(),
                document_version: "d1".into(),
                index_version: "i1".into(),
                start: 10,
                end: 39,
                source: "vi/mail/mat-khau.html".into(),
                locale: "vi".into(),
                product: Some("mail".into()),
                section: None,
            },
        }],
        citations: vec![Citation { n: 1, answer_start: 0, answer_end: 29, support: 0.9 }],
        choices: Vec::new(),
        confidence: 0.5,
        intent: ScoredLabel { name: "how_to".into(), confidence: 0.8 },
        product: Some("mail".into()),
        language: Language::Vi,
        provider: Some("extractive".into()),
        model: None,
        attempts: vec![],
        usage: Usage::default(),
        versions: BTreeMap::from(versions),
    }
}
