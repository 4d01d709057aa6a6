//! A quotation that stands while a model writes.

use hoidap_shared::{
    job::{Answer, Outcome},
    progress::{ProgressSink, StageEvent},
    stage::{NextStep, Stage as _},
    text::Language,
};
use hoidap_stages::generator::Generator;
use hoidap_testing::stub_provider::{StubProvider, StubReply};
use tokio_util::sync::CancellationToken;

use super::{QUESTION, config, job, openai};

const WORDS: &str = "Gói Pro cho phép kích thước một tệp đến 20 GB.";

/// The answer to [`QUESTION`], and what was said on the way.
async fn heard(play: StubReply, draft_confidence: f32) -> (Answer, Vec<StageEvent>) {
    let server = StubProvider::always(play).await;
    let mut settings = config(vec![("model", openai(&server.url()))]);
    settings.generator.draft_confidence = draft_confidence;
    let generator = Generator::open(&settings).await.unwrap();
    let (live, mut hears) = ProgressSink::with_listener(CancellationToken::new());
    let NextStep::Answer(answer) = generator.process(&job(Language::Vi, QUESTION), &live).await.unwrap();
    drop(live);
    let mut said = Vec::new();
    while let Some(what) = hears.recv().await {
        said.push(what);
    }
    assert!(matches!(said.remove(0), StageEvent::Sources(_)));
    (answer, said)
}

#[tokio::test]
async fn a_sure_quotation_is_said_at_once_and_supported_words_are_the_answer() {
    let (answer, said) = heard(StubReply::Stream(vec![WORDS.into()]), 0.0).await;
    let [StageEvent::Draft(draft)] = said.as_slice() else { panic!("{said:?}") };
    assert!(draft.text.contains("20 GB [1]") && draft.text != answer.text, "{}", draft.text);
    assert_eq!(draft.citations[0].chunk_id, "chunk-0");
    assert_eq!(answer.text, format!("{WORDS} [1]"));
    assert_eq!(answer.provider.as_deref(), Some("model"));
}

#[tokio::test]
async fn the_quotation_is_the_answer_where_a_model_fails_or_says_what_nothing_supports() {
    for play in
        [StubReply::Stream(vec!["Gói Pro cho phép một tệp đến 90 GB.".into()]), StubReply::Status(503)]
    {
        let (answer, said) = heard(play, 0.0).await;
        let [StageEvent::Draft(draft)] = said.as_slice() else { panic!("{said:?}") };
        assert_eq!((answer.text.as_str(), answer.outcome), (draft.text.as_str(), Outcome::Answered));
        assert_eq!(answer.model, None);
    }
}

#[tokio::test]
async fn without_a_sure_quotation_sentences_are_said_as_they_come() {
    let words = format!("{WORDS} {WORDS}");
    let (answer, said) =
        heard(StubReply::Stream(words.split_inclusive(' ').map(Into::into).collect()), 2.0).await;
    assert!(said.iter().any(|what| matches!(what, StageEvent::Text(_))), "{said:?}");
    assert!(!said.iter().any(|what| matches!(what, StageEvent::Draft(_))), "{said:?}");
    assert_eq!(answer.provider.as_deref(), Some("model"));
}
