//! Endpoints for operators only.

use hoidap_testing::Server;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::support::{StubAnswer, TestGateway, TestServers, answer, problem, question};

const PATHS: [&str; 3] = ["/api/monitoring/metrics", "/metrics", "/api/analytics/dashboard"];

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_needed_where_one_is_configured() {
    let servers = TestServers::new();
    let site = TestGateway::start(servers.config(&[("GATEWAY__ADMIN_TOKEN", "s3cret")])).await;
    for path in PATHS {
        let status = async |with: fn(RequestBuilder) -> RequestBuilder| {
            with(site.http.get(site.url(path))).send().await.unwrap().status().as_u16()
        };
        let found = problem(site.get(path).await).await;
        assert_eq!((&found["status"], &found["code"]), (&json!(401), &json!("unauthorized")));
        assert_eq!(status(|request| request.bearer_auth("s3cret2")).await, 401);
        assert_eq!(status(|request| request.header("x-admin-token", "")).await, 401);
        assert_eq!(status(|request| request.basic_auth("s3cret", Some("s3cret"))).await, 401);
        let open = if path.contains("dashboard") { 503 } else { 200 };
        assert_eq!(status(|request| request.bearer_auth("s3cret")).await, open);
        assert_eq!(status(|request| request.header("x-admin-token", "s3cret")).await, open);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_this_machine_alone_is_answered() {
    let servers = TestServers::new();
    let site = TestGateway::start(servers.config(&[])).await;
    for path in PATHS {
        assert_ne!(site.get(path).await.status(), 403);
        for (name, value) in
            [("x-forwarded-for", "127.0.0.1"), ("forwarded", "for=127.0.0.1"), ("host", "evil.example")]
        {
            let response = site.http.get(site.url(path)).header(name, value).send().await.unwrap();
            assert_eq!(problem(response).await["code"], "forbidden", "{path} {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_have_the_original_fields() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    fleet.stages(&site, "v1", &[("collection:mail", true), ("provider:local", false)]).await;
    site.ask(&question("xin chào")).await;
    site.ask(&question("xin chào")).await;
    let figures: Value = site.get("/api/monitoring/metrics").await.json().await.unwrap();
    let system = &figures["system"];
    for name in ["cpu_usage", "memory_usage", "disk_usage"] {
        assert!((0.0..=100.0).contains(&system[name].as_f64().unwrap()), "{name}: {system}");
    }
    assert!(system["memory_usage"].as_f64().unwrap() > 0.0);
    assert!(system["network_stats"]["bytes_sent"].as_u64().unwrap() > 0);
    assert!(system["timestamp"].is_string());
    let application = &figures["application"];
    assert!(application["uptime"].as_f64().unwrap() > 0.0);
    assert_eq!(application["faiss_status"]["mail"]["healthy"], true);
    assert_eq!(application["llm_providers"]["local"]["healthy"], false);
    let cache = &application["cache_stats"];
    assert_eq!(
        (&cache["hits"], &cache["misses"], &cache["hit_rate"], &cache["stores"]),
        (&json!(1), &json!(1), &json!(0.5), &json!(1))
    );
    let text = site.get("/metrics").await.text().await.unwrap();
    for outcome in ["answered", "cached"] {
        let count = format!("hoidap_gateway_chat_seconds_count{{outcome=\"{outcome}\"}} 1");
        assert!(text.contains(&count), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_counts_what_clickhouse_holds() {
    let servers = TestServers::new();
    let clickhouse = Server::clickhouse();
    let site =
        TestGateway::start(servers.config(&[
            ("CLICKHOUSE__URL", &clickhouse.url()),
            ("CLICKHOUSE__PASSWORD", clickhouse.password()),
        ]))
        .await;
    assert_eq!(problem(site.get("/api/analytics/dashboard").await).await["code"], "analytics_unavailable");

    let run = async |sql: &str, database: &str| {
        let url = format!("{}/?database={database}", clickhouse.url());
        let response = site
            .http
            .post(url)
            .basic_auth("default", Some(clickhouse.password()))
            .body(sql.to_string())
            .send()
            .await
            .unwrap();
        let status = response.status();
        assert!(status.is_success(), "{sql}: {}", response.text().await.unwrap());
    };
    run("CREATE DATABASE hoidap", "default").await;
    run(include_str!("../../../schemas/clickhouse/0001_chats.sql"), "hoidap").await;
    run(include_str!("../../../schemas/clickhouse/0004_times.sql"), "hoidap").await;
    let empty: Value = site.get("/api/analytics/dashboard").await.json().await.unwrap();
    assert_eq!((&empty["total_conversations"], &empty["avg_confidence"]), (&json!(0), &json!(0.0)));
    let rows = "INSERT INTO chats (job_id, at, outcome, session_id, intent, product, confidence, took_ms, cost_usd) SELECT * FROM VALUES( \
        ('a', now64(3), 'answered', 's1', 'how_to', 'mail', 0.75, 1000, 0.5), \
        ('b', now64(3), 'cached', 's1', 'how_to', 'mail', 0.25, 3000, 0), \
        ('c', now64(3), 'failed', 's2', 'unknown', '', 0, 60000, 0), \
        ('d', now64(3), 'rejected', '', 'unknown', '', 0, 1, 0), \
        ('e', now64(3) - INTERVAL 40 DAY, 'answered', 's3', 'billing', 'drive', 1, 5000, 0.25))";
    run(rows, "hoidap").await;
    run(rows, "hoidap").await;
    let counted =
        "INSERT INTO chats (job_id, at, outcome, times, confidence) SELECT 'f', now64(3), 'rejected', 290, 0";
    run(counted, "hoidap").await;
    let figures: Value = site.get("/api/analytics/dashboard").await.json().await.unwrap();
    let picked = |figures: &Value, names: &[&str]| -> Vec<Value> {
        names.iter().map(|name| figures[*name].clone()).collect()
    };
    let numbers =
        ["total_conversations", "total_sessions", "avg_confidence", "avg_processing_time", "cost_usd"];
    assert_eq!(picked(&figures, &numbers), [json!(3), json!(2), json!(0.5), json!(2.0), json!(0.5)]);
    assert_eq!(figures["top_intents"], json!([{"intent": "how_to", "count": 2}]));
    assert_eq!(figures["top_products"], json!([{"product": "mail", "count": 2}]));
    assert_eq!(figures["outcomes"].as_array().unwrap().len(), 4);
    assert_eq!(figures["outcomes"][0], json!({"outcome": "rejected", "count": 291}), "each refusal counts");
    assert_eq!(figures["days"].as_array().unwrap().len(), 1);
    let longer: Value = site.get("/api/analytics/dashboard?days=60").await.json().await.unwrap();
    assert_eq!(picked(&longer, &["total_conversations", "period_days"]), [json!(4), json!(60)]);
    for days in ["0", "366", "x", ""] {
        let found = problem(site.get(&format!("/api/analytics/dashboard?days={days}")).await).await;
        assert_eq!((&found["status"], &found["errors"][0]["parameter"]), (&json!(422), &json!("days")));
    }
}
