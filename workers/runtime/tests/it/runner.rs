//! The runner, driven by small stages over a real broker.

mod advisories;
mod disk_space;
mod expired;
mod lost_consumer;
mod restarts;

use std::time::Duration;

use futures::StreamExt as _;
use hoidap_runtime::runner::{self, WorkerContext};
use hoidap_shared::{
    config::Config,
    job::{Envelope, JobId, Outcome, Question},
    progress::ProgressSink,
    stage::{NextStep, Stage, StageError, StageStatus},
};
use hoidap_testing::{
    Server,
    jobs::{another_process, answer, ask, context, count, question, wait_for_answer},
};

/// Passes the question on, or does what the question says.
struct First;
/// Answers.
struct Last;

impl Stage for First {
    const NAME: &'static str = "first";
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
        match job.body.message.as_str() {
            "give up" => Err(StageError::Permanent { code: "gave_up", reason: "as told".into() }),
            "fail always" => {
                Err(StageError::Retry { reason: "as told".into(), after: Some(Duration::from_millis(10)) })
            }
            "panic" => panic!("as told"),
            "slow" => {
                tokio::time::sleep(Duration::from_secs(4)).await;
                Ok(NextStep::Forward(job.body.clone()))
            }
            _ => Ok(NextStep::Forward(job.body.clone())),
        }
    }

    fn status(&self) -> StageStatus {
        StageStatus { version: "v1".into(), components: Vec::new() }
    }
}

impl Stage for Last {
    const NAME: &'static str = "last";
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
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(NextStep::Answer(answer(&job.body, "the answer")))
    }

    fn status(&self) -> StageStatus {
        StageStatus { version: "v1".into(), components: Vec::new() }
    }
}

/// Waits short enough for a test.
const QUICK: [(&str, &str); 3] =
    [("WORKER__ACK_WAIT_MS", "1500"), ("WORKER__BACKOFF_MS", "50,100"), ("WORKER__MAX_DELIVERIES", "3")];

fn start(context: &WorkerContext) -> tokio::task::JoinHandle<anyhow::Result<()>> {
    let context = context.clone();
    tokio::spawn(async move {
        let (first, last) = tokio::join!(
            runner::run::<First>(context.clone(), Some("last")),
            runner::run::<Last>(context, None)
        );
        first.and(last)
    })
}

const LONG: Duration = Duration::from_secs(20);

