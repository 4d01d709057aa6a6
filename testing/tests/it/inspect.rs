//! `hoidap-worker inspect`: one question's trace through a whole fleet.

use hoidap_shared::stage::STAGES;
use hoidap_testing::{
    fleet::TestFleet,
    stub_provider::{StubProvider, StubReply},
};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_told_from_its_acceptance_to_its_answer() {
    let down = StubProvider::always(StubReply::Status(503)).await;
    let model = StubProvider::always(StubReply::Stream(vec![
        "Hạn mức gửi mỗi ngày được tính theo 24 giờ trượt.".into(),
    ]))
    .await;
    let (down_url, url) = (down.url(), model.url());
    let settings = [
        ("HOIDAP_GENERATOR__PROVIDERS", "down,model,extractive"),
        ("HOIDAP_PROVIDERS__DOWN__KIND", "openai"),
        ("HOIDAP_PROVIDERS__DOWN__MODEL", "stub"),
        ("HOIDAP_PROVIDERS__DOWN__BASE_URL", down_url.as_str()),
        ("HOIDAP_PROVIDERS__MODEL__KIND", "openai"),
        ("HOIDAP_PROVIDERS__MODEL__MODEL", "stub"),
        ("HOIDAP_PROVIDERS__MODEL__BASE_URL", url.as_str()),
    ];
    let fleet = TestFleet::start(&["mail"], &settings);
    let _workers = fleet.start_all_stages().await;
    let asked = json!({
        "message": "Hạn mức gửi thư mỗi ngày được tính thế nào?",
        "session_id": "session-0001",
        "context": {"url": "https://www.diecxam.example/vi/mail/", "title": "Diệc Mail"},
    });
    let (status, answer) = fleet.ask(&asked).await;
    assert_eq!(status, 200, "{answer:#}");
    let job = answer["job_id"].as_str().unwrap();
    let done = fleet.cli("hoidap-worker").args(["inspect", job, "--json"]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let story: Value = serde_json::from_slice(&done.stdout).unwrap();
    let stages: Vec<_> =
        story["visits"].as_array().unwrap().iter().map(|v| v["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, STAGES, "{story:#}");
    for visit in story["visits"].as_array().unwrap() {
        assert!(visit["worked_ms"].is_u64() && visit["unread"].is_null(), "{visit:#}");
    }
    assert_eq!(story["asked"]["message"], asked["message"]);
    assert_eq!(story["answers"][0]["text"], answer["response"], "{answer:#}");
    let calls = story["answers"][0]["attempts"].as_array().unwrap();
    assert_eq!((&calls[0]["provider"], &calls[0]["result"]), (&json!("down"), &json!("failed")));
    assert_eq!(calls[1]["provider"], "model");
    assert!(!story["visits"][1]["made"]["passages"].as_array().unwrap().is_empty());

    let done = fleet.cli("hoidap-worker").args(["inspect", job]).output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(said.contains("1 provider call failed") && said.contains("1. down, "), "{said}");

    // The same question again is answered from the cache.
    let (_, again) = fleet.ask(&asked).await;
    let cached = again["job_id"].as_str().unwrap();
    assert_ne!(cached, job);
    let done = fleet.cli("hoidap-worker").args(["inspect", cached]).output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success() && said.contains("Answered from the cache"), "{said}");
}
