//! Endpoints about one job of a session: its answer, its events, stopping it, rating it.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use hoidap_shared::{events::Rating, job::JobId};

use super::chat::pending_response;
use crate::{
    api::{ChatResponse, FeedbackRequest, JobOutput, json_body::read_json},
    auth::job_sessions::claimed_sessions,
    broker_client::{JobRecord, Unavailable},
    chat::{
        answer_follower::AnswerFollower,
        final_answer::{AnswerSource, finish_answer, timeout_error},
        sse,
        submission::{enforce_other_limit, enforce_read_limit},
    },
    error::{ApiError, Code, FieldError},
    identity::client::Peer,
    limits::open_streams::ReaderKind,
    middleware::request_id_text,
    openapi::{FeedbackProblems, JobProblems},
    state::AppState,
};

/// Largest `Last-Event-ID`.
const MAX_EVENT_ID: u64 = 10_000_000;

/// The answer to a question that was asked before.
#[utoipa::path(
    get,
    path = "/api/chat/{job_id}",
    tag = "chat",
    params(
        ("job_id" = String, Path, description = "The job"),
        ("X-Session-Id" = Option<String>, Header, description = "The session that asked, where no token tells it")
    ),
    security((), ("session" = [])),
    responses(
        (status = 200, description = "The answer", body = ChatResponse),
        (status = 202, description = "Not answered yet", body = JobOutput),
        JobProblems
    )
)]
pub async fn answer(
    State(state): State<Arc<AppState>>,
    Extension(peer): Extension<Peer>,
    Path(job): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    limit_reads(&state, peer, &headers).await?;
    let record = own_job_record(&state, peer, &job, &headers).await?;
    let source = match record.cached_answer.clone() {
        Some(answer) => AnswerSource::Cache(answer),
        None => match state.broker.stored_answer(&record.job_id).await.map_err(unavailable_error)? {
            Some(answer) => AnswerSource::Fleet(answer),
            None if record.deadline_ms > state.broker.now_ms() => return Ok(pending_response(record.job_id)),
            None => return Err(timeout_error(&state, &record, None)),
        },
    };
    Ok(Json(finish_answer(&state, &record, None, source).await?).into_response())
}

/// Reads along with a job from its beginning, or from behind the event that `Last-Event-ID` names.
#[utoipa::path(
    get,
    path = "/api/chat/{job_id}/stream",
    tag = "chat",
    params(
        ("job_id" = String, Path, description = "The job"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The latest event that the reader has"),
        ("X-Session-Id" = Option<String>, Header, description = "The session that asked, where no token tells it")
    ),
    security((), ("session" = [])),
    responses(
        (status = 200, description = "Events that end with `done` or `error`", body = sse::EventOutput, content_type = "text/event-stream"),
        (status = 204, description = "The reader has all events already"),
        JobProblems
    )
)]
pub async fn stream(
    State(state): State<Arc<AppState>>,
    Extension(peer): Extension<Peer>,
    Path(job): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let client = limit_reads(&state, peer, &headers).await?;
    let after = last_event(&headers)?;
    let record = own_job_record(&state, peer, &job, &headers).await?;
    let stored = match &record.cached_answer {
        Some(_) => None,
        None => state.broker.stored_answer(&record.job_id).await.map_err(unavailable_error)?,
    };
    let done = record.cached_answer.is_some() || stored.is_some();
    let reader = if after > 0 { ReaderKind::Returning } else { ReaderKind::New };
    let open = match done {
        true => None,
        false => {
            let open = state.stream_limiter.open(&client, &record.session_id, &record.job_id, reader);
            Some(open.inspect_err(|error| count_refusal(&state, peer, &headers, error.name()))?)
        }
    };
    let follow =
        AnswerFollower::new(Arc::clone(&state), record, None, after, request_id_text(&headers), open);
    Ok(match (done, stored) {
        (true, Some(answer)) => sse::rest(follow.with_answer(answer)).await,
        (true, None) => sse::rest(follow).await,
        (false, _) => sse::response(follow),
    })
}

