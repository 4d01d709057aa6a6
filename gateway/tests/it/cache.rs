//! When an answer comes from the cache.

use hoidap_shared::job::{Answer, Outcome};
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization as _;

use crate::support::{StubAnswer, TestServers, answer, question};

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut body = question("Làm sao để đổi mật khẩu?");
    change(&mut body);
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_the_same_gets_the_same_as_their_own() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let other = servers.gateway(&[]).await;
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    fleet.stages(&site, "v1", &[]).await;
    fleet.stages(&other, "v1", &[]).await;
    let first = site.ask(&with(|_| {})).await;
    assert_eq!(first["cached"], false);

    let second = other.ask(&with(|b| b["session_id"] = json!("session-0002"))).await;
    assert_eq!(second["cached"], true);
    assert_eq!(second["session_id"], "session-0002");
    assert_ne!(second["job_id"], first["job_id"]);
    assert_ne!(second["processing_time"], first["processing_time"]);
    for field in [
        "response",
        "sources",
        "confidence",
        "intent",
        "target_product",
        "citations",
        "choices",
        "language",
        "outcome",
    ] {
        assert_eq!(second[field], first[field], "{field}");
    }

    let nfd: String = "  Làm sao  để đổi mật khẩu?\n".nfd().collect();
    let tracked = "https://www.a.example/vi/mail?utm_source=mail&fbclid=1#top";
    for same in [
        with(|b| b["message"] = json!(nfd)),
        with(|b| b["context"]["url"] = json!(tracked)),
        with(|b| b["user_id"] = json!("somebody else")),
        with(|b| b["history"][0]["timestamp"] = json!("2026-02-01T00:00:00Z")),
    ] {
        assert_eq!(site.ask(&same).await["cached"], true, "{same}");
    }
    assert_eq!(fleet.received_questions().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_circumstances_get_another_answer() {
    let servers = TestServers::new();
    let site = servers.gateway(&[("RATE_LIMIT__CHAT_PER_MINUTE", "0")]).await;
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    fleet.stages(&site, "v1", &[]).await;
    site.ask(&with(|_| {})).await;
    for other in [
        with(|b| b["message"] = json!("Làm sao để đổi mật khẩu")),
        with(|b| b["context"]["url"] = json!("https://www.a.example/vi/drive")),
        with(|b| b["context"]["title"] = json!("Khác")),
        with(|b| b["context"]["product"] = json!("drive")),
        with(|b| b["context"]["section"] = json!(null)),
        with(|b| b["context"]["content_preview"] = json!("Khác")),
        with(|b| b["history"] = json!([])),
        with(|b| b["history"][0]["content"] = json!("tạm biệt")),
    ] {
        assert_eq!(site.ask(&other).await["cached"], false, "{other}");
        assert_eq!(site.ask(&other).await["cached"], true, "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_of_the_fleet_answers_anew() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    // This fleet's answers are made with version v1, whatever it tells.
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    assert_eq!(site.ask(&with(|_| {})).await["cached"], false);
    assert_eq!(site.ask(&with(|_| {})).await["cached"], false, "nobody tells the fleet's version yet");
    fleet.stages(&site, "v2", &[]).await;
    assert_eq!(site.ask(&with(|_| {})).await["cached"], false);
    assert_eq!(site.ask(&with(|_| {})).await["cached"], false, "an answer of v1 is not one of v2");
    fleet.stages(&site, "v1", &[]).await;
    assert_eq!(site.ask(&with(|_| {})).await["cached"], true);
    fleet.stop_stage("retriever").await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(
        site.ask(&with(|_| {})).await["cached"],
        false,
        "a silent stage may come back as another version"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_the_first_stage_depends_on_no_later_one() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let fleet = servers
        .fleet(|question| {
            let versions = [("classifier".to_string(), "v1".to_string())].into();
            StubAnswer::Replied(Answer {
                outcome: Outcome::SmallTalk,
                sources: vec![],
                versions,
                ..answer(question)
            })
        })
        .await;
    fleet.stages(&site, "v1", &[]).await;
    assert_eq!(site.ask(&with(|_| {})).await["cached"], false);
    let again = site.ask(&with(|_| {})).await;
    assert_eq!((&again["cached"], &again["outcome"]), (&json!(true), &json!("small_talk")));
}

#[tokio::test(flavor = "multi_thread")]
async fn apologies_are_never_kept() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let fleet = servers
        .fleet(|question| {
            let outcome = if question.message == "fail" { Outcome::Failed } else { Outcome::Unanswered };
            StubAnswer::Replied(Answer {
                outcome,
                text: "Xin lỗi".into(),
                sources: vec![],
                ..answer(question)
            })
        })
        .await;
    fleet.stages(&site, "v1", &[]).await;
    for _ in 0..2 {
        assert_eq!(site.ask(&question("unknown")).await["cached"], false);
        assert_eq!(site.problem(&question("fail")).await["status"], 500);
    }
    assert_eq!(fleet.received_questions().len(), 4);
}
