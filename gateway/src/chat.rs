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
pub use link::Link;
pub use openai::{
    __path_completions, __path_model, __path_models, ErrorOutput, completions, model, models, speaks_openai,
};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::{
    api::{ChatRequest, ChatResponse},
    app::App,
    client::Peer,
    docs::ChatProblems,
    error::ApiError,
};
use arrival::Arrival;
use asked::Asked;
use ending::{Ending, conclude, given_up};
use taken::{Taken, take};

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
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    let arrival = Arrival::new(&app, peer, request.headers());
    let request_id = request_id(request.headers());
    let mut allowance = None;
    let result = match take(&app, arrival, request, &mut allowance).await {
        Ok(taken) if taken.asked.stream => Ok(sse::response(taken.follow(&app, request_id))),
        Ok(taken) => whole(&app, taken).await,
        Err(error) => Err(error),
    };
    let mut response = result.unwrap_or_else(ApiError::into_response);
    if let Some(allowance) = allowance {
        allowance.write(response.headers_mut());
    }
    response
}

/// The answer in one piece, or word of where it will be.
async fn whole(app: &Arc<App>, taken: Taken) -> Result<Response, ApiError> {
    let (asked, question) = (taken.asked.clone(), taken.question.clone());
    let left = Duration::from_millis(asked.deadline_ms.saturating_sub(now_ms()));
    let wait = Duration::from_millis(app.config.gateway.wait_ms);
    match ended(app, taken, wait.min(left)).await {
        Some(ending) => Ok(Json(conclude(app, &asked, question.as_ref(), ending).await?).into_response()),
        None if wait < left => Ok(pending(asked.job_id)),
        None => Err(given_up(app, &asked, question.as_ref())),
    }
}

/// The answer in one piece, however long it takes.
async fn until_done(app: &Arc<App>, taken: Taken) -> Result<ChatResponse, ApiError> {
    let (asked, question) = (taken.asked.clone(), taken.question.clone());
    let left = Duration::from_millis(asked.deadline_ms.saturating_sub(now_ms()));
    match ended(app, taken, left).await {
        Some(ending) => conclude(app, &asked, question.as_ref(), ending).await,
        None => Err(given_up(app, &asked, question.as_ref())),
    }
}

/// The end of a job, if it comes within `time`.
async fn ended(app: &Arc<App>, taken: Taken, time: Duration) -> Option<Ending> {
    let Asked { job_id, kept, .. } = taken.asked;
    if let Some(kept) = kept {
        return Some(Ending::Kept(kept));
    }
    // A request that was sent before may be answered already, and nobody tells of that again.
    if taken.question.is_none()
        && let Ok(Some(answer)) = app.link.stored_answer(&job_id).await
    {
        return Some(Ending::Answered(answer));
    }
    let end = Instant::now() + time;
    let grace = Duration::from_millis(app.config.gateway.stream_grace_ms);
    let mut reader = app.link.reader(job_id.clone(), grace);
    let place = taken.place.unwrap_or_else(|| app.link.wait_for(job_id.clone()));
    let answer = app.link.answer(&job_id, place, end).await;
    reader.done();
    answer.map(Ending::Answered)
}

/// Word that a job is worked on, and where its answer will be.
fn pending(job_id: JobId) -> Response {
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
