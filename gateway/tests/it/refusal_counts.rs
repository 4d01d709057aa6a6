//! Floods of refused requests: limited, and counted instead of stored one by one.

use std::time::Duration;

use futures::StreamExt as _;
use hoidap_shared::broker::Broker;
use reqwest::{Method, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{StubAnswer, TestGateway, TestServers, answer, problem, question};

/// The fields of an event that these tests read.
#[derive(Debug, Deserialize)]
struct RefusalEvent {
    #[serde(default)]
    outcome: String,
    problem: Option<String>,
    #[serde(default = "one")]
    times: u64,
}

fn one() -> u64 {
    1
}

/// The events of a kind on the stream.
async fn events(broker: &Broker, kind: &str) -> Vec<RefusalEvent> {
    let stream = broker.jetstream.get_stream(broker.subjects.stream("EVENTS")).await.unwrap();
    let count = stream.get_info().await.unwrap().state.messages;
    let settings = async_nats::jetstream::consumer::pull::OrderedConfig::default();
    let messages = stream.create_consumer(settings).await.unwrap().messages().await.unwrap();
    let subject = broker.subjects.events(kind);
    let read = messages.take(count as usize).filter_map(|message| {
        let message = message.unwrap();
        let event =
            (message.subject.as_str() == subject).then(|| rmp_serde::from_slice(&message.payload).unwrap());
        futures::future::ready(event)
    });
    tokio::time::timeout(Duration::from_secs(20), read.collect()).await.unwrap()
}

/// The number of responses that are refused by a limit.
async fn limited(answers: Vec<Response>) -> usize {
    let mut count = 0;
    for answer in answers {
        if answer.status() == 429 {
            problem(answer).await;
            count += 1;
        }
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_are_limited_and_counted() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let broker = servers.broker().await;
    let mut answers = vec![];
    for number in 0..300 {
        answers.push(match number % 3 {
            0 => site.post(&question("")).await,
            1 => site.http.post(site.url("/api/chat")).body("no JSON").send().await.unwrap(),
            _ => site.post(&json!([])).await,
        });
    }
    let refused = limited(answers).await;
    assert!((150..=245).contains(&refused), "{refused} of 300 were refused for their number");
    let stored = events(&broker, "chat").await.len();
    assert!(stored <= 20, "{stored} events were stored for one client's 300 malformed requests");
    site.gateway.stop().await;
    let told = events(&broker, "chat").await;
    assert_eq!(told.iter().map(|event| event.times).sum::<u64>(), 300, "each is counted: {told:?}");
    assert!(told.iter().all(|event| event.outcome == "rejected"), "{told:?}");
    assert!(told.len() <= 30, "{}", told.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_beyond_the_limit_are_counted() {
    let servers = TestServers::new();
    let site = servers.gateway(&[("RATE_LIMIT__CHAT_PER_MINUTE", "1")]).await;
    let _fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let broker = servers.broker().await;
    let mut answers = vec![];
    for _ in 0..201 {
        answers.push(site.post(&question("xin chào")).await);
    }
    let refused = limited(answers).await;
    assert!(refused >= 199, "{refused}");
    assert!(events(&broker, "chat").await.len() <= 20);
    site.gateway.stop().await;
    let told = events(&broker, "chat").await;
    let limited = told.iter().filter(|event| event.outcome == "rate_limited");
    assert_eq!(limited.map(|event| event.times).sum::<u64>(), refused as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_of_one_key_are_limited() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let broker = servers.broker().await;
    let send = |message: &str| {
        let request = site.http.post(site.url("/api/chat")).header("idempotency-key", "again");
        request.json(&question(message)).send()
    };
    let mut answers = vec![];
    for number in 0..201 {
        // Every fourth with another body.
        answers.push(send(if number % 4 == 3 { "khác" } else { "Đổi mật khẩu?" }).await.unwrap());
    }
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    assert_eq!((statuses[0], statuses[1], statuses[3]), (200, 200, 422));
    let refused = limited(answers).await;
    assert!((80..=145).contains(&refused), "{refused} of 200 repeats were refused for their number");
    assert_eq!(fleet.received_questions().len(), 1);
    let stored = events(&broker, "chat").await.len();
    assert!(stored <= 20, "{stored}");
}

#[tokio::test(flavor = "multi_thread")]
async fn feedback_and_stops_are_limited() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let _fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let broker = servers.broker().await;
    let job = site.ask(&question("Đổi mật khẩu?")).await["job_id"].as_str().unwrap().to_string();
    let rate = async |body: Value| {
        let path = format!("{job}/feedback");
        site.about(Method::POST, &path).json(&body).send().await.unwrap()
    };
    let mut answers = vec![];
    for number in 0..200 {
        answers.push(rate(json!({"rating": if number % 2 == 0 { "up" } else { "down" }})).await);
    }
    assert_eq!(answers[0].status(), 202);
    assert!(limited(answers).await >= 130);
    let stored = events(&broker, "feedback").await.len();
    assert!(stored <= 70, "{stored} ratings of one answer were stored");
    let mut answers = vec![];
    for _ in 0..200 {
        answers.push(site.about(Method::POST, &format!("{job}/stop")).send().await.unwrap());
    }
    assert!(limited(answers).await >= 130);
    site.gateway.stop().await;
    let told = events(&broker, "chat").await;
    let refused = told.iter().filter(|event| event.problem.as_deref() == Some("feedback_limited"));
    assert!(refused.map(|event| event.times).sum::<u64>() >= 130, "{told:?}");
    assert!(told.len() <= 20, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_completions_are_limited() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let mut statuses = vec![];
    for _ in 0..100 {
        let request = site.http.post(site.url("/v1/chat/completions")).json(&json!({"messages": 5}));
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses[0], 422);
    assert!(statuses.iter().filter(|status| **status == 429).count() >= 30, "{statuses:?}");
    let other: TestGateway = servers.gateway(&[("RATE_LIMIT__OTHER_PER_MINUTE", "0")]).await;
    assert_eq!(other.post(&question("")).await.status(), 422, "0 is no limit");
}
