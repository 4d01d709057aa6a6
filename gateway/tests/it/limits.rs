//! The rate limit.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::support::{StubAnswer, TestGateway, TestServers, answer, problem, question};

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_count_one_client_together() {
    let servers = TestServers::new();
    let limit = [("RATE_LIMIT__CHAT_PER_MINUTE", "5")];
    let (one, other) = (servers.gateway(&limit).await, servers.gateway(&limit).await);
    let _fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    for (number, site) in [&one, &other, &one, &other, &one].into_iter().enumerate() {
        let response = site.post(&question("xin chào")).await;
        assert_eq!(response.status(), 200);
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_string();
        let left = 4 - number;
        assert_eq!(header("ratelimit-limit"), "5");
        assert_eq!(header("ratelimit-remaining"), left.to_string());
        assert_eq!(header("ratelimit-policy"), "\"chat\";q=5;w=60");
        assert!(header("ratelimit").starts_with(&format!("\"chat\";r={left};t=")), "{}", header("ratelimit"));
    }
    let response = other.post(&question("xin chào")).await;
    let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((10..=12).contains(&wait), "{wait}");
    assert_eq!(response.headers()["ratelimit-remaining"], "0");
    let found = problem(response).await;
    assert_eq!(
        (&found["status"], &found["code"], &found["retryable"]),
        (&json!(429), &json!("rate_limited"), &json!(true))
    );
    assert_eq!(other.get("/api/health").await.headers().get("ratelimit"), None, "only chats are limited");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_and_no_limit_cost_nothing() {
    let servers = TestServers::new();
    let site = servers.gateway(&[("RATE_LIMIT__CHAT_PER_MINUTE", "1")]).await;
    let _fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    for _ in 0..3 {
        assert_eq!(site.post(&question("")).await.status(), 422);
    }
    assert_eq!(site.post(&question("xin chào")).await.status(), 200);
    assert_eq!(site.post(&question("xin chào")).await.status(), 429);
    let free = servers.gateway(&[("RATE_LIMIT__CHAT_PER_MINUTE", "0")]).await;
    for _ in 0..30 {
        assert_eq!(free.post(&question("xin chào")).await.status(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_answers_and_opening_sessions_is_limited() {
    let servers = TestServers::new();
    let settings = [("RATE_LIMIT__CHAT_PER_MINUTE", "1"), ("RATE_LIMIT__OTHER_PER_MINUTE", "1")];
    let site = servers.gateway(&settings).await;
    let _fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let asked = site.ask(&question("xin chào")).await;
    let job = asked["job_id"].as_str().unwrap();
    let read = async |path: String| site.about(Method::GET, &path).send().await.unwrap();
    for number in 0..10 {
        let path = if number % 2 == 0 { job.to_string() } else { format!("{job}/stream") };
        assert_eq!(read(path).await.status(), 200, "ten times as often as others");
    }
    for path in [job.to_string(), format!("{job}/stream")] {
        assert_eq!(problem(read(path).await).await["code"], "rate_limited");
    }
    let open = async || site.http.post(site.url("/api/sessions")).json(&json!({})).send().await.unwrap();
    assert_eq!(open().await.status(), 422);
    assert_eq!(problem(open().await).await["code"], "rate_limited", "a malformed one counts too");
}

/// The number of five questions that are answered, each with a different forged address.
async fn answered(site: &TestGateway) -> usize {
    let mut count = 0;
    for number in 0..5 {
        let request =
            site.http.post(site.url("/api/chat")).header("x-forwarded-for", format!("198.51.100.{number}"));
        count += usize::from(request.json(&question("xin chào")).send().await.unwrap().status() == 200);
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_address_does_not_help() {
    let servers = TestServers::new();
    let limit = ("RATE_LIMIT__CHAT_PER_MINUTE", "2");
    let _fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    assert_eq!(answered(&servers.gateway(&[limit]).await).await, 2);
    let behind_proxy = servers.gateway(&[limit, ("GATEWAY__TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    assert_eq!(answered(&behind_proxy).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_each_gateway_counts_by_itself() {
    let mut servers = TestServers::new();
    let site = servers.gateway(&[("RATE_LIMIT__CHAT_PER_MINUTE", "3")]).await;
    let _fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    servers.valkey.kill();
    for left in ["2", "1", "0"] {
        let response = site.post(&question("xin chào")).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["ratelimit-remaining"]),
            (200, &left.parse().unwrap())
        );
    }
    let response = site.post(&question("xin chào")).await;
    let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert_eq!(response.status(), 429);
    assert!((18..=20).contains(&wait), "{wait}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_of_redis_that_is_set_back_locks_nobody_out() {
    let servers = TestServers::new();
    let site = servers.gateway(&[("RATE_LIMIT__CHAT_PER_MINUTE", "60")]).await;
    let _fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    assert_eq!(site.post(&question("xin chào")).await.status(), 200);
    let client = redis::Client::open(servers.valkey.url()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*:limit:*").query_async(&mut redis).await.unwrap();
    let (seconds, _): (u64, u64) = redis::cmd("TIME").query_async(&mut redis).await.unwrap();
    // As the keys are when the clock was an hour, or half a century, ahead when they were written; or are nonsense.
    for ahead in ["3600", "1600000000", "x", "nan", ""] {
        let stored = match ahead.parse::<u64>() {
            Ok(ahead) => ((seconds + ahead) * 1_000_000).to_string(),
            Err(_) => ahead.to_string(),
        };
        for key in &keys {
            redis::cmd("SET").arg(key).arg(&stored).query_async::<()>(&mut redis).await.unwrap();
        }
        let response = site.post(&question("xin chào")).await;
        if response.status() == 429 {
            let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            assert!(wait <= 60, "locked out for {wait} s");
            tokio::time::sleep(Duration::from_secs(wait)).await;
            assert_eq!(site.post(&question("xin chào")).await.status(), 200, "{ahead} s ahead");
        }
        let left: i64 = redis::cmd("PTTL").arg(&keys[0]).query_async(&mut redis).await.unwrap();
        assert!((1..=60_000).contains(&left), "the key goes away by itself: {left}");
    }
}
