//! Canaries of real stages beside a fleet that serves visitors.

use std::{collections::HashMap, time::Duration};

use futures::{StreamExt as _, stream};
use hoidap_testing::fleet::{TestFleet, labelled_questions, stdout_of};
use serde_json::Value;

/// Questions asked at once.
const AT_ONCE: usize = 8;

/// Asks this many questions, each in one of 40 sessions.
async fn ask(fleet: &TestFleet, questions: usize) {
    let labelled = labelled_questions();
    let asks = (0..questions).map(|n| {
        let asked = &labelled[n % labelled.len()];
        async move {
            let answer = fleet.ask_labelled(asked, &format!("session-{:04}", n % 40)).await;
            assert!(answer["response"].as_str().is_some_and(|text| !text.is_empty()), "{answer:#}");
        }
    });
    stream::iter(asks).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retrievers_canary_serves_its_sessions_and_no_replay_compares_them() {
    let fleet = TestFleet::start(&["mail", "company"], &[("HOIDAP_CACHE__TTL_SECS", "0")]);
    let _workers = fleet.start_all_stages().await;
    let mut canary = fleet.worker(&["retriever", "--canary", "30%", "--set", "retriever.depth=2"]);
    fleet.wait_for_output(&["canary", "list"], "30% serving  retriever.depth=2").await;
    ask(&fleet, 120).await;
    let list = stdout_of(fleet.cli("hoidap-worker").args(["canary", "list"]));
    assert!(list.contains("canary: ") && list.contains(" 0 failed, median"), "{list}");
    // Under load it dies as by `kill -9`: every question is answered all the same.
    let killed = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        canary.kill();
    };
    tokio::join!(ask(&fleet, 80), killed);
    fleet.wait_for_output(&["canary", "list"], "30% away").await;

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("all.jsonl");
    stdout_of(fleet.cli("hoidap-worker").args(["log", "export", "-o"]).arg(&file));
    let mut served: HashMap<String, Vec<bool>> = HashMap::new();
    for line in stdout_of(fleet.cli("hoidap-worker").args(["log", "cat"]).arg(&file)).lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if line["subject"] == "hoidap.jobs.done" {
            let hops = line["body"]["hops"].as_array().unwrap();
            let Some(hop) = hops.iter().find(|hop| hop["stage"] == "retriever") else { continue };
            let session = line["body"]["body"]["session_id"].as_str().unwrap().to_string();
            served.entry(session).or_default().push(hop["canary"] == true);
            assert!(
                hops.iter().all(|hop| hop["stage"] == "retriever" || hop["canary"].is_null()),
                "{hops:?}"
            );
        }
    }
    let sessions = served.values().filter(|jobs| jobs[0]).count();
    assert!((4..=25).contains(&sessions), "{sessions} of 40 sessions");
    for (session, jobs) in &served {
        // Where it stops, the canary was killed.
        let first = jobs.iter().position(|by_canary| !by_canary).unwrap_or(jobs.len());
        assert!(jobs[first..].iter().all(|by_canary| !by_canary), "{session}: {jobs:?}");
    }
    let by_canary = served.values().flatten().filter(|by_canary| **by_canary).count();
    let said = stdout_of(fleet.cli("hoidap-worker").arg("replay").arg(&file).arg("--baseline"));
    assert!(said.contains(" 0 differences"), "{said}");
    let said =
        stdout_of(fleet.cli("hoidap-worker").arg("replay").arg(&file).args(["--set", "retriever.depth=2"]));
    assert!(said.contains(&format!("{by_canary} served by a canary")), "{said}");
    let said =
        stdout_of(fleet.cli("hoidap-worker").arg("replay").arg(&file).args(["--from-stage", "generator"]));
    assert!(said.contains("0 served by a canary"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generators_canary_whose_model_is_away_steps_back() {
    let fleet = TestFleet::start(&["mail", "company"], &[("HOIDAP_CACHE__TTL_SECS", "0")]);
    let _workers = fleet.start_all_stages().await;
    let _canary = fleet.worker(&[
        "generator",
        "--canary",
        "40%",
        "--set",
        r#"generator.providers=["nowhere", "extractive"]"#,
        "--set",
        r#"providers.nowhere={kind = "openai", base_url = "http://127.0.0.1:9/v1", model = "none"}"#,
    ]);
    fleet.wait_for_output(&["canary", "list"], "40% serving").await;
    ask(&fleet, 120).await;
    let list = fleet.wait_for_output(&["canary", "list"], "stepped back").await;
    assert!(list.contains("jobs failed, against 0 of"), "{list}");
    let jobs = |list: &str| {
        let line = list.lines().find(|line| line.contains("canary: ")).unwrap().to_string();
        line.split("jobs")
            .next()
            .unwrap()
            .rsplit(' ')
            .find(|word| !word.is_empty())
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let before = jobs(&list);
    ask(&fleet, 40).await;
    assert_eq!(jobs(&stdout_of(fleet.cli("hoidap-worker").args(["canary", "list"]))), before);
    let forgotten = stdout_of(fleet.cli("hoidap-worker").args(["canary", "forget", "generator"]));
    assert!(forgotten.contains("generator: "), "{forgotten}");
    fleet.wait_for_output(&["canary", "list"], "40% serving").await;
    let wrong = fleet.cli("hoidap-worker").args(["run", "analytics", "--canary", "5%"]).output().unwrap();
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("has no canary"));
}
