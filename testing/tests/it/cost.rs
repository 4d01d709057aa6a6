//! What one question costs in stored messages. Each is a synced write of the broker where the profile is durable.

use std::time::{Duration, Instant};

use async_nats::jetstream;
use hoidap_testing::fleet::TestFleet;
use serde_json::json;

const STREAMS: [&str; 4] = ["HOIDAP_JOBS", "HOIDAP_ANSWERS", "HOIDAP_EVENTS", "HOIDAP_TRIES"];

/// How many messages were ever stored in each stream.
async fn stored(broker: &jetstream::Context) -> [u64; 4] {
    let mut counts = [0; 4];
    for (count, name) in counts.iter_mut().zip(STREAMS) {
        *count = broker.get_stream(name).await.unwrap().cached_info().state.last_sequence;
    }
    counts
}

/// What is stored from `before` on, once the event of the question's end is among it and nothing more comes.
async fn stored_since(broker: &jetstream::Context, before: [u64; 4]) -> [u64; 4] {
    let end = Instant::now() + Duration::from_secs(20);
    let mut last = before;
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = stored(broker).await;
        if now == last && now[2] > before[2] {
            return std::array::from_fn(|stream| now[stream] - before[stream]);
        }
        last = now;
        assert!(Instant::now() < end, "the event of the question is not stored: {now:?} after {before:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_stores_one_message_for_each_stage_and_three_for_its_end() {
    let fleet = TestFleet::start(&["mail", "company"], &[]);
    let _workers = fleet.start_all_stages().await;
    let broker = jetstream::new(async_nats::connect(fleet.nats.url()).await.unwrap());
    let question = json!({
        "message": "Gói Pro của Diệc Mail giá bao nhiêu một tháng?",
        "session_id": "session-cost",
        "context": {"url": "https://www.diecxam.example/vi/mail/index.html", "title": "Diệc Mail"},
    });
    let before = stored(&broker).await;
    assert_eq!(fleet.ask(&question).await.1["cached"], false);
    assert_eq!(stored_since(&broker, before).await, [5, 2, 1, 0], "four stages and the record of the end");
    let before = stored(&broker).await;
    assert_eq!(fleet.ask(&question).await.1["cached"], true);
    assert_eq!(
        stored_since(&broker, before).await,
        [0, 1, 1, 0],
        "what lets a cached answer be rated, and its event"
    );
}
