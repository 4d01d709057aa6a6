//! Servers that speak OpenAI's protocol each in its own way.

use std::time::Duration;

use hoidap_shared::{stage::Stage as _, text::Language};
use hoidap_stages::generator::Generator;
use hoidap_testing::stub_provider::{StreamEnding, StubProvider, StubReply};
use serde_json::{Value, json};

use super::{QUESTION, answer, anthropic, component, config, job, openai};

const WORDS: &str = "Gói Pro cho phép kích thước một tệp đến 20 GB.";

fn delta(message: &Value, finish: Option<&str>) -> String {
    json!({"choices": [{"index": 0, "delta": message, "finish_reason": finish}]}).to_string()
}

fn words(finish: Option<&str>) -> String {
    delta(&json!({"content": WORDS}), finish)
}

/// Who answered, after how many calls that failed.
async fn answered(generator: &Generator) -> (String, Vec<Option<String>>) {
    let answer = answer(generator, &job(Language::Vi, QUESTION)).await;
    let failed = answer.attempts.iter().map(|attempt| attempt.error.clone()).collect();
    (answer.provider.unwrap(), failed)
}

async fn asking(server: &StubProvider) -> Generator {
    Generator::open(&config(vec![("server", openai(&server.url()))])).await.unwrap()
}

#[tokio::test]
async fn what_a_server_refuses_is_left_out_once_and_from_then_on() {
    for (status, refused) in [
        (400, vec!["max_tokens"]),
        (422, vec!["stream_options"]),
        (422, vec!["temperature", "stream_options", "max_tokens"]),
        (400, vec!["max_tokens", "max_completion_tokens"]),
    ] {
        let server =
            StubProvider::always(StubReply::RejectParameters(status, refused.clone(), WORDS.into())).await;
        let generator = asking(&server).await;
        for round in 0..2 {
            assert_eq!(answered(&generator).await, ("server".into(), vec![None]), "{status} {refused:?}");
            assert_eq!(server.requests().len(), refused.len() + 1 + round, "{refused:?}");
        }
        let last = server.requests().pop().unwrap().body;
        assert!(refused.iter().all(|name| last.get(*name).is_none()), "{last}");
        if refused[0] == "max_tokens" && refused.get(1) != Some(&"max_completion_tokens") {
            assert!(last["max_completion_tokens"].as_u64().unwrap() > 0, "{last}");
        }
    }
}

#[tokio::test]
async fn what_the_configuration_leaves_out_is_never_sent() {
    let server = StubProvider::always(StubReply::RejectParameters(
        400,
        vec!["max_tokens", "temperature"],
        WORDS.into(),
    ))
    .await;
    let mut provider = openai(&server.url());
    provider.omit = vec!["max_tokens".into(), "temperature".into()];
    let generator = Generator::open(&config(vec![("server", provider)])).await.unwrap();
    assert_eq!(answered(&generator).await, ("server".into(), vec![None]));
    assert_eq!(server.requests().len(), 1);
    assert!(server.requests()[0].body["max_completion_tokens"].is_u64());
}

#[tokio::test]
async fn a_refusal_of_something_else_fails_at_once_and_leaves_nothing_out() {
    let server = StubProvider::always(StubReply::Empty).await;
    let generator = asking(&server).await;
    let plays = [StubReply::RejectParameters(400, vec!["model"], WORDS.into()), StubReply::Status(422)];
    for (calls, play) in (1..).zip(plays) {
        server.set_reply(play);
        let (provider, failed) = answered(&generator).await;
        assert_eq!(provider, "extractive");
        assert!(failed[0].as_ref().unwrap().starts_with("HTTP 4"), "{failed:?}");
        assert!(!failed[0].as_ref().unwrap().contains("sk-from-the-server"));
        assert_eq!(server.requests().len(), calls);
        assert!(server.requests()[calls - 1].body["max_tokens"].is_u64());
    }
}