/// Stops a job: no more is written, and its answer is what was written by then.
#[utoipa::path(
    post,
    path = "/api/chat/{job_id}/stop",
    tag = "chat",
    params(
        ("job_id" = String, Path, description = "The job"),
        ("X-Session-Id" = Option<String>, Header, description = "The session that asked, where no token tells it")
    ),
    security((), ("session" = [])),
    responses(
        (status = 200, description = "It was done already", body = JobOutput),
        (status = 202, description = "The fleet was told", body = JobOutput),
        JobProblems
    )
)]
pub async fn stop(
    State(state): State<Arc<AppState>>,
    Extension(peer): Extension<Peer>,
    Path(job): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let client = state.clients.rate_limit_key(state.clients.address(peer, &headers));
    let limited = enforce_other_limit(&state, "stop", &client).await;
    limited.inspect_err(|_| count_refusal(&state, peer, &headers, "stop_limited"))?;
    let record = own_job_record(&state, peer, &job, &headers).await?;
    let job_id = record.job_id;
    if record.cached_answer.is_some()
        || state.broker.stored_answer(&job_id).await.map_err(unavailable_error)?.is_some()
    {
        return Ok(Json(JobOutput { job_id, status: "done" }).into_response());
    }
    state.broker.stop(&job_id).await.map_err(unavailable_error)?;
    Ok((StatusCode::ACCEPTED, Json(JobOutput { job_id, status: "stopping" })).into_response())
}

/// Says whether an answer helped. The last word for a job counts.
#[utoipa::path(
    post,
    path = "/api/chat/{job_id}/feedback",
    tag = "chat",
    params(
        ("job_id" = String, Path, description = "The job"),
        ("X-Session-Id" = Option<String>, Header, description = "The session that asked, where no token tells it")
    ),
    request_body = FeedbackRequest,
    security((), ("session" = [])),
    responses((status = 202, description = "It is recorded", body = JobOutput), FeedbackProblems)
)]
pub async fn feedback(
    State(state): State<Arc<AppState>>,
    Extension(peer): Extension<Peer>,
    Path(job): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let client = state.clients.rate_limit_key(state.clients.address(peer, &parts.headers));
    let limited = enforce_other_limit(&state, "feedback", &client).await;
    limited.inspect_err(|_| count_refusal(&state, peer, &parts.headers, "feedback_limited"))?;
    let record = own_job_record(&state, peer, &job, &parts.headers).await?;
    let gateway = &state.config.gateway;
    let time = Duration::from_millis(gateway.request_timeout_ms);
    let value = read_json(&parts.headers, body, gateway.max_body_bytes, time).await?;
    let feedback = FeedbackRequest::parse(value)?;
    let event = feedback.into_event(record.job_id.clone(), record.session_id, state.broker.now_ms());
    state.broker.publish_feedback(&event).await.map_err(unavailable_error)?;
    state.cache.rate(&record.job_id, record.cache_key, event.rating == Rating::Down).await;
    Ok((StatusCode::ACCEPTED, Json(JobOutput { job_id: record.job_id, status: "done" })).into_response())
}

/// Enforces the client's limit of reads, and counts a refusal. Returns the client's key.
async fn limit_reads(state: &AppState, peer: Peer, headers: &HeaderMap) -> Result<String, ApiError> {
    let client = state.clients.rate_limit_key(state.clients.address(peer, headers));
    let limited = enforce_read_limit(state, &client).await;
    limited.inspect_err(|_| count_refusal(state, peer, headers, "read_limited"))?;
    Ok(client)
}

/// Counts a refused request that is not a chat.
fn count_refusal(state: &AppState, peer: Peer, headers: &HeaderMap, problem: &str) {
    let client = state.clients.hashed_id(state.clients.address(peer, headers));
    state.refused_requests.count(&client, "rejected", problem);
}

/// The record of a job that belongs to the request's session.
///
/// # Errors
/// [`Code::JobUnknown`] for any other job, so that other sessions' jobs cannot be probed.
async fn own_job_record(
    state: &AppState,
    peer: Peer,
    job: &str,
    headers: &HeaderMap,
) -> Result<JobRecord, ApiError> {
    let sessions = claimed_sessions(state, peer, headers).await?;
    let unknown = || {
        let detail = "This session has asked no such question within the last hour.";
        ApiError::new(Code::JobUnknown, detail)
    };
    let job: JobId = job.parse().map_err(|_| unknown())?;
    let record = state.broker.job_record(&job).await.map_err(unavailable_error)?;
    record.filter(|record| record.job_id == job && sessions.contains(&record.session_id)).ok_or_else(unknown)
}

fn unavailable_error(_: Unavailable) -> ApiError {
    ApiError::new(Code::QueueUnavailable, "The fleet cannot be reached now. Try again in a few seconds.")
}

fn last_event(headers: &HeaderMap) -> Result<u64, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(0) };
    let id = value.to_str().ok().and_then(|text| text.trim().parse().ok()).filter(|id| *id <= MAX_EVENT_ID);
    id.ok_or_else(|| {
        let error =
            FieldError::parameter("Last-Event-ID", "not_an_id", "must be the id of an event: a whole number");
        ApiError::of_field(Code::FieldsInvalid, error)
    })
}
