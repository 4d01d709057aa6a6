//! An audit's prediction of the cache's hits, against the real cache.

use hoidap_testing::fleet::{TestFleet, labelled_questions, stdout_of};
use serde_json::{Value, json};

/// Whether each request was answered from the cache, and the recording of those that were not.
async fn answered(fleet: &TestFleet, requests: &[Value]) -> Vec<bool> {
    let workers = fleet.start_all_stages().await;
    let mut cached = Vec::new();
    for request in requests {
        let (status, answer) = fleet.ask(request).await;
        assert_eq!(status, 200, "{answer:#}");
        cached.push(answer["cached"].as_bool().unwrap());
    }
    drop(workers);
    cached
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_cache_does_what_the_audit_foretold() {
    let all = labelled_questions();
    let request = |n: usize, page: &str| {
        let session = format!("session-{n:04}");
        let asked = &all[n * (all.len() / 10)]["question"];
        json!({"message": asked, "session_id": session, "context": {"url": page, "title": ""}})
    };
    let (home, other) = ("https://www.diecxam.example/vi/", "https://www.diecxam.example/vi/mail/");
    // Ten questions, then all again, five of them on another page, then these again.
    let mut requests: Vec<Value> = (0..10).map(|n| request(n, home)).collect();
    requests.extend((0..10).map(|n| request(n, if n < 5 { other } else { home })));
    requests.extend((0..5).map(|n| request(n, other)));

    let off = TestFleet::start(&[], &[("HOIDAP_CACHE__TTL_SECS", "0")]);
    assert!(answered(&off, &requests).await.iter().all(|cached| !cached), "the cache is off");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("traffic.jsonl.zst");
    stdout_of(off.cli("hoidap-worker").args(["log", "export", "-o"]).arg(&file));
    let mut audit = off.cli("hoidap-worker");
    audit.args(["audit", "cache", "--json", "--policy", "exact,ttl=3600"]).arg(&file);
    let report: Value = serde_json::from_str(&stdout_of(&mut audit)).unwrap();
    let exact = &report["policies"][0];
    assert_eq!(exact["lookups"], requests.len(), "{report:#}");
    assert_eq!(
        exact["degrees"]["same_text"], exact["hits"],
        "a fleet answers the same question the same way"
    );
    drop(off);

    let on = TestFleet::start(&[], &[("HOIDAP_CACHE__TTL_SECS", "3600")]);
    let cached = answered(&on, &requests).await.iter().filter(|cached| **cached).count();
    assert!(cached > 0, "nothing was asked again that can be kept");
    assert_eq!(exact["hits"], cached);
}
