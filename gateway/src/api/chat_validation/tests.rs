use serde_json::{Value, json};

use super::*;

fn body() -> Value {
    json!({
        "message": "Làm sao để đổi mật khẩu?",
        "session_id": "session-0001",
        "context": {"url": "https://a.example/vi", "title": "Trang", "product": null},
        "history": [{"content": "xin chào", "sender": "user", "timestamp": "2026-01-31T09:30:00"}],
    })
}

/// Pointer and code of every wrong field after `change`.
fn wrong(change: impl FnOnce(&mut Value)) -> Vec<(String, &'static str)> {
    let mut body = body();
    change(&mut body);
    match parse_chat_request(body, 100) {
        Ok(_) => vec![],
        Err(error) => error
            .problem("/", "r")
            .errors
            .into_iter()
            .map(|error| (error.pointer.unwrap_or_default(), error.code))
            .collect(),
    }
}

fn one(pointer: &str, code: &'static str) -> Vec<(String, &'static str)> {
    vec![(pointer.to_string(), code)]
}

#[test]
fn the_original_body_is_taken() {
    assert_eq!(wrong(|_| {}), []);
    for time in ["2026-01-31T09:30:00Z", "2026-01-31T09:30:00.123456+07:00", "2026-01-31 09:30:00"] {
        assert_eq!(wrong(|b| b["history"][0]["timestamp"] = json!(time)), [], "{time}");
    }
    assert_eq!(wrong(|b| b["added"] = json!({"by": ["somebody", 1]})), []);
}

#[test]
fn messages_count_in_characters_of_their_normal_form() {
    assert_eq!(wrong(|b| b["message"] = json!("")), one("/message", "blank"));
    assert_eq!(wrong(|b| b["message"] = json!(" \n\u{200B}\t ")), one("/message", "blank"));
    assert_eq!(wrong(|b| b["message"] = json!("ậ".repeat(1_000))), []);
    // "ậ" as three code points is one character once composed.
    assert_eq!(wrong(|b| b["message"] = json!("a\u{302}\u{323}".repeat(1_000))), []);
    assert_eq!(wrong(|b| b["message"] = json!("ậ".repeat(1_001))), one("/message", "too_long"));
}

#[test]
fn sessions_are_printable_and_bounded() {
    assert_eq!(wrong(|b| b["session_id"] = json!("123456789")), one("/session_id", "too_short"));
    assert_eq!(wrong(|b| b["session_id"] = json!("x".repeat(129))), one("/session_id", "too_long"));
    assert_eq!(wrong(|b| b["session_id"] = json!("session\r\n0001")), one("/session_id", "not_printable"));
    assert_eq!(
        wrong(|b| b["session_id"] = json!("session\u{202E}0001")),
        one("/session_id", "not_printable")
    );
    assert_eq!(wrong(|b| b["session_id"] = json!("          ")), one("/session_id", "not_printable"));
    assert_eq!(wrong(|b| b["session_id"] = json!("phiên số 0001")), []);
}

#[test]
fn pages_are_on_the_web() {
    for url in ["ftp://a.example/x", "javascript:alert(1)", "/vi/mail", "https://", "", "http://a b/"] {
        let found = wrong(|b| b["context"]["url"] = json!(url));
        assert!(found.contains(&("/context/url".into(), "not_http_url")), "{url}: {found:?}");
    }
    assert_eq!(
        wrong(|b| b["context"]["content_preview"] = json!("x".repeat(5_001))),
        one("/context/content_preview", "too_long")
    );
}

#[test]
fn turns_are_checked_each() {
    assert_eq!(
        wrong(|b| b["history"][0]["sender"] = json!("bot")),
        one("/history/0/sender", "unknown_sender")
    );
    assert_eq!(
        wrong(|b| b["history"][0]["timestamp"] = json!("yesterday")),
        one("/history/0/timestamp", "not_a_time")
    );
    let turn = json!({"content": "x", "sender": "user"});
    assert_eq!(wrong(|b| b["history"] = json!(vec![turn.clone(); 101])), one("/history", "too_many"));
    assert_eq!(wrong(|b| b["history"] = json!(vec![turn.clone(); 100])), []);
}

#[test]
fn every_wrong_field_is_named_at_once() {
    let found = wrong(|b| {
        *b = json!({"message": 5, "context": {"url": "ftp://x", "title": null}, "history": {}, "user_id": [1]});
    });
    let expected = [
        ("/message", "wrong_type"),
        ("/session_id", "required"),
        ("/context/url", "not_http_url"),
        ("/context/title", "wrong_type"),
        ("/history", "wrong_type"),
        ("/user_id", "wrong_type"),
    ];
    assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_string(), code)));
    assert_eq!(wrong(|b| *b = json!([1])), one("", "wrong_type"));
}

#[test]
fn only_the_latest_turns_that_say_something_are_used() {
    let turn = |text: &str| json!({"content": text, "sender": "assistant"});
    let mut body = body();
    body["history"] = json!([turn("one"), turn("two"), turn("  "), turn("three")]);
    body["context"]["url"] = json!("https://a.example/vi?utm_source=x#top");
    let question = parse_chat_request(body, 100).unwrap().into_question("c".into(), 2);
    let texts: Vec<_> = question.history.iter().map(|turn| turn.content.as_str()).collect();
    assert_eq!(texts, ["two", "three"]);
    assert_eq!(question.context.url, "https://a.example/vi");
}
