//! From a request to a job: who asks, what, whether they may, and whether it is answered already.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::Request,
    http::{HeaderMap, header},
};
use hoidap_shared::{
    job::{JobId, Question},
    phrases::apology,
    text::Language,
};
use serde_json::Value;
use tracing::error;

use super::{
    arrival::Arrival,
    asked::{Asked, digest},
    follow::Follow,
    link::Unavailable,
    waiters::Place,
};
use crate::{
    admit::admit,
    app::App,
    body::read_json,
    cache::Found,
    error::{ApiError, Code, FieldError},
    limit::Allowance,
    sessions::{self, VOUCHED, Visitor},
    streams::{OpenStream, Reader},
};

/// Longest name of a request, in characters.
const MAX_KEY: usize = 128;

/// A question that was taken in.
pub(super) struct Taken {
    /// Who asked what.
    pub(super) asked: Asked,
    /// The question.
    pub(super) question: Option<Question>,
    /// A place among those who wait for the job, taken before it was published.
    pub(super) place: Option<Place>,
    /// The stream that the answer is told on, if it is.
    pub(super) open: Option<OpenStream>,
}

impl Taken {
    /// Reads along from the beginning.
    pub(super) fn follow(self, app: &Arc<App>, request_id: String) -> Follow {
        Follow::new(Arc::clone(app), self.asked, self.question, 0, request_id, self.open)
    }
}

/// Takes a question in: checked, counted, found in the cache or handed to the fleet. Every chat that ends here is told of.
pub(super) async fn take(
    app: &App,
    arrival: Arrival,
    request: Request,
    allowance: &mut Option<Allowance>,
) -> Result<Taken, ApiError> {
    let read = async {
        let key = idempotency_key(request.headers())?;
        let streams = accepts_events(request.headers());
        let (parts, body) = request.into_parts();
        let gateway = &app.config.gateway;
        let time = Duration::from_millis(gateway.request_timeout_ms);
        let value = read_json(&parts.headers, body, gateway.max_body_bytes, time).await?;
        Ok((sessions::visitor(app, &parts.headers).await?, value, key, streams))
    };
    let (visitor, value, key, streams) = match read.await {
        Ok(read) => read,
        Err(error) => return rejected(app, &arrival, error).await,
    };
    let stream = streams || value.get("stream").and_then(Value::as_bool).unwrap_or(false);
    let question = match question(app, &arrival, &visitor, value) {
        Ok(question) => question,
        Err(error) => return rejected(app, &arrival, error).await,
    };
    take_question(app, arrival, visitor, question, key, stream, allowance).await
}

/// Refuses a request that is malformed, and after too many of them that it was made at all.
pub(super) async fn rejected<T>(app: &App, arrival: &Arrival, error: ApiError) -> Result<T, ApiError> {
    let error = limit_other(app, "malformed", &arrival.limit_name).await.err().unwrap_or(error);
    refused(app, arrival, "rejected", error, None).await
}

/// Tells of a chat that is refused.
async fn refused<T>(
    app: &App,
    arrival: &Arrival,
    outcome: &'static str,
    error: ApiError,
    question: Option<&Question>,
) -> Result<T, ApiError> {
    if app.refusals.is_single(&arrival.client, outcome, error.name()) {
        app.link.tell(arrival.ended(outcome, Some(error.name()), question)).await;
    }
    arrival.measure(error.name());
    Err(error)
}

/// Counts what is no new question against its own limit.
///
/// # Errors
/// [`Code::RateLimited`] when it is used up.
pub(super) async fn limit_other(app: &App, kind: &str, client: &str) -> Result<(), ApiError> {
    let Some(limiter) = &app.other_limiter else { return Ok(()) };
    let taken = limiter.take(&format!("{kind}.{client}")).await;
    if taken.allowed {
        return Ok(());
    }
    let detail = format!("The limit is {} such requests a minute for each client.", taken.limit);
    Err(ApiError::new(Code::RateLimited, detail).retry_after(taken.retry_after))
}

