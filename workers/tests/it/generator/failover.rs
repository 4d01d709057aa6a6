use std::time::{Duration, Instant};

use hoidap_shared::{
    job::{Outcome, now_ms},
    stage::Stage as _,
    text::Language,
};
use hoidap_stages::generator::Generator;
use hoidap_testing::{
    free_port,
    stub_provider::{StubProvider, StubReply},
};

use super::{QUESTION, answer, anthropic, component, config, job, openai, wait_for};

const WORDS: &str = "Gói Pro cho phép kích thước một tệp đến 20 GB.";

fn say(text: &str) -> StubReply {
    StubReply::Stream(text.split_inclusive(' ').map(str::to_string).collect())
}

#[tokio::test]
async fn a_model_is_asked_by_its_protocol_and_its_words_are_cited() {
    let servers = (StubProvider::always(say(WORDS)).await, StubProvider::always(say(WORDS)).await);
    // Any variable that is set serves as a key.
    let key = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    for (server, mut provider) in
        [(&servers.0, openai(&servers.0.url())), (&servers.1, anthropic(&servers.1.url()))]
    {
        provider.api_key_env = "CARGO_MANIFEST_DIR".into();
        let model = provider.model.clone();
        let generator = Generator::open(&config(vec![("first", provider)])).await.unwrap();
        let answer = answer(&generator, &job(Language::Vi, QUESTION)).await;
        assert_eq!(answer.outcome, Outcome::Answered);
        assert_eq!(answer.text, format!("{WORDS} [1]"));
        assert_eq!(answer.sources.len(), 1);
        assert!(answer.sources[0].content.contains("20 GB"));
        assert_eq!(
            (answer.provider.as_deref(), answer.model.as_deref()),
            (Some("first"), Some(model.as_str()))
        );
        assert_eq!((answer.usage.prompt_tokens, answer.usage.completion_tokens), (100, 20));
        assert!((answer.usage.cost_usd.unwrap() - 0.0003).abs() < 1e-9);
        assert_eq!(answer.attempts.len(), 1);
        assert_eq!(answer.attempts[0].error, None);
        let asked = &server.requests()[0];
        assert_eq!(
            (asked.body["stream"].as_bool(), asked.body["model"].as_str()),
            (Some(true), Some(model.as_str()))
        );
        let carried = match asked.path.as_str() {
            "/v1/chat/completions" => {
                asked.headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap()
            }
            "/v1/messages" => asked.headers["x-api-key"].to_str().unwrap(),
            other => panic!("{other}"),
        };
        assert_eq!(carried, key);
        assert!(!format!("{answer:?}").contains(&key), "the key must not travel with the answer");
    }
}

#[tokio::test]
async fn whatever_goes_wrong_the_next_provider_answers() {
    let elsewhere = StubProvider::always(say("Bị dẫn đi nơi khác.")).await;
    let faults = [
        (StubReply::Status(500), "HTTP 500"),
        (StubReply::Status(429), "HTTP 429"),
        (StubReply::Status(401), "HTTP 401"),
        (StubReply::Redirect(format!("{}/chat/completions", elsewhere.url())), "HTTP 307"),
        (StubReply::Malformed, "invalid answer"),
        (StubReply::Disconnect(WORDS.into()), "invalid answer"),
        (StubReply::Empty, "empty answer"),
        (StubReply::Endless, "invalid answer"),
        (StubReply::DelayFirst(Duration::from_secs(5), WORDS.into()), "no first words within 800 ms"),
        (StubReply::Hang(WORDS.into()), "no end of the answer"),
    ];
    let (first, second) = (StubProvider::always(say(WORDS)).await, StubProvider::always(say(WORDS)).await);
    let mut config = config(vec![("first", openai(&first.url())), ("second", anthropic(&second.url()))]);
    config.generator.breaker_failures = 1_000;
    let generator = Generator::open(&config).await.unwrap();
    for (fault, told) in faults {
        first.set_reply(fault.clone());
        let began = Instant::now();
        let answer = answer(&generator, &job(Language::Vi, QUESTION)).await;
        assert_eq!(answer.provider.as_deref(), Some("second"), "{fault:?}: {:?}", answer.attempts);
        assert_eq!(answer.attempts.len(), 2, "{fault:?}");
        let error = answer.attempts[0].error.as_deref().unwrap();
        assert!(error.starts_with(told), "{fault:?}: {error}");
        assert!(!error.contains("sk-from-the-server"), "{error}");
        assert!(began.elapsed() < Duration::from_secs(4), "{fault:?} took {:?}", began.elapsed());
    }
    assert!(elsewhere.requests().is_empty(), "a redirect must not be followed");
}

