//! A reader who reconnects at the last moment.

use std::time::Duration;

use futures::StreamExt as _;
use hoidap_testing::sse::SseReader;
use reqwest::Method;
use serde_json::json;
use tokio::time::timeout;

use crate::support::{StubAnswer, TestServers, answer, question};

/// A reader disconnects, and reconnects to the same or another gateway while the gateways ask each other for readers.
async fn comes_back(elsewhere: bool) {
    let servers = TestServers::new();
    let settings = [("GATEWAY__STREAM_GRACE_MS", "200"), ("GATEWAY__ANSWER_TIMEOUT_MS", "6000")];
    let (here, there) = (servers.gateway(&settings).await, servers.gateway(&settings).await);
    let fleet = servers.fleet(|question| StubAnswer::Delayed(answer(question), Duration::from_secs(4))).await;
    let broker = servers.broker().await;
    let mut asked = broker.client.subscribe(broker.subjects.listener_queries()).await.unwrap();
    let mut stops = broker.client.subscribe(broker.subjects.stops()).await.unwrap();
    broker.client.flush().await.unwrap();
    let mut body = question("Đổi mật khẩu?");
    body["stream"] = json!(true);
    let mut first = SseReader::of(here.post(&body).await);
    let job = first.next().await.unwrap().data["job_id"].as_str().unwrap().to_string();
    drop(first);
    let question = timeout(Duration::from_secs(5), asked.next()).await.unwrap().unwrap();
    assert_eq!(question.payload, job.as_bytes());
    let back = if elsewhere { &there } else { &here };
    let path = format!("{job}/stream");
    let response = back.about(Method::GET, &path).header("last-event-id", "1").send().await.unwrap();
    let rest = SseReader::of(response).all().await;
    assert_eq!(rest.last().unwrap().name, "done", "{rest:?}");
    assert!(timeout(Duration::from_millis(100), stops.next()).await.is_err(), "the job was stopped");
    assert_eq!(fleet.received_questions().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_while_the_gateways_ask_each_other_is_read_on_to() {
    comes_back(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_then_to_another_gateway_is_read_on_to() {
    comes_back(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_nobody_comes_back_to_is_stopped() {
    let servers = TestServers::new();
    let site = servers.gateway(&[("GATEWAY__STREAM_GRACE_MS", "200")]).await;
    let _fleet = servers.fleet(|_| StubAnswer::Never).await;
    let broker = servers.broker().await;
    let mut stops = broker.client.subscribe(broker.subjects.stops()).await.unwrap();
    broker.client.flush().await.unwrap();
    let mut body = question("Đổi mật khẩu?");
    body["stream"] = json!(true);
    let mut first = SseReader::of(site.post(&body).await);
    let job = first.next().await.unwrap().data["job_id"].as_str().unwrap().to_string();
    drop(first);
    let stop = timeout(Duration::from_secs(10), stops.next()).await.unwrap().unwrap();
    assert!(stop.subject.ends_with(&job));
}
