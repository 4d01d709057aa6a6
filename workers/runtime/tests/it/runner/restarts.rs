//! A process that ends loses nothing and blames no job; one that a job kills does not take it up for ever.

use std::time::Duration;

use hoidap_runtime::runner::{self, WorkerContext};
use hoidap_shared::{
    job::{JobId, Outcome},
    stage::Stage,
};
use hoidap_testing::{
    Server,
    jobs::{another_process, ask, context, count, question, wait_for_answer},
};
use tokio::{task::JoinHandle, time::sleep};

use super::{First, LONG, Last, QUICK, deliveries, ends, start, until};

/// Restarts of each stage.
const RESTARTS: usize = 30;
/// Time between two questions: 20 a second.
const BETWEEN: Duration = Duration::from_millis(50);

fn run<S: Stage>(context: &WorkerContext, next: Option<&'static str>) -> JoinHandle<anyhow::Result<()>> {
    tokio::spawn(runner::run::<S>(context.clone(), next))
}

/// Runs a stage in one process after the other, each for a moment; the last one goes on.
async fn restarted<S: Stage>(
    context: &WorkerContext,
    next: Option<&'static str>,
) -> (WorkerContext, JoinHandle<anyhow::Result<()>>) {
    let mut process = another_process(context);
    let mut running = run::<S>(&process, next);
    for _ in 0..RESTARTS {
        sleep(Duration::from_millis(150)).await;
        process.stop.cancel();
        running.await.unwrap().unwrap();
        process = another_process(context);
        running = run::<S>(&process, next);
    }
    (process, running)
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_restarts_of_each_stage_under_load_lose_no_question() {
    let nats = Server::nats();
    let context = context(&nats, &[]).await;
    let broker = &context.broker;
    let restarting =
        async { tokio::join!(restarted::<First>(&context, Some("last")), restarted::<Last>(&context, None)) };
    tokio::pin!(restarting);
    let mut jobs: Vec<JobId> = Vec::new();
    let (first, last) = loop {
        let job = question(&format!("question {}", jobs.len()));
        ask(broker, "first", &job).await;
        jobs.push(job.job_id);
        tokio::select! {
            ended = &mut restarting => break ended,
            () = sleep(BETWEEN) => {}
        }
    };
    for job in &jobs {
        let answer = wait_for_answer(broker, job, LONG).await.body;
        assert_eq!((answer.outcome, answer.problem), (Outcome::Answered, None), "{job}");
    }
    for (process, running) in [first, last] {
        process.stop.cancel();
        running.await.unwrap().unwrap();
    }
    assert_eq!(ends(&context).await, (jobs.len(), jobs.len(), 0), "one record and one event for each");
    assert_eq!(count(broker, "ADVISORIES", ">").await, 0, "the broker gave nothing up");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_that_ends_hands_back_is_no_try_of_the_job() {
    let nats = Server::nats();
    let settings: Vec<_> = QUICK.into_iter().chain([("WORKER__DRAIN_MS", "100")]).collect();
    let context = context(&nats, &settings).await;
    let job = question("slow");
    ask(&context.broker, "first", &job).await;
    // Twice as many as the tries that a job has.
    for process in 1..=6 {
        let worker = another_process(&context);
        let running = start(&worker);
        until("the job is taken up", async || deliveries(&context, "first").await >= process).await;
        worker.stop.cancel();
        running.await.unwrap().unwrap();
    }
    let running = start(&context);
    let answer = wait_for_answer(&context.broker, &job.job_id, LONG).await.body;
    assert_eq!((answer.outcome, answer.problem), (Outcome::Answered, None));
    context.stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(ends(&context).await, (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_kills_each_worker_becomes_a_dead_letter() {
    let nats = Server::nats();
    let context = context(&nats, &QUICK).await;
    let job = question("slow");
    ask(&context.broker, "first", &job).await;
    for process in 1..=3 {
        let dying = start(&another_process(&context));
        until("the job is taken up", async || deliveries(&context, "first").await >= process).await;
        // Time to have begun; aborting drops everything without a word to the broker, as kill -9 does.
        sleep(Duration::from_millis(500)).await;
        dying.abort();
    }
    let running = start(&context);
    let answer = wait_for_answer(&context.broker, &job.job_id, LONG).await.body;
    assert_eq!(answer.problem.as_deref(), Some("too_many_deliveries"));
    context.stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(ends(&context).await, (1, 1, 1));
}
