//! Many readers of one job.

use std::time::{Duration, Instant};

use hoidap_shared::{broker::Broker, job::JobId, progress::ProgressLine};
use reqwest::{Method, Response};
use serde_json::json;

use crate::support::{StubAnswer, TestGateway, TestServers, answer, problem, question};

/// The number of consumers on the stream of progress logs.
async fn consumers(broker: &Broker) -> usize {
    let stream = broker.jetstream.get_stream(broker.subjects.stream("TOKENS")).await.unwrap();
    stream.get_info().await.unwrap().state.consumer_count
}

async fn read(site: &TestGateway, job: &str, after: Option<u64>) -> Response {
    let request = site.about(Method::GET, &format!("{job}/stream"));
    let request = match after {
        Some(id) => request.header("last-event-id", id),
        None => request,
    };
    request.send().await.unwrap()
}

/// Asks for a stream; it stays open for as long as it is held.
async fn ask(site: &TestGateway) -> (Response, String) {
    let request = site.http.post(site.url("/api/chat")).header("accept", "text/event-stream");
    let mut response = request.json(&question("Đổi mật khẩu?")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let mut said = String::new();
    while !said.contains("job_id") {
        said.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
    }
    let job = said.split("\"job_id\":\"").nth(1).unwrap()[..36].to_string();
    (response, job)
}

async fn tell(broker: &Broker, job: &str, line: &ProgressLine) {
    let job: JobId = job.parse().unwrap();
    let bytes = rmp_serde::to_vec_named(line).unwrap();
    broker.jetstream.publish(broker.subjects.tokens(&job), bytes.into()).await.unwrap().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_one_job_are_few_and_share_one_consumer() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let _fleet = servers.fleet(|_| StubAnswer::Never).await;
    let broker = servers.broker().await;
    let (_first, job) = ask(&site).await;
    let mut open = vec![];
    let mut refused = 0;
    for _ in 0..25 {
        let response = read(&site, &job, None).await;
        match response.status().as_u16() {
            200 => open.push(response),
            _ => {
                assert_eq!(problem(response).await["code"], "too_many_open");
                refused += 1;
            }
        }
    }
    assert!(open.len() <= 4 && refused >= 21, "{} of 25 readers are served", open.len());
    tell(&broker, &job, &ProgressLine::Stage { name: "classifier".into(), run: "a".into() }).await;
    for reader in &mut open {
        let mut said = String::new();
        while !said.contains("classifier") {
            said.push_str(std::str::from_utf8(&reader.chunk().await.unwrap().unwrap()).unwrap());
        }
    }
    assert_eq!(consumers(&broker).await, 1, "all read the same");

    // Whoever comes back takes the place of the reader that was there longest: perhaps their own lost connection.
    let mut back = read(&site, &job, Some(1)).await;
    assert_eq!(back.status(), 200);
    let told = back.chunk().await.unwrap().unwrap();
    assert!(std::str::from_utf8(&told).unwrap().contains("classifier"), "the next event follows");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_reader_gives_the_consumer_back_and_a_later_one_reads_all() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let _fleet =
        servers.fleet(|question| StubAnswer::Delayed(answer(question), Duration::from_secs(6))).await;
    let broker = servers.broker().await;
    let (first, job) = ask(&site).await;
    tell(&broker, &job, &ProgressLine::Stage { name: "classifier".into(), run: "a".into() }).await;
    drop(first);
    let deadline = Instant::now() + Duration::from_secs(15);
    while consumers(&broker).await != 0 {
        assert!(Instant::now() < deadline, "the consumer stays");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let all = read(&site, &job, None).await.text().await.unwrap();
    assert!(all.contains("event: done") && all.contains("classifier"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_has_few_streams_open() {
    let servers = TestServers::new();
    let site = servers.gateway(&[("RATE_LIMIT__CHAT_PER_MINUTE", "0")]).await;
    let fleet = servers.fleet(|_| StubAnswer::Never).await;
    let mut open = vec![];
    let mut refused = 0;
    for number in 0..30 {
        let request = site.http.post(site.url("/api/chat")).header("accept", "text/event-stream");
        let response = request.json(&question(&format!("câu {number}"))).send().await.unwrap();
        match response.status().as_u16() {
            200 => open.push(response),
            status => {
                assert_eq!(status, 429);
                assert_eq!(problem(response).await["code"], "too_many_open");
                refused += 1;
            }
        }
    }
    assert!(open.len() <= 10 && refused >= 20, "{} streams of one session are open", open.len());
    assert!(fleet.received_questions().len() <= open.len(), "what is refused is not worked on");
    open.truncate(1);
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let request = site.http.post(site.url("/api/chat")).header("accept", "text/event-stream");
        if request.json(&question("lại")).send().await.unwrap().status() == 200 {
            break;
        }
        assert!(Instant::now() < deadline, "closed streams leave room");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_has_few_streams_open_whatever_sessions_it_names() {
    let servers = TestServers::new();
    let settings = [("RATE_LIMIT__CHAT_PER_MINUTE", "0"), ("GATEWAY__TRUSTED_PROXIES", "127.0.0.0/8")];
    let site = servers.gateway(&settings).await;
    let _fleet = servers.fleet(|_| StubAnswer::Never).await;
    let open = async |number: usize, from: &str| {
        let mut body = question("Đổi mật khẩu?");
        body["session_id"] = json!(format!("session-{number:04}"));
        let request = site.http.post(site.url("/api/chat")).header("x-forwarded-for", from);
        request.header("accept", "text/event-stream").json(&body).send().await.unwrap()
    };
    let mut held = vec![];
    for number in 0..100 {
        let response = open(number, "198.51.100.7").await;
        if response.status() == 200 {
            held.push(response);
        }
    }
    assert_eq!(held.len(), 64);
    assert_eq!(open(200, "198.51.100.8").await.status(), 200, "another client behind the same proxy");
}
