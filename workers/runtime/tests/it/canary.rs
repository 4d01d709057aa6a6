//! Canaries beside the workers of a small stage, over a real broker.

use std::time::Duration;

use futures::future::join_all;
use hoidap_runtime::{
    canary::{self, CanaryOptions, SessionShare},
    runner::{self, WorkerContext},
};
use hoidap_shared::{
    config::Config,
    fleet::{CanaryReport, CanaryState, Fleet},
    job::{Answer, Envelope, Question},
    progress::{ProgressLine, ProgressSink},
    stage::{NextStep, Stage, StageError, StageStatus},
};
use hoidap_testing::{
    Server,
    jobs::{answer, ask, context, count, question, wait_for_answer},
};
use tokio::{task::JoinHandle, time::Instant};

const LONG: Duration = Duration::from_secs(30);
const SHARE: &str = "30%";

/// Answers; how well, is said by the configuration's support address.
struct Work {
    how: String,
}

impl Stage for Work {
    const NAME: &'static str = "work";
    type In = Question;
    type Out = Question;

    async fn open(config: &Config) -> anyhow::Result<Self> {
        Ok(Self { how: config.support.address.clone() })
    }

    async fn process(
        &self,
        job: &Envelope<Question>,
        _: &ProgressSink,
    ) -> Result<NextStep<Question>, StageError> {
        match self.how.as_str() {
            "fails" => return Err(StageError::Permanent { code: "gave_up", reason: "as told".into() }),
            "panics" => panic!("as told"),
            "crawls" => tokio::time::sleep(Duration::from_millis(200)).await,
            "sleeps" => tokio::time::sleep(LONG).await,
            _ => tokio::time::sleep(Duration::from_millis(10)).await,
        }
        Ok(NextStep::Answer(answer(&job.body, &self.how)))
    }

    fn status(&self) -> StageStatus {
        StageStatus { version: self.how.clone(), components: Vec::new() }
    }
}

/// A broker, the stage's workers, and a canary.
struct Bench {
    nats: Server,
    worker: WorkerContext,
    fleet: Fleet,
}

impl Bench {
    async fn new() -> Self {
        let nats = Server::nats();
        let worker = context(&nats, &[]).await;
        let bench = Self { fleet: Fleet::follow(worker.broker.clone()), nats, worker };
        tokio::spawn(runner::run::<Work>(bench.worker.clone(), None));
        bench
    }

    async fn another_worker(&self) -> WorkerContext {
        let other = context(&self.nats, &[]).await;
        tokio::spawn(runner::run::<Work>(other.clone(), None));
        other
    }

    async fn canary(&self, how: &str) -> (WorkerContext, JoinHandle<anyhow::Result<()>>) {
        let context = context(&self.nats, &[("SUPPORT__ADDRESS", how)]).await;
        let changes = vec![format!("support.address={how}")];
        let options = CanaryOptions { share: SHARE.parse().unwrap(), changes };
        let running = tokio::spawn(runner::run_canary::<Work>(context.clone(), options));
        (context, running)
    }

    /// Asks in so many sessions at once; the session and the answer of each.
    async fn ask(&self, sessions: std::ops::Range<usize>) -> Vec<(String, Envelope<Answer>)> {
        join_all(sessions.map(|n| async move {
            let mut job = question("a question");
            job.body.session_id = format!("session-{n:04}");
            job.stream = true;
            ask(&self.worker.broker, "work", &job).await;
            (job.body.session_id.clone(), wait_for_answer(&self.worker.broker, &job.job_id, LONG).await)
        }))
        .await
    }

