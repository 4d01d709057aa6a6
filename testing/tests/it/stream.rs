//! Streamed answers, with gateways and workers that are killed.

use std::time::{Duration, Instant};

use futures::future::join_all;
use hoidap_shared::stage::STAGES;
use hoidap_testing::{
    fleet::TestFleet,
    sse::{SseEvent, SseReader, final_answer, streamed_text},
    stub_provider::{StubProvider, StubReply},
};
use reqwest::Response;
use serde_json::{Value, json};

/// The model's answer, which the page on limits supports.
const WORDS: &str = "Hạn mức gửi mỗi ngày được tính theo 24 giờ trượt, không phải từ 0 giờ. \
                     Hạn mức gửi mỗi ngày được tính theo 24 giờ trượt, không phải từ 0 giờ. \
                     Hạn mức gửi mỗi ngày được tính theo 24 giờ trượt, không phải từ 0 giờ.";
/// 20 tokens a second.
const PAUSE: Duration = Duration::from_millis(50);

fn slowly() -> StubReply {
    StubReply::StreamSlowly(WORDS.split_inclusive(' ').map(str::to_string).collect(), PAUSE)
}

/// A fleet whose only model is the given server.
fn fleet(model: &StubProvider, settings: &[(&str, &str)]) -> TestFleet {
    let url = model.url();
    let ours = [
        ("HOIDAP_GENERATOR__PROVIDERS", "model,extractive"),
        ("HOIDAP_PROVIDERS__MODEL__KIND", "openai"),
        ("HOIDAP_PROVIDERS__MODEL__MODEL", "stub"),
        ("HOIDAP_PROVIDERS__MODEL__BASE_URL", url.as_str()),
        ("HOIDAP_GENERATOR__DRAFT_CONFIDENCE", "2"),
        ("HOIDAP_WORKER__ACK_WAIT_MS", "1500"),
    ];
    TestFleet::start(&["mail", "company"], &[&ours, settings].concat())
}

fn question(n: usize) -> Value {
    json!({
        "message": format!("Hạn mức gửi thư mỗi ngày được tính thế nào cho {n} người?"),
        "session_id": format!("session-{n:04}"),
        "context": {"url": "https://www.diecxam.example/vi/mail/gioi-han.html", "title": "Giới hạn"},
        "stream": true,
    })
}

async fn ask(fleet: &TestFleet, url: &str, n: usize) -> SseReader {
    let request = fleet.client().post(format!("{url}/api/chat")).json(&question(n));
    SseReader::of(request.send().await.unwrap())
}

async fn get(fleet: &TestFleet, url: &str, path: &str, n: usize, after: u64) -> Response {
    let mut request = fleet.client().get(format!("{url}/api/chat/{path}"));
    request = request.header("x-session-id", format!("session-{n:04}"));
    if after > 0 {
        request = request.header("last-event-id", after.to_string());
    }
    request.send().await.unwrap()
}

async fn stored(fleet: &TestFleet, url: &str, job: &str, n: usize) -> Value {
    get(fleet, url, job, n, 0).await.json().await.unwrap()
}

/// Reads until `count` deltas of the answer have come.
async fn until_deltas(events: &mut SseReader, count: usize) -> Vec<SseEvent> {
    let mut read = Vec::new();
    while read.iter().filter(|event: &&SseEvent| event.name == "delta").count() < count {
        read.push(events.next().await.expect("the answer goes on"));
    }
    read
}

