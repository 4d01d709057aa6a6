//! A machine whose clock is wrong does no work; and what a worker says of a job in its log.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use hoidap_runtime::runner::WorkerContext;
use hoidap_shared::{
    fleet::Fleet,
    job::{Envelope, JobId, Outcome},
    stage::ComponentStatus,
    text::Language,
};
use hoidap_testing::{
    Server, free_port,
    jobs::{context, count, publish, question, wait_for_answer},
    required_env,
};
use serde_json::Value;

use crate::generator;

const LONG: Duration = Duration::from_secs(60);
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The library that moves a program's clock, made from the file beside this one.
fn library(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/clock.c");
    let library = folder.join("clock.so");
    let made = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status();
    assert!(made.is_ok_and(|status| status.success()), "the C compiler makes the library");
    library
}

/// A generator's process, ended when dropped; where its log is and where its health is served.
struct Worker {
    child: Child,
    log: PathBuf,
    port: u16,
}

impl Worker {
    fn start(nats: &Server, folder: &Path, name: &str, environment: &[(&str, &str)]) -> Self {
        let log = folder.join(name);
        let port = free_port();
        let child = Command::new(env!("CARGO_BIN_EXE_hoidap-worker"))
            .args(["run", "generator"])
            .env("HOIDAP_NATS__URL", nats.url())
            .env("HOIDAP_WORKER__LISTEN", format!("127.0.0.1:{port}"))
            .env("HOIDAP_EMBEDDING__MODEL_DIR", required_env("HOIDAP_EMBEDDING__MODEL_DIR"))
            .env("HOIDAP_TELEMETRY__FORMAT", "json")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log, port }
    }

    /// The lines of its log, each of which must be JSON.
    fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.log).unwrap();
        // The last one may not be whole yet.
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    }

    async fn ready(&self) -> (u16, String) {
        let reply = reqwest::get(format!("http://127.0.0.1:{}/readyz", self.port)).await;
        match reply {
            Ok(reply) => (reply.status().as_u16(), reply.text().await.unwrap_or_default()),
            Err(error) => (0, error.to_string()),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Publishes a job to the generator, as the retriever does.
async fn ask(context: &WorkerContext) -> JobId {
    let mut job = generator::job(Language::Vi, "Gói Pro được tải lên tệp lớn đến bao nhiêu?");
    job.deadline_ms += 120_000;
    job.trace = Some(format!("00-{TRACE}-00f067aa0ba902b7-01"));
    let subject = context.broker.subjects.jobs("generator");
    publish(&context.broker, subject, &[], job.encode().unwrap()).await;
    job.job_id
}

async fn told(fleet: &Fleet, healthy: bool, what: &str) -> ComponentStatus {
    let end = tokio::time::Instant::now() + LONG;
    loop {
        let components = fleet.components(&["generator"]);
        let found = components.into_iter().find(|part| part.name == "stage:generator");
        if let Some(found) = found.filter(|part| part.healthy == healthy && part.detail.contains(what)) {
            return found;
        }
        assert!(tokio::time::Instant::now() < end, "the generator says nothing of the kind");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_clock_is_wrong_takes_no_job_and_says_why() {
    hoidap_shared::telemetry::init_tls();
    let (nats, folder) = (Server::nats(), tempfile::tempdir().unwrap());
    let context = context(&nats, &[]).await;
    let fleet = Fleet::follow(context.broker.clone());
    let job = ask(&context).await;
    let library = library(folder.path()).display().to_string();
    let clock = folder.path().join("clock").display().to_string();
    let environment = [("LD_PRELOAD", library.as_str()), ("HOIDAP_TEST_CLOCK", &clock)];
    for (seconds, side) in [("7200", "ahead of the broker's"), ("-7200", "behind the broker's")] {
        std::fs::write(&clock, seconds).unwrap();
        let wrong = Worker::start(&nats, folder.path(), seconds, &environment);
        let told = told(&fleet, false, side).await;
        assert!(told.detail.contains("5000 ms are allowed"), "{}", told.detail);
        let (status, said) = wrong.ready().await;
        assert!(status == 503 && said.contains(side), "{status} {said}");
        let warned = |line: &Value| {
            line["level"] == "WARN"
                && line["fields"]["message"].as_str().is_some_and(|said| said.contains(side))
        };
        assert!(wrong.lines().iter().any(warned), "the log says it: {:#?}", wrong.lines());
        tokio::time::sleep(Duration::from_secs(1)).await;
        for (stream, wanted) in [("ANSWERS", 0), ("DEAD", 0), ("EVENTS", 0), ("JOBS", 1)] {
            assert_eq!(count(&context.broker, stream, ">").await, wanted, "{stream} is as it was");
        }
    }
    let right = Worker::start(&nats, folder.path(), "right", &[]);
    let answer = wait_for_answer(&context.broker, &job, LONG).await.body;
    assert_ne!(answer.outcome, Outcome::Failed, "{:?}", answer.problem);
    told(&fleet, true, "takes jobs").await;
    assert_eq!(right.ready().await.0, 200);
    let compared =
        |line: &Value| line["fields"]["ahead_ms"].as_i64().is_some_and(|ahead| ahead.abs() < 1_000);
    assert!(right.lines().iter().any(compared), "the log says how far the clocks are apart");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_while_a_worker_runs_ends_no_job_and_is_noticed() {
    hoidap_shared::telemetry::init_tls();
    let (nats, folder) = (Server::nats(), tempfile::tempdir().unwrap());
    let context = context(&nats, &[]).await;
    let fleet = Fleet::follow(context.broker.clone());
    let library = library(folder.path()).display().to_string();
    let clock = folder.path().join("clock").display().to_string();
    std::fs::write(&clock, "0").unwrap();
    let environment = [("LD_PRELOAD", library.as_str()), ("HOIDAP_TEST_CLOCK", &clock)];
    let _worker = Worker::start(&nats, folder.path(), "set", &environment);
    told(&fleet, true, "takes jobs").await;
    std::fs::write(&clock, "86400").unwrap();
    told(&fleet, false, "ahead of the broker's").await;
    let job = ask(&context).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    for (stream, wanted) in [("ANSWERS", 0), ("DEAD", 0), ("EVENTS", 0), ("JOBS", 1)] {
        assert_eq!(count(&context.broker, stream, ">").await, wanted, "{stream} is as it was");
    }
    std::fs::write(&clock, "0").unwrap();
    let answer = wait_for_answer(&context.broker, &job, LONG).await.body;
    assert_ne!(answer.outcome, Outcome::Failed, "{:?}", answer.problem);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_the_log_names_its_job_and_its_trace() {
    let (nats, folder) = (Server::nats(), tempfile::tempdir().unwrap());
    let context = context(&nats, &[]).await;
    let worker = Worker::start(&nats, folder.path(), "log", &[]);
    let answered_job = ask(&context).await;
    wait_for_answer(&context.broker, &answered_job, LONG).await;
    // One that the stage cannot read, but whose name it can.
    let unreadable = Envelope { trace: Some(format!("00-{TRACE}-00f067aa0ba902b7-01")), ..question("?") };
    let subject = context.broker.subjects.jobs("generator");
    publish(&context.broker, subject, &[], unreadable.encode().unwrap()).await;
    wait_for_answer(&context.broker, &unreadable.job_id, LONG).await;
    for (job, message) in [(answered_job, "answered"), (unreadable.job_id, "dead letter")] {
        let end = tokio::time::Instant::now() + LONG;
        let line = loop {
            let is_it =
                |line: &Value| line["fields"]["message"] == message && line["span"]["job"] == job.as_str();
            if let Some(line) = worker.lines().into_iter().find(is_it) {
                break line;
            }
            assert!(tokio::time::Instant::now() < end, "no line `{message}` of {job}: {:#?}", worker.lines());
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert_eq!(
            (&line["span"]["stage"], &line["span"]["trace"]),
            (&"generator".into(), &TRACE.into()),
            "{line}"
        );
    }
}
