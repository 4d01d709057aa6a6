//! The age of the figures, and the fleet's queues.

use hoidap_shared::fleet::{ArmSummary, CanaryRegression, CanaryReport, CanaryState, Fraction};
use serde_json::{Value, json};

use super::{DashboardSetup, picked};
use crate::support::{StubAnswer, question};

#[tokio::test(flavor = "multi_thread")]
async fn the_lag_of_each_stage_and_dead_letters_are_told() {
    let setup = DashboardSetup::new().await;
    let broker = setup.servers.broker().await;
    let live = async || setup.get("/api/analytics/report").await["live"].clone();
    assert_eq!(live().await, json!({"stages": [], "dead_letters": []}), "no stage was started yet");

    let config = setup.servers.config(&[]);
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
    let mut setup = DashboardSetup::new().await;
    let fresh = async |setup: &DashboardSetup| setup.get("/api/analytics/report").await["freshness"].clone();
    let none = fresh(&setup).await;
    assert_eq!(picked(&none, &["newest", "waiting", "age_seconds"]), [Value::Null, json!(0), json!(0)]);

    // A question that is refused has an event, and no sink is there to count it.
    setup.site.post(&question("")).await;
    let broker = setup.servers.broker().await;
    let events = broker.jetstream.get_stream(broker.subjects.stream("EVENTS")).await.unwrap();
    let info = events.cached_info();
    assert_eq!(info.state.last_sequence, 1);
    let waits = fresh(&setup).await;
    assert_eq!(picked(&waits, &["newest", "waiting", "as_of"]), [Value::Null, json!(1), Value::Null]);

    // As the sink writes: one event of the stream, and one of a stream that was there before.
    let row = |seq: u64, epoch: &str, ago: u64| {
        format!(
            "INSERT INTO chats (stream_seq, epoch, job_id, at) SELECT {seq}, '{epoch}', '{seq}', now64(3) - INTERVAL {ago} SECOND"
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

    setup.servers.nats.kill();
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

#[tokio::test(flavor = "multi_thread")]
async fn canaries_are_told_as_those_count_them_who_counted_most() {
    let setup = DashboardSetup::new().await;
    let fleet = setup.servers.fleet(|_| StubAnswer::Never).await;
    fleet.stages(&setup.site, "v1", &[("collection:mail", true)]).await;
    let told = async || setup.get("/api/analytics/report").await["canaries"].clone();
    assert_eq!(told().await, json!([]));
    let canary = |id: &str, state, jobs| CanaryReport {
        id: id.into(),
        version: "v2".into(),
        release: "0.2.0".into(),
        changes: vec!["retriever.depth=4".into()],
        share: 0.05,
        state,
        reason: (state == CanaryState::SteppedBack).then_some(CanaryRegression {
            over_ms: Some(512.0),
            canary: Fraction { count: 3, of: 8 },
            stable: Fraction { count: 1, of: 200 },
        }),
        since_ms: 1_700_000_000_000,
        served: ArmSummary { jobs, errors: 1, median_ms: Some(8.0), p95_ms: Some(16.0) },
        stable: ArmSummary { jobs: 100, ..ArmSummary::default() },
    };
    fleet
        .canaries(
            "retriever",
            vec![canary("a", CanaryState::Serving, 5), canary("b", CanaryState::SteppedBack, 9)],
        )
        .await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let canaries = loop {
        let canaries = told().await;
        if canaries != json!([]) {
            break canaries;
        }
        assert!(std::time::Instant::now() < deadline);
    };
    let side = |jobs: u64, errors: u64, median: Value, p95: Value| json!({"jobs": jobs, "errors": errors, "median_ms": median, "p95_ms": p95});
    let slow = json!({"over_ms": 512.0, "canary": {"count": 3, "of": 8}, "stable": {"count": 1, "of": 200}});
    let expected = |id: &str, state: &str, reason: Value, jobs: u64| {
        json!({
            "stage": "retriever", "id": id, "share": 0.05, "state": state, "reason": reason,
            "since": "2023-11-14T22:13:20Z", "changes": ["retriever.depth=4"], "version": "v2", "release": "0.2.0",
            "canary": side(jobs, 1, json!(8.0), json!(16.0)),
            "stable": side(100, 0, Value::Null, Value::Null),
        })
    };
    assert_eq!(
        canaries,
        json!([expected("a", "serving", Value::Null, 5), expected("b", "stepped_back", slow, 9)])
    );
    // Its versions are the stage's own: a canary is no reason to do without the cache.
    let health = setup.get("/api/health").await;
    assert_eq!(health["components"]["stage:retriever"]["detail"], "1 process");
}
