//! A question and its answer.

use hoidap_shared::job::{Outcome, Sender};
use serde_json::json;

use crate::support::{StubAnswer, TestServers, answer, question};

#[tokio::test(flavor = "multi_thread")]
async fn the_original_body_gets_the_original_fields() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let got = site.ask(&question("Làm sao để đổi mật khẩu?")).await;
    assert_eq!(got["response"], "Mở Cài đặt rồi chọn Mật khẩu. [1]");
    assert_eq!(got["session_id"], "session-0001");
    assert_eq!(got["intent"], "how_to");
    assert_eq!(got["target_product"], "mail");
    assert_eq!(got["confidence"], 0.5);
    assert!(got["processing_time"].as_f64().unwrap() > 0.0);
    let source = &got["sources"][0];
    assert_eq!((&source["collection"], &source["score"]), (&json!("mail"), &json!(0.75)));
    assert_eq!(source["content"], "Mở Cài đặt rồi chọn Mật khẩu.");
    assert_eq!(source["metadata"]["url"], "https://www.a.example/vi/mail/mat-khau");
    assert_eq!(
        (&got["outcome"], &got["language"], &got["cached"]),
        (&json!("answered"), &json!("vi"), &json!(false))
    );

    let job = fleet.received_questions().remove(0);
    assert_eq!(got["job_id"], job.job_id.as_str());
    assert_eq!(job.deadline_ms - job.accepted_ms, 60_000);
    assert_eq!(job.body.context.product.as_deref(), Some("mail"));
    assert_eq!(job.body.history[1].sender, Sender::Assistant);
    assert!(!format!("{job:?}").contains("127.0.0.1"), "a job holds no address");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_job_is_a_problem_with_an_apology() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let _fleet = servers
        .fleet(|question| {
            let problem = question.message.clone();
            StubAnswer::Replied(hoidap_shared::job::Answer {
                outcome: Outcome::Failed,
                problem: Some(problem),
                text: "Xin lỗi … help@a.example".into(),
                ..answer(question)
            })
        })
        .await;
    for (code, status) in [
        ("deadline_exceeded", 504),
        ("retries_exhausted", 503),
        ("too_many_deliveries", 503),
        ("embedding_failed", 500),
    ] {
        let problem = site.problem(&question(code)).await;
        assert_eq!((problem["status"].as_u64(), &problem["code"]), (Some(status), &json!(code)));
        assert_eq!(problem["apology"], "Xin lỗi … help@a.example");
        assert!(problem["job_id"].is_string());
        assert_eq!(problem["retryable"], status != 500);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_whose_word_was_lost_is_read_from_the_stream() {
    let servers = TestServers::new();
    let site = servers.gateway(&[]).await;
    let _fleet = servers.fleet(|question| StubAnswer::StoredOnly(answer(question))).await;
    let got = site.ask(&question("Đổi mật khẩu?")).await;
    assert!((1.0..3.0).contains(&got["processing_time"].as_f64().unwrap()), "{got}");
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_at_the_deadline() {
    let servers = TestServers::new();
    let site = servers.gateway(&[("GATEWAY__ANSWER_TIMEOUT_MS", "1500")]).await;
    let fleet = servers.fleet(|_| StubAnswer::Never).await;
    let problem = site.problem(&question("How do I reset it?")).await;
    assert_eq!((problem["status"].as_u64(), &problem["code"]), (Some(504), &json!("deadline_exceeded")));
    assert_eq!(problem["retryable"], true);
    assert_eq!(problem["job_id"], fleet.received_questions()[0].job_id.as_str());
    assert_eq!(
        problem["apology"],
        "Sorry, I am having a technical problem. Please contact help@a.example for help."
    );
    let metrics = site.get("/metrics").await.text().await.unwrap();
    let counted = "hoidap_gateway_chat_seconds_count{outcome=\"deadline_exceeded\"} 1";
    assert!(metrics.contains(counted), "the slow chats belong to the durations");
}
