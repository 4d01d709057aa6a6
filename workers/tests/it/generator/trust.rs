//! A model's response beside the quotation: which of them is likelier to be right.

use hoidap_shared::{
    config::Config,
    job::{Answer, Outcome},
    progress::{ProgressSink, StageEvent},
    stage::{NextStep, Stage as _},
    text::Language,
};
use hoidap_stages::generator::Generator;
use hoidap_testing::stub_provider::{StubProvider, StubReply};
use tokio_util::sync::CancellationToken;

use super::{QUESTION, answer, config, job, openai};

/// A true sentence of the passages that does not answer [`QUESTION`].
const BESIDE: &str = "Tệp to hơn phải tải bằng ứng dụng máy tính.";
/// The answer, in other words than the quotation's.
const WORDS: &str = "Gói Pro cho phép kích thước một tệp đến 20 GB.";

/// A configuration with one model that is trusted this much.
fn trusting(server: &StubProvider, trust: f32) -> Config {
    let mut provider = openai(&server.url());
    provider.trust = trust;
    config(vec![("model", provider)])
}

async fn model_that_says(words: &str) -> StubProvider {
    StubProvider::always(StubReply::Stream(words.split_inclusive(' ').map(Into::into).collect())).await
}

/// The answer to [`QUESTION`], and the events after the passages.
async fn streamed(settings: &Config) -> (Answer, Vec<StageEvent>) {
    let generator = Generator::open(settings).await.unwrap();
    let (live, mut hears) = ProgressSink::with_listener(CancellationToken::new());
    let NextStep::Answer(answer) = generator.process(&job(Language::Vi, QUESTION), &live).await.unwrap();
    drop(live);
    let mut events = Vec::new();
    while let Some(event) = hears.recv().await {
        events.push(event);
    }
    events.retain(|event| !matches!(event, StageEvent::Sources(_)));
    (answer, events)
}

async fn quoted_confidence() -> f32 {
    answer(&Generator::open(&config(vec![])).await.unwrap(), &job(Language::Vi, QUESTION)).await.confidence
}

#[tokio::test]
async fn a_supported_sentence_that_answers_something_else_gives_way_to_the_quotation() {
    let server = model_that_says(&format!("{BESIDE} {BESIDE}")).await;
    let mut settings = trusting(&server, 0.0);
    settings.generator.draft_confidence = 2.0;
    let (answer, events) = streamed(&settings).await;
    assert_eq!(answer.provider.as_deref(), Some("extractive"), "{}", answer.text);
    assert!(answer.text.contains("20 GB") && answer.attempts[0].error.is_some(), "{answer:?}");
    assert_eq!(events, [], "the visitor saw nothing of it");
}

#[tokio::test]
async fn a_trusted_models_supported_sentence_is_the_answer() {
    let server = model_that_says(&format!("{BESIDE} {BESIDE}")).await;
    let mut settings = trusting(&server, 1.0);
    settings.generator.draft_confidence = 2.0;
    let (answer, events) = streamed(&settings).await;
    assert_eq!(answer.provider.as_deref(), Some("model"), "{:?}", answer.attempts);
    assert!(events.iter().any(|event| matches!(event, StageEvent::Text(_))), "{events:?}");
}

#[tokio::test]
async fn only_a_trusted_model_is_asked_where_the_quotation_is_uncertain() {
    let server = model_that_says(WORDS).await;
    let min_confidence = quoted_confidence().await + 0.01;
    for (trust, ask_confidence, outcome, calls) in [
        (0.0, 0.1, Outcome::Unanswered, 0),
        (1.0, min_confidence, Outcome::Unanswered, 0),
        (1.0, 0.1, Outcome::Answered, 1),
    ] {
        let mut settings = trusting(&server, trust);
        (settings.generator.min_confidence, settings.generator.ask_confidence) =
            (min_confidence, ask_confidence);
        let (answer, _) = streamed(&settings).await;
        assert_eq!((answer.outcome, answer.attempts.len()), (outcome, calls), "{trust} {ask_confidence}");
    }
}

#[tokio::test]
async fn a_trusted_models_refusal_outweighs_the_quotation() {
    let server = model_that_says("NO_ANSWER").await;
    let (answer, _) = streamed(&trusting(&server, 0.0)).await;
    assert_eq!(answer.outcome, Outcome::Answered);
    let (answer, events) = streamed(&trusting(&server, 0.9)).await;
    assert_eq!((answer.outcome, answer.attempts.len()), (Outcome::Unanswered, 1));
    assert!(!events.iter().any(|event| matches!(event, StageEvent::Text(_))), "{events:?}");
}
