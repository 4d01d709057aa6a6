//! A consumer that is made again does nothing twice and forgets nothing.

use std::time::Duration;

use async_nats::jetstream::stream::Config;
use hoidap_shared::{broker::Broker, job::Outcome};
use hoidap_testing::{
    Server,
    jobs::{another_process, ask, context, question, wait_for_answer},
};

use super::{LONG, QUICK, deliveries, ends, start, until};

/// Lets the broker forget the ids of what it stored, as it does after ten minutes, and messages be no longer new.
async fn ten_minutes_pass(broker: &Broker) {
    for name in ["JOBS", "EVENTS"] {
        let stream = broker.jetstream.get_stream(broker.subjects.stream(name)).await.unwrap();
        let duplicate_window = Duration::from_millis(100);
        let config = Config { duplicate_window, ..stream.cached_info().config.clone() };
        broker.jetstream.update_stream(config).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(2_500)).await;
}

async fn delete_consumers(broker: &Broker) {
    let jobs = broker.jetstream.get_stream(broker.subjects.stream("JOBS")).await.unwrap();
    for stage in ["first", "last"] {
        jobs.delete_consumer(stage).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_consumer_begins_with_the_first_job_that_is_not_finished() {
    let nats = Server::nats();
    let context = context(&nats, &QUICK).await;
    let broker = &context.broker;
    let worker = another_process(&context);
    let running = start(&worker);
    for n in 0..6 {
        let job = question(&format!("question {n}"));
        ask(broker, "first", &job).await;
        wait_for_answer(broker, &job.job_id, LONG).await;
    }
    until("each has its end", async || ends(&context).await == (6, 6, 0)).await;
    worker.stop.cancel();
    running.await.unwrap().unwrap();
    let waiting = question("asked while nobody was there");
    ask(broker, "first", &waiting).await;
    ten_minutes_pass(broker).await;
    delete_consumers(broker).await;

    let running = start(&context);
    assert_eq!(wait_for_answer(broker, &waiting.job_id, LONG).await.body.outcome, Outcome::Answered);
    until("it has its end", async || ends(&context).await.1 == 7).await;
    context.stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(ends(&context).await, (7, 7, 0));
    assert_eq!(deliveries(&context, "first").await, 1, "what was finished was not delivered again");
}

#[tokio::test(flavor = "multi_thread")]
async fn finished_jobs_behind_one_that_is_not_are_recorded_and_counted_once() {
    let nats = Server::nats();
    let context = context(&nats, &QUICK).await;
    let broker = &context.broker;
    let dying = start(&another_process(&context));
    let slow = question("slow");
    ask(broker, "first", &slow).await;
    for n in 0..6 {
        let job = question(&format!("question {n}"));
        ask(broker, "first", &job).await;
        wait_for_answer(broker, &job.job_id, LONG).await;
    }
    until("each has its end", async || ends(&context).await == (6, 6, 0)).await;
    dying.abort();
    ten_minutes_pass(broker).await;
    delete_consumers(broker).await;

    let running = start(&context);
    assert_eq!(wait_for_answer(broker, &slow.job_id, LONG).await.body.outcome, Outcome::Answered);
    until("all are dealt with", async || ends(&context).await.1 == 7).await;
    context.stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(ends(&context).await, (7, 7, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_is_deleted_under_a_running_stage_is_made_again() {
    let nats = Server::nats();
    let context = context(&nats, &QUICK).await;
    let broker = &context.broker;
    let running = start(&context);
    for n in 0..12 {
        let job = question(&format!("question {n}"));
        ask(broker, "first", &job).await;
        if n % 4 == 1 {
            delete_consumers(broker).await;
        }
        assert_eq!(wait_for_answer(broker, &job.job_id, LONG).await.body.outcome, Outcome::Answered);
    }
    until("each has its end", async || ends(&context).await == (12, 12, 0)).await;
    context.stop.cancel();
    running.await.unwrap().unwrap();
}
