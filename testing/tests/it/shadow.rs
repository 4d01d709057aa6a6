//! Shadows of every stage beside a fleet that serves visitors: they change nothing but their report.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command},
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream};
use hoidap_testing::fleet::{TestFleet, labelled_questions, stdout_of};
use serde_json::{Value, json};

/// The number of questions, and how many are asked at the same time.
const QUESTIONS: usize = 48;
const AT_ONCE: usize = 8;

/// A shadow's process, killed when dropped.
struct Shadow(Child);

impl Shadow {
    fn start(fleet: &TestFleet, name: &str, stage: &str, set: &str) -> Self {
        let mut command = fleet.cli("hoidap-worker");
        Self(command.args(["run", stage, "--shadow", name, "--set", set]).spawn().unwrap())
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Shadow {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The state of a fleet after the same questions: answers, cache keys, events and messages.
#[derive(Debug, PartialEq)]
struct Traces {
    answers: Vec<Value>,
    keys: String,
    events: String,
    messages: Vec<(String, usize)>,
}

async fn traces(fleet: &TestFleet) -> Traces {
    let asked: Vec<Value> = labelled_questions().into_iter().step_by(3).take(QUESTIONS).collect();
    let asks = asked.iter().enumerate().map(|(n, asked)| async move {
        let mut answer = fleet.ask_labelled(asked, &format!("session-{n:04}")).await;
        for key in ["job_id", "processing_time", "timestamp"] {
            answer.as_object_mut().unwrap().remove(key);
        }
        answer
    });
    let answers = stream::iter(asks).buffered(AT_ONCE).collect().await;
    let end = Instant::now() + Duration::from_secs(30);
    let events = loop {
        let rows = fleet
            .query("SELECT count(), sum(cost_usd), countIf(outcome = 'answered') FROM chats FINAL")
            .await;
        if rows.as_ref().is_ok_and(|rows| rows.starts_with(&format!("{QUESTIONS}\t"))) || Instant::now() > end
        {
            break rows.unwrap_or_default();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    Traces { answers, keys: keys(fleet), events, messages: messages(fleet) }
}

/// The number of keys in Valkey.
fn keys(fleet: &TestFleet) -> String {
    let mut stream = TcpStream::connect(fleet.valkey.url().trim_start_matches("redis://")).unwrap();
    stream.write_all(b"DBSIZE\r\nQUIT\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// Messages by subject, as a recording of the jobs stream counts them.
fn messages(fleet: &TestFleet) -> Vec<(String, usize)> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("all.jsonl.zst");
    stdout_of(fleet.cli("hoidap-worker").args(["log", "export", "-o"]).arg(&file));
    let stat: Value = serde_json::from_str(&stdout_of(
        fleet.cli("hoidap-worker").args(["log", "stat", "--json"]).arg(&file),
    ))
    .unwrap();
    let stages = stat["stages"].as_object().unwrap().iter();
    stages.map(|(stage, count)| (stage.clone(), count.as_u64().unwrap() as usize)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_of_each_stage_leaves_no_trace_but_its_report() {
    let alone = {
        let fleet = TestFleet::start(&["mail", "company"], &[]);
        let _workers = fleet.start_all_stages().await;
        traces(&fleet).await
    };
    let fleet = TestFleet::start(&["mail", "company"], &[]);
    let _workers = fleet.start_all_stages().await;
    let cases = [
        ("words", "classifier", "products=[]"),
        ("narrow", "retriever", "retriever.depth=2"),
        ("address", "generator", "support.address=elsewhere@diecxam.example"),
    ];
    let shadows: Vec<Shadow> =
        cases.iter().map(|(name, stage, set)| Shadow::start(&fleet, name, stage, set)).collect();
    let worker = |arguments: &[&str]| stdout_of(fleet.cli("hoidap-worker").args(arguments));
    fleet.wait_for_output(&["shadow", "list"], "3 shadows").await;
    let beside = traces(&fleet).await;
    assert_eq!(beside, alone);

    let dir = tempfile::tempdir().unwrap();
    for (name, stage, set) in cases {
        fleet
            .wait_for_output(&["shadow", "report", name], &format!("of {QUESTIONS} jobs were replayed"))
            .await;
        let output = dir.path().join(name);
        stdout_of(fleet.cli("hoidap-worker").args(["shadow", "report", name, "-o"]).arg(&output));
        let report: Value =
            serde_json::from_slice(&fs::read(output.with_extension("json")).unwrap()).unwrap();
        assert_eq!(report["changed"], json!([set]));
        let first = report["summary"]["first"].as_object().unwrap();
        for (other, count) in first {
            assert_eq!(count.as_u64().unwrap() > 0, other == stage, "{name}: {first:?}");
        }
        assert!(output.with_extension("html").is_file());
    }
    let same_name =
        fleet.cli("hoidap-worker").args(["run", "retriever", "--shadow", "narrow"]).output().unwrap();
    let said = String::from_utf8(same_name.stderr).unwrap();
    assert!(said.contains("results of other settings"), "{said}");
    drop(shadows);
    let removed = worker(&["shadow", "remove", "narrow"]);
    assert!(removed.contains("removed with"), "{removed}");
    assert!(worker(&["shadow", "list"]).contains("2 shadows"));
}

/// While a process is paused, its client receives messages that it does not read in time.
#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_that_was_paused_hears_every_job() {
    const ASKED: usize = 6;
    let fleet = TestFleet::start(&["mail"], &[]);
    let _workers = fleet.start_all_stages().await;
    let shadow = Shadow::start(&fleet, "narrow", "retriever", "retriever.depth=2");
    fleet.wait_for_output(&["shadow", "list"], "1 shadow").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    shadow.signal("-STOP");
    for (n, asked) in labelled_questions().iter().take(ASKED).enumerate() {
        fleet.ask_labelled(asked, &format!("session-{n:04}")).await;
    }
    tokio::time::sleep(Duration::from_secs(8)).await;
    shadow.signal("-CONT");
    fleet
        .wait_for_output(&["shadow", "report", "narrow"], &format!("{ASKED} of {ASKED} jobs were replayed"))
        .await;
}
