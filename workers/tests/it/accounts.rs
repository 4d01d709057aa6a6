//! The users of `nats/accounts.conf`: each does its work, and none another's.

use std::time::Duration;

use async_nats::{
    ConnectOptions, Event, ServerError,
    jetstream::{consumer::push, stream::StorageType},
};
use futures::StreamExt as _;
use hoidap_analytics::AnalyticsSink;
use hoidap_runtime::{
    canary::CanaryOptions,
    runner::{self, WorkerContext},
};
use hoidap_shared::{
    broker::Broker,
    config::Config,
    events::{CHAT, ChatEvent},
    fleet::Fleet,
    job::{Envelope, JobId, Outcome, Question},
    progress::ProgressSink,
    stage::{NextStep, STAGES, Stage, StageError, StageStatus},
};
use hoidap_testing::{
    Server,
    jobs::{answer, ask, config, count, passwords, question, wait_for_answer, worker_context},
};
use hoidap_workers::setup;
use tokio::sync::mpsc;

const LONG: Duration = Duration::from_secs(20);
const USERS: [&str; 6] = ["gateway", "classifier", "retriever", "reranker", "generator", "analytics"];

/// A small stage under the name, and so with the rights, of a real one.
macro_rules! small_stage {
    ($stage:ident, $name:literal, $work:expr) => {
        struct $stage;

        impl Stage for $stage {
            const NAME: &'static str = $name;
            type In = Question;
            type Out = Question;

            async fn open(_: &Config) -> anyhow::Result<Self> {
                Ok(Self)
            }

            async fn process(
                &self,
                job: &Envelope<Question>,
                _: &ProgressSink,
            ) -> Result<NextStep<Question>, StageError> {
                if job.body.message == $name {
                    return Err(StageError::Permanent { code: "gave_up", reason: "as told".into() });
                }
                if job.body.message == concat!($name, " again") {
                    let after = Some(Duration::from_millis(10));
                    return Err(StageError::Retry { reason: "as told".into(), after });
                }
                let work: fn(&Question) -> NextStep<Question> = $work;
                Ok(work(&job.body))
            }

            fn status(&self) -> StageStatus {
                StageStatus { version: "v1".into(), components: Vec::new() }
            }
        }
    };
}

small_stage!(Classifier, "classifier", |question| NextStep::Forward(question.clone()));
small_stage!(Retriever, "retriever", |question| NextStep::Forward(question.clone()));
small_stage!(Reranker, "reranker", |question| NextStep::Forward(question.clone()));
small_stage!(Generator, "generator", |question| NextStep::Answer(answer(question, "the answer")));

fn server() -> Server {
    let mut environment = passwords();
    environment.push(("NATS_SYNC".into(), "always".into()));
    Server::nats_with("nats/laptop.conf", &environment)
}

/// The settings of a process that has one user's password.
fn config_of(server: &Server, user: &str, settings: &[(&str, &str)]) -> Config {
    let (url, password) = (server.url(), format!("secret{user}"));
    let own = [("NATS__URL", url.as_str()), ("NATS__USER", user), ("NATS__PASSWORD", &password)];
    config(&[&own, settings].concat())
}

async fn context_of(server: &Server, user: &str) -> WorkerContext {
    worker_context(config_of(server, user, &[])).await
}

/// A connection of a user, and what the server says that it may not do.
async fn connect(server: &Server, user: &str) -> (async_nats::Client, mpsc::UnboundedReceiver<String>) {
    let (tell, told) = mpsc::unbounded_channel();
    let client = ConnectOptions::with_user_and_password(user.into(), format!("secret{user}"))
        .custom_inbox_prefix(format!("_INBOX_{user}"))
        .event_callback(move |event| {
            let tell = tell.clone();
            async move {
                if let Event::ServerError(ServerError::Other(what)) = event {
                    let _ = tell.send(what);
                }
            }
        })
        .connect(server.url())
        .await
        .unwrap();
    (client, told)
}

