//! Connections that are slow, many, or cut off.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{StubAnswer, TestGateway, TestServers, answer, question};

/// The gateway's response to raw bytes, until it closes the connection.
async fn say(site: &TestGateway, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(site.gateway.address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut said = String::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut said)).await;
    read.expect("the connection is closed").unwrap();
    said
}

fn problem_of(said: &str) -> Value {
    serde_json::from_str(said.split("\r\n\r\n").nth(1).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_never_ends_is_named() {
    let servers = TestServers::new();
    let site = TestGateway::start(servers.config(&[("GATEWAY__HEADER_TIMEOUT_MS", "300")])).await;
    let said = say(&site, b"POST /api/chat HTTP/1.1\r\nHost: a.example\r\nX-Slow: one, two").await;
    assert!(said.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{said}");
    let found = problem_of(&said);
    assert_eq!((&found["status"], &found["code"]), (&json!(408), &json!("request_timeout")));
    assert_eq!(found["errors"][0]["parameter"], "X-Slow");
    assert_eq!(say(&site, b"").await, "", "an idle connection is closed without words");
}

/// Sends a request on an open connection and reads its whole response.
async fn exchange(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut said = String::new();
    let mut buffer = vec![0; 65_536];
    loop {
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut buffer)).await;
        let read = read.expect("the response goes on").unwrap();
        assert!(read > 0, "the connection was closed: {said}");
        said.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        let Some((head, body)) = said.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() == length.parse::<usize>().unwrap() {
            return said;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_connection_may_wait_longer_for_a_request_than_a_request_for_its_headers() {
    let servers = TestServers::new();
    let settings = [("GATEWAY__HEADER_TIMEOUT_MS", "300"), ("GATEWAY__IDLE_TIMEOUT_MS", "2000")];
    let site = TestGateway::start(servers.config(&settings)).await;
    let mut stream = TcpStream::connect(site.gateway.address).await.unwrap();
    for _ in 0..2 {
        assert!(exchange(&mut stream).await.starts_with("HTTP/1.1 503 "));
        tokio::time::sleep(Duration::from_millis(800)).await;
    }
    stream.write_all(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nX-Slow: one").await.unwrap();
    let mut said = String::new();
    let began = Instant::now();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut said)).await;
    read.expect("the connection is closed").unwrap();
    assert!(began.elapsed() < Duration::from_millis(1_900), "headers have a limit of their own");
    assert!(said.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{said}");

    let mut idle = TcpStream::connect(site.gateway.address).await.unwrap();
    exchange(&mut idle).await;
    let mut rest = String::new();
    let read = tokio::time::timeout(Duration::from_secs(10), idle.read_to_string(&mut rest)).await;
    read.expect("the connection is closed").unwrap();
    assert_eq!(rest, "", "without words");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_never_ends_is_given_up() {
    let servers = TestServers::new();
    let site = TestGateway::start(servers.config(&[("GATEWAY__REQUEST_TIMEOUT_MS", "300")])).await;
    let head =
        "POST /api/chat HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n";
    let said = say(&site, format!("{head}{{\"message\": \"slow").as_bytes()).await;
    assert!(said.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{said}");
    assert_eq!(problem_of(&said)["errors"][0]["pointer"], "");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_wait_their_turn() {
    let servers = TestServers::new();
    let site = TestGateway::start(servers.config(&[("GATEWAY__MAX_CONNECTIONS", "1")])).await;
    let holder = TcpStream::connect(site.gateway.address).await.unwrap();
    let waiting = tokio::spawn({
        let request = site.http.get(site.url("/api/openapi.json"));
        async move { request.send().await.unwrap().status() }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished());
    drop(holder);
    assert_eq!(waiting.await.unwrap(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_who_leaves_is_forgotten() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let fleet = servers.fleet(|_| StubAnswer::Never).await;
    let waiting = async || {
        let text = site.get("/metrics").await.text().await.unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with("hoidap_gateway_waiting "))
            .unwrap_or("? 0")
            .to_string();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    let asked = tokio::spawn(site.http.post(site.url("/api/chat")).json(&question("xin chào")).send());
    for wanted in [1.0, 0.0] {
        let deadline = Instant::now() + Duration::from_secs(5);
        while waiting().await != wanted {
            assert!(Instant::now() < deadline, "{wanted} waiting were awaited in vain");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        asked.abort();
    }
    assert_eq!(fleet.received_questions().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_it_ends_what_is_in_flight() {
    let servers = TestServers::new();
    let _fleet = servers
        .fleet(|question| {
            std::thread::sleep(Duration::from_secs(1));
            StubAnswer::Replied(answer(question))
        })
        .await;
    let mut process = Command::new(env!("CARGO_BIN_EXE_hoidap-gateway"))
        .env_clear()
        .env("HOIDAP_NATS__URL", servers.nats.url())
        .env("HOIDAP_REDIS__URL", servers.valkey.url())
        .env("HOIDAP_GATEWAY__LISTEN", "127.0.0.1:0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(process.stdout.take().unwrap()), &mut said)
        .unwrap();
    let base = said.trim().rsplit(' ').next().unwrap().to_string();
    let http = reqwest::Client::new();
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let health: Value =
            http.get(format!("{base}/api/health")).send().await.unwrap().json().await.unwrap();
        if health["components"]["nats"]["status"] == "healthy" {
            break;
        }
        assert!(Instant::now() < deadline, "{health}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let asked = tokio::spawn(http.post(format!("{base}/api/chat")).json(&question("xin chào")).send());
    tokio::time::sleep(Duration::from_millis(400)).await;
    Command::new("kill").arg(process.id().to_string()).status().unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(http.get(format!("{base}/api/health")).send().await.is_err(), "no more connections are taken");
    assert_eq!(asked.await.unwrap().unwrap().status(), 200);
    let stopped = tokio::task::spawn_blocking(move || process.wait().unwrap()).await.unwrap();
    assert!(stopped.success(), "{stopped}");
}
