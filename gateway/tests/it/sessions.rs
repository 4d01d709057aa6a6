//! Sessions with a token, and their conversations.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hoidap_shared::job::{Question, Sender};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    StubAnswer, TestGateway, TestServers, answer, problem, question,
    relay::{positions, relay, unchanged},
};

const ORIGIN: &str = "https://www.a.example";
const SECRET: &str = "a-secret-of-more-than-thirty-two-characters";

async fn gateway(servers: &TestServers, settings: &[(&str, &str)]) -> TestGateway {
    let mut config = servers.config(&[&[("SESSIONS__SECRET", SECRET)], settings].concat());
    config.sites = serde_json::from_value(json!([{"key": "pk_a_example", "origins": [ORIGIN]}])).unwrap();
    let site = TestGateway::start(config).await;
    site.until("nats is well", |health| health["components"]["nats"]["status"] == "healthy").await;
    site
}

async fn open(site: &TestGateway, key: &str, origin: &str, token: Option<&str>) -> reqwest::Response {
    let request = site.http.post(site.url("/api/sessions")).header("origin", origin);
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    request.json(&json!({"site_key": key})).send().await.unwrap()
}

async fn session(site: &TestGateway) -> (String, String) {
    let response = open(site, "pk_a_example", ORIGIN, None).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()["access-control-allow-origin"], ORIGIN);
    let body: Value = response.json().await.unwrap();
    (body["session_id"].as_str().unwrap().into(), body["token"].as_str().unwrap().into())
}

fn request(site: &TestGateway, token: &str, message: &str) -> reqwest::RequestBuilder {
    let mut body = question(message);
    body.as_object_mut().unwrap().remove("session_id");
    site.http.post(site.url("/api/chat")).bearer_auth(token).json(&body)
}