#[tokio::test]
async fn an_anthropic_server_is_asked_again_in_the_same_way() {
    let server =
        StubProvider::always(StubReply::RejectParameters(400, vec!["temperature"], WORDS.into())).await;
    let generator = Generator::open(&config(vec![("server", anthropic(&server.url()))])).await.unwrap();
    for _ in 0..2 {
        assert_eq!(answered(&generator).await, ("server".into(), vec![None]));
    }
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn either_mark_of_the_end_is_enough() {
    let done = "[DONE]".to_string();
    let server = StubProvider::always(StubReply::Empty).await;
    let generator = asking(&server).await;
    for (events, ending) in [
        (vec![words(None), delta(&json!({}), Some("stop"))], StreamEnding::Closes),
        (vec![words(None), delta(&json!({}), Some("stop"))], StreamEnding::Breaks),
        (vec![words(None), delta(&json!({}), Some("stop"))], StreamEnding::Hangs),
        (vec![words(Some("stop"))], StreamEnding::Breaks),
        (vec![words(Some("eos"))], StreamEnding::Closes),
        (vec![words(Some("stop")), "no json".into()], StreamEnding::Breaks),
        (vec![words(None), done.clone()], StreamEnding::Hangs),
        (vec![words(None), done], StreamEnding::Breaks),
    ] {
        server.set_reply(StubReply::RawEvents(events.clone(), Duration::ZERO, ending));
        let answered = answered(&generator).await;
        assert_eq!(answered, ("server".into(), vec![None]), "{events:?} {ending:?}");
    }
}

#[tokio::test]
async fn without_a_mark_of_the_end_words_are_not_an_answer() {
    let server = StubProvider::always(StubReply::Empty).await;
    let generator = asking(&server).await;
    for ending in [StreamEnding::Closes, StreamEnding::Breaks] {
        server.set_reply(StubReply::RawEvents(vec![words(None)], Duration::ZERO, ending));
        let (provider, failed) = answered(&generator).await;
        assert_eq!(provider, "extractive");
        assert!(failed[0].as_ref().unwrap().starts_with("invalid answer"), "{failed:?}");
    }
}

#[tokio::test]
async fn chunks_without_words_decide_nothing_about_words_that_came() {
    let half = WORDS.len() / 2;
    let half = (half..).find(|&at| WORDS.is_char_boundary(at)).unwrap();
    let parts =
        json!({"content": [{"type": "text", "text": &WORDS[half..]}, {"type": "refusal", "refusal": null}]});
    let events = vec![
        json!({"choices": null}).to_string(),
        delta(&json!({"role": "assistant", "content": null}), None),
        delta(&json!({"content": &WORDS[..half]}), None),
        json!({"choices": null, "usage": null}).to_string(),
        json!({"object": "keep-alive"}).to_string(),
        delta(&json!({"content": 5}), None),
        json!([]).to_string(),
        delta(&parts, None),
        delta(&Value::Null, Some("stop")),
        json!({"choices": null, "usage": {"prompt_tokens": 9, "completion_tokens": 4}}).to_string(),
    ];
    let server =
        StubProvider::always(StubReply::RawEvents(events, Duration::ZERO, StreamEnding::Closes)).await;
    let answer = answer(&asking(&server).await, &job(Language::Vi, QUESTION)).await;
    assert_eq!(answer.provider.as_deref(), Some("server"), "{:?}", answer.attempts);
    assert!(answer.text.contains("20 GB"), "{}", answer.text);
    assert_eq!((answer.usage.prompt_tokens, answer.usage.completion_tokens), (9, 4));
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_understood() {
    let body = json!({
        "choices": [{"index": 0, "message": {"role": "assistant", "content": WORDS}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 4},
    });
    let server = StubProvider::always(StubReply::Json(body)).await;
    assert_eq!(answered(&asking(&server).await).await, ("server".into(), vec![None]));
}

#[tokio::test]
async fn thinking_is_a_sign_of_life_with_a_limit_of_its_own() {
    let thought = |name: &str| delta(&json!({name: "Người dùng hỏi về gói Pro…"}), None);
    let pause = Duration::from_millis(300);
    for name in ["reasoning_content", "reasoning"] {
        // The words come after 1.5 s: behind the limit for a sign of life, within the one for thinking.
        let mut events = vec![thought(name); 4];
        events.push(words(Some("stop")));
        let server = StubProvider::always(StubReply::RawEvents(events, pause, StreamEnding::Closes)).await;
        let mut provider = openai(&server.url());
        (provider.thinking_timeout_ms, provider.total_timeout_ms) = (8_000, 8_000);
        let generator = Generator::open(&config(vec![("server", provider)])).await.unwrap();
        let answer = answer(&generator, &job(Language::Vi, QUESTION)).await;
        assert_eq!(answer.provider.as_deref(), Some("server"), "{:?}", answer.attempts);
        assert!(!answer.text.contains("Người dùng hỏi"), "{}", answer.text);
        assert!(component(&generator, "server").healthy);
    }
    let server = StubProvider::always(StubReply::RawEvents(
        vec![thought("reasoning"); 100],
        pause,
        StreamEnding::Closes,
    ))
    .await;
    let (provider, failed) = answered(&asking(&server).await).await;
    assert_eq!(provider, "extractive");
    assert!(failed[0].as_ref().unwrap().starts_with("no words of a model that thinks within"), "{failed:?}");
}
