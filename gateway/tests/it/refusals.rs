//! Requests that are refused, each with a problem that names the field.

use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::support::{PRODUCTION, StubAnswer, TestGateway, TestServers, answer, problem, question};

/// Status, code, and first pointer or parameter of the problem of a raw body.
async fn refused(
    site: &TestGateway,
    content_type: &str,
    body: impl Into<reqwest::Body>,
) -> (u64, String, String) {
    let request = site.http.post(site.url("/api/chat")).header(header::CONTENT_TYPE, content_type).body(body);
    let found = problem(request.send().await.unwrap()).await;
    let error = &found["errors"][0];
    let field = error["pointer"].as_str().or(error["parameter"].as_str()).unwrap_or("none");
    let named = if field.is_empty() { "the body" } else { field };
    let detail = found["detail"].as_str().unwrap().to_lowercase();
    assert!(detail.contains(&named.to_lowercase()), "{named}: {found}");
    (found["status"].as_u64().unwrap(), found["code"].as_str().unwrap().to_string(), field.to_string())
}

fn expect(status: u64, code: &str, field: &str) -> (u64, String, String) {
    (status, code.to_string(), field.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_malformed_request_is_refused_by_field() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let with = |pointer: &str, value: Value| {
        let mut body = question("đổi mật khẩu");
        *body.pointer_mut(pointer).unwrap() = value;
        body.to_string()
    };
    let turn = json!({"content": "x", "sender": "user", "timestamp": "2026-01-31T09:30:00Z"});
    let json = "application/json";
    let invalid = "fields_invalid";
    for (body, field) in [
        (with("/message", json!("")), "/message"),
        (with("/message", json!("  \n ")), "/message"),
        (with("/message", json!("ạ".repeat(1_001))), "/message"),
        (with("/session_id", json!("123456789")), "/session_id"),
        (with("/context/url", json!("ftp://a.example/")), "/context/url"),
        (with("/history/0/sender", json!("bot")), "/history/0/sender"),
        (with("/history", json!(vec![turn.clone(); 101])), "/history"),
    ] {
        assert_eq!(refused(&site, json, body).await, expect(422, invalid, field));
    }

    let (status, code, field) = refused(&site, json, with("/history", json!(vec![turn; 5_000]))).await;
    assert_eq!((status, code.as_str()), (413, "body_too_large"));
    assert!(field.starts_with("/history"), "{field}");
    let preview = with("/context/content_preview", json!("y".repeat(5_000_000)));
    assert_eq!(
        refused(&site, json, preview).await,
        expect(413, "body_too_large", "/context/content_preview")
    );

    let whole = question("đổi mật khẩu").to_string();
    let cut = whole[..whole.find("session-0001").unwrap() + 4].to_string();
    assert_eq!(refused(&site, json, cut).await, expect(400, "json_truncated", "/session_id"));
    assert_eq!(
        refused(&site, "text/plain", whole.clone()).await,
        expect(415, "content_type_unsupported", "Content-Type")
    );
    let mut bytes = whole.clone().into_bytes();
    let at = whole.find("mật").unwrap();
    bytes[at] = 0xff;
    assert_eq!(refused(&site, json, bytes).await, expect(400, "utf8_invalid", "/message"));
    let deep = whole.replacen('{', &format!("{{\"extra\":{}{},", "[".repeat(10_000), "]".repeat(10_000)), 1);
    assert_eq!(refused(&site, json, deep).await, expect(400, "nesting_too_deep", "/extra"));
    let nan = whole.replacen("\"đổi mật khẩu\"", "NaN", 1);
    assert_eq!(refused(&site, json, nan).await, expect(400, "json_invalid", "/message"));
    assert!(fleet.received_questions().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_no_message_holds_is_refused_for_good() {
    let servers = TestServers::new();
    let settings = [("GATEWAY__USED_HISTORY_TURNS", "40"), ("GATEWAY__MAX_BODY_BYTES", "1000000")];
    let site = servers.gateway(&settings).await;
    let fleet = servers.fleet(|_| StubAnswer::Never).await;
    let turn = json!({"content": "😀".repeat(4_000), "sender": "user", "timestamp": "2026-01-31T09:30:00"});
    let mut asked = question("đổi mật khẩu");
    asked["history"] = json!(vec![turn; 40]);
    let refused = site.problem(&asked).await;
    assert_eq!((&refused["status"], &refused["code"]), (&json!(413), &json!("body_too_large")));
    assert_eq!(refused["retryable"], false);
    assert!(refused["detail"].as_str().unwrap().contains("fewer turns"), "{refused}");
    assert!(fleet.received_questions().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_have_one_shape_wherever_they_arise() {
    let servers = TestServers::new();
    let site = TestGateway::start(servers.config(&[])).await;
    let missing = problem(site.get("/api/nothing").await).await;
    assert_eq!((&missing["code"], &missing["instance"]), (&json!("not_found"), &json!("/api/nothing")));
    let response = site.get("/api/chat").await;
    assert_eq!(response.headers()["allow"], "POST");
    assert_eq!(problem(response).await["code"], "method_not_allowed");

    let id = site.http.get(site.url("/x")).header("x-request-id", "my-own-name").send().await.unwrap();
    assert_eq!(problem(id).await["request_id"], "my-own-name");
    let long = site.http.get(site.url("/x")).header("x-request-id", "n".repeat(129)).send().await.unwrap();
    assert_eq!(problem(long).await["request_id"].as_str().unwrap().len(), 36);
    let id = site.get("/api/openapi.json").await.headers()["x-request-id"].len();
    assert_eq!(id, 36);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_are_bounded() {
    let servers = TestServers::new();
    let site = TestGateway::start(servers.config(&[])).await;
    let large =
        site.http.get(site.url("/api/health")).header("x-large", "y".repeat(20_000)).send().await.unwrap();
    let found = problem(large).await;
    assert_eq!((&found["status"], &found["errors"][0]["parameter"]), (&json!(431), &json!("x-large")));
    let mut many = site.http.get(site.url("/api/health"));
    for number in 0..100 {
        many = many.header(format!("x-{number}"), "y");
    }
    assert_eq!(problem(many.send().await.unwrap()).await["code"], "headers_too_large");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_sites_own_pages_may_call_from_a_browser() {
    let servers = TestServers::new();
    let site = TestGateway::start(
        servers.config(&[("GATEWAY__CORS_ORIGINS", "https://www.a.example,http://localhost:3000")]),
    )
    .await;
    let preflight = async |origin: &str| {
        let request = site.http.request(Method::OPTIONS, site.url("/api/chat")).header("origin", origin);
        let request = request
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type");
        let response = request.send().await.unwrap();
        assert!(response.status().is_success());
        response.headers().get("access-control-allow-origin").map(|value| value.to_str().unwrap().to_string())
    };
    assert_eq!(preflight("https://www.a.example").await.as_deref(), Some("https://www.a.example"));
    assert_eq!(preflight("http://localhost:3000").await.as_deref(), Some("http://localhost:3000"));
    assert_eq!(preflight("https://evil.example").await, None);
    let request =
        site.http.post(site.url("/api/chat")).header("origin", "https://www.a.example").json(&json!({}));
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["access-control-allow-origin"], "https://www.a.example");
    assert_eq!(problem(response).await["status"], 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_production_only_trusted_hosts_are_served() {
    let servers = TestServers::new();
    let hosts = ("GATEWAY__TRUSTED_HOSTS", "api.a.example,*.b.example");
    let site = TestGateway::start(servers.config(&[&[hosts][..], &PRODUCTION].concat())).await;
    let status = async |site: &TestGateway, host: &str| {
        site.http.get(site.url("/api/nothing")).header("host", host).send().await.unwrap().status().as_u16()
    };
    assert_eq!(status(&site, "api.a.example").await, 404);
    assert_eq!(status(&site, "API.a.example:8080").await, 404);
    assert_eq!(status(&site, "x.b.example").await, 404);
    for host in ["evil.example", "b.example", "api.a.example.evil.example", "127.0.0.1"] {
        assert_eq!(status(&site, host).await, 421, "{host}");
    }
    let development = TestGateway::start(servers.config(&[hosts])).await;
    assert_eq!(status(&development, "evil.example").await, 404);
}
