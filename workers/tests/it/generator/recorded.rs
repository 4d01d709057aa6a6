use std::sync::Arc;

use hoidap_shared::{
    job::ProviderAttempt,
    progress::ProgressSink,
    stage::{NextStep, Stage as _, StageError},
    text::Language,
};
use hoidap_stages::generator::{Generator, NEEDS_MODEL, RecordedCalls, RecordedResponses};
use hoidap_testing::stub_provider::{StubProvider, StubReply};

use super::{QUESTION, answer, config, job, openai};

/// The calls of a job that this generator made.
fn recorded_calls(by: &Generator, attempts: Vec<ProviderAttempt>) -> RecordedCalls {
    RecordedCalls { version: by.status().version, attempts }
}

#[tokio::test]
async fn recorded_words_give_the_same_answer_without_a_call() {
    let server = StubProvider::always(StubReply::Stream(vec![String::new()])).await;
    let settings = config(vec![("model", openai(&server.url()))]);
    let live = Generator::open(&settings).await.unwrap();
    let recorded = Arc::new(RecordedResponses::default());
    let replaying = Generator::open(&settings).await.unwrap().replaying(Arc::clone(&recorded), None);
    for words in ["Gói Pro cho phép kích thước một tệp đến 20 GB.", "Bạn chỉ cần gọi tổng đài.", "NO_ANSWER"]
    {
        server.set_reply(StubReply::Stream(vec![words.into()]));
        let job = job(Language::Vi, QUESTION);
        let given = answer(&live, &job).await;
        let wrote = given.attempts[0].wrote.as_ref().unwrap();
        assert_eq!((wrote.text.as_str(), wrote.model.as_str()), (words, "model-a"));
        server.set_reply(StubReply::Stream(vec!["Other words, which nobody must hear.".into()]));
        recorded.insert(job.job_id.clone(), recorded_calls(&live, given.attempts.clone()));
        assert_eq!(answer(&replaying, &job).await, given);
    }
}

#[tokio::test]
async fn another_prompt_needs_a_model() {
    let server = StubProvider::always(StubReply::Stream(vec![
        "Gói Pro cho phép kích thước một tệp đến 20 GB.".into(),
    ]))
    .await;
    let settings = config(vec![("model", openai(&server.url()))]);
    let given =
        answer(&Generator::open(&settings).await.unwrap(), &job(Language::Vi, QUESTION)).await.attempts;
    let recorded = Arc::new(RecordedResponses::default());
    let replaying = Generator::open(&settings).await.unwrap().replaying(Arc::clone(&recorded), None);
    let other = job(Language::Vi, "Gói Free cho phép một tệp lớn bao nhiêu?");
    for (attempts, what) in
        [(Some(given), "the log has its response to"), (None, "no matching call of this job")]
    {
        if let Some(attempts) = attempts {
            recorded.insert(other.job_id.clone(), recorded_calls(&replaying, attempts));
        }
        match replaying.process(&other, &ProgressSink::default()).await {
            Err(StageError::Permanent { code, reason }) => {
                assert_eq!(code, NEEDS_MODEL);
                assert!(reason.contains(what), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_would_not_be_asked_the_same_way_needs_a_model_or_none() {
    let server = StubProvider::always(StubReply::Stream(vec![
        "Gói Pro cho phép kích thước một tệp đến 20 GB.".into(),
    ]))
    .await;
    let settings = config(vec![("model", openai(&server.url()))]);
    let live = Generator::open(&settings).await.unwrap();
    let job = job(Language::Vi, QUESTION);
    let given = answer(&live, &job).await;
    let (mut model, mut prompt, mut first) = (settings.clone(), settings.clone(), settings.clone());
    model.providers.get_mut("model").unwrap().model = "model-b".into();
    prompt.generator.answer_tokens += 1;
    first.providers.insert("other".into(), openai(&server.url()));
    first.generator.providers = vec!["other".into()];
    let mut none = settings.clone();
    none.generator.providers = vec!["extractive".into()];
    for (settings, wanted) in [
        (&settings, Ok(Some("model"))),
        (&model, Err("model now runs model-b; the log has a response from model-a")),
        (&prompt, Err("the log has its response to")),
        (&first, Err("other would be called; the log has no response from it")),
        (&none, Ok(Some("extractive"))),
    ] {
        let recorded = Arc::new(RecordedResponses::default());
        let replaying = Generator::open(settings).await.unwrap().replaying(Arc::clone(&recorded), None);
        recorded.insert(job.job_id.clone(), recorded_calls(&live, given.attempts.clone()));
        match (replaying.process(&job, &ProgressSink::default()).await, wanted) {
            (Ok(NextStep::Answer(answer)), Ok(provider)) => assert_eq!(answer.provider.as_deref(), provider),
            (Err(StageError::Permanent { code, reason }), Err(what)) => {
                assert_eq!(code, NEEDS_MODEL);
                assert!(reason.contains(what), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
}
