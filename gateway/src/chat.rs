//! The chat endpoint: admit, look in the cache, publish, wait. Of the gateway's modules, this one alone touches NATS.

mod arrival;
mod backlog;
mod lag;
mod link;
mod waiters;

use std::{sync::Arc, time::Duration};

use arrival::Arrival;
use axum::{
    Extension, Json,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use hoidap_shared::{
    job::{Answer, Envelope, Outcome, Question},
    phrases::apology,
    text::Language,
};
pub use lag::{Lag, StageLag};
pub use link::Link;
use tracing::{error, warn};

use crate::{
    admit::admit,
    api::{ChatRequest, ChatResponse},
    app::App,
    body::read_json,
    client::Peer,
    docs::ChatProblems,
    error::{ApiError, Code},
    limit::Allowance,
};

/// The stages of the fleet that an answer may depend on, in order.
pub const STAGES: [&str; 3] = ["classifier", "retriever", "generator"];
/// The stage that a question goes to.
pub const FIRST: &str = STAGES[0];

/// Answers a question from the site's documents.
#[utoipa::path(
    post,
    path = "/api/chat",
    tag = "chat",
    request_body = ChatRequest,
    responses((status = 200, description = "An answer", body = ChatResponse), ChatProblems)
)]
pub async fn chat(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    let arrival = Arrival::new(&app, peer, request.headers());
    let mut allowance = None;
    let result = answer(&app, &arrival, request, &mut allowance).await;
    let outcome =
        result.as_ref().map_or_else(|error| error.name().to_string(), |chat| chat.outcome.to_string());
    metrics::histogram!("hoidap_gateway_chat_seconds", "outcome" => outcome).record(arrival.seconds());
    let mut response = result.map(Json).into_response();
    if let Some(allowance) = allowance {
        allowance.write(response.headers_mut());
    }
    response
}

async fn answer(
    app: &App,
    arrival: &Arrival,
    request: Request,
    allowance: &mut Option<Allowance>,
) -> Result<ChatResponse, ApiError> {
    let question = match take(app, arrival, request).await {
        Ok(question) => question,
        Err(error) => {
            app.link.tell(arrival.ended("rejected", Some(error.name()), None)).await;
            return Err(error);
        }
    };
    if let Some(limiter) = &app.limiter {
        let taken = allowance.insert(limiter.take(&arrival.limit_name).await);
        if !taken.allowed {
            app.link
                .tell(arrival.ended("rate_limited", Some(Code::RateLimited.name()), Some(&question)))
                .await;
            let detail = format!("The limit is {} a minute for each client.", taken.limit);
            return Err(ApiError::new(Code::RateLimited, detail).retry_after(taken.retry_after));
        }
    }
    let versions = app.link.fleet().and_then(|fleet| fleet.versions(&STAGES));
    if let Some(versions) = versions
        && let Some(kept) = app.cache.find(&question, &versions).await
    {
        app.link.tell(arrival.cached(&question, &kept, versions)).await;
        let session = question.session_id;
        return Ok(ChatResponse::new(kept, session, arrival.job_id.clone(), true, arrival.seconds()));
    }
    let answer = ask(app, arrival, &question).await?;
    app.cache.keep(&question, &answer).await;
    let session = question.session_id;
    Ok(ChatResponse::new((&answer).into(), session, arrival.job_id.clone(), false, arrival.seconds()))
}

/// Reads and checks a question.
async fn take(app: &App, arrival: &Arrival, request: Request) -> Result<Question, ApiError> {
    let gateway = &app.config.gateway;
    let (parts, body) = request.into_parts();
    let time = Duration::from_millis(gateway.request_timeout_ms);
    let value = read_json(&parts.headers, body, gateway.max_body_bytes, time).await?;
    let request = admit(value, gateway.max_history_turns)?;
    Ok(request.into_question(arrival.client.clone(), gateway.used_history_turns))
}

/// Lets the fleet answer. What is no answer becomes a problem that carries an apology for the visitor.
async fn ask(app: &App, arrival: &Arrival, question: &Question) -> Result<Answer, ApiError> {
    let support = &app.config.support.address;
    let sorry = || apology(Language::guess(&question.message), support);
    let job = arrival.envelope(app, question.clone());
    match app.link.ask(job, arrival.deadline).await {
        Ok(Some(Envelope { body, .. })) if body.outcome == Outcome::Failed => {
            Err(failed(&body).with_job(arrival.job_id.clone()).with_apology(body.text))
        }
        Ok(Some(envelope)) => Ok(envelope.body),
        Ok(None) => {
            warn!(job_id = %arrival.job_id, "no answer in time");
            let detail = format!("No answer within {} ms.", app.config.gateway.answer_timeout_ms);
            Err(ApiError::new(Code::DeadlineExceeded, detail)
                .with_job(arrival.job_id.clone())
                .with_apology(sorry()))
        }
        Err(error) => {
            error!(job_id = %arrival.job_id, %error, "a question could not be published");
            app.link.tell(arrival.ended("failed", Some(Code::QueueUnavailable.name()), Some(question))).await;
            let detail = "The question could not be handed to the fleet. Ask again in a few seconds.";
            Err(ApiError::new(Code::QueueUnavailable, detail).with_apology(sorry()))
        }
    }
}

/// The problem of a job that the fleet could not work on.
fn failed(answer: &Answer) -> ApiError {
    let name = answer.problem.clone().unwrap_or_else(|| Code::JobFailed.name().to_string());
    let (code, detail) = match name.as_str() {
        "deadline_exceeded" => (Code::DeadlineExceeded, "The fleet did not get to the question in time."),
        "too_many_deliveries" | "retries_exhausted" => {
            (Code::JobGivenUp, "The fleet gave up on the question after several tries.")
        }
        _ => (Code::JobFailed, "The fleet could not work on the question."),
    };
    ApiError::new(code, detail).named(name)
}
