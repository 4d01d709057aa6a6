//! A killed worker loses no job and answers none twice.

use std::time::{Duration, Instant};

use futures::future::join_all;
use hoidap_shared::stage::STAGES;
use hoidap_testing::fleet::TestFleet;
use serde_json::{Value, json};

fn question(n: usize) -> Value {
    json!({
        "message": format!("Gói Pro của Diệc Mail giá bao nhiêu cho {n} người dùng?"),
        "session_id": format!("session-{n:04}"),
        "context": {"url": "https://www.diecxam.example/vi/mail/index.html", "title": "Diệc Mail"},
        "history": [],
    })
}

/// Waits until the store has a row for each of the jobs, then checks that it has one and no more.
async fn one_row_each(fleet: &TestFleet, answers: &[Value]) {
    let end = Instant::now() + Duration::from_secs(40);
    let wanted = answers.len().to_string();
    loop {
        let found = fleet.query("SELECT uniqExact(job_id) FROM chats").await;
        if found.as_ref().is_ok_and(|count| *count == wanted) {
            break;
        }
        assert!(
            Instant::now() < end,
            "{wanted} rows did not arrive: {found:?}\n{}",
            fleet.log("hoidap-worker")
        );
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert_eq!(fleet.query("SELECT count() FROM chats FINAL").await.unwrap(), wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_only_generator_loses_no_job() {
    let fleet = TestFleet::start(&["mail", "company"], &[]);
    let _others = fleet.worker(&["classifier", "retriever", "reranker", "analytics"]);
    let mut generator = fleet.worker(&["generator"]);
    fleet.wait_for_health("healthy").await;
    let asking = join_all((0..50).map(|n| {
        let fleet = &fleet;
        async move { fleet.ask(&question(n)).await }
    }));
    let killing = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        generator.kill();
        tokio::time::sleep(Duration::from_secs(1)).await;
        fleet.worker(&["generator"])
    };
    let (answers, _generator) = tokio::join!(asking, killing);
    let mut jobs: Vec<String> = Vec::new();
    for (n, (status, answer)) in answers.iter().enumerate() {
        assert_eq!(*status, 200, "{answer:#}");
        assert_eq!(answer["session_id"], format!("session-{n:04}"), "each visitor gets the own answer");
        jobs.push(answer["job_id"].as_str().unwrap().to_string());
    }
    jobs.sort();
    jobs.dedup();
    assert_eq!(jobs.len(), 50);
    one_row_each(&fleet, &answers.into_iter().map(|(_, answer)| answer).collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_of_each_stage_share_the_work() {
    let fleet = TestFleet::start(&["mail", "company"], &[("HOIDAP_WORKER__CONCURRENCY", "2")]);
    let mut workers: Vec<_> =
        [0, 1].into_iter().flat_map(|_| STAGES).map(|stage| fleet.worker(&[stage])).collect();
    workers.push(fleet.worker(&["analytics"]));
    fleet.wait_for_health("healthy").await;
    for stage in STAGES {
        fleet.wait_for_processes(stage, 2).await;
    }
    let answers: Vec<Value> = join_all((0..60).map(|n| {
        let fleet = &fleet;
        async move { fleet.ask(&question(n)).await.1 }
    }))
    .await;
    one_row_each(&fleet, &answers).await;
    for worker in &mut workers {
        assert!(worker.terminate(), "a worker did not end well: {}", fleet.log("hoidap-worker"));
    }
    for stage in STAGES {
        let log = fleet.log("hoidap-worker");
        let done: Vec<u64> = log
            .lines()
            .filter(|line| line.contains("deliveries") && line.contains(stage))
            .filter_map(|line| line.split("deliveries=").nth(1)?.split_whitespace().next()?.parse().ok())
            .collect();
        assert_eq!(done.len(), 2, "two processes of {stage}: {log}");
        assert!(done.iter().all(|count| *count > 0), "both did work: {done:?}");
        assert_eq!(done.iter().sum::<u64>(), 60, "nothing was done twice: {done:?}");
    }
}