/// The same for a question that is checked.
pub(super) async fn take_question(
    app: &App,
    arrival: Arrival,
    visitor: Visitor,
    mut question: Question,
    key: Option<String>,
    stream: bool,
    allowance: &mut Option<Allowance>,
) -> Result<Taken, ApiError> {
    // The same session and key always give the same name, under which one request is recorded, with its job.
    let request = key.map(|key| JobId::from_parts(&["request", &question.session_id, &key]));
    let mut asked = Asked {
        job_id: arrival.job_id.clone(),
        session_id: question.session_id.clone(),
        digest: digest(&question),
        asked_ms: arrival.accepted_ms,
        deadline_ms: arrival.accepted_ms + app.config.gateway.answer_timeout_ms,
        stream,
        remembered: matches!(visitor, Visitor::Vouched(_)),
        kept: None,
        kept_under: None,
    };
    if let Some(request) = &request
        && let Some(before) = app.link.asked(request).await.map_err(|e| unavailable(app, &question, e))?
    {
        return again(app, arrival, before, asked, question).await;
    }
    let open = match opened(app, &arrival, &asked, Reader::New) {
        Ok(open) => open,
        Err(error) => return refused(app, &arrival, "rate_limited", error, Some(&question)).await,
    };
    count(app, &arrival, &question, allowance).await?;
    if let Visitor::Vouched(session) = &visitor {
        question.history = app.history.of(session).await;
    }
    let versions = app.link.fleet().and_then(|fleet| fleet.versions(&super::STAGES));
    if let Some(versions) = versions
        && let Some(Found { answer: kept, key }) = app.cache.find(&question, &versions).await
    {
        asked.kept_under = Some(key);
        asked.kept = Some(Box::new(kept.clone()));
        // Recorded before it is told: of requests with one name, one is a chat. Without the record, the visitor can neither
        // resume nor rate an answer that they get at once all the same.
        if let Ok(Some(before)) = app.link.claim(request.as_ref(), &asked).await {
            drop(open);
            return again(app, arrival, before, asked, question).await;
        }
        let ((), _) = tokio::join!(
            app.link.tell(arrival.cached(&question, &kept, versions)),
            app.link.record(&asked.job_id, &asked)
        );
        arrival.measure("cached");
        return Ok(Taken { asked, question: Some(question), place: None, open });
    }
    let place = app.link.wait_for(asked.job_id.clone());
    let job = arrival.envelope(app, question.clone(), stream);
    let published = match app.link.claim(request.as_ref(), &asked).await {
        Ok(Some(before)) => {
            drop(open);
            return again(app, arrival, before, asked, question).await;
        }
        Ok(None) => {
            let (recorded, handed_over) =
                tokio::join!(app.link.record(&asked.job_id, &asked), app.link.hand_over(&job));
            let done = recorded.is_ok() && handed_over.is_ok();
            if !done && handed_over.as_ref().map_or_else(|error| error.in_doubt, |()| true) {
                app.link.abandon(&asked.job_id, request.is_some()).await;
            }
            recorded.and(handed_over.map_err(Unavailable::from))
        }
        Err(error) => Err(error),
    };
    if let Err(error) = published {
        app.link.tell(arrival.ended("failed", Some(Code::QueueUnavailable.name()), Some(&question))).await;
        arrival.measure(Code::QueueUnavailable.name());
        return Err(unavailable(app, &question, error));
    }
    Ok(Taken { asked, question: Some(question), place: Some(place), open })
}

/// The stream on which an answer is told, where one is asked for.
fn opened(
    app: &App,
    arrival: &Arrival,
    asked: &Asked,
    reader: Reader,
) -> Result<Option<OpenStream>, ApiError> {
    if !asked.stream {
        return Ok(None);
    }
    app.streams.open(&arrival.limit_name, &asked.session_id, &asked.job_id, reader).map(Some)
}

