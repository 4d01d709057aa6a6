//! The health report.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{SECRET, StubAnswer, TestGateway, TestServers};

async fn health(site: &TestGateway) -> (u16, Value) {
    let response = site.get("/api/health").await;
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn health_follows_what_questions_depend_on() {
    let servers = TestServers::new();
    let clickhouse = hoidap_testing::Server::clickhouse();
    let site = servers
        .gateway(&[("CLICKHOUSE__URL", &clickhouse.url()), ("CLICKHOUSE__PASSWORD", clickhouse.password())])
        .await;
    let (status, report) = health(&site).await;
    assert_eq!((status, &report["status"]), (503, &json!("unhealthy")));
    assert_eq!(report["components"]["stage:generator"]["status"], "unhealthy");
    assert!(report["uptime"].as_f64().unwrap() > 0.0 && report["timestamp"].is_string());

    let fleet = servers.fleet(|_| StubAnswer::Never).await;
    fleet.stages(&site, "v1", &[]).await;
    assert_eq!(health(&site).await.0, 503, "without any collection nothing is answered");
    let all = [("collection:mail", true), ("collection:drive", true), ("provider:local", true)];
    fleet.stages(&site, "v1", &all).await;
    let (status, report) = health(&site).await;
    assert_eq!((status, &report["status"]), (200, &json!("healthy")), "{report:#}");
    let names: Vec<&String> = report["components"].as_object().unwrap().keys().collect();
    let expected = [
        "analytics",
        "clickhouse",
        "clock",
        "collection:drive",
        "collection:mail",
        "nats",
        "provider:local",
        "redis",
        "stage:classifier",
        "stage:generator",
        "stage:reranker",
        "stage:retriever",
    ];
    assert_eq!(names, expected);

    fleet
        .stages(
            &site,
            "v1",
            &[("collection:mail", true), ("collection:drive", false), ("provider:local", true)],
        )
        .await;
    assert_eq!(health(&site).await.1["components"]["collection:drive"]["status"], "unhealthy");
    assert_eq!(health(&site).await.1["status"], "degraded");
    fleet.stages(&site, "v1", &[("collection:mail", true), ("provider:local", false)]).await;
    assert_eq!((health(&site).await.0, &health(&site).await.1["status"]), (200, &json!("degraded")));
    fleet.stages(&site, "v1", &[("collection:mail", false)]).await;
    assert_eq!(health(&site).await.0, 503);

    let stopped = [("collection:mail", true), ("stage:retriever", false)];
    fleet.stages(&site, "v1", &stopped).await;
    let (status, report) = health(&site).await;
    assert_eq!(status, 503, "a stage that takes no jobs is not there: {report:#}");
    assert_eq!(report["components"]["stage:retriever"]["detail"], "told", "and says why");

    fleet.stages(&site, "v1", &all).await;
    fleet.stop_stage("analytics").await;
    site.until("analytics is missed", |report| report["status"] == "degraded").await;
    fleet.stop_stage("classifier").await;
    site.until("the classifier is missed", |report| report["status"] == "unhealthy").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_were_killed_stay_missed() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let fleet = servers.fleet(|_| StubAnswer::Never).await;
    fleet.stages(&site, "v1", &[("collection:mail", true)]).await;
    fleet.kill_stages();
    site.until("the fleet is missed", |report| report["status"] == "unhealthy").await;
    // Their last entries are still in the bucket, which is opened again meanwhile.
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(health(&site).await.1["status"], "unhealthy");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clickhouse_is_missed_no_more_than_that() {
    let servers = TestServers::new();
    let mut clickhouse = hoidap_testing::Server::clickhouse();
    let site = servers
        .gateway(&[("CLICKHOUSE__URL", &clickhouse.url()), ("CLICKHOUSE__PASSWORD", clickhouse.password())])
        .await;
    let fleet = servers.fleet(|_| StubAnswer::Never).await;
    fleet.stages(&site, "v1", &[("collection:mail", true)]).await;
    site.until("all is well", |report| report["status"] == "healthy").await;
    clickhouse.kill();
    let report = site.until("clickhouse is missed", |report| report["status"] == "degraded").await;
    assert_eq!(report["components"]["clickhouse"]["status"], "unhealthy");
    clickhouse.restart();
    site.until("clickhouse is back", |report| report["status"] == "healthy").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_operators_are_told_more_than_names_and_status() {
    let servers = TestServers::new();
    let site = servers.gateway(&[("GATEWAY__ADMIN_TOKEN", SECRET)]).await;
    let fleet = servers.fleet(|_| StubAnswer::Never).await;
    fleet.stages(&site, "v1", &[("collection:mail", true), ("provider:local", false)]).await;
    let (status, public) = health(&site).await;
    assert_eq!((status, &public["status"]), (200, &json!("degraded")));
    assert!(public["timestamp"].is_string() && public["uptime"].is_number());
    for (name, component) in public["components"].as_object().unwrap() {
        assert_eq!(component.as_object().unwrap().keys().collect::<Vec<_>>(), ["status"], "{name}");
    }
    let request = site.http.get(site.url("/api/health")).bearer_auth(SECRET);
    let whole: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(whole["components"]["collection:mail"]["detail"], "told");
    assert_eq!(whole["components"]["stage:generator"]["detail"], "1 process");
    let names =
        |health: &Value| health["components"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&whole), names(&public), "the same components");
    let open = servers.gateway(&[]).await;
    let forwarded = open.http.get(open.url("/api/health")).header("x-forwarded-for", "192.0.2.1");
    let forwarded: Value = forwarded.send().await.unwrap().json().await.unwrap();
    assert!(forwarded["components"]["redis"]["detail"].is_null(), "{forwarded:#}");
    assert!(health(&open).await.1["components"]["redis"]["detail"].is_string(), "this machine is told");
}
