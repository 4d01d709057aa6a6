//! A broker that stores a question, but whose acknowledgement is lost.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures::StreamExt as _;
use reqwest::StatusCode;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::{Duration, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::support::{StubAnswer, TestGateway, TestServers, answer, problem, question};

/// A relay in front of the broker. After the first question it drops the broker's replies; with `back`, the connection then
/// breaks, and the next connection works.
struct LossyProxy {
    url: String,
    armed: Arc<AtomicBool>,
}

impl LossyProxy {
    async fn start(broker: u16, back: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("nats://{}", listener.local_addr().unwrap());
        let armed = Arc::new(AtomicBool::new(false));
        let relay = armed.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(("127.0.0.1", broker)).await.unwrap();
                tokio::spawn(carry(client, server, relay.clone(), back));
            }
        });
        Self { url, armed }
    }
}

async fn carry(client: TcpStream, server: TcpStream, armed: Arc<AtomicBool>, back: bool) {
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let deaf = CancellationToken::new();
    let hears = deaf.clone();
    let words = tokio::spawn(async move {
        let mut buffer = vec![0; 65_536];
        loop {
            let read = tokio::select! {
                biased;
                () = hears.cancelled() => return std::future::pending::<()>().await,
                read = from_server.read(&mut buffer) => read.unwrap_or(0),
            };
            if read == 0 || to_client.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 65_536];
    loop {
        let read = from_client.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            break;
        }
        let question = buffer[..read].windows(16).any(|part| part == b".jobs.classifier");
        if question && armed.load(Ordering::SeqCst) {
            deaf.cancel();
        }
        if to_server.write_all(&buffer[..read]).await.is_err() {
            break;
        }
        if question && back && armed.swap(false, Ordering::SeqCst) {
            // Long enough for the rest of the question to follow.
            sleep(Duration::from_millis(50)).await;
            let read = from_client.try_read(&mut buffer).unwrap_or(0);
            let _ = to_server.write_all(&buffer[..read]).await;
            break;
        }
    }
    words.abort();
}

async fn behind(servers: &TestServers, relay: &LossyProxy) -> TestGateway {
    servers.gateway(&[("NATS__URL", &relay.url)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_whose_acknowledgement_was_lost_is_answered_and_asked_once() {
    let servers = TestServers::new();
    let relay = LossyProxy::start(servers.nats.port(), true).await;
    let site = behind(&servers, &relay).await;
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let broker = servers.broker().await;
    let jobs = broker.jetstream.get_stream(broker.subjects.stream("JOBS")).await.unwrap();
    for (number, key) in [None, Some("k")].into_iter().enumerate() {
        relay.armed.store(true, Ordering::SeqCst);
        let mut request = site.http.post(site.url("/api/chat")).json(&question("Đổi mật khẩu?"));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let response = request.send().await.unwrap();
        let (status, said): (_, Value) = (response.status(), response.json().await.unwrap());
        assert_eq!(status, StatusCode::OK, "{said}");
        assert_eq!(said["response"], "Mở Cài đặt rồi chọn Mật khẩu. [1]");
        assert!(!relay.armed.load(Ordering::SeqCst), "no acknowledgement was lost");
        assert_eq!(fleet.received_questions().len(), number + 1, "nobody works on it twice");
        assert_eq!(jobs.get_info().await.unwrap().state.messages, number as u64 + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_given_up_in_doubt_is_stopped() {
    let servers = TestServers::new();
    let relay = LossyProxy::start(servers.nats.port(), false).await;
    let site = behind(&servers, &relay).await;
    let fleet = servers.fleet(|_| StubAnswer::Never).await;
    let broker = servers.broker().await;
    let mut stops = broker.client.subscribe(broker.subjects.stops()).await.unwrap();
    broker.client.flush().await.unwrap();
    relay.armed.store(true, Ordering::SeqCst);
    let refused = problem(site.post(&question("Đổi mật khẩu?")).await).await;
    assert_eq!(refused["code"], "queue_unavailable");
    let job = fleet.received_questions().remove(0).job_id;
    let stop = tokio::time::timeout(Duration::from_secs(10), stops.next()).await.unwrap().unwrap();
    assert_eq!(stop.subject.as_str(), broker.subjects.stop(&job), "it was asked, and nobody waits for it");
}
