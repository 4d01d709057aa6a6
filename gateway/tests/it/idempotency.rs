//! A request that is repeated with its idempotency key: one job and one event.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_nats::jetstream::message::PublishMessage;
use futures::future::join_all;
use hoidap_shared::{
    broker::Broker,
    events::ChatEvent,
    job::{Envelope, Question},
};
use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::{
    events::events,
    support::{
        StubAnswer, TestGateway, TestServers, answer, problem, question,
        relay::{positions, relay},
    },
};

async fn send(site: &TestGateway, key: &str, message: &str) -> Response {
    let request = site.http.post(site.url("/api/chat")).header("idempotency-key", key);
    request.json(&question(message)).send().await.unwrap()
}

/// Stores a job's event as its worker does. Returns whether the stream accepted it.
async fn told_by_worker(broker: &Broker, job: &Envelope<Question>) -> bool {
    let event = ChatEvent::from_answer(&job.clone().map(answer(&job.body)), job.accepted_ms + 5);
    let message = PublishMessage::build()
        .message_id(format!("{}.event", job.job_id))
        .expected_last_subject_sequence(0)
        .payload(rmp_serde::to_vec_named(&event).unwrap().into());
    let subject = broker.subjects.chat_event(&job.job_id, None);
    let stored = broker.jetstream.send_publish(subject, message).await.unwrap().await;
    stored.is_ok_and(|stored| !stored.duplicate)
}

