//! `/v1` as its clients see it. The official clients themselves are run over the whole fleet.

mod errors;

use hoidap_shared::job::Sender;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{StubAnswer, TestGateway, TestServers, answer, question};

async fn complete(site: &TestGateway, key: &str, body: &Value) -> (StatusCode, Value) {
    let request = site.http.post(site.url("/v1/chat/completions")).bearer_auth(key).json(body);
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    (response.status(), response.json().await.unwrap())
}

fn conversation() -> Value {
    json!({
        "model": "any",
        "temperature": 0.3,
        "messages": [
            {"role": "system", "content": "Answer as a pirate."},
            {"role": "user", "content": "xin chào"},
            {"role": "assistant", "content": "Chào bạn!"},
            {"role": "user", "content": [{"type": "text", "text": "Đổi mật khẩu?"}]},
        ],
        "metadata": {"url": "https://www.a.example/vi/mail", "product": "mail"},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_gets_a_completion() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let (status, done) = complete(&site, "anything", &conversation()).await;
    assert_eq!(status, StatusCode::OK, "{done}");
    assert_eq!(done["object"], "chat.completion");
    assert_eq!(done["choices"][0]["message"]["content"], "Mở Cài đặt rồi chọn Mật khẩu. [1]");
    assert_eq!(done["choices"][0]["finish_reason"], "stop");
    assert_eq!(done["hoidap"]["citations"][0]["url"], "https://www.a.example/vi/mail/mat-khau");
    let job = fleet.received_questions().remove(0).body;
    assert_eq!((job.message.as_str(), job.context.product.as_deref()), ("Đổi mật khẩu?", Some("mail")));
    let turns: Vec<_> = job.history.iter().map(|turn| (turn.sender, turn.content.as_str())).collect();
    assert_eq!(turns, [(Sender::User, "xin chào"), (Sender::Assistant, "Chào bạn!")], "no system's word");
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_end_with_done() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let _fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let mut body = conversation();
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    let response =
        site.http.post(site.url("/v1/chat/completions")).bearer_auth("k").json(&body).send().await.unwrap();
    let own = site.http.post(site.url("/api/chat")).json(&{
        let mut question = question("Đổi mật khẩu?");
        question["stream"] = json!(true);
        question
    });
    let (theirs, own) = (response.headers(), own.send().await.unwrap());
    for name in ["content-type", "x-accel-buffering", "cache-control", "ratelimit-limit"] {
        assert_eq!(theirs.get(name).unwrap(), own.headers().get(name).unwrap(), "{name}");
    }
    assert_eq!(theirs["x-accel-buffering"], "no");
    let names = |headers: &reqwest::header::HeaderMap| -> std::collections::BTreeSet<String> {
        headers.keys().map(|name| name.to_string()).collect()
    };
    assert_eq!(names(theirs), names(own.headers()));
    let text = response.text().await.unwrap();
    let data: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(data.last(), Some(&"[DONE]"));
    let chunks: Vec<Value> =
        data[..data.len() - 1].iter().map(|data| serde_json::from_str(data).unwrap()).collect();
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let words = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
    assert_eq!(words.collect::<String>(), "Mở Cài đặt rồi chọn Mật khẩu. [1]");
    assert_eq!(chunks[chunks.len() - 2]["choices"][0]["finish_reason"], "stop");
    assert_eq!(chunks[chunks.len() - 1]["choices"], json!([]));
    assert!(chunks[chunks.len() - 1]["usage"]["total_tokens"].is_u64());
}