/// Waits until something is so.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let end = tokio::time::Instant::now() + LONG;
    while !is_so().await {
        assert!(tokio::time::Instant::now() < end, "not within {LONG:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_user_can_do_its_work() {
    let server = server();
    setup::run(&config_of(&server, "operator", &[])).await.unwrap();
    let operator = context_of(&server, "operator").await.broker;
    let gateway = context_of(&server, "gateway").await.broker;
    let fleet = Fleet::follow(gateway.clone());
    let mut replies = gateway.client.subscribe(gateway.subjects.replies("test")).await.unwrap();
    let clickhouse = Server::clickhouse();
    let clickhouse_url = clickhouse.url();
    let store =
        [("CLICKHOUSE__URL", clickhouse_url.as_str()), ("CLICKHOUSE__PASSWORD", clickhouse.password())];
    let analytics = config_of(&server, "analytics", &store);
    let (classifier, retriever, reranker, generator, analytics) = tokio::join!(
        context_of(&server, "classifier"),
        context_of(&server, "retriever"),
        context_of(&server, "reranker"),
        context_of(&server, "generator"),
        worker_context(analytics),
    );
    let contexts =
        [classifier.clone(), retriever.clone(), reranker.clone(), generator.clone(), analytics.clone()];
    let running = tokio::spawn(async move {
        tokio::try_join!(
            runner::run::<Classifier>(classifier, Some("retriever")),
            runner::run::<Retriever>(retriever, Some("reranker")),
            runner::run::<Reranker>(reranker, Some("generator")),
            runner::run::<Generator>(generator, None),
            AnalyticsSink::run(analytics),
        )
    });

    let job = question("hello");
    ask(&gateway, "classifier", &job).await;
    tokio::time::timeout(LONG, replies.next()).await.unwrap().unwrap();
    let stored = wait_for_answer(&gateway, &job.job_id, LONG).await;
    assert_eq!(stored.hops.len(), STAGES.len(), "a hop for each stage: {:?}", stored.hops);
    for stage in STAGES {
        let job = question(stage);
        ask(&gateway, "classifier", &job).await;
        let failed = wait_for_answer(&gateway, &job.job_id, LONG).await.body;
        assert_eq!((failed.outcome, failed.problem.as_deref()), (Outcome::Failed, Some("gave_up")));
        tokio::time::timeout(LONG, replies.next()).await.unwrap().unwrap();
        assert_eq!(count(&operator, "DEAD", &operator.subjects.dead(stage)).await, 1);
        // Each stage counts its tries, begins anew with a consumer that was lost, and hears what the broker gave up.
        let job = question(&format!("{stage} again"));
        ask(&gateway, "classifier", &job).await;
        let failed = wait_for_answer(&gateway, &job.job_id, LONG).await.body;
        assert_eq!(failed.problem.as_deref(), Some("retries_exhausted"));
        tokio::time::timeout(LONG, replies.next()).await.unwrap().unwrap();
        assert_eq!(count(&operator, "TRIES", &format!("hoidap.tries.{stage}.*")).await, 1);
        let jobs = operator.jetstream.get_stream("HOIDAP_JOBS").await.unwrap();
        jobs.delete_consumer(stage).await.unwrap();
        let job = question("hello again");
        ask(&gateway, "classifier", &job).await;
        assert_eq!(wait_for_answer(&gateway, &job.job_id, LONG).await.body.outcome, Outcome::Answered);
        tokio::time::timeout(LONG, replies.next()).await.unwrap().unwrap();
        let given_up = operator.jetstream.get_stream("HOIDAP_ADVISORIES").await.unwrap();
        until("it asks for what the broker gave up", async || {
            given_up.consumer_info(stage).await.is_ok_and(|info| info.num_waiting == 1)
        })
        .await;
    }
    let event = rmp_serde::to_vec_named(&ChatEvent {
        job_id: JobId::new(),
        ..ChatEvent::from_answer(&stored, stored.accepted_ms)
    })
    .unwrap();
    let chat = gateway.subjects.events(CHAT);
    gateway.jetstream.publish(chat, event.into()).await.unwrap().await.unwrap();
    let members = [&STAGES[..], &["analytics"]].concat();
    until("the gateway sees every stage", async || {
        members.iter().all(|stage| fleet.members(stage).len() == 1)
    })
    .await;
    let rows = clickhouse::Client::default()
        .with_url(&clickhouse_url)
        .with_user("default")
        .with_password(clickhouse.password())
        .with_compression(clickhouse::Compression::None);
    until("ClickHouse has the answers and the gateway's own event", async || {
        let count = rows.query("SELECT count() FROM hoidap.chats FINAL").fetch_one::<u64>().await;
        count.is_ok_and(|count| count == 2 + 3 * STAGES.len() as u64)
    })
    .await;
    let jobs = gateway.jetstream.get_stream_no_info(gateway.subjects.stream("JOBS")).await.unwrap();
    for stage in STAGES {
        let lag = jobs.consumer_info(stage).await.unwrap();
        assert_eq!(lag.num_pending, 0, "the gateway sees what waits for {stage}");
    }
    for context in &contexts {
        context.stop.cancel();
    }
    running.await.unwrap().unwrap();
    for stage in STAGES {
        let jobs = operator.jetstream.get_stream("HOIDAP_JOBS").await.unwrap();
        let consumer = jobs.consumer_info(stage).await.unwrap();
        assert_eq!((consumer.num_ack_pending, consumer.num_pending), (0, 0), "{stage} acknowledged all");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_has_the_rights_of_its_stage() {
    let server = server();
    setup::run(&config_of(&server, "operator", &[])).await.unwrap();
    let gateway = context_of(&server, "gateway").await.broker;
    let offer = || CanaryOptions { share: "50%".parse().unwrap(), changes: Vec::new() };
    let mut running = tokio::task::JoinSet::new();
    for process in ["stage", "canary"] {
        let (classifier, retriever, reranker, generator) = tokio::join!(
            context_of(&server, "classifier"),
            context_of(&server, "retriever"),
            context_of(&server, "reranker"),
            context_of(&server, "generator"),
        );
        if process == "stage" {
            running.spawn(runner::run::<Classifier>(classifier, Some("retriever")));
            running.spawn(runner::run::<Retriever>(retriever, Some("reranker")));
            running.spawn(runner::run::<Reranker>(reranker, Some("generator")));
            running.spawn(runner::run::<Generator>(generator, None));
        } else {
            running.spawn(runner::run_canary::<Classifier>(classifier, offer()));
            running.spawn(runner::run_canary::<Retriever>(retriever, offer()));
            running.spawn(runner::run_canary::<Reranker>(reranker, offer()));
            running.spawn(runner::run_canary::<Generator>(generator, offer()));
        }
    }
    let session = (0..).map(|n| format!("session-{n:04}")).find(|name| offer().share.holds(name)).unwrap();
    until("every stage's canary works on a job of its session", async || {
        let mut job = question("hello");
        job.body.session_id.clone_from(&session);
        ask(&gateway, "classifier", &job).await;
        wait_for_answer(&gateway, &job.job_id, LONG).await.hops.iter().filter(|hop| hop.canary).count()
            == STAGES.len()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_reads_along_and_stops_what_stages_tell_of() {
    let server = server();
    setup::run(&config_of(&server, "operator", &[])).await.unwrap();
    let gateway = context_of(&server, "gateway").await.broker;
    let generator = context_of(&server, "generator").await.broker;
    let job = JobId::new();
    let tokens = gateway.jetstream.get_stream_no_info("HOIDAP_TOKENS").await.unwrap();
    let settings = push::OrderedConfig {
        deliver_subject: gateway.client.new_inbox(),
        filter_subject: gateway.subjects.tokens(&job),
        ..push::OrderedConfig::default()
    };
    let mut log = tokens.create_consumer(settings).await.unwrap().messages().await.unwrap();
    let mut stops = generator.client.subscribe(generator.subjects.stops()).await.unwrap();
    generator.client.flush().await.unwrap();
    generator.client.publish(generator.subjects.tokens(&job), "a line".into()).await.unwrap();
    let line = tokio::time::timeout(LONG, log.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(line.payload, "a line");
    gateway.client.publish(gateway.subjects.stop(&job), "".into()).await.unwrap();
    assert_eq!(
        tokio::time::timeout(LONG, stops.next()).await.unwrap().unwrap().subject.as_str(),
        gateway.subjects.stop(&job)
    );
    // Who asked is the gateway's own to write and to read.
    let asked = gateway.subjects.job_record(&job);
    gateway.jetstream.publish(asked.clone(), "x".into()).await.unwrap().await.unwrap();
    let answers = gateway.jetstream.get_stream_no_info("HOIDAP_ANSWERS").await.unwrap();
    assert_eq!(answers.direct_get_last_for_subject(asked).await.unwrap().payload, "x");
    // So are the sessions that an operator ended.
    let ended = gateway.subjects.revoked_session("hs_0123");
    gateway.jetstream.publish(ended.clone(), "x".into()).await.unwrap().await.unwrap();
    let revoked = gateway.jetstream.get_stream_no_info(gateway.subjects.revoked_stream()).await.unwrap();
    assert_eq!(revoked.direct_get_last_for_subject(ended).await.unwrap().payload, "x");
    // One gateway answers another that asks who reads along.
    let mut questions = gateway.client.subscribe(gateway.subjects.listener_queries()).await.unwrap();
    let answering = gateway.client.clone();
    let answer = tokio::spawn(async move {
        let question = questions.next().await.unwrap();
        answering.publish(question.reply.unwrap(), "yes".into()).await.unwrap();
    });
    let other = context_of(&server, "gateway").await.broker;
    other.client.request(other.subjects.listener_queries(), "job".into()).await.unwrap();
    answer.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_do_the_work_of_another() {
    let server = server();
    setup::run(&config_of(&server, "operator", &[])).await.unwrap();
    let operator = context_of(&server, "operator").await.broker;
    let create = "$JS.API.CONSUMER.CREATE.HOIDAP_JOBS";
    let forbidden: [(&str, &[&str]); 5] = [
        (
            "gateway",
            &[
                "hoidap.answers.x",
                "hoidap.tokens.x",
                "hoidap.jobs.retriever",
                "hoidap.jobs.generator",
                "hoidap.jobs.done",
                "hoidap.dead.classifier",
                "hoidap.replies.x",
                "$KV.hoidap_fleet.classifier.x",
                create,
                &format!("{create}.gateway.>"),
                &format!("{create}.gateway.hoidap.jobs.done"),
                "$JS.API.CONSUMER.MSG.NEXT.HOIDAP_JOBS.classifier",
                "$JS.API.DIRECT.GET.HOIDAP_JOBS",
                "$JS.API.DIRECT.GET.HOIDAP_ANSWERS",
                "$JS.ACK.HOIDAP_JOBS.classifier.1.1.1.1.0",
            ],
        ),
        (
            "classifier",
            &[
                "hoidap.jobs.classifier",
                "hoidap.jobs.generator",
                "hoidap.dead.generator",
                &format!("{create}.generator.hoidap.jobs.generator"),
                &format!("{create}.classifier.hoidap.jobs.generator"),
                create,
                "$JS.API.CONSUMER.MSG.NEXT.HOIDAP_JOBS.generator",
                "$JS.ACK.HOIDAP_JOBS.generator.1.1.1.1.0",
                "$KV.hoidap_fleet.generator.x",
                "hoidap.canary.retriever.words",
                "hoidap.answers.x.asked",
                "hoidap.stops.x",
                "hoidap.readers",
                "$JS.API.DIRECT.GET.HOIDAP_ANSWERS.hoidap.answers.x.asked",
                "$JS.API.CONSUMER.CREATE.HOIDAP_TOKENS",
                "$JS.API.CONSUMER.INFO.HOIDAP_JOBS.generator",
                "$JS.API.CONSUMER.CREATE.HOIDAP_ADVISORIES.generator",
                "$JS.API.CONSUMER.MSG.NEXT.HOIDAP_ADVISORIES.generator",
                "$JS.ACK.HOIDAP_ADVISORIES.generator.1.1.1.1.0",
                "$JS.API.DIRECT.GET.HOIDAP_EVENTS",
                "$JS.API.DIRECT.GET.HOIDAP_TRIES.hoidap.tries.generator.1",
                "hoidap.tries.generator.1",
                "hoidap.events.feedback",
                "hoidap.events.chat",
                "$KV.hoidap_revoked.hs_x",
                "$JS.API.DIRECT.GET.KV_hoidap_revoked.$KV.hoidap_revoked.hs_x",
            ],
        ),
        (
            "retriever",
            &[
                "hoidap.jobs.classifier",
                "hoidap.jobs.retriever",
                "hoidap.dead.classifier",
                "$JS.API.CONSUMER.MSG.NEXT.HOIDAP_JOBS.classifier",
                "$JS.ACK.HOIDAP_JOBS.classifier.1.1.1.1.0",
                "$KV.hoidap_fleet.classifier.x",
                "$JS.API.CONSUMER.MSG.NEXT.HOIDAP_EVENTS.analytics",
            ],
        ),
        (
            "generator",
            &[
                "hoidap.jobs.classifier",
                "hoidap.jobs.retriever",
                "hoidap.jobs.generator",
                "hoidap.dead.retriever",
                "$JS.API.CONSUMER.MSG.NEXT.HOIDAP_JOBS.retriever",
                "$KV.hoidap_fleet.retriever.x",
            ],
        ),
        (
            "analytics",
            &[
                "hoidap.jobs.classifier",
                "hoidap.answers.x",
                "hoidap.events.chat",
                "hoidap.events.chat.x",
                "hoidap.tries.classifier.1",
                "hoidap.dead.classifier",
                "$JS.API.DIRECT.GET.HOIDAP_JOBS",
                "$JS.API.CONSUMER.MSG.NEXT.HOIDAP_JOBS.classifier",
                "$JS.API.DIRECT.GET.HOIDAP_ANSWERS.hoidap.answers.x",
            ],
        ),
    ];
    let streams = ["JOBS", "ANSWERS", "TOKENS", "DEAD", "TRIES", "ADVISORIES", "EVENTS"]
        .map(|name| operator.subjects.stream(name));
    let everyone: Vec<String> = streams
        .iter()
        .flat_map(|name| {
            ["PURGE", "DELETE", "CREATE", "UPDATE", "MSG.DELETE", "MSG.GET", "SNAPSHOT", "RESTORE"]
                .map(|verb| format!("$JS.API.STREAM.{verb}.{name}"))
        })
        .chain(
            [
                "CONSUMER.DELETE.HOIDAP_JOBS.generator",
                "STREAM.DELETE.KV_hoidap_fleet",
                "STREAM.PURGE.KV_hoidap_revoked",
                "STREAM.DELETE.KV_hoidap_revoked",
            ]
            .map(|rest| format!("$JS.API.{rest}")),
        )
        .collect();
    for (user, own) in forbidden {
        let (client, mut violations) = connect(&server, user).await;
        for subject in own.iter().copied().chain(everyone.iter().map(String::as_str)) {
            client.publish(subject.to_string(), "by no right".into()).await.unwrap();
            said(&mut violations, user, subject).await;
        }
        for subject in [
            ">",
            "hoidap.>",
            "hoidap.jobs.*",
            "hoidap.answers.*",
            "hoidap.events.*",
            "_INBOX.>",
            "_INBOX_operator.>",
        ] {
            let _listening = client.subscribe(subject).await.unwrap();
            said(&mut violations, user, subject).await;
        }
    }
    for name in ["JOBS", "ANSWERS", "DEAD", "EVENTS"] {
        assert_eq!(count(&operator, name, ">").await, 0, "nothing of it was stored in {name}");
    }
}

/// Waits until the server says that a user may not use a subject.
async fn said(violations: &mut mpsc::UnboundedReceiver<String>, user: &str, subject: &str) {
    let what = tokio::time::timeout(Duration::from_secs(5), violations.recv()).await;
    let what = what.unwrap_or_else(|_| panic!("{user} may use {subject}")).unwrap();
    assert!(what.contains(&format!("\"{subject}\"")), "{user}, {subject}: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused_with_a_sentence() {
    let server = server();
    for user in USERS.into_iter().chain(["operator"]) {
        let config = config_of(&server, user, &[("NATS__PASSWORD", "guessed")]);
        let refused = Broker::connect(&config.nats, "test").await.unwrap_err().to_string();
        assert!(refused.contains(&format!("refuses user `{user}`")), "{refused}");
        assert!(!refused.contains("guessed"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_make_the_streams_waits_for_the_operator() {
    let server = server();
    let refused = setup::run(&config_of(&server, "gateway", &[])).await.unwrap_err().to_string();
    assert!(
        refused.contains("HOIDAP_JOBS is missing") && refused.contains("hoidap-worker setup"),
        "{refused}"
    );

    let config = config_of(&server, "gateway", &[]);
    let broker = Broker::connect(&config.nats, "test").await.unwrap();
    let waiting = tokio::spawn(async move { broker.ensure_streams(&config.nats).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!waiting.is_finished(), "it waits");
    setup::run(&config_of(&server, "operator", &[])).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_changes_what_differs_and_refuses_what_the_server_cannot_change() {
    let server = server();
    let operator = context_of(&server, "operator").await.broker;
    let mut updates = operator.client.subscribe("$JS.EVENT.ADVISORY.STREAM.UPDATED.>").await.unwrap();
    operator.client.flush().await.unwrap();
    setup::run(&config_of(&server, "operator", &[])).await.unwrap();
    setup::run(&config_of(&server, "operator", &[("NATS__JOBS_MAX_AGE_DAYS", "3")])).await.unwrap();
    let update = tokio::time::timeout(LONG, updates.next()).await.unwrap().unwrap();
    assert!(update.subject.ends_with(".HOIDAP_JOBS"), "only JOBS differed: {}", update.subject);
    let jobs = operator.jetstream.get_stream("HOIDAP_JOBS").await.unwrap();
    assert_eq!(jobs.cached_info().config.max_age, Duration::from_hours(72));

    let mut config = operator.jetstream.get_stream("HOIDAP_DEAD").await.unwrap().cached_info().config.clone();
    operator.jetstream.delete_stream("HOIDAP_DEAD").await.unwrap();
    config.storage = StorageType::Memory;
    operator.jetstream.create_stream(config).await.unwrap();
    let refused = setup::run(&config_of(&server, "operator", &[])).await.unwrap_err().to_string();
    assert!(refused.contains("HOIDAP_DEAD") && refused.contains("storage"), "{refused}");
    assert!(refused.contains("nats stream rm HOIDAP_DEAD"), "{refused}");
}
