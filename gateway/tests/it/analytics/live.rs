//! How old the figures are, and what waits in the fleet.

use serde_json::{Value, json};

use super::{Setup, picked};
use crate::support::question;

#[tokio::test(flavor = "multi_thread")]
async fn the_lag_of_each_stage_and_dead_letters_are_told() {
    let setup = Setup::new().await;
    let broker = setup.world.broker().await;
    let live = async || setup.get("/api/analytics/report").await["live"].clone();
    assert_eq!(live().await, json!({"stages": [], "dead_letters": []}), "no stage was started yet");

    let config = setup.world.config(&[]);
    let jobs = broker.jetstream.get_stream(broker.subjects.stream("JOBS")).await.unwrap();
    for stage in ["classifier", "generator"] {
        jobs.create_consumer(broker.subjects.stage_consumer(stage, &config.worker)).await.unwrap();
    }
    let publish = async |subject: String| {
        broker.jetstream.publish(subject, "x".into()).await.unwrap().await.unwrap();
    };
    for _ in 0..3 {
        publish(broker.subjects.jobs("generator")).await;
    }
    for stage in ["generator", "generator", "analytics"] {
        publish(broker.subjects.dead(stage)).await;
    }
    let consumer: async_nats::jetstream::consumer::PullConsumer =
        jobs.get_consumer("generator").await.unwrap();
    use futures::StreamExt as _;
    let mut batch = consumer.fetch().max_messages(1).messages().await.unwrap();
    let first = batch.next().await.unwrap().unwrap();
    let expected = json!({
        "stages": [
            {"stage": "classifier", "pending": 0, "in_flight": 0, "redelivered": 0},
            {"stage": "generator", "pending": 2, "in_flight": 1, "redelivered": 0}
        ],
        "dead_letters": [{"stage": "analytics", "count": 1}, {"stage": "generator", "count": 2}]
    });
    assert_eq!(live().await, expected);
    first.ack_with(async_nats::jetstream::AckKind::Nak(None)).await.unwrap();
    // What was handed back may come after what waits.
    let patience = std::time::Duration::from_secs(10);
    let mut batch = consumer.batch().max_messages(3).expires(patience).messages().await.unwrap();
    while batch.next().await.unwrap().unwrap().info().unwrap().delivered < 2 {}
    assert_eq!(live().await["stages"][1]["redelivered"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_say_how_old_they_are() {
    let mut setup = Setup::new().await;
    let fresh = async |setup: &Setup| setup.get("/api/analytics/report").await["freshness"].clone();
    let none = fresh(&setup).await;
    assert_eq!(picked(&none, &["newest", "waiting", "age_seconds"]), [Value::Null, json!(0), json!(0)]);

    // A question that is refused is told of, and no sink is there to count it.
    setup.site.post(&question("")).await;
    let broker = setup.world.broker().await;
    let events = broker.jetstream.get_stream(broker.subjects.stream("EVENTS")).await.unwrap();
    let info = events.cached_info();
    assert_eq!(info.state.last_sequence, 1);
    let waits = fresh(&setup).await;
    assert_eq!(picked(&waits, &["newest", "waiting", "as_of"]), [Value::Null, json!(1), Value::Null]);

    // As the sink writes: one event of the stream, and one of a stream that was there before.
    let row = |seq: u64, epoch: &str, ago: u64| {
        format!(
            "INSERT INTO chats (stream_seq, epoch, job_id, at) VALUES ({seq}, '{epoch}', '{seq}', now64(3) - INTERVAL {ago} SECOND)"
        )
    };
    setup.run(&row(99, "123-0", 300), "hoidap").await;
    let old = fresh(&setup).await;
    assert_eq!(old["waiting"], 1);
    assert!((300..400).contains(&old["age_seconds"].as_u64().unwrap()), "{old}");
    let epoch = format!("{}-0", info.created.unix_timestamp_nanos());
    setup.run(&row(1, &epoch, 200), "hoidap").await;
    let now = fresh(&setup).await;
    assert_eq!(
        picked(&now, &["waiting", "age_seconds"]),
        [json!(0), json!(0)],
        "all that was told is counted"
    );

    setup.world.nats.kill();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let report = setup.get("/api/analytics/report").await;
        if report["live"].is_null() {
            assert_eq!(report["freshness"]["waiting"], Value::Null);
            assert!(report["freshness"]["age_seconds"].as_u64().unwrap() >= 200, "then the newest row tells");
            break;
        }
        assert!(std::time::Instant::now() < deadline);
    }
}