/// A request that was sent before: the same job. Whoever took it first may have died before the job was published.
async fn again(
    app: &App,
    mut arrival: Arrival,
    before: Asked,
    now: Asked,
    question: Question,
) -> Result<Taken, ApiError> {
    if let Err(error) = limit_other(app, "repeat", &arrival.limit_name).await {
        return refused(app, &arrival, "rejected", error, None).await;
    }
    if before.digest != now.digest {
        return rejected(app, &arrival, reused()).await;
    }
    arrival.job_id = before.job_id.clone();
    let told = before.stream;
    // Only a job that was asked for in this way has a log to read along.
    let asked = Asked { stream: now.stream, ..before.clone() };
    let open = match opened(app, &arrival, &asked, Reader::Returning) {
        Ok(open) => open,
        Err(error) => return refused(app, &arrival, "rate_limited", error, None).await,
    };
    if asked.kept.is_some() {
        // Whoever took it first may have died before this was stored; without it, they get the answer all the same.
        let _ = app.link.record(&asked.job_id, &before).await;
    }
    let place = app.link.wait_for(asked.job_id.clone());
    let unanswered = || async { app.link.stored_answer(&asked.job_id).await.map(|answer| answer.is_none()) };
    if asked.kept.is_none() && unanswered().await.map_err(|error| unavailable(app, &question, error))? {
        let job = arrival.envelope(app, question.clone(), told);
        let hand_over = async { Ok(app.link.hand_over(&job).await?) };
        let published = tokio::try_join!(app.link.record(&asked.job_id, &before), hand_over);
        published.map_err(|error| unavailable(app, &question, error))?;
    }
    Ok(Taken { asked, question: None, place: Some(place), open })
}

fn reused() -> ApiError {
    let detail = "belongs to a request with another body: give each question a key of its own";
    ApiError::of_field(Code::IdempotencyKeyReused, FieldError::parameter("Idempotency-Key", "reused", detail))
}

fn unavailable(app: &App, question: &Question, error: Unavailable) -> ApiError {
    error!(%error, "a question could not be published");
    let detail = "The question could not be handed to the fleet. Ask again in a few seconds.";
    let sorry = apology(Language::guess(&question.message), &app.config.support.address);
    ApiError::new(Code::QueueUnavailable, detail).with_apology(sorry)
}

/// Counts the question against its client's limit.
async fn count(
    app: &App,
    arrival: &Arrival,
    question: &Question,
    allowance: &mut Option<Allowance>,
) -> Result<(), ApiError> {
    let Some(limiter) = &app.limiter else { return Ok(()) };
    let taken = allowance.insert(limiter.take(&arrival.limit_name).await);
    if taken.allowed {
        return Ok(());
    }
    let detail = format!("The limit is {} a minute for each client.", taken.limit);
    let error = ApiError::new(Code::RateLimited, detail).retry_after(taken.retry_after);
    refused(app, arrival, "rate_limited", error, Some(question)).await
}

/// Checks a body. What a vouched session's client says of session and history does not count.
fn question(app: &App, arrival: &Arrival, visitor: &Visitor, mut value: Value) -> Result<Question, ApiError> {
    match (visitor, value.as_object_mut()) {
        (Visitor::Vouched(session), Some(fields)) => {
            fields.insert("session_id".into(), Value::String(session.clone()));
            fields.remove("history");
        }
        (Visitor::Unknown, Some(fields)) => {
            let claimed = fields.get("session_id").and_then(Value::as_str);
            if claimed.is_some_and(|session| session.starts_with(VOUCHED)) {
                let detail = format!("may begin with `{VOUCHED}` only beside that session's token");
                let error = FieldError::field("/session_id", "reserved", detail);
                return Err(ApiError::of_field(Code::FieldsInvalid, error));
            }
        }
        (_, None) => {}
    }
    let gateway = &app.config.gateway;
    let request = admit(value, gateway.max_history_turns)?;
    Ok(request.into_question(arrival.client.clone(), gateway.used_history_turns))
}

fn accepts_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream")
    })
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let fits = (1..=MAX_KEY).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic);
    match value.to_str() {
        Ok(key) if fits => Ok(Some(key.to_string())),
        _ => {
            let detail = format!("must have 1 to {MAX_KEY} visible ASCII characters");
            let error = FieldError::parameter("Idempotency-Key", "malformed", detail);
            Err(ApiError::of_field(Code::FieldsInvalid, error))
        }
    }
}
