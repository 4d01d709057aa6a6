//! What a session may do with its jobs: read the answer, read along, stop, rate.

mod speaker;

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use hoidap_shared::{
    events::Rating,
    job::{JobId, now_ms},
};

use super::{
    JobOutput,
    asked::Asked,
    ending::{Ending, conclude, given_up},
    follow::Follow,
    link::Unavailable,
    pending, request_id, sse,
    taken::limit_other,
};
use crate::{
    api::{ChatResponse, FeedbackRequest},
    app::App,
    body::read_json,
    client::Peer,
    docs::{FeedbackProblems, JobProblems},
    error::{ApiError, Code, FieldError},
    streams::Reader,
};

/// Longest `Last-Event-ID` that makes sense.
const MAX_EVENTS: u64 = 10_000_000;

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
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(job): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let asked = own(&app, peer, &job, &headers).await?;
    let ending = match asked.kept.clone() {
        Some(kept) => Ending::Kept(kept),
        None => match app.link.stored_answer(&asked.job_id).await.map_err(unavailable)? {
            Some(answer) => Ending::Answered(answer),
            None if asked.deadline_ms > now_ms() => return Ok(pending(asked.job_id)),
            None => return Err(given_up(&app, &asked, None)),
        },
    };
    Ok(Json(conclude(&app, &asked, None, ending).await?).into_response())
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
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(job): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let after = last_event(&headers)?;
    let asked = own(&app, peer, &job, &headers).await?;
    let stored = match &asked.kept {
        Some(_) => None,
        None => app.link.stored_answer(&asked.job_id).await.map_err(unavailable)?,
    };
    let done = asked.kept.is_some() || stored.is_some();
    let reader = if after > 0 { Reader::Returning } else { Reader::New };
    let client = app.clients.limit_name(app.clients.address(peer, &headers));
    let open = match done {
        true => None,
        false => {
            let open = app.streams.open(&client, &asked.session_id, &asked.job_id, reader);
            Some(open.inspect_err(|error| count_refusal(&app, peer, &headers, error.name()))?)
        }
    };
    let follow = Follow::new(Arc::clone(&app), asked, None, after, request_id(&headers), open);
    Ok(match (done, stored) {
        (true, Some(answer)) => sse::rest(follow.answered(answer)).await,
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
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(job): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let client = app.clients.limit_name(app.clients.address(peer, &headers));
    let limited = limit_other(&app, "stop", &client).await;
    limited.inspect_err(|_| count_refusal(&app, peer, &headers, "stop_limited"))?;
    let asked = own(&app, peer, &job, &headers).await?;
    let job_id = asked.job_id;
    if asked.kept.is_some() || app.link.stored_answer(&job_id).await.map_err(unavailable)?.is_some() {
        return Ok(Json(JobOutput { job_id, status: "done" }).into_response());
    }
    app.link.stop(&job_id).await.map_err(unavailable)?;
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
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(job): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let client = app.clients.limit_name(app.clients.address(peer, &parts.headers));
    let limited = limit_other(&app, "feedback", &client).await;
    limited.inspect_err(|_| count_refusal(&app, peer, &parts.headers, "feedback_limited"))?;
    let asked = own(&app, peer, &job, &parts.headers).await?;
    let gateway = &app.config.gateway;
    let time = Duration::from_millis(gateway.request_timeout_ms);
    let value = read_json(&parts.headers, body, gateway.max_body_bytes, time).await?;
    let event = FeedbackRequest::admit(value)?.into_event(asked.job_id.clone(), asked.session_id);
    app.link.tell_feedback(&event).await.map_err(unavailable)?;
    app.cache.rate(&asked.job_id, asked.kept_under, event.rating == Rating::Down).await;
    Ok((StatusCode::ACCEPTED, Json(JobOutput { job_id: asked.job_id, status: "done" })).into_response())
}

/// Counts what is refused for its number and is no chat.
fn count_refusal(app: &App, peer: Peer, headers: &HeaderMap, problem: &str) {
    let client = app.clients.name(app.clients.address(peer, headers));
    app.refusals.count(&client, "rejected", problem);
}

/// The job of the session that the request comes from.
///
/// # Errors
/// [`Code::JobUnknown`] for any other job: whether it is there is nobody else's business.
async fn own(app: &App, peer: Peer, job: &str, headers: &HeaderMap) -> Result<Asked, ApiError> {
    let sessions = speaker::sessions(app, peer, headers).await?;
    let unknown = || {
        let detail = "This session has asked no such question within the last hour.";
        ApiError::new(Code::JobUnknown, detail)
    };
    let job: JobId = job.parse().map_err(|_| unknown())?;
    let asked = app.link.asked(&job).await.map_err(unavailable)?;
    asked.filter(|asked| asked.job_id == job && sessions.contains(&asked.session_id)).ok_or_else(unknown)
}

fn unavailable(_: Unavailable) -> ApiError {
    ApiError::new(Code::QueueUnavailable, "The fleet cannot be reached now. Try again in a few seconds.")
}

fn last_event(headers: &HeaderMap) -> Result<u64, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(0) };
    let id = value.to_str().ok().and_then(|text| text.trim().parse().ok()).filter(|id| *id <= MAX_EVENTS);
    id.ok_or_else(|| {
        let error =
            FieldError::parameter("Last-Event-ID", "not_an_id", "must be the id of an event: a whole number");
        ApiError::of_field(Code::FieldsInvalid, error)
    })
}
