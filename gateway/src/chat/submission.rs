//! From a request to a job: validated, rate limited, looked up in the cache, or published.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::Request,
    http::{HeaderMap, header},
};
use hoidap_shared::{
    job::{JobId, Question},
    phrases::apology,
    stage::STAGES,
    subjects::MAX_JOB_BODY_BYTES,
    text::Language,
};
use serde_json::Value;
use tracing::error;

use super::{answer_follower::AnswerFollower, request_context::RequestContext};
use crate::{
    api::chat_validation::parse_chat_request,
    api::json_body::read_json,
    auth::visitor::visitor,
    broker_client::{AnswerSubscription, JobRecord, Unavailable, question_digest},
    error::{ApiError, Code, FieldError},
    identity::sessions::{VERIFIED_PREFIX, Visitor},
    limits::open_streams::{OpenStream, ReaderKind},
    limits::rate_limit::{RateLimitStatus, RateLimiter},
    state::AppState,
    storage::cache::CacheHit,
};

/// Longest `Idempotency-Key`, in characters.
const MAX_KEY: usize = 128;

/// A validated question that is not submitted yet.
pub struct NewQuestion {
    /// Who asks.
    pub visitor: Visitor,
    /// The question.
    pub question: Question,
    /// The request's `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Whether the answer is streamed.
    pub stream: bool,
}

/// An accepted question.
pub struct Submission {
    /// The job's record.
    pub record: JobRecord,
    /// The question; `None` for a repeated request.
    pub question: Option<Question>,
    /// The subscription to the answer, from before the job was published.
    pub subscription: Option<AnswerSubscription>,
    /// The open stream, for an answer that is streamed.
    pub open: Option<OpenStream>,
}

impl Submission {
    /// Follows the job from its beginning.
    pub fn follow(self, state: &Arc<AppState>, request_id: String) -> AnswerFollower {
        AnswerFollower::new(Arc::clone(state), self.record, self.question, 0, request_id, self.open)
    }
}

/// Submits the question of a `/api/chat` request. Every chat that ends in the gateway gets an event.
pub async fn submit_request(
    state: &AppState,
    request_context: RequestContext,
    request: Request,
    allowance: &mut Option<RateLimitStatus>,
) -> Result<Submission, ApiError> {
    let read = async {
        let key = idempotency_key(request.headers())?;
        let streams = accepts_events(request.headers());
        let (parts, body) = request.into_parts();
        let gateway = &state.config.gateway;
        let time = Duration::from_millis(gateway.request_timeout_ms);
        let value = read_json(&parts.headers, body, gateway.max_body_bytes, time).await?;
        Ok((visitor(state, &parts.headers).await?, value, key, streams))
    };
    let (visitor, value, key, streams) = match read.await {
        Ok(read) => read,
        Err(error) => return reject_malformed(state, &request_context, error).await,
    };
    let stream = streams || value.get("stream").and_then(Value::as_bool).unwrap_or(false);
    let question = match parse_question(state, &request_context, &visitor, value) {
        Ok(question) => question,
        Err(error) => return reject_malformed(state, &request_context, error).await,
    };
    let new = NewQuestion { visitor, question, idempotency_key: key, stream };
    submit_question(state, request_context, new, allowance).await
}

/// Rejects a malformed request, with `rate_limited` after too many of them.
pub async fn reject_malformed<T>(
    state: &AppState,
    request_context: &RequestContext,
    error: ApiError,
) -> Result<T, ApiError> {
    let error =
        enforce_other_limit(state, "malformed", &request_context.rate_limit_key).await.err().unwrap_or(error);
    reject(state, request_context, "rejected", error, None).await
}

/// Records a refused chat and returns its error.
async fn reject<T>(
    state: &AppState,
    request_context: &RequestContext,
    outcome: &'static str,
    error: ApiError,
    question: Option<&Question>,
) -> Result<T, ApiError> {
    if state.refused_requests.report_individually(&request_context.client, outcome, error.name()) {
        state
            .broker
            .publish_chat_event(request_context.chat_event(outcome, Some(error.name()), question))
            .await;
    }
    request_context.record_duration(error.name());
    Err(error)
}

/// Enforces the rate limit of requests that are not new questions.
///
/// # Errors
/// [`Code::RateLimited`] when the limit is reached.
pub async fn enforce_other_limit(state: &AppState, kind: &str, client: &str) -> Result<(), ApiError> {
    enforce_limit(state.other_limiter.as_ref(), kind, client).await
}

/// Enforces the rate limit of reading answers.
///
/// # Errors
/// [`Code::RateLimited`] when the limit is reached.
pub async fn enforce_read_limit(state: &AppState, client: &str) -> Result<(), ApiError> {
    enforce_limit(state.read_limiter.as_ref(), "read", client).await
}

async fn enforce_limit(limiter: Option<&RateLimiter>, kind: &str, client: &str) -> Result<(), ApiError> {
    let Some(limiter) = limiter else { return Ok(()) };
    let status = limiter.take(&format!("{kind}.{client}")).await;
    if status.allowed {
        return Ok(());
    }
    let detail = format!("The limit is {} such requests a minute for each client.", status.limit);
    Err(ApiError::new(Code::RateLimited, detail).retry_after(status.retry_after))
}

