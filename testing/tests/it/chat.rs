//! A question asked over HTTP is answered from documents.

use hoidap_testing::fleet::TestFleet;
use serde_json::{Value, json};

fn question(message: &str, page: &str, session: &str) -> Value {
    json!({
        "message": message,
        "session_id": session,
        "context": {"url": format!("https://www.diecxam.example{page}"), "title": "Diệc Mail"},
        "history": [],
    })
}

/// Whether a cited source's text holds the fact.
fn cites(answer: &Value, fact: &str) -> bool {
    answer["sources"]
        .as_array()
        .unwrap()
        .iter()
        .any(|source| source["content"].as_str().unwrap().contains(fact))
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_in_vietnamese_bare_vietnamese_and_english_are_answered_with_their_source() {
    let fleet = TestFleet::start(&["mail", "drive", "company"], &[]);
    let _workers = fleet.start_all_stages().await;
    let cases = [
        ("Gói Pro của Diệc Mail giá bao nhiêu một tháng?", "/vi/mail/index.html", "39.000"),
        ("goi pro cua diec mail gia bao nhieu mot thang", "/vi/mail/index.html", "39.000"),
        ("How much is the Pro plan of Diệc Mail per month?", "/en/mail/index.html", "39,000"),
    ];
    for (message, page, fact) in cases {
        let (status, answer) = fleet.ask(&question(message, page, "session-0001")).await;
        assert_eq!(status, 200, "{answer:#}");
        assert!(cites(&answer, fact), "{message}: no source holds {fact}: {answer:#}");
        assert_eq!(answer["target_product"], "mail");
        assert_eq!(answer["session_id"], "session-0001");
        for (field, right) in [
            ("response", answer["response"].is_string()),
            ("confidence", answer["confidence"].as_f64().is_some_and(|value| (0.0..=1.0).contains(&value))),
            ("intent", answer["intent"].is_string()),
            ("processing_time", answer["processing_time"].is_f64()),
        ] {
            assert!(right, "{field} has another type than it had: {answer:#}");
        }
    }
    let small_talk = fleet.ask(&question("xin chào", "/vi/mail/index.html", "session-0001")).await.1;
    assert_eq!(small_talk["intent"], "small_talk");
    assert_eq!(small_talk["sources"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_index_version_is_answered_from_at_once_and_misses_the_cache() {
    let fleet = TestFleet::start(&["mail", "company"], &[]);
    let _workers = fleet.start_all_stages().await;
    let asked = question("Gói Pro giá bao nhiêu?", "/vi/mail/index.html", "session-0002");
    let ask = || fleet.ask(&asked);
    assert_eq!(ask().await.1["cached"], false);
    assert_eq!(ask().await.1["cached"], true);
    fleet.build(&["drive"]);
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while ask().await.1["cached"] == true {
        assert!(std::time::Instant::now() < end, "the old version's answer is still served");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}
