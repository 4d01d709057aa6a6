//! A load against a small server.
#![allow(clippy::unwrap_used)]

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use hoidap_bench::{empty, load::LoadArgs};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// How many requests are at work, and the most that ever were.
#[derive(Default)]
struct AtWork {
    now: AtomicUsize,
    most: AtomicUsize,
}

async fn answer(State(work): State<Arc<AtWork>>, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    work.most.fetch_max(work.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(20)).await;
    work.now.fetch_sub(1, Ordering::SeqCst);
    let session = body["session_id"].as_str().unwrap();
    assert!((10..=128).contains(&session.len()) && body["context"]["url"].is_string(), "{body}");
    if body["message"] == "broken" {
        return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"code": "internal"})));
    }
    (
        StatusCode::OK,
        Json(json!({"response": "yes", "outcome": "answered", "cached": body["message"] == "known"})),
    )
}

async fn served(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/api/chat")
}

fn questions(lines: &[&str]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for line in lines {
        writeln!(file, "{}", json!({"question": line, "locale": "en"})).unwrap();
    }
    file
}

fn load(url: String, file: &tempfile::NamedTempFile) -> LoadArgs {
    let page = "https://www.a.example/".into();
    LoadArgs {
        url,
        questions: file.path().into(),
        in_flight: 1,
        rate: None,
        repeat: 1,
        new_connections: true,
        page,
    }
}

#[tokio::test]
async fn a_closed_loop_keeps_so_many_in_flight_and_counts_what_came_back() {
    hoidap_shared::telemetry::init_tls();
    let work = Arc::new(AtWork::default());
    let url = served(Router::new().route("/api/chat", post(answer)).with_state(Arc::clone(&work))).await;
    let file = questions(&["new", "known", "broken", "new"]);
    let report = LoadArgs { in_flight: 4, repeat: 10, ..load(url, &file) }.run().await.unwrap();
    assert_eq!((report.sent, report.answered, report.failed, report.cached), (40, 30, 10, 10));
    assert_eq!(report.outcomes["answered"], 30);
    assert!(report.first_error.unwrap().contains("500"));
    assert_eq!(work.most.load(Ordering::SeqCst), 4);
    assert!(report.latencies.p50_ms >= 20.0 && report.latencies.max_ms >= report.latencies.p99_ms);
}

#[tokio::test]
async fn an_open_loop_does_not_wait_for_answers() {
    hoidap_shared::telemetry::init_tls();
    let work = Arc::new(AtWork::default());
    let url = served(Router::new().route("/api/chat", post(answer)).with_state(Arc::clone(&work))).await;
    let file = questions(&["new"; 40]);
    let report = LoadArgs { rate: Some(1000.0), ..load(url, &file) }.run().await.unwrap();
    assert_eq!((report.answered, report.failed), (40, 0));
    assert!(work.most.load(Ordering::SeqCst) > 4);
}

#[tokio::test]
async fn the_empty_handler_answers_with_as_many_bytes_as_asked() {
    hoidap_shared::telemetry::init_tls();
    let url = served(empty::router(2_000)).await;
    let file = questions(&["a", "b"]);
    let report = load(url, &file).run().await.unwrap();
    assert_eq!((report.answered, report.bytes), (2, 4_000));
}

#[tokio::test]
async fn a_service_that_is_away_fails_each_question() {
    hoidap_shared::telemetry::init_tls();
    let file = questions(&["a", "b"]);
    let report = load("http://127.0.0.1:1/api/chat".into(), &file).run().await.unwrap();
    assert_eq!((report.answered, report.failed), (0, 2));
    assert!(report.first_error.unwrap().contains("refused"));
}
