//! Servers that go down and come back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{StubAnswer, TestGateway, TestServers, answer, problem, question};

#[tokio::test(flavor = "multi_thread")]
async fn chats_go_on_without_redis() {
    let mut servers = TestServers::new();
    let site = servers.gateway(&[("RATE_LIMIT__CHAT_PER_MINUTE", "0")]).await;
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    fleet.stages(&site, "v1", &[("collection:mail", true)]).await;
    servers.valkey.kill();
    for number in 0..20 {
        let got = site.ask(&question(&format!("câu hỏi {number}"))).await;
        assert_eq!(got["cached"], false);
    }
    let started = Instant::now();
    for number in 0..20 {
        site.ask(&question(&format!("câu hỏi {number}"))).await;
    }
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "a dead Redis costs hardly anything: {:?}",
        started.elapsed()
    );
    let health =
        site.until("redis is missed", |health| health["components"]["redis"]["status"] == "unhealthy").await;
    assert_eq!(health["status"], "degraded");
    let metrics: Value = site.get("/api/monitoring/metrics").await.json().await.unwrap();
    assert!(metrics["application"]["cache_stats"]["failures"].as_u64().unwrap() > 0);

    servers.valkey.restart();
    site.until("redis is back", |health| health["components"]["redis"]["status"] == "healthy").await;
    site.ask(&question("sau đó")).await;
    assert_eq!(site.ask(&question("sau đó")).await["cached"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_nats_a_gateway_comes_up_and_says_so() {
    let mut servers = TestServers::new();
    servers.nats.kill();
    let site = TestGateway::start(servers.config(&[])).await;
    let response = site.post(&question("xin chào")).await;
    assert!(response.headers().contains_key("ratelimit-remaining"));
    let found = problem(response).await;
    assert_eq!(
        (&found["status"], &found["code"], &found["retryable"]),
        (&json!(503), &json!("queue_unavailable"), &json!(true))
    );
    assert!(found["apology"].as_str().unwrap().contains("help@a.example"));
    let health = site.get("/api/health").await;
    assert_eq!(health.status(), 503);
    let health: Value = health.json().await.unwrap();
    assert_eq!(
        (&health["status"], &health["components"]["nats"]["status"]),
        (&json!("unhealthy"), &json!("unhealthy"))
    );

    servers.nats.restart();
    site.until("nats is well", |health| health["components"]["nats"]["status"] == "healthy").await;
    let _fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    site.ask(&question("xin chào")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_mends_itself() {
    let mut servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    site.ask(&question("một")).await;
    servers.nats.kill();
    let started = Instant::now();
    assert_eq!(site.problem(&question("hai")).await["status"], 503);
    assert!(started.elapsed() < Duration::from_secs(5));
    servers.nats.restart();
    site.until("nats is well", |health| health["components"]["nats"]["status"] == "healthy").await;
    site.ask(&question("ba")).await;
    let seen: Vec<String> = fleet.received_questions().into_iter().map(|job| job.body.message).collect();
    assert!(seen.contains(&"một".to_string()) && seen.contains(&"ba".to_string()), "{seen:?}");
}
