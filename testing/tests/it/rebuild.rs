//! Analytics dropped and rebuilt under load: equal checksums, no chat affected.

use std::{
    process::Stdio,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use futures::future::join_all;
use hoidap_testing::fleet::TestFleet;
use serde_json::{Value, json};

/// Visitors who ask at the same time.
const VISITORS: usize = 3;

fn question(n: usize) -> Value {
    json!({
        "message": format!("Gói Pro của Diệc Mail giá bao nhiêu cho {n} người dùng?"),
        "session_id": format!("session-{n:04}"),
        "context": {"url": "https://www.diecxam.example/vi/mail/index.html", "title": "Diệc Mail"},
        "history": [],
    })
}

async fn answered(fleet: &TestFleet, n: usize) -> Value {
    let (status, answer) = fleet.ask(&question(n)).await;
    assert_eq!(status, 200, "{answer:#}");
    assert!(!answer["sources"].as_array().unwrap().is_empty(), "{answer:#}");
    answer
}

async fn rate(fleet: &TestFleet, answer: &Value) {
    let url = format!("{}/api/chat/{}/feedback", fleet.url(), answer["job_id"].as_str().unwrap());
    let rating = fleet.client().post(url).header("x-session-id", answer["session_id"].as_str().unwrap());
    let reply = rating.json(&json!({"rating": "down", "comment": "Giá đã đổi."})).send().await.unwrap();
    assert_eq!(reply.status(), 202);
}

async fn until_rows(fleet: &TestFleet, table: &str, wanted: usize) {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let found = fleet.query(&format!("SELECT count() FROM {table} FINAL")).await;
        if found.as_ref().is_ok_and(|count| *count == wanted.to_string()) {
            return;
        }
        assert!(
            Instant::now() < end,
            "{wanted} rows of {table} did not arrive: {found:?}\n{}",
            fleet.log("hoidap-worker")
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Count and checksum of a table's rows up to a time.
async fn sum(fleet: &TestFleet, table: &str, until: &str) -> String {
    let sum = "count(), sum(cityHash64(* EXCEPT (stream_seq, epoch)))";
    fleet.query(&format!("SELECT {sum} FROM {table} FINAL WHERE at <= '{until}'")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn analytics_dropped_and_rebuilt_under_load() {
    let fleet = TestFleet::start(&["mail", "company"], &[]);
    let _workers = fleet.start_all_stages().await;
    for n in 0..20 {
        answered(&fleet, n).await;
    }
    until_rows(&fleet, "chats", 20).await;
    // The events of these are gone; their jobs are on record. Of those that follow some come from the cache.
    let nats = async_nats::jetstream::new(async_nats::connect(fleet.nats.url()).await.unwrap());
    nats.get_stream("HOIDAP_EVENTS").await.unwrap().purge().await.unwrap();
    for n in 10..30 {
        let answer = answered(&fleet, n).await;
        assert_eq!(answer["cached"], n < 20);
        if n % 5 == 0 {
            rate(&fleet, &answer).await;
        }
    }
    until_rows(&fleet, "chats", 40).await;
    until_rows(&fleet, "feedback", 4).await;
    let until =
        fleet.query("SELECT greatest((SELECT max(at) FROM chats), (SELECT max(at) FROM feedback))").await;
    let until = until.unwrap();
    let before = (sum(&fleet, "chats", &until).await, sum(&fleet, "feedback", &until).await);

    let (asked, over) = (AtomicUsize::new(30), AtomicBool::new(false));
    let visitors = join_all((0..VISITORS).map(|_| async {
        while !over.load(Ordering::Relaxed) {
            answered(&fleet, asked.fetch_add(1, Ordering::Relaxed)).await;
        }
    }));
    let rebuilding = async {
        while asked.load(Ordering::Relaxed) < 40 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        fleet.query("DROP TABLE chats").await.unwrap();
        fleet.query("DROP TABLE feedback").await.unwrap();
        let (started, first) = (Instant::now(), asked.load(Ordering::Relaxed));
        let mut command = fleet.cli("hoidap-worker");
        let child = command
            .args(["rebuild", "analytics"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let done = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
        let meanwhile = asked.load(Ordering::Relaxed) - first;
        over.store(true, Ordering::Relaxed);
        let said =
            format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{said}");
        println!("{meanwhile} chats were asked in the {:?} of the rebuild\n{said}", started.elapsed());
        assert!(meanwhile > 0, "nobody asked while it was at work");
        assert!(said.contains("20 of them no longer in HOIDAP_EVENTS"), "{said}");
    };
    tokio::join!(visitors, rebuilding);

    assert_eq!((sum(&fleet, "chats", &until).await, sum(&fleet, "feedback", &until).await), before);
    until_rows(&fleet, "chats", 40 + asked.load(Ordering::Relaxed) - 30).await;
    fleet.wait_for_health("healthy").await;
}
