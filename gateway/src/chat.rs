//! The chat endpoints: admit, look in the cache, publish, then wait or stream. Of the gateway's modules, this one alone
//! touches NATS.

mod arrival;
mod asked;
mod backlog;
mod ending;
mod fold;
mod follow;
mod jobs;
mod lag;
mod link;
mod openai;
mod readers;
mod sse;
mod taken;
mod waiters;

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use hoidap_shared::job::{JobId, now_ms};
pub use hoidap_shared::stage::STAGES;
pub use jobs::{__path_answer, __path_feedback, __path_stop, __path_stream, answer, feedback, stop, stream};
pub use lag::{Lag, StageLag};
pub use link::BrokerClient;
pub use openai::{
    __path_completions, __path_model, __path_models, ErrorOutput, completions, model, models, speaks_openai,
};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::{
    api::{ChatRequest, ChatResponse},
    client::Peer,
    docs::ChatProblems,
    error::ApiError,
    state::AppState,
};
use arrival::RequestContext;
use asked::JobRecord;
use ending::{AnswerSource, finish_answer, timeout_error};
use taken::{Submission, submit_request};

/// The stage that a question goes to.
pub const FIRST: &str = STAGES[0];

/// A job that is not done yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobOutput {
    /// The job.
    #[schema(value_type = String, format = "uuid")]
    pub job_id: JobId,
    /// `pending`, `stopping` or `done`.
    pub status: &'static str,
}

/// Answers a question from the site's documents: whole, or as server-sent events while it is written.
#[utoipa::path(
    post,
    path = "/api/chat",
    tag = "chat",
    request_body = ChatRequest,
    params(
        ("Accept" = Option<String>, Header, description = "`text/event-stream` for events while the answer is written"),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 128,
            description = "Names the request: sent again with the same body it is the same job, for an hour")
    ),
    security((), ("session" = [])),
    responses(
        (status = 200, description = "An answer, or events that end with one", content(
            (ChatResponse = "application/json"), (sse::EventOutput = "text/event-stream")
        )),
        (status = 202, description = "Not answered yet: `Location` tells where the answer will be", body = JobOutput),
        ChatProblems
    )
)]
pub async fn chat(
    State(state): State<Arc<AppState>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    let request_context = RequestContext::new(&state, peer, request.headers());
    let request_id = request_id(request.headers());
    let mut allowance = None;
    let result = match submit_request(&state, request_context, request, &mut allowance).await {
        Ok(submission) if submission.record.stream => {
            Ok(sse::response(submission.follow(&state, request_id)))
        }
        Ok(submission) => respond_whole(&state, submission).await,
        Err(error) => Err(error),
    };
    let mut response = result.unwrap_or_else(ApiError::into_response);
    if let Some(allowance) = allowance {
        allowance.write_headers(response.headers_mut());
    }
    response
}

/// The answer in one piece, or word of where it will be.
async fn respond_whole(state: &Arc<AppState>, submission: Submission) -> Result<Response, ApiError> {
    let (record, question) = (submission.record.clone(), submission.question.clone());
    let left = Duration::from_millis(record.deadline_ms.saturating_sub(now_ms()));
    let wait = Duration::from_millis(state.config.gateway.wait_ms);
    match wait_for_answer(state, submission, wait.min(left)).await {
        Some(source) => {
            Ok(Json(finish_answer(state, &record, question.as_ref(), source).await?).into_response())
        }
        None if wait < left => Ok(pending_response(record.job_id)),
        None => Err(timeout_error(state, &record, question.as_ref())),
    }
}

/// The answer in one piece, however long it takes.
async fn wait_until_done(state: &Arc<AppState>, submission: Submission) -> Result<ChatResponse, ApiError> {
    let (record, question) = (submission.record.clone(), submission.question.clone());
    let left = Duration::from_millis(record.deadline_ms.saturating_sub(now_ms()));
    match wait_for_answer(state, submission, left).await {
        Some(source) => finish_answer(state, &record, question.as_ref(), source).await,
        None => Err(timeout_error(state, &record, question.as_ref())),
    }
}

/// The end of a job, if it comes within `time`.
async fn wait_for_answer(
    state: &Arc<AppState>,
    submission: Submission,
    time: Duration,
) -> Option<AnswerSource> {
    let JobRecord { job_id, kept, .. } = submission.record;
    if let Some(kept) = kept {
        return Some(AnswerSource::Cache(kept));
    }
    // A request that was sent before may be answered already, and nobody tells of that again.
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

/// Word that a job is worked on, and where its answer will be.
fn pending_response(job_id: JobId) -> Response {
    let location = format!("/api/chat/{job_id}");
    let mut response = (StatusCode::ACCEPTED, Json(JobOutput { job_id, status: "pending" })).into_response();
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(header::LOCATION, location);
    }
    response
}

fn request_id(headers: &HeaderMap) -> String {
    headers.get(crate::layers::REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default().to_string()
}