#[tokio::test]
async fn without_any_model_the_documents_are_quoted() {
    let gone = format!("http://127.0.0.1:{}/v1", free_port());
    let mut nameless = openai(&gone);
    nameless.api_key_env = "HOIDAP_NO_SUCH_KEY".into();
    let providers = vec![("gone", openai(&gone)), ("keyless", nameless)];
    let generator = Generator::open(&config(providers)).await.unwrap();
    let answer = answer(&generator, &job(Language::Vi, QUESTION)).await;
    assert_eq!(answer.outcome, Outcome::Answered);
    assert_eq!(answer.provider.as_deref(), Some("extractive"));
    assert!(answer.text.contains("20 GB"), "{}", answer.text);
    for name in ["gone", "keyless"] {
        wait_for(&generator, name, false).await;
    }
    assert!(component(&generator, "keyless").detail.contains("HOIDAP_NO_SUCH_KEY"));
    assert!(component(&generator, "extractive").healthy);
}

#[tokio::test]
async fn the_visitors_deadline_bounds_every_wait() {
    let slow = StubProvider::always(StubReply::Hang("Gói".into())).await;
    let mut provider = openai(&slow.url());
    (provider.first_token_timeout_ms, provider.total_timeout_ms) = (60_000, 60_000);
    let generator = Generator::open(&config(vec![("slow", provider)])).await.unwrap();
    let mut job = job(Language::Vi, QUESTION);
    // The first answer also loads what is loaded lazily.
    job.deadline_ms = now_ms() + 3_000;
    let answer_ = answer(&generator, &job).await;
    assert!(job.remaining_ms() > 0, "the deadline passed");
    assert_eq!(answer_.provider.as_deref(), Some("extractive"));
    // Our haste is not the provider's fault.
    wait_for(&generator, "slow", true).await;
    job.deadline_ms = now_ms() + 400;
    let calls = slow.requests().len();
    assert_eq!(answer(&generator, &job).await.outcome, Outcome::Answered);
    assert_eq!(slow.requests().len(), calls, "with so little time no model is asked");
}

#[tokio::test]
async fn a_provider_that_fails_is_left_alone_and_tried_again() {
    let server = StubProvider::always(StubReply::Status(500)).await;
    let mut config = config(vec![("first", openai(&server.url()))]);
    (config.generator.breaker_failures, config.generator.breaker_open_ms) = (3, 1_500);
    let generator = Generator::open(&config).await.unwrap();
    for _ in 0..8 {
        assert_eq!(
            answer(&generator, &job(Language::Vi, QUESTION)).await.provider.as_deref(),
            Some("extractive")
        );
    }
    assert_eq!(server.requests().len(), 3, "the breaker lets no more through");
    let state = component(&generator, "first");
    assert!(!state.healthy && state.detail.contains("HTTP 500"), "{state:?}");
    server.set_reply(say(WORDS));
    wait_for(&generator, "first", true).await;
    assert_eq!(answer(&generator, &job(Language::Vi, QUESTION)).await.provider.as_deref(), Some("first"));
    assert!(server.model_list_requests() > 0);
}

#[tokio::test]
async fn health_follows_a_server_that_stops_and_starts_without_a_question() {
    let server = StubProvider::always(say(WORDS)).await;
    let port = server.port();
    let generator = Generator::open(&config(vec![("first", openai(&server.url()))])).await.unwrap();
    wait_for(&generator, "first", true).await;
    drop(server);
    wait_for(&generator, "first", false).await;
    let again = StubProvider::start(Vec::new(), Some(say(WORDS)), port).await;
    wait_for(&generator, "first", true).await;
    assert!(again.requests().is_empty(), "a look costs no words");
    assert_eq!(answer(&generator, &job(Language::Vi, QUESTION)).await.provider.as_deref(), Some("first"));
}

#[tokio::test]
async fn an_outage_does_not_double_the_load() {
    let first = StubProvider::always(StubReply::Status(500)).await;
    let second = StubProvider::always(say(WORDS)).await;
    let mut config = config(vec![("first", openai(&first.url())), ("second", openai(&second.url()))]);
    // The first breaker never opens, so every question meets the outage.
    config.generator.breaker_failures = 1_000;
    let generator = Generator::open(&config).await.unwrap();
    for _ in 0..60 {
        answer(&generator, &job(Language::Vi, QUESTION)).await;
    }
    let (asked, again) = (first.requests().len(), second.requests().len());
    assert_eq!(asked, 60);
    // A fifth of the questions, and one a second over ten seconds that are always allowed.
    assert!((1..=24).contains(&again), "{again} second calls");
}

#[tokio::test]
async fn one_bad_call_does_not_open_the_breaker() {
    let server =
        StubProvider::scripted(vec![StubReply::Status(503), say(WORDS), StubReply::Status(503), say(WORDS)])
            .await;
    let generator = Generator::open(&config(vec![("first", openai(&server.url()))])).await.unwrap();
    let mut by = Vec::new();
    for _ in 0..4 {
        by.push(answer(&generator, &job(Language::Vi, QUESTION)).await.provider.unwrap());
    }
    assert_eq!(by, ["extractive", "first", "extractive", "first"]);
    wait_for(&generator, "first", true).await;
}