/// Submits a validated question: answers it from the cache or publishes it as a job.
pub async fn submit_question(
    state: &AppState,
    request_context: RequestContext,
    new: NewQuestion,
    allowance: &mut Option<RateLimitStatus>,
) -> Result<Submission, ApiError> {
    let NewQuestion { visitor, mut question, idempotency_key, stream } = new;
    // The same session and key always give the same id, under which one job is recorded.
    let request = idempotency_key.map(|key| JobId::from_parts(&["request", &question.session_id, &key]));
    let request = request.as_ref();
    let mut record = JobRecord {
        job_id: request_context.job_id.clone(),
        session_id: question.session_id.clone(),
        digest: question_digest(&question),
        asked_ms: request_context.accepted_ms,
        deadline_ms: request_context.accepted_ms + state.config.gateway.answer_timeout_ms,
        stream,
        remembered: matches!(visitor, Visitor::Verified(_)),
        cached_answer: None,
        cache_key: None,
    };
    if let Some(request) = request
        && let Some(before) =
            state.broker.job_record(request).await.map_err(|e| unavailable_error(state, &question, e))?
    {
        return resubmit(state, request_context, Some(request), before, record, question).await;
    }
    let open = match open_stream(state, &request_context, &record, ReaderKind::New) {
        Ok(open) => open,
        Err(error) => return reject(state, &request_context, "rate_limited", error, Some(&question)).await,
    };
    enforce_rate_limit(state, &request_context, &question, allowance).await?;
    add_history(state, &record, &mut question).await;
    let versions = state.broker.fleet().and_then(|fleet| fleet.versions(&STAGES));
    if let Some(versions) = versions
        && let Some(CacheHit { answer, key }) = state.cache.lookup(&question, &versions).await
    {
        record.cache_key = Some(key);
        record.cached_answer = Some(Box::new(answer.clone()));
        // Claimed before the event is published: requests with the same key are one chat. If the record is not stored, the
        // visitor still gets the answer, but can neither resume nor rate it.
        if let Ok(Some(before)) = state.broker.claim_request(request, &record).await {
            drop(open);
            return resubmit(state, request_context, request, before, record, question).await;
        }
        let ((), _) = tokio::join!(
            state.broker.publish_chat_event(request_context.cached_event(&question, &answer, versions)),
            state.broker.store_job_record(&record.job_id, &record)
        );
        request_context.record_duration("cached");
        return Ok(Submission { record, question: Some(question), subscription: None, open });
    }
    let subscription = state.broker.subscribe(record.job_id.clone());
    let job = match encode_job(state, &request_context, &question, stream) {
        Ok(job) => job,
        Err(error) => return reject(state, &request_context, "rejected", error, Some(&question)).await,
    };
    let published = match state.broker.claim_request(request, &record).await {
        Ok(Some(before)) => {
            drop(open);
            return resubmit(state, request_context, request, before, record, question).await;
        }
        Ok(None) => {
            let (recorded, published_job) = tokio::join!(
                state.broker.store_job_record(&record.job_id, &record),
                state.broker.publish_job(&record.job_id, job)
            );
            let done = recorded.is_ok() && published_job.is_ok();
            let may_run = published_job.as_ref().map_or_else(|error| error.in_doubt, |()| true);
            // A client that has the key may ask for the job again.
            if !done && may_run && request.is_none() {
                state.broker.abandon_job(&record.job_id).await;
            }
            recorded.and(published_job.map_err(Unavailable::from))
        }
        Err(error) => Err(error),
    };
    if let Err(error) = published {
        state
            .broker
            .publish_chat_event(request_context.chat_event(
                "failed",
                Some(Code::QueueUnavailable.name()),
                Some(&question),
            ))
            .await;
        request_context.record_duration(Code::QueueUnavailable.name());
        return Err(unavailable_error(state, &question, error));
    }
    Ok(Submission { record, question: Some(question), subscription: Some(subscription), open })
}

/// Opens a stream, where the request asks for one.
fn open_stream(
    state: &AppState,
    request_context: &RequestContext,
    record: &JobRecord,
    reader: ReaderKind,
) -> Result<Option<OpenStream>, ApiError> {
    if !record.stream {
        return Ok(None);
    }
    state
        .stream_limiter
        .open(&request_context.rate_limit_key, &record.session_id, &record.job_id, reader)
        .map(Some)
}

/// The job's message.
///
/// # Errors
/// [`Code::BodyTooLarge`] when the question and its history are more than a message may hold.
fn encode_job(
    state: &AppState,
    request_context: &RequestContext,
    question: &Question,
    stream: bool,
) -> Result<Vec<u8>, ApiError> {
    let job = request_context.envelope(state, question.clone(), stream);
    let bytes = job.encode().map_err(|error| ApiError::new(Code::Internal, error.to_string()))?;
    if bytes.len() <= MAX_JOB_BODY_BYTES {
        return Ok(bytes);
    }
    let detail = format!(
        "With its context and history the question has {} bytes, {MAX_JOB_BODY_BYTES} are allowed: send a shorter \
         context, or fewer turns.",
        bytes.len()
    );
    Err(ApiError::new(Code::BodyTooLarge, detail))
}

