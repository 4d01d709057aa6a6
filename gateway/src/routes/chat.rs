//! Asking a question.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use hoidap_shared::job::JobId;

use crate::{
    api::{ChatRequest, ChatResponse, JobOutput},
    chat::{
        final_answer::{finish_answer, timeout_error},
        request_context::RequestContext,
        sse,
        submission::{Submission, submit_request},
        waiting::wait_for_answer,
    },
    error::ApiError,
    identity::client::Peer,
    middleware::request_id_text,
    openapi::ChatProblems,
    state::AppState,
};

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
    let request_id = request_id_text(request.headers());
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

/// The whole answer, or 202 with its location.
async fn respond_whole(state: &Arc<AppState>, submission: Submission) -> Result<Response, ApiError> {
    let (record, question) = (submission.record.clone(), submission.question.clone());
    let left = Duration::from_millis(record.deadline_ms.saturating_sub(state.broker.now_ms()));
    let wait = Duration::from_millis(state.config.gateway.wait_ms);
    match wait_for_answer(state, submission, wait.min(left)).await {
        Some(source) => {
            Ok(Json(finish_answer(state, &record, question.as_ref(), source).await?).into_response())
        }
        None if wait < left => Ok(pending_response(record.job_id)),
        None => Err(timeout_error(state, &record, question.as_ref())),
    }
}

/// 202 for a job in progress, with the location of its answer.
pub fn pending_response(job_id: JobId) -> Response {
    let location = format!("/api/chat/{job_id}");
    let mut response = (StatusCode::ACCEPTED, Json(JobOutput { job_id, status: "pending" })).into_response();
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(header::LOCATION, location);
    }
    response
}
