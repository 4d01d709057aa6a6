//! The final answer of a job: its response, and what the cache and the history keep of it.

use hoidap_shared::{
    job::{Outcome, Question},
    phrases::apology,
    text::Language,
};
use tracing::warn;

use crate::{
    api::ChatResponse,
    broker_client::{JobRecord, SharedAnswer},
    error::{ApiError, Code},
    state::AppState,
    storage::cache::CachedAnswer,
    storage::history::Exchange,
};

/// Where an answer comes from.
pub enum AnswerSource {
    /// The cache.
    Cache(Box<CachedAnswer>),
    /// The fleet.
    Fleet(SharedAnswer),
}

/// Builds the response, caches the answer where this gateway has the question, and appends the exchange to the session's
/// history. Idempotent.
///
/// # Errors
/// The error of a job that failed in the fleet.
pub async fn finish_answer(
    state: &AppState,
    record: &JobRecord,
    question: Option<&Question>,
    source: AnswerSource,
) -> Result<ChatResponse, ApiError> {
    let seconds = state.broker.now_ms().saturating_sub(record.asked_ms) as f64 / 1000.0;
    // Only the gateway that accepted the question has it, so the duration is recorded once.
    let measure = |outcome: &str| {
        if question.is_some() {
            record_duration(outcome, seconds);
        }
    };
    let (session, job) = (record.session_id.clone(), record.job_id.clone());
    let (answer, said, is_cached, usage) = match source {
        AnswerSource::Cache(answer) => {
            (*answer, question.map(|question| question.message.clone()), true, Default::default())
        }
        AnswerSource::Fleet(answer) => {
            let answer = &answer.body;
            measure(answer.outcome.name());
            if answer.outcome == Outcome::Failed {
                return Err(failure_error(answer).with_job(job).with_apology(answer.text.clone()));
            }
            if let Some(question) = question {
                state.cache.store(&job, question, answer).await;
            }
            (answer.into(), Some(answer.question.clone()), false, answer.usage.clone())
        }
    };
    if let (true, Some(said)) = (record.remembered, said) {
        let exchange = Exchange::new(&job, record.asked_ms, said, &answer.text);
        state.history.append(&session, &exchange).await;
    }
    Ok(ChatResponse::new(answer, session, job, is_cached, seconds, usage))
}

/// Records how long a chat took.
pub fn record_duration(outcome: &str, seconds: f64) {
    metrics::histogram!("hoidap_gateway_chat_seconds", "outcome" => outcome.to_string()).record(seconds);
}

/// The error of a job without an answer at its deadline.
pub fn timeout_error(state: &AppState, record: &JobRecord, question: Option<&Question>) -> ApiError {
    warn!(job_id = %record.job_id, "no answer in time");
    if question.is_some() {
        let waited_ms = state.broker.now_ms().saturating_sub(record.asked_ms);
        record_duration(Code::DeadlineExceeded.name(), waited_ms as f64 / 1000.0);
    }
    let language = question.map(|question| Language::guess(&question.message)).unwrap_or_default();
    let detail = format!("No answer within {} ms.", record.deadline_ms.saturating_sub(record.asked_ms));
    ApiError::new(Code::DeadlineExceeded, detail)
        .with_job(record.job_id.clone())
        .with_apology(apology(language, &state.config.support.address))
}

/// The error of a job that failed in the fleet.
fn failure_error(answer: &hoidap_shared::job::Answer) -> ApiError {
    let name = answer.problem.clone().unwrap_or_else(|| Code::JobFailed.name().to_string());
    let (code, detail) = match name.as_str() {
        "deadline_exceeded" => (Code::DeadlineExceeded, "The fleet did not get to the question in time."),
        "too_many_deliveries" | "retries_exhausted" => {
            (Code::JobGivenUp, "The fleet gave up on the question after several tries.")
        }
        _ => (Code::JobFailed, "The fleet could not work on the question."),
    };
    ApiError::new(code, detail).with_name(name)
}
