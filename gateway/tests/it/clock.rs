//! A gateway whose clock is not the broker's.

use std::sync::Arc;

use hoidap_shared::job::now_ms;
use serde_json::json;

use crate::{
    events::events,
    support::{
        StubAnswer, TestServers, answer, question,
        relay::{positions, relay, unchanged},
    },
};

/// Less than four years.
const AHEAD_MS: u64 = 4 * 365 * 24 * 3_600_000;
/// What stands before the time in a reply about a stream.
const TIME_FIELD: &[u8] = b"\"ts\":\"";

fn add_four_years(reply: &mut [u8]) {
    for field in positions(reply, TIME_FIELD) {
        let digits = field + TIME_FIELD.len()..field + TIME_FIELD.len() + 4;
        let year: u64 = std::str::from_utf8(&reply[digits.clone()]).unwrap().parse().unwrap();
        reply[digits].copy_from_slice((year + 4).to_string().as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_and_event_times_are_by_the_brokers_clock() {
    let servers = TestServers::new();
    let url = relay(servers.nats.port(), unchanged(), Arc::new(add_four_years)).await;
    let site = servers.gateway(&[("NATS__URL", &url)]).await;
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let before = now_ms();
    let said = site.ask(&question("Đổi mật khẩu?")).await;
    assert!(said["processing_time"].as_f64().unwrap() < 60.0, "it is measured by one clock: {said}");
    let job = fleet.received_questions().remove(0);
    assert!(job.accepted_ms > before + AHEAD_MS, "{} at {before}", job.accepted_ms);
    assert_eq!(job.deadline_ms, job.accepted_ms + 60_000);
    assert_eq!(site.post(&json!({})).await.status(), 422);
    let refused = events(&servers.broker().await).await;
    assert!(refused[0].at_ms > before + AHEAD_MS, "{refused:?}");

    let report =
        site.until("the clock is reported", |health| health["components"]["clock"].is_object()).await;
    let clock = &report["components"]["clock"];
    assert_eq!(clock["status"], "unhealthy");
    assert!(clock["detail"].as_str().unwrap().contains("behind the broker's"), "{clock}");
}