    /// Waits until the fleet tells of a canary as wanted.
    async fn until(&self, what: &str, wanted: impl Fn(&CanaryReport) -> bool) -> CanaryReport {
        let end = Instant::now() + LONG;
        loop {
            let known = self.fleet.canaries("work");
            if let Some(found) = known.iter().find(|canary| wanted(canary)) {
                return found.clone();
            }
            assert!(Instant::now() < end, "not within {LONG:?}: {what}: {known:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn until_serving(&self) {
        self.until("the canary serves", |canary| canary.state == CanaryState::Serving).await;
    }
}

fn by_canary(answer: &Envelope<Answer>) -> bool {
    assert_eq!(answer.hops.len(), 1);
    answer.hops[0].canary
}

fn holds(session: &str) -> bool {
    SHARE.parse::<SessionShare>().unwrap().holds(session)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_serves_its_sessions_and_no_others() {
    let bench = Bench::new().await;
    bench.another_worker().await;
    let (canary, running) = bench.canary("otherwise").await;
    bench.until_serving().await;
    // Both workers hear it within a beat.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    for _ in 0..2 {
        for (session, answer) in bench.ask(0..60).await {
            assert_eq!(by_canary(&answer), holds(&session), "{session}");
            assert_eq!(answer.body.text == "otherwise", holds(&session));
        }
    }
    let its = (0..60).filter(|n| holds(&format!("session-{n:04}"))).count() as u64;
    assert!((5..30).contains(&its));
    let told = bench.until("every job is counted", |canary| canary.counted() == 120).await;
    assert_eq!((told.served.jobs, told.stable.jobs), (2 * its, 120 - 2 * its));
    assert_eq!((told.served.errors, told.stable.errors), (0, 0));
    assert_eq!((told.share, told.state), (0.3, CanaryState::Serving));
    assert_eq!(told.changes, ["support.address=otherwise"]);
    assert!(told.served.median_ms.unwrap() >= 10.0 && told.stable.p95_ms.unwrap() >= 10.0);

    canary.stop.cancel();
    running.await.unwrap().unwrap();
    let after = bench.ask(0..20).await;
    assert!(after.iter().all(|(_, answer)| !by_canary(answer) && answer.body.problem.is_none()));
    bench.until("it is away", |canary| canary.state == CanaryState::Away && canary.counted() == 120).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_costs_no_answer_and_steps_back_until_it_is_forgotten() {
    let bench = Bench::new().await;
    for how in ["fails", "panics"] {
        let (canary, running) = bench.canary(how).await;
        bench.until_serving().await;
        let answers = bench.ask(0..100).await;
        for (session, answer) in &answers {
            assert_eq!(answer.body.problem, None, "{session}");
            assert!(!by_canary(answer), "{session}");
        }
        let told = bench.until("it stepped back", |canary| canary.reason.is_some()).await;
        assert_eq!(told.state, CanaryState::SteppedBack);
        assert!(told.served.errors == told.served.jobs && told.served.jobs >= 5, "{told:?}");
        let said = format!("{} of {} jobs failed, against 0 of", told.served.jobs, told.served.jobs);
        assert!(told.reason.unwrap().to_string().contains(&said), "{told:?}");

        // A worker that comes later hears of it, and one that is started again unchanged serves nobody either.
        let later = bench.another_worker().await;
        canary.stop.cancel();
        running.await.unwrap().unwrap();
        let (again, running) = bench.canary(how).await;
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        bench.ask(100..160).await;
        let counted = bench.until("it is known", |canary| canary.id == told.id).await;
        assert_eq!(counted.served.jobs, told.served.jobs);
        assert_eq!(counted.state, CanaryState::SteppedBack);

        canary::forget(&again.broker, "work").await.unwrap();
        bench.until("it is judged anew", |canary| canary.reason.is_none()).await;
        again.stop.cancel();
        running.await.unwrap().unwrap();
        canary::forget(&again.broker, "work").await.unwrap();
        let end = Instant::now() + LONG;
        while !bench.fleet.canaries("work").is_empty() {
            assert!(Instant::now() < end, "it is still known");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        later.stop.cancel();
    }
    assert_eq!(count(&bench.worker.broker, "DEAD", "hoidap.dead.*").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_slow_steps_back() {
    let bench = Bench::new().await;
    let (_canary, _running) = bench.canary("crawls").await;
    bench.until_serving().await;
    let answers = bench.ask(0..120).await;
    assert!(answers.iter().any(|(_, answer)| by_canary(answer)));
    let told = bench.until("it stepped back", |canary| canary.reason.is_some()).await;
    assert!(told.reason.unwrap().to_string().contains("jobs took more than"), "{told:?}");
    assert_eq!(told.served.errors, 0);
    assert!(bench.ask(120..160).await.iter().all(|(_, answer)| !by_canary(answer)));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_dies_at_work_leaves_its_jobs_to_the_stage() {
    let bench = Bench::new().await;
    let (_canary, running) = bench.canary("sleeps").await;
    bench.until_serving().await;
    let mut job = question("a question");
    job.body.session_id = (0..).map(|n| format!("session-{n:04}")).find(|session| holds(session)).unwrap();
    job.stream = true;
    ask(&bench.worker.broker, "work", &job).await;
    let tokens = bench.worker.broker.subjects.tokens(&job.job_id);
    let end = Instant::now() + LONG;
    while count(&bench.worker.broker, "TOKENS", &tokens).await == 0 {
        assert!(Instant::now() < end, "the canary did not begin");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.abort();
    let answer = wait_for_answer(&bench.worker.broker, &job.job_id, LONG).await;
    assert!(!by_canary(&answer) && answer.body.problem.is_none());
    assert_eq!(answer.hops[0].delivery, 1, "the message was not delivered again");
    let told = bench.until("it is away", |canary| canary.state == CanaryState::Away).await;
    assert_eq!((told.served.jobs, told.served.errors), (1, 1));
    // Who reads along hears of two runs, one after the other.
    let stream = bench.worker.broker.jetstream.get_stream("HOIDAP_TOKENS").await.unwrap();
    let mut runs = Vec::new();
    for sequence in 1..=2 {
        let line = stream.get_raw_message(sequence).await.unwrap();
        match rmp_serde::from_slice(&line.payload).unwrap() {
            ProgressLine::Stage { name, run } => runs.push((name, run)),
            other => panic!("{other:?}"),
        }
    }
    assert_ne!(runs[0].1, runs[1].1, "{runs:?}");
}
