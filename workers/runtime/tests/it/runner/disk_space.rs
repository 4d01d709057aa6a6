//! While dead letters find no room, nothing is given up.

use async_nats::jetstream::stream::Config;
use hoidap_shared::{
    broker::Broker,
    fleet::Fleet,
    job::{JobId, Outcome},
};
use hoidap_testing::{
    Server,
    jobs::{ask, context, count, question, wait_for_answer},
};

use super::{LONG, QUICK, ends, start, until};

/// Gives the dead letters so many bytes, as an operator does.
async fn resize(broker: &Broker, max_bytes: i64) {
    let stream = broker.jetstream.get_stream(broker.subjects.stream("DEAD")).await.unwrap();
    let config = Config { max_bytes, ..stream.cached_info().config.clone() };
    broker.jetstream.update_stream(config).await.unwrap();
}

/// What the fleet says of the stage: whether it takes jobs, and why not.
fn says(fleet: &Fleet) -> Option<(bool, String)> {
    let found = fleet.components(&["first"]).into_iter().find(|part| part.name == "stage:first")?;
    Some((found.healthy, found.detail))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_stream_of_dead_letters_stops_the_stage_until_there_is_room() {
    let nats = Server::nats();
    let context = context(&nats, &QUICK).await;
    let broker = &context.broker;
    resize(broker, 6_000).await;
    let fleet = Fleet::follow(broker.clone());
    let running = start(&context);
    until("the stage takes jobs", async || says(&fleet).is_some_and(|(takes, _)| takes)).await;

    let mut jobs: Vec<JobId> = Vec::new();
    for _ in 0..30 {
        let job = question("give up");
        ask(broker, "first", &job).await;
        jobs.push(job.job_id);
    }
    until("the stage says why it takes no jobs", async || {
        says(&fleet).is_some_and(|(takes, why)| !takes && why.contains("HOIDAP_DEAD has no room"))
    })
    .await;
    // Far longer than all deliveries of a job take.
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    let (records, events, letters) = ends(&context).await;
    assert!(letters < jobs.len() && records == letters && events == letters, "{records} {events} {letters}");

    resize(broker, 1 << 20).await;
    for job in &jobs {
        let answer = wait_for_answer(broker, job, LONG).await.body;
        assert_eq!((answer.outcome, answer.problem.as_deref()), (Outcome::Failed, Some("gave_up")));
    }
    until("the stage takes jobs again", async || says(&fleet).is_some_and(|(takes, _)| takes)).await;
    until("each has its end", async || ends(&context).await == (jobs.len(), jobs.len(), jobs.len())).await;
    context.stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(count(broker, "ADVISORIES", ">").await, 0, "the broker gave nothing up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_starts_while_letters_have_no_room_takes_no_job() {
    let nats = Server::nats();
    let context = context(&nats, &QUICK).await;
    let broker = &context.broker;
    resize(broker, 4_000).await;
    while let Ok(sent) = broker.jetstream.publish(broker.subjects.dead("first"), vec![0; 500].into()).await
        && sent.await.is_ok()
    {}
    let fleet = Fleet::follow(broker.clone());
    let running = start(&context);
    let job = question("hello");
    ask(broker, "first", &job).await;
    until("the stage says why", async || {
        says(&fleet).is_some_and(|(takes, why)| !takes && why.contains("nats.dead_max_bytes"))
    })
    .await;
    assert_eq!(super::deliveries(&context, "first").await, 0);
    let stream = broker.jetstream.get_stream(broker.subjects.stream("DEAD")).await.unwrap();
    stream.purge().await.unwrap();
    assert_eq!(wait_for_answer(broker, &job.job_id, LONG).await.body.outcome, Outcome::Answered);
    context.stop.cancel();
    running.await.unwrap().unwrap();
}
