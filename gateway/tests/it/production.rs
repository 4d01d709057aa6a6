//! What production refuses, and what counts as a request from this machine.

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{PRODUCTION, SECRET, TestGateway, TestServers, problem, question};

const FIGURES: [&str; 3] = ["/api/monitoring/metrics", "/metrics", "/api/analytics/dashboard"];

#[tokio::test(flavor = "multi_thread")]
async fn production_does_not_start_without_its_secrets() {
    let servers = TestServers::new();
    let said = async |settings: &[(&str, &str)]| match TestGateway::try_start(servers.config(settings)).await
    {
        Ok(_) => "it started".to_string(),
        Err(error) => format!("{error:#}"),
    };
    let none = said(&PRODUCTION[..1]).await;
    for key in ["gateway.admin_token", "gateway.hash_key", "sessions.secret"] {
        assert!(none.contains(key), "{key}: {none}");
    }
    assert_eq!(none.lines().count(), 1, "{none}");
    for (missing, named) in [(1, "gateway.admin_token"), (2, "gateway.hash_key"), (3, "sessions.secret")] {
        let mut settings = PRODUCTION.to_vec();
        settings[missing].1 = "only-twenty-three-chars";
        let short = said(&settings).await;
        assert!(short.contains(named) && short.contains("23 characters"), "{short}");
        let others = ["gateway.admin_token", "gateway.hash_key", "sessions.secret"];
        assert_eq!(others.iter().filter(|key| short.contains(*key)).count(), 1, "{short}");
    }
    assert_eq!(said(&PRODUCTION).await, "it started");
}

#[tokio::test(flavor = "multi_thread")]
async fn loopback_opens_nothing_in_production() {
    let servers = TestServers::new();
    let site = servers.gateway(&PRODUCTION).await;
    for path in FIGURES {
        assert_eq!(problem(site.get(path).await).await["code"], "unauthorized", "{path}");
    }
    let asked = json!({"messages": [{"role": "user", "content": "xin chào"}]});
    let completion = site.http.post(site.url("/v1/chat/completions")).json(&asked).send().await.unwrap();
    assert_eq!(completion.status(), 401, "without a key configured, /v1 is closed");
    let login =
        site.http.post(site.url("/dashboard/login")).json(&json!({"token": ""})).send().await.unwrap();
    assert_eq!(problem(login).await["code"], "unauthorized");
    let right = site.http.get(site.url("/metrics")).bearer_auth(SECRET).send().await.unwrap();
    assert_eq!(right.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_on_this_machine_forwards_is_not_from_this_machine() {
    let servers = TestServers::new();
    let site = TestGateway::start(servers.config(&[])).await;
    let refused = async |method: Method, path: &str, name: &str, value: &str| {
        let request = site.http.request(method, site.url(path)).header(name, value);
        let response = request.json(&question("xin chào")).send().await.unwrap();
        matches!(response.status().as_u16(), 401 | 403)
    };
    for (name, value) in [
        ("forwarded", "for=127.0.0.1"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "localhost"),
        ("x-forwarded-port", "443"),
        ("x-real-ip", "127.0.0.1"),
        ("via", "1.1 proxy"),
        ("cf-connecting-ip", "127.0.0.1"),
        ("true-client-ip", "127.0.0.1"),
        ("x-client-ip", "127.0.0.1"),
        ("client-ip", "127.0.0.1"),
        ("x-original-url", "/"),
        ("host", "evil.example"),
        ("host", "127.0.0.1.nip.io"),
        ("origin", "https://evil.example"),
    ] {
        for path in FIGURES {
            assert!(refused(Method::GET, path, name, value).await, "{path} {name}");
        }
        assert!(refused(Method::POST, "/v1/chat/completions", name, value).await, "/v1 {name}");
        assert!(refused(Method::POST, "/dashboard/login", name, value).await, "login {name}");
    }
    assert_eq!(site.get("/metrics").await.status(), 200);
    // As nginx forwards without further settings: an older HTTP, the name of this machine, and nothing of its own.
    let mut stream = tokio::net::TcpStream::connect(site.gateway.address).await.unwrap();
    let asked =
        format!("GET /metrics HTTP/1.0\r\nHost: {}\r\nConnection: close\r\n\r\n", site.gateway.address);
    stream.write_all(asked.as_bytes()).await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert!(said.contains(" 403 "), "{said}");
}
