use std::sync::Arc;

use hoidap_shared::{
    live::Live,
    stage::{Stage as _, StageError},
    text::Language,
};
use hoidap_testing::stub::{Play, Stub};
use hoidap_workers::generator::{Generator, NEEDS_MODEL, Recorded};

use super::{answer, config, job, openai};

const QUESTION: &str = "Gói Pro cho phép một tệp lớn bao nhiêu?";

#[tokio::test]
async fn recorded_words_give_the_same_answer_without_a_call() {
    let server = Stub::always(Play::Say(vec![String::new()])).await;
    let settings = config(vec![("model", openai(&server.url()))]);
    let live = Generator::open(&settings).await.unwrap();
    let recorded = Arc::new(Recorded::default());
    let replaying = Generator::open(&settings).await.unwrap().replaying(Arc::clone(&recorded), None);
    for words in ["Gói Pro cho phép kích thước một tệp đến 20 GB.", "Bạn chỉ cần gọi tổng đài.", "NO_ANSWER"]
    {
        server.now(Play::Say(vec![words.into()]));
        let job = job(Language::Vi, QUESTION);
        let given = answer(&live, &job).await;
        let wrote = given.attempts[0].wrote.as_ref().unwrap();
        assert_eq!((wrote.text.as_str(), wrote.model.as_str()), (words, "model-a"));
        server.now(Play::Say(vec!["Other words, which nobody must hear.".into()]));
        recorded.put(job.job_id.clone(), given.attempts.clone());
        assert_eq!(answer(&replaying, &job).await, given);
    }
}

#[tokio::test]
async fn another_prompt_needs_a_model() {
    let server = Stub::always(Play::Say(vec!["Gói Pro cho phép kích thước một tệp đến 20 GB.".into()])).await;
    let settings = config(vec![("model", openai(&server.url()))]);
    let given =
        answer(&Generator::open(&settings).await.unwrap(), &job(Language::Vi, QUESTION)).await.attempts;
    let recorded = Arc::new(Recorded::default());
    let replaying = Generator::open(&settings).await.unwrap().replaying(Arc::clone(&recorded), None);
    let other = job(Language::Vi, "Gói Free cho phép một tệp lớn bao nhiêu?");
    for (attempts, what) in [(Some(given), "the log has its words to"), (None, "no call of this job")] {
        if let Some(attempts) = attempts {
            recorded.put(other.job_id.clone(), attempts);
        }
        match replaying.process(&other, &Live::default()).await {
            Err(StageError::Permanent { code, reason }) => {
                assert_eq!(code, NEEDS_MODEL);
                assert!(reason.contains(what), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
}
