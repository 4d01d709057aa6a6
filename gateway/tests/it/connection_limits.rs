//! Limits on the connections of one client.

use std::{net::IpAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use crate::support::{TestGateway, TestServers, problem};

/// A connection from one of this machine's addresses, kept open only.
async fn connect(site: &TestGateway, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    socket.connect(site.gateway.address).await.unwrap()
}

/// An HTTP client at one of this machine's addresses.
fn client(from: &str) -> reqwest::Client {
    let address: IpAddr = from.parse().unwrap();
    let builder = reqwest::Client::builder().no_proxy().local_address(address);
    builder.timeout(Duration::from_secs(10)).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_cannot_hold_every_connection() {
    let servers = TestServers::new();
    let settings = [("GATEWAY__MAX_CONNECTIONS", "40"), ("GATEWAY__HEADER_TIMEOUT_MS", "60000")];
    let site = TestGateway::start(servers.config(&settings)).await;
    let mut held = vec![];
    for _ in 0..60 {
        held.push(connect(&site, "127.0.0.2").await);
    }
    let other = client("127.0.0.3").get(site.url("/api/openapi.json")).send().await;
    assert_eq!(other.expect("another address is served").status(), 200);
    let mut said = String::new();
    let last = held.last_mut().unwrap();
    tokio::time::timeout(Duration::from_secs(10), last.read_to_string(&mut said)).await.unwrap().unwrap();
    assert!(said.starts_with("HTTP/1.1 429 ") && said.contains("too_many_open"), "{said}");
    assert!(said.to_lowercase().contains("retry-after: "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_ends_leaves_room() {
    let servers = TestServers::new();
    let settings = [("GATEWAY__MAX_CONNECTIONS", "40"), ("GATEWAY__MAX_CONNECTIONS_PER_CLIENT", "3")];
    let site = TestGateway::start(servers.config(&settings)).await;
    for _ in 0..20 {
        let mut held = vec![];
        for _ in 0..3 {
            held.push(connect(&site, "127.0.0.2").await);
        }
        drop(held);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let found = client("127.0.0.2").get(site.url("/api/openapi.json")).send().await.unwrap();
    assert_eq!(found.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_may_hold_many() {
    let servers = TestServers::new();
    let settings = [
        ("GATEWAY__MAX_CONNECTIONS", "40"),
        ("GATEWAY__MAX_CONNECTIONS_PER_CLIENT", "3"),
        ("GATEWAY__TRUSTED_PROXIES", "127.0.0.2"),
    ];
    let site = TestGateway::start(servers.config(&settings)).await;
    let mut held = vec![];
    for _ in 0..20 {
        held.push(connect(&site, "127.0.0.2").await);
    }
    let found = client("127.0.0.2").get(site.url("/api/openapi.json")).send().await.unwrap();
    assert_eq!(found.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_answered_while_every_connection_is_taken() {
    let servers = TestServers::new();
    let settings = [("GATEWAY__MAX_CONNECTIONS", "20"), ("GATEWAY__HEADER_TIMEOUT_MS", "60000")];
    let site = TestGateway::start(servers.config(&settings)).await;
    let mut held = vec![];
    for from in ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"] {
        for _ in 0..10 {
            held.push(connect(&site, from).await);
        }
    }
    for _ in 0..5 {
        let health = client("127.0.0.6").get(site.url("/api/health")).send().await;
        assert_eq!(health.expect("health is answered").status(), 503);
    }
    let other = client("127.0.0.6").get(site.url("/api/openapi.json")).send().await.unwrap();
    assert_eq!(problem(other).await["code"], "too_busy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_cut_off() {
    let servers = TestServers::new();
    let settings = [("GATEWAY__MAX_CONNECTIONS", "2"), ("GATEWAY__WRITE_TIMEOUT_MS", "500")];
    let site = TestGateway::start(servers.config(&settings)).await;
    let mut stream = connect(&site, "127.0.0.2").await;
    // More answers than the buffers between the two hold, none of which is read.
    let asked = "GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(400);
    let write = tokio::time::timeout(Duration::from_secs(5), stream.write_all(asked.as_bytes())).await;
    drop(write);
    let deadline = std::time::Instant::now() + Duration::from_secs(15);
    // Once the gateway has given the connection up, what is left in the buffers ends early.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut read = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut read)).await;
    assert!(end.is_ok() && std::time::Instant::now() < deadline, "the connection is still open");
    let answers = String::from_utf8_lossy(&read).matches("HTTP/1.1 200").count();
    assert!(answers < 400, "all {answers} answers were written");
}