async fn ask(site: &TestGateway, token: &str, message: &str) -> reqwest::Response {
    request(site, token, message).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_sites_own_pages_open_sessions() {
    let servers = TestServers::new();
    let site = gateway(&servers, &[]).await;
    session(&site).await;
    for (key, origin, code) in [
        ("pk_a_example", "https://evil.example", "origin_not_allowed"),
        ("pk_a_example", "null", "origin_not_allowed"),
        ("pk_another", ORIGIN, "site_unknown"),
    ] {
        let refused = problem(open(&site, key, origin, None).await).await;
        assert_eq!((&refused["status"], &refused["code"]), (&json!(403), &json!(code)));
    }
    let bare = site.http.post(site.url("/api/sessions")).json(&json!({"site_key": 5})).send().await.unwrap();
    assert_eq!(problem(bare).await["errors"][0]["pointer"], "/site_key");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_conversation_is_the_gateways_own_on_any_of_them() {
    let servers = TestServers::new();
    let (one, two) = (gateway(&servers, &[]).await, gateway(&servers, &[]).await);
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let (id, token) = session(&one).await;
    let first: Value = ask(&one, &token, "Đổi mật khẩu?").await.json().await.unwrap();
    assert_eq!(first["session_id"], id.as_str());
    let second: Value = ask(&two, &token, "Thế còn bản Pro?").await.json().await.unwrap();
    assert_eq!(second["session_id"], id.as_str());
    let seen = fleet.received_questions();
    assert!(seen[0].body.history.is_empty(), "what the client says of its history does not count");
    let turns: Vec<_> =
        seen[1].body.history.iter().map(|turn| (turn.sender, turn.content.as_str())).collect();
    let said = "Mở Cài đặt rồi chọn Mật khẩu. [1]";
    assert_eq!(turns, [(Sender::User, "Đổi mật khẩu?"), (Sender::Assistant, said)]);
    // A job of the session is read with its token on any gateway, and not by its name alone.
    let path = format!("/api/chat/{}", first["job_id"].as_str().unwrap());
    let own = two.http.get(two.url(&path)).bearer_auth(&token).send().await.unwrap();
    assert_eq!(own.status(), StatusCode::OK);
    let named = two.http.get(two.url(&path)).header("x-session-id", &id).send().await.unwrap();
    assert_eq!(problem(named).await["code"], "session_required");
    let mut stolen = question("Đổi mật khẩu?");
    stolen["session_id"] = json!(id);
    assert_eq!(one.problem(&stolen).await["errors"][0]["code"], "reserved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_repeated_after_a_failure_is_like_a_new_one() {
    let servers = TestServers::new();
    let fails = Arc::new(AtomicBool::new(false));
    let failing = fails.clone();
    // A subject without a stream: the question is not stored.
    let to_broker = move |request: &mut [u8]| {
        let subjects = positions(request, b"hoidap.jobs.classifier");
        for at in subjects.into_iter().filter(|_| failing.load(Ordering::SeqCst)) {
            request[at + 7..at + 11].copy_from_slice(b"nope");
        }
    };
    let url = relay(servers.nats.port(), Arc::new(to_broker), unchanged()).await;
    let settings = [("NATS__URL", url.as_str()), ("GATEWAY__ANSWER_TIMEOUT_MS", "4000")];
    let site = gateway(&servers, &settings).await;
    let fleet = servers
        .fleet(|question: &Question| StubAnswer::Delayed(answer(question), Duration::from_millis(500)))
        .await;
    let (_, token) = session(&site).await;
    assert_eq!(ask(&site, &token, "Đổi mật khẩu?").await.status(), StatusCode::OK);
    let send = || request(&site, &token, "Thế còn bản Pro?").header("idempotency-key", "k1").send();
    fails.store(true, Ordering::SeqCst);
    assert_eq!(problem(send().await.unwrap()).await["code"], "queue_unavailable");
    fails.store(false, Ordering::SeqCst);
    // The deadline of the first attempt passes.
    tokio::time::sleep(Duration::from_millis(4_100)).await;
    let response = send().await.unwrap();
    let (status, said): (_, Value) = (response.status(), response.json().await.unwrap());
    assert_eq!(status, StatusCode::OK, "{said}");
    let asked = fleet.received_questions().remove(1);
    assert_eq!(said["job_id"], asked.job_id.as_str());
    assert_eq!(asked.body.history.len(), 2, "it has the conversation so far");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_bounded() {
    let servers = TestServers::new();
    let site =
        gateway(&servers, &[("SESSIONS__HISTORY_TURNS", "4"), ("RATE_LIMIT__CHAT_PER_MINUTE", "0")]).await;
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let (_, token) = session(&site).await;
    for n in 0..5 {
        assert_eq!(ask(&site, &token, &format!("Câu {n}")).await.status(), StatusCode::OK);
    }
    let last = fleet.received_questions().pop().unwrap().body.history;
    let questions: Vec<_> =
        last.iter().filter(|turn| turn.sender == Sender::User).map(|turn| turn.content.as_str()).collect();
    assert_eq!(questions, ["Câu 2", "Câu 3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_short_lived_and_can_be_renewed() {
    let servers = TestServers::new();
    let site = gateway(&servers, &[("SESSIONS__TTL_SECS", "1")]).await;
    let _fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let (id, token) = session(&site).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let late = problem(ask(&site, &token, "Đổi mật khẩu?").await).await;
    assert_eq!((&late["status"], &late["code"]), (&json!(401), &json!("session_expired")));
    let renewed: Value = open(&site, "pk_a_example", ORIGIN, Some(&token)).await.json().await.unwrap();
    assert_eq!(renewed["session_id"], id.as_str());
    let forged = problem(ask(&site, &format!("{token}x"), "Đổi mật khẩu?").await).await;
    assert_eq!(forged["code"], "session_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_belongs_to_one_site() {
    let servers = TestServers::new();
    let mut config = servers.config(&[("SESSIONS__SECRET", SECRET), ("SESSIONS__TTL_SECS", "2")]);
    let other = "https://www.b.example";
    config.sites = serde_json::from_value(json!([
        {"key": "pk_a_example", "origins": [ORIGIN]},
        {"key": "pk_b_example", "origins": [other]}
    ]))
    .unwrap();
    let mut without = config.clone();
    without.sites.remove(0);
    let site = TestGateway::start(config).await;
    site.until("nats is well", |health| health["components"]["nats"]["status"] == "healthy").await;
    let _fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let (id, token) = session(&site).await;
    let from = |site: &TestGateway, origin: &str| {
        let request = site.http.post(site.url("/api/chat")).bearer_auth(&token).header("origin", origin);
        request.json(&question("Đổi mật khẩu?")).send()
    };
    assert_eq!(from(&site, ORIGIN).await.unwrap().status(), StatusCode::OK);
    let foreign = problem(from(&site, other).await.unwrap()).await;
    assert_eq!((&foreign["status"], &foreign["code"]), (&json!(401), &json!("session_invalid")));
    // While it is good, and after that.
    for _ in 0..2 {
        let renewed: Value = open(&site, "pk_b_example", other, Some(&token)).await.json().await.unwrap();
        assert_ne!(renewed["session_id"], id.as_str(), "the other site gets a session of its own");
        let own: Value = open(&site, "pk_a_example", ORIGIN, Some(&token)).await.json().await.unwrap();
        assert_eq!(own["session_id"], id.as_str());
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    }
    // A site that is served no more takes its sessions with it.
    let later = TestGateway::start(without).await;
    later.until("nats is well", |health| health["components"]["nats"]["status"] == "healthy").await;
    let token = open(&site, "pk_a_example", ORIGIN, Some(&token)).await.json::<Value>().await.unwrap();
    let gone = ask(&later, token["token"].as_str().unwrap(), "Đổi mật khẩu?").await;
    assert_eq!(problem(gone).await["code"], "session_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_has_a_greatest_age() {
    let servers = TestServers::new();
    let settings = [("SESSIONS__TTL_SECS", "2"), ("SESSIONS__MAX_AGE_SECS", "4")];
    let site = gateway(&servers, &settings).await;
    let begun = std::time::Instant::now();
    let (id, mut token) = session(&site).await;
    loop {
        let renewed: Value = open(&site, "pk_a_example", ORIGIN, Some(&token)).await.json().await.unwrap();
        if renewed["session_id"] != id.as_str() {
            break;
        }
        token = renewed["token"].as_str().unwrap().to_string();
        let (left, age) = (renewed["expires_in"].as_u64().unwrap(), begun.elapsed().as_secs());
        assert!(left <= 2 && age <= 5, "the session is {age} s old and renewed for {left} s");
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    assert!(begun.elapsed().as_secs() >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_ends_a_session_on_all_gateways() {
    let mut servers = TestServers::new();
    let token_of_admin = "an-admin-token-of-more-than-24-characters";
    let settings = [("GATEWAY__ADMIN_TOKEN", token_of_admin)];
    let (one, other) = (gateway(&servers, &settings).await, gateway(&servers, &settings).await);
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let (id, token) = session(&one).await;
    let (_, bystander) = session(&one).await;
    let first: Value = ask(&one, &token, "Đổi mật khẩu?").await.json().await.unwrap();
    let revoke = |id: &str, admin: &str| {
        let path = one.url(&format!("/api/sessions/{id}/revoke"));
        one.http.post(path).header("x-admin-token", admin).send()
    };
    assert_eq!(revoke(&id, "a-guess").await.unwrap().status(), StatusCode::UNAUTHORIZED);
    for wrong in ["session-0001", "hs_", "hs_api_0123", "hs_%2A", "hs_a.b.c"] {
        let refused = problem(revoke(wrong, token_of_admin).await.unwrap()).await;
        assert_eq!(refused["errors"][0]["parameter"], "session_id", "{wrong}");
    }
    assert_eq!(ask(&other, &token, "Còn bản Pro?").await.status(), StatusCode::OK);
    assert_eq!(revoke(&id, token_of_admin).await.unwrap().status(), StatusCode::NO_CONTENT);
    // Redis may lose all it has.
    servers.valkey.kill();
    servers.valkey.restart();
    let job = first["job_id"].as_str().unwrap();
    for site in [&one, &other] {
        assert_eq!(problem(ask(site, &token, "Đổi mật khẩu?").await).await["code"], "session_invalid");
        for path in [job.to_string(), format!("{job}/stream")] {
            let read = site.http.get(site.url(&format!("/api/chat/{path}"))).bearer_auth(&token);
            assert_eq!(problem(read.send().await.unwrap()).await["code"], "session_invalid");
        }
        let renewed: Value = open(site, "pk_a_example", ORIGIN, Some(&token)).await.json().await.unwrap();
        assert_ne!(renewed["session_id"], id.as_str());
        let fresh = renewed["token"].as_str().unwrap();
        assert_eq!(ask(site, fresh, "Đổi mật khẩu?").await.status(), StatusCode::OK);
        assert!(fleet.received_questions().pop().unwrap().body.history.is_empty(), "it begins anew");
        assert_eq!(ask(site, &bystander, "Đổi mật khẩu?").await.status(), StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_cannot_be_checked_is_not_let_in() {
    let servers = TestServers::new();
    let fails = Arc::new(AtomicBool::new(false));
    let failing = fails.clone();
    let to_broker = move |request: &mut [u8]| {
        let reads = positions(request, b"DIRECT.GET.KV_hoidap_revoked");
        for at in reads.into_iter().filter(|_| failing.load(Ordering::SeqCst)) {
            request[at..at + 6].copy_from_slice(b"NOTHIN");
        }
    };
    let url = relay(servers.nats.port(), Arc::new(to_broker), unchanged()).await;
    let site = gateway(&servers, &[("NATS__URL", &url)]).await;
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let (_, token) = session(&site).await;
    fails.store(true, Ordering::SeqCst);
    assert_eq!(problem(ask(&site, &token, "Đổi mật khẩu?").await).await["code"], "queue_unavailable");
    let renewed = open(&site, "pk_a_example", ORIGIN, Some(&token)).await;
    assert_eq!(problem(renewed).await["code"], "queue_unavailable");
    assert!(fleet.received_questions().is_empty());
    fails.store(false, Ordering::SeqCst);
    assert_eq!(ask(&site, &token, "Đổi mật khẩu?").await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_may_ask_for_sessions_alone() {
    let servers = TestServers::new();
    let site = gateway(&servers, &[("SESSIONS__REQUIRED", "true")]).await;
    let _fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let refused = site.problem(&question("Đổi mật khẩu?")).await;
    assert_eq!((&refused["status"], &refused["code"]), (&json!(401), &json!("session_required")));
    let (_, token) = session(&site).await;
    assert_eq!(ask(&site, &token, "Đổi mật khẩu?").await.status(), StatusCode::OK);
}
