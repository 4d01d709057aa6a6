//! Answer events as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    http::{HeaderName, HeaderValue},
    response::{
        IntoResponse as _, Response,
        sse::{Event as Frame, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt as _, stream};
use hoidap_shared::{job::JobId, progress::VoidReason};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    answer_follower::AnswerFollower,
    event_fold::{AnswerEvent, NumberedEvent},
};
use crate::error::Problem;

/// One server-sent event. `data` is JSON, by the event's name: `accepted` `{job_id}`, `stage` `{name}`, `sources` a list of
/// passages, `draft` `{text, citations}` (a quotation that may stand until the first `delta`), `delta` `{text}`, `citation` as in an
/// answer, `restart` `{reason}` (the text and citations so far are void), and at the end `done` with the whole answer or `error`
/// `{problem}`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct EventOutput {
    /// Rises by one from 1.
    #[schema(pattern = "^[0-9]+$")]
    id: String,
    /// Its name.
    #[schema(value_type = EventName)]
    event: String,
    /// JSON.
    data: String,
}

/// The names of events.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
pub enum EventName {
    /// The question is taken.
    Accepted,
    /// A stage begins.
    Stage,
    /// The passages that the answer is written from.
    Sources,
    /// A quotation that stands until the answer is told.
    Draft,
    /// The answer goes on.
    Delta,
    /// A sentence is supported.
    Citation,
    /// What was told is void.
    Restart,
    /// The answer is whole.
    Done,
    /// There is no answer.
    Error,
}

/// Interval of comments that keep an idle connection open.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// All further events of a job, as a response.
pub fn response(follow: AnswerFollower) -> Response {
    let events = stream::unfold(follow, |mut follow| async { Some((follow.next().await?, follow)) });
    body(events)
}

/// The remaining events of a job that is done; 204 when the reader has all, which stops a browser from reconnecting.
pub async fn rest(mut follow: AnswerFollower) -> Response {
    let mut events = Vec::new();
    while let Some(event) = follow.next().await {
        events.push(event);
    }
    if events.is_empty() {
        return axum::http::StatusCode::NO_CONTENT.into_response();
    }
    body(stream::iter(events))
}

fn body(events: impl Stream<Item = NumberedEvent> + Send + 'static) -> Response {
    frames(events.map(|event| Ok(frame(event))))
}

/// A stream of events as a response.
pub fn frames(frames: impl Stream<Item = Result<Frame, Infallible>> + Send + 'static) -> Response {
    let mut response = Sse::new(frames).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    // Proxies that buffer responses would delay the events.
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

#[derive(Serialize)]
struct Accepted<'a> {
    job_id: &'a JobId,
}

#[derive(Serialize)]
struct StageData<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct DeltaData<'a> {
    text: &'a str,
}

#[derive(Serialize)]
struct Restart {
    reason: VoidReason,
}

#[derive(Serialize)]
struct Failure<'a> {
    problem: &'a Problem,
}

fn frame((id, event): NumberedEvent) -> Frame {
    let empty = Frame::default().id(id.to_string());
    let named = match &event {
        AnswerEvent::Accepted { job_id } => empty.event("accepted").json_data(Accepted { job_id }),
        AnswerEvent::Stage { name } => empty.event("stage").json_data(StageData { name }),
        AnswerEvent::Sources(sources) => empty.event("sources").json_data(sources),
        AnswerEvent::Draft(draft) => empty.event("draft").json_data(draft),
        AnswerEvent::Delta { text } => empty.event("delta").json_data(DeltaData { text }),
        AnswerEvent::Citation(citation) => empty.event("citation").json_data(citation),
        AnswerEvent::Restart { reason } => empty.event("restart").json_data(Restart { reason: *reason }),
        AnswerEvent::Done(response) => empty.event("done").json_data(response),
        AnswerEvent::Error(problem) => empty.event("error").json_data(Failure { problem }),
    };
    // Texts, numbers and lists of them always serialize to JSON.
    named.unwrap_or_default()
}
