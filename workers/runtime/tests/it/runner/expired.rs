//! A job that is older than any answer is kept ends once, in the open.

use async_nats::jetstream::consumer::{AckPolicy, pull};
use hoidap_shared::{
    broker::Broker,
    job::{Outcome, now_ms},
};
use hoidap_testing::{
    Server,
    jobs::{another_process, ask, context, question, wait_for_answer},
};

use super::{LONG, QUICK, ends, start, until};

/// A little more than answers are kept, in milliseconds.
const HOUR_MS: u64 = 61 * 60_000;

fn settings() -> Vec<(&'static str, &'static str)> {
    QUICK.into_iter().chain([("WORKER__MAX_CLOCK_SKEW_MS", "10000000")]).collect()
}

/// As if an hour had passed on the broker: its answers are gone.
async fn an_hour_passes(broker: &Broker) {
    broker.clock.set(now_ms() + HOUR_MS);
    let answers = broker.jetstream.get_stream(broker.subjects.stream("ANSWERS")).await.unwrap();
    answers.purge().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_over_an_hour_ago_gets_its_letter_its_answer_and_its_event() {
    let nats = Server::nats();
    let context = context(&nats, &settings()).await;
    let broker = &context.broker;
    let jobs: Vec<_> = (0..3).map(|n| question(&format!("question {n}"))).collect();
    for job in &jobs {
        ask(broker, "first", job).await;
    }
    an_hour_passes(broker).await;
    let running = start(&context);
    for job in &jobs {
        let answer = wait_for_answer(broker, &job.job_id, LONG).await.body;
        assert_eq!((answer.outcome, answer.problem.as_deref()), (Outcome::Failed, Some("expired")));
        assert_eq!(answer.question, job.body.message, "it is known whose end it is");
    }
    until("each has its end", async || ends(&context).await == (3, 3, 3)).await;
    context.stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_job_of_over_an_hour_ago_that_comes_again_is_left_alone() {
    let nats = Server::nats();
    let context = context(&nats, &settings()).await;
    let broker = &context.broker;
    let worker = another_process(&context);
    let running = start(&worker);
    for n in 0..5 {
        let job = question(&format!("question {n}"));
        ask(broker, "first", &job).await;
        wait_for_answer(broker, &job.job_id, LONG).await;
    }
    until("each has its end", async || ends(&context).await == (5, 5, 0)).await;
    worker.stop.cancel();
    running.await.unwrap().unwrap();

    // A broker that lost the place of its consumers delivers everything again.
    let jobs = broker.jetstream.get_stream(broker.subjects.stream("JOBS")).await.unwrap();
    for stage in ["first", "last"] {
        jobs.delete_consumer(stage).await.unwrap();
        let from_first = pull::Config {
            durable_name: Some(stage.into()),
            filter_subject: broker.subjects.jobs(stage),
            ack_policy: AckPolicy::Explicit,
            ..pull::Config::default()
        };
        jobs.create_consumer(from_first).await.unwrap();
    }
    an_hour_passes(broker).await;
    let running = start(&context);
    for stage in ["first", "last"] {
        until("everything is acknowledged", async || {
            let info = jobs.consumer_info(stage).await.unwrap();
            info.delivered.consumer_sequence == 5 && info.num_ack_pending == 0
        })
        .await;
    }
    context.stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(ends(&context).await, (5, 5, 0), "nothing is recorded or counted twice");
}
