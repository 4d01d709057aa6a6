//! Answers that were rated down are not reused for other visitors.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{StubAnswer, TestGateway, TestServers, answer, question};

fn by(session: &str) -> Value {
    let mut body = question("Làm sao để đổi mật khẩu?");
    body["session_id"] = json!(session);
    body
}

async fn asked(site: &TestGateway, session: &str) -> (String, bool) {
    let answer = site.ask(&by(session)).await;
    (answer["job_id"].as_str().unwrap().to_string(), answer["cached"].as_bool().unwrap())
}

async fn rate(site: &TestGateway, session: &str, job: &str, rating: &str) -> StatusCode {
    let request = site.http.post(site.url(&format!("/api/chat/{job}/feedback")));
    let request = request.header("x-session-id", session).json(&json!({"rating": rating}));
    request.send().await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_visitor_rates_down_is_answered_anew_on_every_gateway() {
    let servers = TestServers::new();
    let settings = [("RATE_LIMIT__CHAT_PER_MINUTE", "0")];
    let (one, other) = (servers.gateway(&settings).await, servers.gateway(&settings).await);
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    fleet.stages(&one, "v1", &[]).await;
    fleet.stages(&other, "v1", &[]).await;
    let (first, cached) = asked(&one, "session-0001").await;
    assert!(!cached);
    let (second, cached) = asked(&other, "session-0002").await;
    assert!(cached);
    // Whoever did not get the answer has no word on it, nor has praise an effect.
    for (session, job) in [("session-0009", &first), ("session-0002", &first), ("session-0001", &second)] {
        assert_eq!(rate(&other, session, job, "down").await, StatusCode::NOT_FOUND);
    }
    assert_eq!(rate(&other, "session-0002", &second, "up").await, StatusCode::ACCEPTED);
    assert!(asked(&one, "session-0003").await.1);

    // Who got it from the cache, at another gateway than made it.
    assert_eq!(rate(&other, "session-0002", &second, "down").await, StatusCode::ACCEPTED);
    for site in [&one, &other, &one] {
        assert!(!asked(site, "session-0004").await.1, "it is answered anew, and that is not kept either");
    }
    // The last word counts, each visitor's own.
    assert_eq!(rate(&one, "session-0001", &first, "down").await, StatusCode::ACCEPTED);
    assert_eq!(rate(&one, "session-0002", &second, "up").await, StatusCode::ACCEPTED);
    assert!(!asked(&other, "session-0005").await.1, "another visitor still rates it down");
    assert_eq!(rate(&one, "session-0001", &first, "up").await, StatusCode::ACCEPTED);
    assert!(!asked(&other, "session-0006").await.1);
    assert!(asked(&one, "session-0007").await.1, "it is kept again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rating_concerns_one_question_at_one_version() {
    let servers = TestServers::new();
    let site = servers.gateway(&[("RATE_LIMIT__CHAT_PER_MINUTE", "0")]).await;
    let fleet = servers
        .fleet(|question| {
            let mut answer = answer(question);
            if question.message.starts_with("v2") {
                answer.versions.values_mut().for_each(|version| *version = "v2".into());
            }
            StubAnswer::Replied(answer)
        })
        .await;
    fleet.stages(&site, "v1", &[]).await;
    for message in ["Đổi tên?", "v2 Đổi mật khẩu?", "Đổi mật khẩu?"] {
        site.ask(&question(message)).await;
    }
    let bad = site.ask(&question("Đổi mật khẩu?")).await;
    assert_eq!(bad["cached"], true);
    let job = bad["job_id"].as_str().unwrap();
    assert_eq!(rate(&site, "session-0001", job, "down").await, StatusCode::ACCEPTED);
    assert_eq!(site.ask(&question("Đổi mật khẩu?")).await["cached"], false);
    assert_eq!(site.ask(&question("Đổi tên?")).await["cached"], true, "another question");
    fleet.stages(&site, "v2", &[]).await;
    assert_eq!(site.ask(&question("v2 Đổi mật khẩu?")).await["cached"], true, "another version");
}
