//! The real model behind llama.cpp's server.

use std::time::{Duration, Instant};

use hoidap_shared::{config::ProviderConfig, job::Outcome, stage::Stage as _, text::Language};
use hoidap_stages::generator::Generator;
use hoidap_testing::Server;

use super::{answer, config, job, openai, wait_for};

fn llama(server: &Server) -> ProviderConfig {
    ProviderConfig {
        model: "qwen2.5-coder-1.5b-instruct-q4_k_m".into(),
        // A loaded machine is slow.
        first_token_timeout_ms: 60_000,
        total_timeout_ms: 60_000,
        ..openai(&format!("{}/v1", server.url()))
    }
}

#[tokio::test]
async fn a_model_answers_in_both_languages_with_the_fact_and_its_source() {
    let server = Server::llama();
    let generator = Generator::open(&config(vec![("local", llama(&server))])).await.unwrap();
    wait_for(&generator, "local", true).await;
    let cases = [
        (Language::Vi, "Tệp lớn nhất mà trình duyệt tải lên được là bao nhiêu?", "5 GB", 1),
        (Language::En, "How long are files kept in the trash on Pro?", "60 days", 2),
    ];
    for (language, question, fact, index) in cases {
        let mut job = job(language, question);
        job.deadline_ms += 120_000;
        // One passage, so that the test tells of the model and not of the choice.
        job.body.passages.swap(0, index);
        job.body.passages.truncate(1);
        let began = Instant::now();
        let answer = answer(&generator, &job).await;
        eprintln!("{:?} {} {:?}", began.elapsed(), answer.text, answer.attempts);
        assert_eq!(answer.outcome, Outcome::Answered);
        assert_eq!(answer.provider.as_deref(), Some("local"), "{:?}", answer.attempts);
        assert!(answer.text.contains(fact), "{}", answer.text);
        assert!(answer.sources[0].content.contains(fact));
        assert!(answer.usage.prompt_tokens > 0 && answer.usage.completion_tokens > 0);
    }
}

#[tokio::test]
async fn killed_and_started_again_all_is_well_by_itself() {
    let mut server = Server::llama();
    let generator = Generator::open(&config(vec![("local", llama(&server))])).await.unwrap();
    wait_for(&generator, "local", true).await;
    server.kill();
    let began = Instant::now();
    let question = "Trình duyệt tải lên được tệp đến bao nhiêu GB?";
    let answer = answer(&generator, &job(Language::Vi, question)).await;
    assert_eq!(answer.provider.as_deref(), Some("extractive"));
    assert!(answer.text.contains("5 GB"), "{}", answer.text);
    wait_for(&generator, "local", false).await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    server.restart();
    wait_for(&generator, "local", true).await;
}