/// Adds the conversation so far, where the gateway keeps it.
async fn add_history(state: &AppState, record: &JobRecord, question: &mut Question) {
    if record.remembered {
        question.history = state.history.turns(&record.session_id).await;
    }
}

/// Handles a repeated request: the same job. The gateway that accepted it first may have died or failed before publishing
/// the job.
async fn resubmit(
    state: &AppState,
    mut request_context: RequestContext,
    request: Option<&JobId>,
    before: JobRecord,
    now: JobRecord,
    mut question: Question,
) -> Result<Submission, ApiError> {
    if let Err(error) = enforce_other_limit(state, "repeat", &request_context.rate_limit_key).await {
        return reject(state, &request_context, "rejected", error, None).await;
    }
    if before.digest != now.digest {
        return reject_malformed(state, &request_context, key_reused_error()).await;
    }
    request_context.job_id = before.job_id.clone();
    let first_stream = before.stream;
    // Only a job that was submitted for streaming has a progress log.
    let mut record = JobRecord { stream: now.stream, ..before.clone() };
    let open = match open_stream(state, &request_context, &record, ReaderKind::Returning) {
        Ok(open) => open,
        Err(error) => return reject(state, &request_context, "rate_limited", error, None).await,
    };
    if record.cached_answer.is_some() {
        // The first gateway may have died before storing this. Without it the client still gets the answer.
        let _ = state.broker.store_job_record(&record.job_id, &before).await;
    }
    let subscription = state.broker.subscribe(record.job_id.clone());
    let unanswered =
        || async { state.broker.stored_answer(&record.job_id).await.map(|answer| answer.is_none()) };
    if record.cached_answer.is_none()
        && unanswered().await.map_err(|error| unavailable_error(state, &question, error))?
    {
        add_history(state, &record, &mut question).await;
        let job = encode_job(state, &request_context, &question, first_stream)?;
        // Where the job is published only now, it has the time of a new one.
        record.deadline_ms = now.deadline_ms;
        let renewed = JobRecord { deadline_ms: now.deadline_ms, ..before };
        let publish_job = async { Ok(state.broker.publish_job(&record.job_id, job).await?) };
        let published = tokio::try_join!(state.broker.replace_job_record(request, &renewed), publish_job);
        published.map_err(|error| unavailable_error(state, &question, error))?;
    }
    Ok(Submission { record, question: None, subscription: Some(subscription), open })
}

fn key_reused_error() -> ApiError {
    let detail = "belongs to a request with another body: give each question a key of its own";
    ApiError::of_field(Code::IdempotencyKeyReused, FieldError::parameter("Idempotency-Key", "reused", detail))
}

fn unavailable_error(state: &AppState, question: &Question, error: Unavailable) -> ApiError {
    error!(%error, "a question could not be published");
    let detail = "The question could not be handed to the fleet. Ask again in a few seconds.";
    let sorry = apology(Language::guess(&question.message), &state.config.support.address);
    ApiError::new(Code::QueueUnavailable, detail).with_apology(sorry)
}

/// Enforces the client's rate limit.
async fn enforce_rate_limit(
    state: &AppState,
    request_context: &RequestContext,
    question: &Question,
    allowance: &mut Option<RateLimitStatus>,
) -> Result<(), ApiError> {
    let Some(limiter) = &state.chat_limiter else { return Ok(()) };
    let status = allowance.insert(limiter.take(&request_context.rate_limit_key).await);
    if status.allowed {
        return Ok(());
    }
    let detail = format!("The limit is {} a minute for each client.", status.limit);
    let error = ApiError::new(Code::RateLimited, detail).retry_after(status.retry_after);
    reject(state, request_context, "rate_limited", error, Some(question)).await
}

/// Validates a body. With a session token, the body's own session and history are ignored.
fn parse_question(
    state: &AppState,
    request_context: &RequestContext,
    visitor: &Visitor,
    mut value: Value,
) -> Result<Question, ApiError> {
    match (visitor, value.as_object_mut()) {
        (Visitor::Verified(session), Some(fields)) => {
            fields.insert("session_id".into(), Value::String(session.clone()));
            fields.remove("history");
        }
        (Visitor::Anonymous, Some(fields)) => {
            let claimed = fields.get("session_id").and_then(Value::as_str);
            if claimed.is_some_and(|session| session.starts_with(VERIFIED_PREFIX)) {
                let detail = format!("may begin with `{VERIFIED_PREFIX}` only beside that session's token");
                let error = FieldError::field("/session_id", "reserved", detail);
                return Err(ApiError::of_field(Code::FieldsInvalid, error));
            }
        }
        (_, None) => {}
    }
    let gateway = &state.config.gateway;
    let request = parse_chat_request(value, gateway.max_history_turns)?;
    Ok(request.into_question(request_context.client.clone(), gateway.used_history_turns))
}

fn accepts_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream")
    })
}

pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
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