/// Waits until something is so.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let end = tokio::time::Instant::now() + LONG;
    while !is_so().await {
        assert!(tokio::time::Instant::now() < end, "not within {LONG:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How often the broker has delivered messages to a stage.
async fn deliveries(context: &WorkerContext, stage: &str) -> u64 {
    let jobs = context.broker.jetstream.get_stream(context.broker.subjects.stream("JOBS")).await.unwrap();
    jobs.consumer_info(stage).await.map_or(0, |info| info.delivered.consumer_sequence)
}

/// How many lasting records, events and dead letters there are.
async fn ends(context: &WorkerContext) -> (usize, usize, usize) {
    let broker = &context.broker;
    (
        count(broker, "JOBS", &broker.subjects.done()).await,
        count(broker, "EVENTS", ">").await,
        count(broker, "DEAD", ">").await,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_passes_every_stage_to_one_answer() {
    let nats = Server::nats();
    let context = context(&nats, &QUICK).await;
    let broker = &context.broker;
    let mut replies = broker.client.subscribe(broker.subjects.replies("test")).await.unwrap();
    let running = start(&context);
    let job = question("hello");
    ask(broker, "first", &job).await;

    let reply = tokio::time::timeout(LONG, replies.next()).await.unwrap().unwrap();
    let told = Envelope::<hoidap_shared::job::Answer>::decode(&reply.payload).unwrap();
    let stored = wait_for_answer(broker, &job.job_id, LONG).await;
    assert_eq!(told, stored, "the gateway is told what is stored");
    assert_eq!(stored.body.text, "the answer");
    let stages: Vec<_> = stored.hops.iter().map(|hop| hop.stage.as_str()).collect();
    assert_eq!(stages, ["first", "last"]);
    context.stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(count(broker, "JOBS", &broker.subjects.done()).await, 1);
    assert_eq!(count(broker, "EVENTS", ">").await, 1);
    assert_eq!(count(broker, "DEAD", ">").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_go_on_is_a_dead_letter_and_an_honest_answer() {
    let nats = Server::nats();
    let context = context(&nats, &QUICK).await;
    let broker = &context.broker;
    let running = start(&context);
    let mut late = question("too late");
    late.deadline_ms = 1;
    let mut newer = question("of a newer release");
    newer.schema = 99;
    let cases = [
        (question("give up"), "gave_up"),
        (question("fail always"), "retries_exhausted"),
        (question("panic"), "retries_exhausted"),
        (late, "deadline_exceeded"),
        (newer, "unknown_schema"),
    ];
    for (job, _) in &cases {
        ask(broker, "first", job).await;
    }
    for (job, code) in &cases {
        let answer = wait_for_answer(broker, &job.job_id, LONG).await.body;
        assert_eq!((answer.outcome, answer.problem.as_deref()), (Outcome::Failed, Some(*code)));
        assert!(answer.text.contains("support@yourdomain.com"));
    }
    let subject = broker.subjects.jobs("first");
    broker.jetstream.publish(subject, "\u{1}noise".into()).await.unwrap().await.unwrap();
    let dead = broker.subjects.dead("first");
    let end = tokio::time::Instant::now() + LONG;
    while count(broker, "DEAD", &dead).await < cases.len() + 1 {
        assert!(tokio::time::Instant::now() < end, "the noise did not become a dead letter");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let stream = broker.jetstream.get_stream(broker.subjects.stream("DEAD")).await.unwrap();
    let last = stream.get_last_raw_message_by_subject(&dead).await.unwrap();
    assert_eq!(last.headers.get("Hoidap-Reason").unwrap().as_str(), "malformed_message");
    let sequence: u64 = last.headers.get("Hoidap-Stream-Seq").unwrap().as_str().parse().unwrap();
    let jobs = broker.jetstream.get_stream(broker.subjects.stream("JOBS")).await.unwrap();
    let message = jobs.direct_get(sequence).await.unwrap();
    assert_eq!(message.payload.as_ref(), b"\x01noise", "the message is kept as it was");
    context.stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_job_is_not_given_to_another_worker() {
    let nats = Server::nats();
    let context = context(&nats, &QUICK).await;
    let running = start(&context);
    let job = question("slow");
    ask(&context.broker, "first", &job).await;
    let stored = wait_for_answer(&context.broker, &job.job_id, LONG).await;
    assert_eq!(stored.hops[0].delivery, 1, "4 s of work under a wait of 1.5 s: heartbeats kept it");
    context.stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_the_work_and_answer_once() {
    let nats = Server::nats();
    let one = context(&nats, &[("WORKER__CONCURRENCY", "4")]).await;
    let two = another_process(&one);
    let (first, second) = (start(&one), start(&two));
    let jobs: Vec<_> = (0..60).map(|n| question(&format!("question {n}"))).collect();
    for job in &jobs {
        ask(&one.broker, "first", job).await;
    }
    for job in &jobs {
        assert_eq!(wait_for_answer(&one.broker, &job.job_id, LONG).await.body.question, job.body.message);
    }
    one.stop.cancel();
    two.stop.cancel();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(count(&one.broker, "JOBS", &one.broker.subjects.done()).await, jobs.len());
    assert_eq!(count(&one.broker, "EVENTS", ">").await, jobs.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_loses_nothing_and_a_broker_that_dies_neither() {
    let mut nats = Server::durable_nats();
    let one = context(&nats, &QUICK).await;
    let dying = start(&one);
    let jobs: Vec<JobId> = {
        let mut ids = Vec::new();
        for n in 0..40 {
            let job = question(&format!("question {n}"));
            ask(&one.broker, "first", &job).await;
            ids.push(job.job_id);
        }
        ids
    };
    // Aborting drops everything in flight without a word to the broker, as kill -9 does.
    tokio::time::sleep(Duration::from_millis(80)).await;
    dying.abort();
    nats.restart();
    let two = another_process(&one);
    let running = start(&two);
    for job in &jobs {
        wait_for_answer(&one.broker, job, LONG).await;
    }
    // A worker that died between an answer and its records leaves them to the next delivery.
    let records = [("JOBS", one.broker.subjects.done()), ("EVENTS", ">".to_string())];
    let end = tokio::time::Instant::now() + LONG;
    for (stream, subject) in &records {
        while count(&one.broker, stream, subject).await < jobs.len() {
            assert!(tokio::time::Instant::now() < end, "{stream} does not get its records");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    two.stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(count(&one.broker, "ANSWERS", ">").await, jobs.len());
    for (stream, subject) in &records {
        assert_eq!(count(&one.broker, stream, subject).await, jobs.len(), "each once in {stream}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_again_after_its_answer_is_not_worked_on() {
    let nats = Server::nats();
    let context = context(&nats, &QUICK).await;
    let broker = &context.broker;
    let running = start(&context);
    let job = question("once");
    ask(broker, "first", &job).await;
    let first = wait_for_answer(broker, &job.job_id, LONG).await;
    // The same job again, under an id that the duplicate window does not know.
    let subject = broker.subjects.jobs("last");
    broker.jetstream.publish(subject, job.encode().unwrap().into()).await.unwrap().await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    context.stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(wait_for_answer(broker, &job.job_id, LONG).await, first);
    assert_eq!(count(broker, "JOBS", &broker.subjects.done()).await, 1);
}
