//! `hoidap-worker dead` over a real broker, and what the fleet does with a message that was sent again.

use std::{
    process::{Command, Output},
    time::Duration,
};

use hoidap_runtime::runner::{self, WorkerContext};
use hoidap_shared::{
    broker::Broker,
    config::Config,
    job::{Envelope, JobId, Outcome, Question, now_ms},
    progress::ProgressSink,
    stage::{NextStep, Stage, StageError, StageStatus},
};
use hoidap_testing::{
    Server,
    jobs::{answer, ask, context, count, question, wait_for_answer},
};
use serde_json::Value;

const LONG: Duration = Duration::from_secs(20);

/// Fails the first time it sees a job, in a way that trying again does not help, and answers when the job is sent again.
struct Moody;

impl Stage for Moody {
    const NAME: &'static str = "moody";
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
        // A job that is sent again has a later start than its first one.
        if job.accepted_ms > job_time(&job.job_id) + 500 {
            return Ok(NextStep::Answer(answer(&job.body, "now it works")));
        }
        Err(StageError::Permanent { code: "gave_up", reason: "not in the mood".into() })
    }

    fn status(&self) -> StageStatus {
        StageStatus { version: "v1".into(), components: Vec::new() }
    }
}

/// When a job got its name, in milliseconds since the Unix epoch.
fn job_time(job: &JobId) -> u64 {
    let digits: String = job.as_str().chars().filter(|c| *c != '-').take(12).collect();
    u64::from_str_radix(&digits, 16).unwrap()
}

fn dead(nats: &Server, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hoidap-worker"))
        .arg("dead")
        .args(arguments)
        .env("HOIDAP_NATS__URL", nats.url())
        .env("HOIDAP_TELEMETRY__FILTER", "error")
        .output()
        .unwrap()
}

