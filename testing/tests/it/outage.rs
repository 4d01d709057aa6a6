//! Without Redis, ClickHouse or a model, chats are answered and the health report names what is missing.

use std::time::{Duration, Instant};

use hoidap_testing::{Server, fleet::TestFleet};
use serde_json::{Value, json};

fn question(message: &str) -> Value {
    json!({
        "message": message,
        "session_id": "session-outage",
        "context": {"url": "https://www.diecxam.example/vi/mail/index.html", "title": "Diệc Mail"},
        "history": [],
    })
}

async fn answers(fleet: &TestFleet, message: &str) {
    let (status, answer) = fleet.ask(&question(message)).await;
    assert_eq!(status, 200, "{answer:#}");
    assert!(!answer["sources"].as_array().unwrap().is_empty(), "{answer:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_may_stop_and_start() {
    let mut fleet = TestFleet::start(&["mail"], &[]);
    let _workers = fleet.start_all_stages().await;
    fleet.valkey.kill();
    answers(&fleet, "Gói Pro giá bao nhiêu?").await;
    fleet.wait_for_degraded("redis").await;
    fleet.valkey.restart();
    fleet.wait_for_health("healthy").await;
    answers(&fleet, "Gói Pro giá bao nhiêu?").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clickhouse_may_stop_and_start_and_its_rows_arrive() {
    let mut fleet = TestFleet::start(&["mail"], &[]);
    let _workers = fleet.start_all_stages().await;
    answers(&fleet, "Gói Pro giá bao nhiêu?").await;
    fleet.clickhouse.kill();
    answers(&fleet, "Tệp đính kèm được tối đa bao nhiêu MB?").await;
    fleet.wait_for_degraded("clickhouse").await;
    fleet.clickhouse.restart();
    fleet.wait_for_health("healthy").await;
    let end = Instant::now() + Duration::from_secs(40);
    loop {
        let rows = fleet.query("SELECT count() FROM chats FINAL").await;
        if rows.as_deref() == Ok("2") {
            break;
        }
        assert!(Instant::now() < end, "the row of the outage did not arrive: {rows:?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_may_stop_and_start() {
    let mut llama = Server::llama();
    let base = format!("{}/v1", llama.url());
    let fleet = TestFleet::start(
        &["mail"],
        &[
            ("HOIDAP_GENERATOR__PROVIDERS", "local,extractive"),
            ("HOIDAP_PROVIDERS__LOCAL__KIND", "openai"),
            ("HOIDAP_PROVIDERS__LOCAL__BASE_URL", &base),
            ("HOIDAP_PROVIDERS__LOCAL__MODEL", "qwen2.5-coder-1.5b-instruct-q4_k_m"),
            ("HOIDAP_GENERATOR__PASSAGES", "1"),
            ("HOIDAP_GENERATOR__PROMPT_TOKENS", "200"),
        ],
    );
    let _workers = fleet.start_all_stages().await;
    answers(&fleet, "Gói Pro giá bao nhiêu?").await;
    llama.kill();
    answers(&fleet, "Tệp đính kèm được tối đa bao nhiêu MB?").await;
    fleet.wait_for_degraded("provider:local").await;
    llama.restart();
    fleet.wait_for_health("healthy").await;
    answers(&fleet, "Làm sao đặt chữ ký cuối thư?").await;
}
