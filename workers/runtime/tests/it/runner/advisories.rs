//! What the broker gives up gets its dead letter, its answer and its event.

use std::time::Duration;

use async_nats::jetstream::{
    AckKind,
    consumer::{AckPolicy, pull},
};
use futures::StreamExt as _;
use hoidap_shared::{broker::Broker, job::Outcome};
use hoidap_testing::{
    Server,
    jobs::{another_process, ask, context, count, question, wait_for_answer},
};

use super::{LONG, QUICK, ends, start, until};

/// A consumer of the stage that delivers each job once, as an operator or an older release might have made it.
async fn deliver_once(broker: &Broker, how: Option<AckKind>) {
    let jobs = broker.jetstream.get_stream(broker.subjects.stream("JOBS")).await.unwrap();
    let config = pull::Config {
        durable_name: Some("first".into()),
        filter_subject: broker.subjects.jobs("first"),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_millis(200),
        max_deliver: 1,
        ..pull::Config::default()
    };
    let consumer = jobs.create_consumer(config).await.unwrap();
    let mut messages = consumer.batch().max_messages(1).expires(LONG).messages().await.unwrap();
    let message = messages.next().await.unwrap().unwrap();
    if let Some(how) = how {
        message.ack_with(how).await.unwrap();
    }
    // The server looks at a message again only when somebody asks for one.
    until("the broker gives it up", async || {
        let _ = consumer.fetch().max_messages(1).messages().await.unwrap().next().await;
        count(broker, "ADVISORIES", ">").await == 1
    })
    .await;
}

async fn given_up(how: Option<AckKind>) {
    let nats = Server::nats();
    let context = context(&nats, &QUICK).await;
    let broker = &context.broker;
    let job = question("hello");
    ask(broker, "first", &job).await;
    deliver_once(broker, how).await;

    let worker = another_process(&context);
    let running = start(&worker);
    let answer = wait_for_answer(broker, &job.job_id, LONG).await.body;
    assert_eq!(
        (answer.outcome, answer.problem.as_deref()),
        (Outcome::Failed, Some("too_many_deliveries")),
        "the visitor hears of it"
    );
    until("its letter, record and event are stored", async || ends(&context).await == (1, 1, 1)).await;
    worker.stop.cancel();
    running.await.unwrap().unwrap();

    // The same notice once more: the consumer that hears of it has lost its place.
    let stream = broker.jetstream.get_stream(broker.subjects.stream("ADVISORIES")).await.unwrap();
    stream.delete_consumer("first").await.unwrap();
    let running = start(&context);
    until("it is dealt with again", async || {
        stream.consumer_info("first").await.is_ok_and(|info| info.ack_floor.stream_sequence == 1)
    })
    .await;
    context.stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(ends(&context).await, (1, 1, 1), "exactly once in effect");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_the_broker_delivered_too_often_is_not_lost() {
    given_up(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_terminated_on_the_broker_is_not_lost() {
    given_up(Some(AckKind::Term)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_went_on_before_the_broker_gave_it_up_gets_no_apology() {
    let nats = Server::nats();
    let context = context(&nats, &QUICK).await;
    let broker = &context.broker;
    let job = question("hello");
    ask(broker, "first", &job).await;
    deliver_once(broker, None).await;
    // The worker passed it on, and died before it could say so.
    ask(broker, "last", &job).await;
    let running = start(&context);
    assert_eq!(wait_for_answer(broker, &job.job_id, LONG).await.body.outcome, Outcome::Answered);
    context.stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(ends(&context).await, (1, 1, 0));
}
