//! Waiting for the answer to a submission.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    final_answer::{AnswerSource, finish_answer, timeout_error},
    submission::Submission,
};
use crate::{api::ChatResponse, broker_client::JobRecord, error::ApiError, state::AppState};

/// The response, once the job is done or its deadline has passed.
pub async fn wait_until_done(
    state: &Arc<AppState>,
    submission: Submission,
) -> Result<ChatResponse, ApiError> {
    let (record, question) = (submission.record.clone(), submission.question.clone());
    let left = Duration::from_millis(record.deadline_ms.saturating_sub(state.broker.now_ms()));
    match wait_for_answer(state, submission, left).await {
        Some(source) => finish_answer(state, &record, question.as_ref(), source).await,
        None => Err(timeout_error(state, &record, question.as_ref())),
    }
}

/// The answer, if it comes within `time`.
pub async fn wait_for_answer(
    state: &Arc<AppState>,
    submission: Submission,
    time: Duration,
) -> Option<AnswerSource> {
    let JobRecord { job_id, cached_answer, .. } = submission.record;
    if let Some(answer) = cached_answer {
        return Some(AnswerSource::Cache(answer));
    }
    // A repeated request may be answered already, and no further reply will come.
    if submission.question.is_none()
        && let Ok(Some(answer)) = state.broker.stored_answer(&job_id).await
    {
        return Some(AnswerSource::Fleet(answer));
    }
    let end = Instant::now() + time;
    let grace = Duration::from_millis(state.config.gateway.stream_grace_ms);
    let mut reader = state.broker.reader_guard(job_id.clone(), grace);
    let subscription = submission.subscription.unwrap_or_else(|| state.broker.subscribe(job_id.clone()));
    let answer = state.broker.answer(&job_id, subscription, end).await;
    reader.done();
    answer.map(AnswerSource::Fleet)
}
