//! Models, and errors in the form that OpenAI's clients read.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{complete, conversation};
use crate::support::{StubAnswer, TestGateway, TestServers, answer};

/// The error of a response, which must have OpenAI's form.
async fn error(response: Response) -> (u16, Value) {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: no JSON: {text}"));
    assert_eq!(headers["content-type"], "application/json", "{status}: {body}");
    assert!(headers.contains_key("x-request-id"));
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    let error = &body["error"];
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{status}: {body}");
    assert!(error["param"].is_null() || error["param"].is_string(), "{status}: {body}");
    assert!(error["code"].is_string(), "{status}: {body}");
    let kind = match status {
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    };
    assert_eq!(error["type"], kind, "{status}: {body}");
    (status, error.clone())
}

async fn send(site: &TestGateway, method: Method, path: &str, body: &str) -> Response {
    let request = site.http.request(method, site.url(path)).bearer_auth("key-one");
    request.header("content-type", "application/json").body(body.to_string()).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_call_of_a_client_finds_the_model() {
    let servers = TestServers::new();
    let site = servers.gateway(&[("GATEWAY__API_KEYS", "key-one")]).await;
    let list: Value = send(&site, Method::GET, "/v1/models", "").await.json().await.unwrap();
    assert_eq!(list["object"], "list");
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    let model: Value = send(&site, Method::GET, "/v1/models/hoidap", "").await.json().await.unwrap();
    assert_eq!(model, list["data"][0]);
    assert_eq!((&model["id"], &model["object"]), (&json!("hoidap"), &json!("model")));
    assert!(model["created"].is_u64() && model["owned_by"].is_string());
    let (status, unknown) = error(send(&site, Method::GET, "/v1/models/gpt-4", "").await).await;
    assert_eq!(
        (status, &unknown["code"], &unknown["param"]),
        (404, &json!("model_not_found"), &json!("model"))
    );
    for path in ["/v1/models", "/v1/models/hoidap"] {
        assert_eq!(error(site.get(path).await).await.0, 401, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_has_their_form() {
    let servers = TestServers::new();
    let settings = [
        ("GATEWAY__API_KEYS", "key-one"),
        ("GATEWAY__MAX_BODY_BYTES", "4096"),
        ("GATEWAY__SITE_DIR", concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/site")),
    ];
    let site = servers.gateway(&settings).await;
    const CHAT: &str = "/v1/chat/completions";
    for (method, path, body, status, code) in [
        (Method::GET, "/v1", "", 404, "not_found"),
        (Method::GET, "/v1/", "", 404, "not_found"),
        (Method::GET, "/v1/embeddings", "", 404, "not_found"),
        (Method::POST, "/v1/embeddings", "{}", 404, "not_found"),
        (Method::POST, "/v1/chat/completions/x", "{}", 404, "not_found"),
        (Method::DELETE, "/v1/models/hoidap", "", 405, "method_not_allowed"),
        (Method::POST, "/v1/models", "{}", 405, "method_not_allowed"),
        (Method::GET, CHAT, "", 405, "method_not_allowed"),
        (Method::POST, CHAT, "{\"messages\": [", 400, "json_truncated"),
        (Method::POST, CHAT, "no json", 400, "json_invalid"),
        (Method::POST, CHAT, &format!("[{}]", "[".repeat(40) + &"]".repeat(40)), 400, "nesting_too_deep"),
        (Method::POST, CHAT, &format!("{{\"messages\": \"{}\"}}", "x".repeat(5_000)), 413, "body_too_large"),
    ] {
        let (got, found) = error(send(&site, method.clone(), path, body).await).await;
        assert_eq!((got, &found["code"]), (status, &json!(code)), "{method} {path}: {found}");
    }
    let typed = site.http.post(site.url(CHAT)).bearer_auth("key-one").body("{}").send().await.unwrap();
    let (status, found) = error(typed).await;
    assert_eq!((status, &found["param"]), (415, &json!("Content-Type")));
    let mut many = site.http.post(site.url(CHAT)).bearer_auth("key-one");
    for number in 0..70 {
        many = many.header(format!("x-{number}"), "x");
    }
    assert_eq!(error(many.send().await.unwrap()).await.0, 431);
    // Nor do headers that never end get another form.
    let slow = servers.gateway(&[("GATEWAY__HEADER_TIMEOUT_MS", "300")]).await;
    let mut stream = tokio::net::TcpStream::connect(slow.gateway.address).await.unwrap();
    stream.write_all(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-late: ").await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert!(said.contains("content-type: application/json\r\n") && said.contains("{\"error\":{"), "{said}");
    // Elsewhere errors are problems still.
    let elsewhere = site.get("/v2/models").await;
    assert_eq!(elsewhere.headers()["content-type"], "application/problem+json");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_and_an_outage_are_said_in_their_form() {
    let mut servers = TestServers::new();
    let site = servers.gateway(&[("RATE_LIMIT__CHAT_PER_MINUTE", "1")]).await;
    let _fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    assert_eq!(complete(&site, "any", &conversation()).await.0, StatusCode::OK);
    let limited =
        site.http.post(site.url("/v1/chat/completions")).json(&conversation()).send().await.unwrap();
    assert!(limited.headers().contains_key("retry-after") && limited.headers().contains_key("ratelimit"));
    let (status, found) = error(limited).await;
    assert_eq!((status, &found["code"]), (429, &json!("rate_limited")));
    let free = servers.gateway(&[("RATE_LIMIT__CHAT_PER_MINUTE", "0")]).await;
    servers.nats.kill();
    free.until("nats is away", |health| health["components"]["nats"]["status"] == "unhealthy").await;
    let away = free.http.post(free.url("/v1/chat/completions")).json(&conversation()).send().await.unwrap();
    let (status, found) = error(away).await;
    assert_eq!((status, &found["code"]), (503, &json!("queue_unavailable")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_field_is_named_as_it_was_sent() {
    let servers = TestServers::new();
    let site = servers.gateway(&[("GATEWAY__API_KEYS", "key-one,key-two")]).await;
    let _fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    assert_eq!(complete(&site, "key-two", &conversation()).await.0, StatusCode::OK);
    let (status, refused) = complete(&site, "key-three", &conversation()).await;
    assert_eq!((status.as_u16(), &refused["error"]["param"]), (401, &Value::Null));
    let user = |content: Value| json!([{"role": "user", "content": content}]);
    let with = |name: &str, value: Value| {
        let mut body = json!({"messages": user(json!("x"))});
        body[name] = value;
        body
    };
    let behind = json!([{"role": "system", "content": "x"}, {"role": "user", "content": "x"},
        {"role": "assistant", "content": "y"}, {"role": "user", "content": "z".repeat(1_001)},
        {"role": "assistant", "content": "y"}]);
    for (body, param) in [
        (json!({}), "messages"),
        (json!({"messages": []}), "messages"),
        (json!({"messages": "x"}), "messages"),
        (json!({"messages": ["x"]}), "messages[0]"),
        (json!({"messages": [{"content": "x"}]}), "messages[0].role"),
        (json!({"messages": user(json!(""))}), "messages[0].content"),
        (json!({"messages": user(Value::Null)}), "messages[0].content"),
        (json!({"messages": user(json!(5))}), "messages[0].content"),
        (json!({"messages": user(json!([{"type": "text", "text": 5}]))}), "messages[0].content[0].text"),
        (json!({"messages": user(json!(["x"]))}), "messages[0].content[0]"),
        (json!({"messages": user(json!([{"type": "text", "text": " "}]))}), "messages[0].content"),
        (json!({"messages": behind}), "messages[3].content"),
        (with("n", json!(2)), "n"),
        (with("stream", json!("yes")), "stream"),
        (with("stream_options", json!("x")), "stream_options"),
        (with("stream_options", json!({"include_usage": 1})), "stream_options.include_usage"),
        (with("user", json!(5)), "user"),
        (with("user", json!("u".repeat(129))), "user"),
        (with("metadata", json!([])), "metadata"),
        (with("metadata", json!({"url": "no address"})), "metadata.url"),
        (with("metadata", json!({"url": 5})), "metadata.url"),
        (with("metadata", json!({"title": "t".repeat(301)})), "metadata.title"),
        (with("metadata", json!({"product": "p".repeat(101)})), "metadata.product"),
    ] {
        let (got, error) = complete(&site, "key-one", &body).await;
        let error = &error["error"];
        assert_eq!((got.as_u16(), &error["param"]), (422, &json!(param)), "{error}");
        assert_eq!(error["type"], "invalid_request_error");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(param) && !message.contains("/message"), "{message}");
    }
    // What is wrong with the address of the service itself is not the client's fault.
    let bare = site.http.post(site.url("/v1/chat/completions")).bearer_auth("key-one");
    let odd = bare.header("host", "a_b").json(&conversation()).send().await.unwrap();
    assert_eq!(odd.status(), StatusCode::OK);
}