/// Checks that only the worker publishes the job's event.
async fn only_its_worker_tells_of(broker: &Broker, job: &Envelope<Question>) {
    let told = events(broker).await;
    assert!(
        told.iter().all(|event| event.job_id != job.job_id),
        "the gateway tells of {}: {told:?}",
        job.job_id
    );
    assert!(told_by_worker(broker, job).await, "the worker's event of {} is dropped", job.job_id);
    let told = events(broker).await;
    assert_eq!(told.iter().filter(|event| event.job_id == job.job_id).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_body_under_the_key_of_a_running_job_leaves_its_event_alone() {
    let servers = TestServers::new();
    let site = servers.gateway(&[("GATEWAY__WAIT_MS", "300")]).await;
    let fleet = servers.fleet(|_| StubAnswer::Never).await;
    let broker = servers.broker().await;
    let first: Value = send(&site, "k1", "Đổi mật khẩu?").await.json().await.unwrap();
    let job = fleet.received_questions().remove(0);
    assert_eq!(first["job_id"], job.job_id.as_str());
    for other in ["Đổi tên?", "x", "Đổi mật khẩu"] {
        let refused = problem(send(&site, "k1", other).await).await;
        assert_eq!(refused["code"], "idempotency_key_reused");
    }
    // Nor does what is no question at all.
    assert_eq!(send(&site, "k1", "").await.status(), 422);
    let again: Value = send(&site, "k1", "Đổi mật khẩu?").await.json().await.unwrap();
    assert_eq!(again["job_id"], job.job_id.as_str(), "the same body is the same job");
    only_its_worker_tells_of(&broker, &job).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_was_refused_for_the_limit_is_told_of_when_it_is_asked_again() {
    let servers = TestServers::new();
    let limited = servers.gateway(&[("RATE_LIMIT__CHAT_PER_MINUTE", "1")]).await;
    let free = servers.gateway(&[("RATE_LIMIT__CHAT_PER_MINUTE", "0")]).await;
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let broker = servers.broker().await;
    assert_eq!(limited.post(&question("xin chào")).await.status(), 200);
    assert_eq!(send(&limited, "k2", "Đổi mật khẩu?").await.status(), 429);
    assert_eq!(send(&free, "k2", "Đổi mật khẩu?").await.status(), 200);
    only_its_worker_tells_of(&broker, &fleet.received_questions()[1]).await;
    let refused: Vec<_> =
        events(&broker).await.into_iter().filter(|event| event.outcome == "rate_limited").collect();
    assert_eq!(refused.len(), 1, "the refusal has an event as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_used_after_its_hour_names_another_job() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let broker = servers.broker().await;
    let first: Value = send(&site, "k3", "Đổi mật khẩu?").await.json().await.unwrap();
    // What is kept of requests and answers for an hour is over.
    let answers = broker.jetstream.get_stream(broker.subjects.stream("ANSWERS")).await.unwrap();
    answers.purge().await.unwrap();
    let second: Value = send(&site, "k3", "Đổi mật khẩu?").await.json().await.unwrap();
    assert_ne!(first["job_id"], second["job_id"]);
    assert_eq!(fleet.received_questions().len(), 2);
    for job in fleet.received_questions() {
        only_its_worker_tells_of(&broker, &job).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_come_together_under_one_key_are_one_chat() {
    let servers = TestServers::new();
    let settings = [("RATE_LIMIT__CHAT_PER_MINUTE", "0")];
    let (one, other) = (servers.gateway(&settings).await, servers.gateway(&settings).await);
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    fleet.stages(&one, "v1", &[]).await;
    fleet.stages(&other, "v1", &[]).await;
    let broker = servers.broker().await;
    // From the fleet first, then from the cache.
    for (key, outcome) in [("k4", "fleet"), ("k5", "cache")] {
        let sent = (0..12).map(|n| send(if n % 2 == 0 { &one } else { &other }, key, "Đổi mật khẩu?"));
        let mut jobs = Vec::new();
        for response in join_all(sent).await {
            assert_eq!(response.status(), StatusCode::OK);
            let answer: Value = response.json().await.unwrap();
            assert_eq!(answer["cached"], outcome == "cache");
            jobs.push(answer["job_id"].as_str().unwrap().to_string());
        }
        jobs.dedup();
        assert_eq!(jobs.len(), 1, "{jobs:?}");
    }
    assert_eq!(fleet.received_questions().len(), 1);
    only_its_worker_tells_of(&broker, &fleet.received_questions()[0]).await;
    let cached = events(&broker).await.into_iter().filter(|event| event.outcome == "cached").count();
    assert_eq!(cached, 1, "one event for the chat from the cache");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_record_a_server_of_a_cluster_does_not_have_yet_makes_no_second_job() {
    let servers = TestServers::new();
    // The next so many reads of a record find nothing, and a refusal has the code of a cluster.
    let hidden = Arc::new(AtomicUsize::new(0));
    let hide = hidden.clone();
    let to_broker = move |request: &mut [u8]| {
        for at in positions(request, b"DIRECT.GET.HOIDAP_ANSWERS") {
            let subject = request[at..].split_mut(|byte| *byte == b' ').next().unwrap();
            let kind = subject.len().saturating_sub(6);
            let hides = |left: usize| left.checked_sub(1);
            if subject.ends_with(b".asked")
                && hide.fetch_update(Ordering::SeqCst, Ordering::SeqCst, hides).is_ok()
            {
                subject[kind..].copy_from_slice(b".nopes");
            }
        }
    };
    let to_client = |reply: &mut [u8]| {
        for at in positions(reply, b"\"err_code\":10071") {
            reply[at + 11..at + 16].copy_from_slice(b"10164");
        }
    };
    let url = relay(servers.nats.port(), Arc::new(to_broker), Arc::new(to_client)).await;
    let site = servers.gateway(&[("NATS__URL", &url)]).await;
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let first: Value = send(&site, "k6", "Đổi mật khẩu?").await.json().await.unwrap();
    // The read before the claim, and two after it.
    hidden.store(3, Ordering::SeqCst);
    let again: Value = send(&site, "k6", "Đổi mật khẩu?").await.json().await.unwrap();
    assert_eq!(again["job_id"], first["job_id"], "{again}");
    assert_eq!(hidden.load(Ordering::SeqCst), 0);
    hidden.store(usize::MAX, Ordering::SeqCst);
    assert_eq!(problem(send(&site, "k6", "Đổi mật khẩu?").await).await["code"], "queue_unavailable");
    assert_eq!(fleet.received_questions().len(), 1);
}
