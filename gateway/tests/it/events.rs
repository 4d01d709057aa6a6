//! The analytics events of chats that end in the gateway. A job's event comes from its worker.

use std::time::Duration;

use futures::StreamExt as _;
use hoidap_shared::{
    broker::Broker,
    events::ChatEvent,
    job::{Answer, Choice, Outcome},
};
use serde_json::json;

use crate::support::{StubAnswer, TestGateway, TestServers, answer, question};

/// The events on the stream so far.
pub(crate) async fn events(broker: &Broker) -> Vec<ChatEvent> {
    let stream = broker.jetstream.get_stream(broker.subjects.stream("EVENTS")).await.unwrap();
    let count = stream.get_info().await.unwrap().state.messages;
    let settings = async_nats::jetstream::consumer::pull::OrderedConfig::default();
    let messages = stream.create_consumer(settings).await.unwrap().messages().await.unwrap();
    let read = messages
        .take(count as usize)
        .map(|message| rmp_serde::from_slice(&message.unwrap().payload).unwrap());
    tokio::time::timeout(Duration::from_secs(5), read.collect()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_end_in_the_gateway_is_told_before_it_is_answered() {
    let servers = TestServers::new();
    let site = servers.gateway(&[("RATE_LIMIT__CHAT_PER_MINUTE", "2")]).await;
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    fleet.stages(&site, "v1", &[]).await;
    let broker = servers.broker().await;
    site.post(&question("xin chào")).await;
    assert_eq!(events(&broker).await, [], "the fleet tells of its jobs itself");
    let cached = site.ask(&question("xin chào")).await;
    site.post(&question("xin chào")).await;
    site.post(&question("")).await;

    let told = events(&broker).await;
    let ends: Vec<_> = told.iter().map(|event| (event.outcome.as_str(), event.problem.as_deref())).collect();
    assert_eq!(
        ends,
        [("cached", None), ("rate_limited", Some("rate_limited")), ("rejected", Some("fields_invalid"))]
    );
    assert_eq!(told[0].job_id.as_str(), cached["job_id"]);
    assert_eq!((told[0].intent.as_str(), told[0].product.as_deref()), ("how_to", Some("mail")));
    assert_eq!(told[0].sources, ["https://www.a.example/vi/mail/mat-khau"]);
    assert_eq!(
        (told[0].question.as_str(), told[0].page.as_str()),
        ("xin chào", "https://www.a.example/vi/mail")
    );
    assert!(told.iter().all(|event| event.client == told[0].client && event.client.len() == 32));
    assert!(!format!("{told:?}").contains("127.0.0.1"), "an event holds no address");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_asks_back_counts_as_that_also_from_the_cache() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let fleet = servers
        .fleet(|question| {
            let choices = vec![Choice { label: "Thư".into(), question: "Thư: xin chào".into() }];
            StubAnswer::Replied(Answer { outcome: Outcome::AskedBack, choices, ..answer(question) })
        })
        .await;
    fleet.stages(&site, "v1", &[]).await;
    let broker = servers.broker().await;
    for cached in [false, true] {
        let answer = site.ask(&question("xin chào")).await;
        assert_eq!((&answer["cached"], &answer["outcome"]), (&json!(cached), &json!("asked_back")));
        assert_eq!(answer["choices"], json!([{"label": "Thư", "question": "Thư: xin chào"}]));
    }
    let told = events(&broker).await;
    assert_eq!(told.iter().map(|event| event.outcome.as_str()).collect::<Vec<_>>(), ["asked_back"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_told_is_told_later() {
    let mut servers = TestServers::new();
    servers.nats.kill();
    let site = TestGateway::start(servers.config(&[])).await;
    assert_eq!(site.post(&question("xin chào")).await.status(), 503);
    assert_eq!(site.post(&question("")).await.status(), 422);
    servers.nats.restart();
    let broker = servers.broker().await;
    broker.ensure_streams(&servers.config(&[]).nats).await.unwrap();
    let mut told = vec![];
    for _ in 0..50 {
        told = events(&broker).await;
        if told.len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let ends: Vec<_> = told.iter().map(|event| event.outcome.as_str()).collect();
    assert_eq!(ends, ["failed", "rejected"]);
    assert_eq!(told[0].problem.as_deref(), Some("queue_unavailable"));
}