fn job(events: &[SseEvent]) -> String {
    events[0].data["job_id"].as_str().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_in_order_and_the_texts_are_the_answer() {
    let model = StubProvider::always(slowly()).await;
    let fleet = fleet(&model, &[]);
    let _worker = fleet.start_all_stages().await;
    let events = ask(&fleet, &fleet.url(), 1).await.all().await;
    let done = final_answer(&events);
    assert!(done["response"].as_str().unwrap().starts_with("Hạn mức gửi mỗi ngày được tính theo 24 giờ"));
    assert!(done["citations"].as_array().unwrap().len() > 1, "{done:#}");
    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names[..6], ["accepted", "stage", "stage", "stage", "stage", "sources"]);
    let stages: Vec<_> = events[1..5].iter().map(|event| event.data["name"].as_str().unwrap()).collect();
    assert_eq!(stages, STAGES);
    assert!(names.iter().filter(|name| **name == "delta").count() > 2, "sentence by sentence: {names:?}");
    let citation = events.iter().position(|event| event.name == "citation").unwrap();
    let later = events[citation..].iter().filter(|event| event.name == "delta").count();
    assert!(later > 1, "the first citation comes before the answer ends: {names:?}");
    assert!(!names.contains(&"restart"), "{names:?}");
    // Read again, it is the same; from behind any event, the rest; from behind the last, nothing.
    let job = job(&events);
    let again = SseReader::of(get(&fleet, &fleet.url(), &format!("{job}/stream"), 1, 0).await).all().await;
    let plain = |events: &[SseEvent]| {
        let told = events.iter().filter(|event| event.name != "done");
        told.map(|event| (event.id, event.name.clone(), event.data.clone())).collect::<Vec<_>>()
    };
    assert_eq!(plain(&again), plain(&events));
    let rest = SseReader::of(get(&fleet, &fleet.url(), &format!("{job}/stream"), 1, 7).await).all().await;
    assert_eq!(plain(&rest), plain(&events[7..]));
    let nothing = get(&fleet, &fleet.url(), &format!("{job}/stream"), 1, events.len() as u64).await;
    assert_eq!(nothing.status(), 204);
    // Another session sees nothing of it.
    for path in [job.clone(), format!("{job}/stream")] {
        assert_eq!(get(&fleet, &fleet.url(), &path, 2, 0).await.status(), 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_goes_on_at_another_gateway() {
    let model = StubProvider::always(slowly()).await;
    let mut fleet = fleet(&model, &[]);
    let _worker = fleet.start_all_stages().await;
    let (_second, url) = fleet.start_second_gateway().await;
    let mut events = ask(&fleet, &fleet.url(), 1).await;
    let mut read = until_deltas(&mut events, 1).await;
    fleet.kill_gateway();
    while let Some(event) = events.next().await {
        read.push(event);
    }
    assert!(read.iter().all(|event| event.name != "done"), "it was killed before the answer ended");
    let job = job(&read);
    let after = read.last().unwrap().id;
    read.extend(SseReader::of(get(&fleet, &url, &format!("{job}/stream"), 1, after).await).all().await);
    let done = final_answer(&read);
    assert!(!read.iter().any(|event| event.name == "restart"), "not a word was lost or told twice");
    assert_eq!(done["response"], stored(&fleet, &url, &job, 1).await["response"]);
    assert_eq!(model.requests().len(), 1, "the model was asked once");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_generator_begins_anew() {
    let model = StubProvider::always(slowly()).await;
    let fleet = fleet(&model, &[]);
    let _others = fleet.worker(&["classifier", "retriever", "reranker", "analytics"]);
    let mut generator = fleet.worker(&["generator"]);
    fleet.wait_for_health("healthy").await;
    let mut events = ask(&fleet, &fleet.url(), 1).await;
    let mut read = until_deltas(&mut events, 1).await;
    generator.kill();
    let _second = fleet.worker(&["generator"]);
    while let Some(event) = events.next().await {
        read.push(event);
    }
    let done = final_answer(&read);
    let restarts: Vec<_> = read.iter().filter(|event| event.name == "restart").collect();
    assert_eq!(restarts.len(), 1, "{read:?}");
    assert_eq!(restarts[0].data["reason"], "taken_over");
    assert_eq!(done["response"], stored(&fleet, &fleet.url(), &job(&read), 1).await["response"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_visitors_read_along_at_once() {
    let model = StubProvider::always(slowly()).await;
    // All of them come from one address.
    let fleet = fleet(&model, &[("HOIDAP_GATEWAY__MAX_STREAMS_PER_CLIENT", "200")]);
    let _worker = fleet.start_all_stages().await;
    let began = Instant::now();
    let streams = join_all((0..200).map(|n| {
        let fleet = &fleet;
        async move { ask(fleet, &fleet.url(), n).await.all().await }
    }))
    .await;
    println!("200 streams in {:.1} s", began.elapsed().as_secs_f32());
    let mut jobs = std::collections::BTreeSet::new();
    for (n, events) in streams.iter().enumerate() {
        let done = final_answer(events);
        assert_eq!(done["session_id"], format!("session-{n:04}"));
        assert_eq!(done["outcome"], "answered", "{done:#}");
        jobs.insert(job(events));
    }
    assert_eq!(jobs.len(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_closes_the_providers_connection() {
    let model = StubProvider::always(slowly()).await;
    let fleet = fleet(&model, &[("HOIDAP_GATEWAY__STREAM_GRACE_MS", "500")]);
    let _worker = fleet.start_all_stages().await;
    let mut events = ask(&fleet, &fleet.url(), 1).await;
    let mut read = until_deltas(&mut events, 1).await;
    let job = job(&read);
    let stop = |n: usize| {
        let request = fleet.client().post(format!("{}/api/chat/{job}/stop", fleet.url()));
        request.header("x-session-id", format!("session-{n:04}")).send()
    };
    assert_eq!(stop(2).await.unwrap().status(), 404, "another session may not");
    assert!(model.disconnects().is_empty());
    let said = Instant::now();
    assert_eq!(stop(1).await.unwrap().status(), 202);
    while let Some(event) = events.next().await {
        read.push(event);
    }
    let done = final_answer(&read);
    assert_eq!(done["outcome"], "stopped");
    assert!(!done["response"].as_str().unwrap().is_empty() && streamed_text(&read).len() < WORDS.len());
    assert!(done["usage"]["completion_tokens"].as_u64().unwrap() > 4, "{done:#}");
    assert_eq!(done["usage"]["estimated"], true);
    let closed = model.disconnects();
    assert_eq!(closed.len(), 1);
    println!("closed {} ms after the visitor stopped it", (closed[0] - said).as_millis());
    assert_eq!(stop(1).await.unwrap().status(), 200, "it is done");
    // Nobody reads along any more: the same, after a while.
    let mut events = ask(&fleet, &fleet.url(), 3).await;
    until_deltas(&mut events, 1).await;
    drop(events);
    let end = Instant::now() + Duration::from_secs(10);
    while model.disconnects().len() < 2 {
        assert!(Instant::now() < end, "a job that nobody reads was not stopped");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let spent = "SELECT count() FROM chats FINAL WHERE outcome = 'stopped' AND completion_tokens > 0";
    while fleet.query(spent).await.is_ok_and(|count| count != "2") {
        assert!(Instant::now() < end + Duration::from_secs(20), "the events do not tell the tokens");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_sent_twice_is_one_job() {
    let model = StubProvider::always(slowly()).await;
    let fleet = fleet(&model, &[("HOIDAP_CACHE__TTL_SECS", "0")]);
    let _worker = fleet.start_all_stages().await;
    let (_second, other) = fleet.start_second_gateway().await;
    let send = |url: String, n: usize, key: &'static str| {
        let mut body = question(1);
        body["message"] = format!("Hạn mức gửi thư mỗi ngày được tính thế nào, câu {n}?").into();
        body["stream"] = false.into();
        fleet.client().post(format!("{url}/api/chat")).header("idempotency-key", key).json(&body).send()
    };
    let (first, second) = tokio::join!(send(fleet.url(), 1, "key-1"), send(other.clone(), 1, "key-1"));
    let third = send(other.clone(), 1, "key-1").await.unwrap();
    let mut answers = Vec::new();
    for response in [first.unwrap(), second.unwrap(), third] {
        assert_eq!(response.status(), 200);
        let answer: Value = response.json().await.unwrap();
        answers.push((answer["job_id"].clone(), answer["response"].clone()));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(model.requests().len(), 1, "the model was asked once");
    let reused = send(other, 2, "key-1").await.unwrap();
    assert_eq!(reused.status(), 422);
    assert_eq!(reused.json::<Value>().await.unwrap()["code"], "idempotency_key_reused");
}
