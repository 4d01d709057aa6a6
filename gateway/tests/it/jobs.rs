//! A session's jobs: only the session may read, stop or rate them.

use std::time::Duration;

use futures::StreamExt as _;
use hoidap_shared::events::{FeedbackEvent, Rating};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{StubAnswer, TestServers, answer, problem, question};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_outlives_its_wait_is_told_where_the_answer_will_be() {
    let servers = TestServers::new();
    let site = servers.gateway(&[("GATEWAY__WAIT_MS", "200"), ("GATEWAY__ANSWER_TIMEOUT_MS", "4000")]).await;
    let _fleet = servers
        .fleet(|question| match question.message.as_str() {
            "never" => StubAnswer::Never,
            _ => StubAnswer::Delayed(answer(question), Duration::from_secs(1)),
        })
        .await;
    let response = site.post(&question("Đổi mật khẩu?")).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let location = response.headers()["location"].to_str().unwrap().to_string();
    assert!(response.headers().contains_key("retry-after"));
    let pending: Value = response.json().await.unwrap();
    assert_eq!(location, format!("/api/chat/{}", pending["job_id"].as_str().unwrap()));
    let job = pending["job_id"].as_str().unwrap();
    let early = site.about(Method::GET, job).send().await.unwrap();
    assert_eq!(early.status(), StatusCode::ACCEPTED);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let got: Value = site.about(Method::GET, job).send().await.unwrap().json().await.unwrap();
    assert_eq!(got["response"], "Mở Cài đặt rồi chọn Mật khẩu. [1]");
    let never: Value = site.post(&question("never")).await.json().await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let given_up = site.about(Method::GET, never["job_id"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(problem(given_up).await["code"], "deadline_exceeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_belongs_to_the_session_that_asked() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let _fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let job = site.ask(&question("Đổi mật khẩu?")).await["job_id"].as_str().unwrap().to_string();
    let paths = [
        (Method::GET, job.clone()),
        (Method::GET, format!("{job}/stream")),
        (Method::POST, format!("{job}/stop")),
        (Method::POST, format!("{job}/feedback")),
    ];
    for (method, path) in paths {
        let url = site.url(&format!("/api/chat/{path}"));
        let request = || site.http.request(method.clone(), &url).json(&json!({"rating": "up"}));
        let nobody = problem(request().send().await.unwrap()).await;
        assert_eq!((&nobody["status"], &nobody["code"]), (&json!(401), &json!("session_required")), "{path}");
        let other = request().header("x-session-id", "session-0002").send().await.unwrap();
        assert_eq!(problem(other).await["code"], "job_unknown", "{path}");
        let own = request().header("x-session-id", "session-0001").send().await.unwrap();
        assert!(own.status().is_success(), "{path}: {}", own.status());
    }
    let nonsense = site.about(Method::GET, "no-job").send().await.unwrap();
    assert_eq!(problem(nonsense).await["code"], "job_unknown");
    let odd =
        site.about(Method::GET, &format!("{job}/stream")).header("last-event-id", "x").send().await.unwrap();
    assert_eq!(problem(odd).await["errors"][0]["parameter"], "Last-Event-ID");
}

#[tokio::test(flavor = "multi_thread")]
async fn feedback_becomes_an_event() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let _fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let job = site.ask(&question("Đổi mật khẩu?")).await["job_id"].as_str().unwrap().to_string();
    let broker = servers.broker().await;
    let mut events = broker.client.subscribe(broker.subjects.events("feedback")).await.unwrap();
    let rate = |body: Value| site.about(Method::POST, &format!("{job}/feedback")).json(&body).send();
    let said = json!({"rating": "down", "reason": "outdated", "comment": " Giá đã đổi. "});
    assert_eq!(rate(said).await.unwrap().status(), StatusCode::ACCEPTED);
    let message = tokio::time::timeout(Duration::from_secs(5), events.next()).await.unwrap().unwrap();
    let event: FeedbackEvent = rmp_serde::from_slice(&message.payload).unwrap();
    assert_eq!((event.rating, event.session_id.as_str()), (Rating::Down, "session-0001"));
    assert_eq!((event.job_id.as_str(), event.comment.as_deref()), (job.as_str(), Some("Giá đã đổi.")));
    for (body, pointer) in [
        (json!({}), "/rating"),
        (json!({"rating": "great"}), "/rating"),
        (json!({"rating": "up", "comment": "x".repeat(1_001)}), "/comment"),
        (json!({"rating": "up", "reason": 5}), "/reason"),
        (json!([]), ""),
    ] {
        let refused = problem(rate(body).await.unwrap()).await;
        assert_eq!((&refused["status"], &refused["errors"][0]["pointer"]), (&json!(422), &json!(pointer)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_answer_can_be_read_again_and_its_key_is_remembered() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    fleet.stages(&site, "v1", &[("collection:mail", true)]).await;
    site.ask(&question("Đổi mật khẩu?")).await;
    let send = |message: &str| {
        site.http.post(site.url("/api/chat")).header("idempotency-key", "k").json(&question(message)).send()
    };
    let kept: Value = send("Đổi mật khẩu?").await.unwrap().json().await.unwrap();
    assert_eq!(kept["cached"], true);
    let job = kept["job_id"].as_str().unwrap();
    let again: Value = site.about(Method::GET, job).send().await.unwrap().json().await.unwrap();
    assert_eq!((&again["response"], &again["cached"]), (&kept["response"], &json!(true)));
    let stream =
        site.about(Method::GET, &format!("{job}/stream")).send().await.unwrap().text().await.unwrap();
    assert!(stream.contains("event: done") && stream.contains("id: 5"), "{stream}");
    let twice: Value = send("Đổi mật khẩu?").await.unwrap().json().await.unwrap();
    assert_eq!(twice["job_id"], job);
    let reused = problem(send("Đổi tên?").await.unwrap()).await;
    assert_eq!((&reused["status"], &reused["code"]), (&json!(422), &json!("idempotency_key_reused")));
    assert_eq!(fleet.received_questions().len(), 1);
    let odd = site.http.post(site.url("/api/chat")).header("idempotency-key", "").json(&question("x")).send();
    assert_eq!(problem(odd.await.unwrap()).await["errors"][0]["parameter"], "Idempotency-Key");
}