/// What a command wrote, after checking that it ended well.
fn said(nats: &Server, arguments: &[&str]) -> String {
    let output = dead(nats, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn listed(nats: &Server, arguments: &[&str]) -> Vec<Value> {
    let arguments: Vec<&str> = ["list", "--json"].into_iter().chain(arguments.iter().copied()).collect();
    said(nats, &arguments).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Three jobs that a stage gave up, with their names.
async fn given_up(context: &WorkerContext) -> Vec<JobId> {
    let mut jobs = Vec::new();
    for text in ["one", "two", "three"] {
        let job = question(text);
        ask(&context.broker, "moody", &job).await;
        assert_eq!(wait_for_answer(&context.broker, &job.job_id, LONG).await.body.outcome, Outcome::Failed);
        jobs.push(job.job_id);
    }
    jobs
}

async fn until_answered(broker: &Broker, job: &JobId) {
    let end = tokio::time::Instant::now() + LONG;
    loop {
        let body = wait_for_answer(broker, job, LONG).await.body;
        if body.outcome == Outcome::Answered {
            assert_eq!(body.text, "now it works");
            return;
        }
        assert!(tokio::time::Instant::now() < end, "the job keeps its failure: {:?}", body.problem);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_sent_again_gets_its_answer() {
    let nats = Server::nats();
    let context = context(&nats, &[]).await;
    let broker = &context.broker;
    let running = tokio::spawn(runner::run::<Moody>(context.clone(), None));
    let jobs = given_up(&context).await;
    tokio::time::sleep(Duration::from_millis(600)).await;

    let letters = listed(&nats, &[]);
    let found: Vec<_> = letters.iter().map(|letter| letter["job"].as_str().unwrap()).collect();
    assert_eq!(found, jobs.iter().map(JobId::as_str).collect::<Vec<_>>(), "the oldest first");
    assert_eq!(letters[1]["stage"], "moody");
    assert_eq!(letters[1]["reason"], "gave_up");
    assert_eq!(letters[1]["detail"], "not in the mood");
    assert_eq!(letters[1]["subject"], "hoidap.jobs.moody");
    assert_eq!(letters[1]["deliveries"], 1);
    let number = letters[1]["seq"].to_string();
    let shown: Value = serde_json::from_str(&said(&nats, &["show", &number, "--json"])).unwrap();
    assert_eq!(shown["message"]["body"]["message"], "two");
    let page = said(&nats, &["show", &number]);
    assert!(page.contains("reason      gave_up\n") && page.contains("\"message\": \"two\""), "{page}");

    let dry = said(&nats, &["redrive", "--seq", &number, "--dry-run"]);
    assert_eq!(dry, format!("{number} gave_up -> hoidap.jobs.moody\n1 messages would be sent again\n"));
    assert_eq!(listed(&nats, &[]).len(), 3, "a dry run changes nothing");

    said(&nats, &["redrive", "--seq", &number]);
    until_answered(broker, &jobs[1]).await;
    assert_eq!(
        wait_for_answer(broker, &jobs[0], LONG).await.body.outcome,
        Outcome::Failed,
        "only the one that was named"
    );
    let left: Vec<_> = listed(&nats, &[]).iter().map(|letter| letter["job"].to_string()).collect();
    assert_eq!(left, [&jobs[0], &jobs[2]].map(|job| format!("\"{job}\"")));

    said(&nats, &["redrive", "--stage", "moody", "--reason", "gave_up"]);
    until_answered(broker, &jobs[0]).await;
    until_answered(broker, &jobs[2]).await;
    context.stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(count(broker, "DEAD", ">").await, 0);
    assert_eq!(
        count(broker, "EVENTS", ">").await,
        6,
        "each job ended twice: with a failure, then with its answer"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_are_chosen_by_stage_reason_job_and_time() {
    let nats = Server::nats();
    let context = context(&nats, &[]).await;
    let running = tokio::spawn(runner::run::<Moody>(context.clone(), None));
    let jobs = given_up(&context).await;
    let mut late = question("late");
    late.deadline_ms = now_ms() - 1;
    ask(&context.broker, "moody", &late).await;
    wait_for_answer(&context.broker, &late.job_id, LONG).await;
    context.stop.cancel();
    running.await.unwrap().unwrap();

    assert_eq!(listed(&nats, &["--reason", "deadline_exceeded"])[0]["job"], late.job_id.as_str());
    assert_eq!(listed(&nats, &["--reason", "gave_up"]).len(), 3);
    assert_eq!(listed(&nats, &["--job", jobs[2].as_str()]).len(), 1);
    assert_eq!(listed(&nats, &["--stage", "moody", "--since", "5m"]).len(), 4);
    assert_eq!(listed(&nats, &["--since", "2999-01-01T00:00:00Z"]).len(), 0);
    assert_eq!(listed(&nats, &["--stage", "another"]).len(), 0);
    let text = said(&nats, &["list"]);
    assert!(text.ends_with("\n4 dead letters\n"), "{text}");

    let refused = |arguments: &[&str], sentence: &str| {
        let output = dead(&nats, arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(sentence), "{arguments:?}: {error}");
    };
    refused(&["redrive"], "say which letters");
    refused(&["show", "99"], "there is no dead letter 99");
    refused(&["list", "--since", "yesterday"], "give a time back from now");
    refused(&["list", "--stage", "*"], "letters, digits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_names_its_message_and_says_so_when_that_is_gone() {
    let nats = Server::nats();
    let context = context(&nats, &[]).await;
    let broker = &context.broker;
    let running = tokio::spawn(runner::run::<Moody>(context.clone(), None));
    let mut jobs = Vec::new();
    for _ in 0..2 {
        let mut job = question("with a long page around it");
        job.body.context.content_preview = Some("word ".repeat(20_000));
        ask(broker, "moody", &job).await;
        wait_for_answer(broker, &job.job_id, LONG).await;
        jobs.push(job.job_id);
    }
    let letters = broker.jetstream.get_stream(broker.subjects.stream("DEAD")).await.unwrap();
    let held = letters.cached_info().state.bytes;
    assert!(held < 4_000, "two messages of 100 kB became letters of {held} bytes");
    let shown: Value = serde_json::from_str(&said(&nats, &["show", "1", "--json"])).unwrap();
    assert!(shown["bytes"].as_u64().unwrap() > 100_000, "{}", shown["bytes"]);
    assert_eq!(shown["message"]["body"]["message"], "with a long page around it");

    // The jobs stream has let the first one go.
    let stream = broker.jetstream.get_stream(broker.subjects.stream("JOBS")).await.unwrap();
    let sequence = listed(&nats, &[])[0]["stream_seq"].as_u64().unwrap();
    stream.delete_message(sequence).await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    let gone = format!("message {sequence} is no longer in the stream HOIDAP_JOBS");
    let page = said(&nats, &["show", "1"]);
    assert!(page.contains(&gone), "{page}");
    let output = dead(&nats, &["redrive", "--all"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains(&gone), "{error}");
    until_answered(broker, &jobs[1]).await;
    assert_eq!(listed(&nats, &[]).len(), 1, "the letter whose message is gone is kept");
    context.stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_does_not_take_a_message_of_another_stream_for_its_own() {
    let nats = Server::nats();
    let context = context(&nats, &[]).await;
    let broker = &context.broker;
    let running = tokio::spawn(runner::run::<Moody>(context.clone(), None));
    given_up(&context).await;
    context.stop.cancel();
    running.await.unwrap().unwrap();
    let name = broker.subjects.stream("JOBS");
    let config = broker.jetstream.get_stream(&name).await.unwrap().cached_info().config.clone();
    broker.jetstream.delete_stream(&name).await.unwrap();
    broker.jetstream.create_stream(config).await.unwrap();
    for text in ["other one", "other two", "other three"] {
        ask(broker, "moody", &question(text)).await;
    }
    let output = dead(&nats, &["redrive", "--all"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("3 could not be sent again; their letters are kept"), "{error}");
    assert_eq!(count(broker, "JOBS", ">").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_with_a_false_origin_is_kept() {
    let nats = Server::nats();
    let context = context(&nats, &[]).await;
    let broker = &context.broker;
    for subject in ["hoidap.answers.x", "hoidap.jobs.done", "elsewhere", ""] {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Hoidap-Stage", "generator");
        headers.insert("Hoidap-Reason", "forged");
        headers.insert("Hoidap-Subject", subject);
        let sent =
            broker.jetstream.publish_with_headers(broker.subjects.dead("generator"), headers, "x".into());
        sent.await.unwrap().await.unwrap();
    }
    let output = dead(&nats, &["redrive", "--all"]);
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("4 could not be sent again; their letters are kept"), "{error}");
    assert_eq!(count(broker, "DEAD", ">").await, 4);
    assert_eq!(count(broker, "JOBS", ">").await, 0);
}
