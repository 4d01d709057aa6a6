//! `POST /v1/chat/completions` as OpenAI's clients speak it, with the fleet behind it.

mod chunks;
mod request;

use std::sync::Arc;

use axum::{
    Extension, Json,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    arrival::Arrival,
    taken::{Taken, idempotency_key, rejected, take_question},
    until_done,
};
use crate::{
    api::ChatResponse,
    app::App,
    client::Peer,
    docs::CompletionProblems,
    error::{ApiError, Code},
    guesses::{Secret, is_secret, too_many},
    sessions::Visitor,
};
use request::Completion;
pub(super) use request::CompletionRequest;

/// The name of the model that clients are told.
const MODEL: &str = "hoidap";

/// An error as OpenAI's clients expect it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorOutput {
    error: ErrorBody,
}

#[derive(Debug, Serialize, ToSchema)]
struct ErrorBody {
    /// What is wrong and what to do.
    message: String,
    /// `invalid_request_error`, `rate_limit_error` or `server_error`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The field that is wrong.
    param: Option<String>,
    /// The kind of problem, for programs.
    code: String,
}

impl From<&ApiError> for ErrorOutput {
    fn from(error: &ApiError) -> Self {
        let kind = match error.code().status().as_u16() {
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "server_error",
        };
        let message = error.detail().to_string();
        Self { error: ErrorBody { message, kind, param: error.place(), code: error.name().to_string() } }
    }
}

/// A completed answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CompletionOutput {
    id: String,
    #[schema(value_type = String)]
    object: &'static str,
    /// Seconds since the Unix epoch.
    created: u64,
    #[schema(value_type = String)]
    model: &'static str,
    choices: Vec<ChoiceOutput>,
    usage: TokensOutput,
    /// The same answer with sources and citations.
    hoidap: ChatResponse,
}

#[derive(Debug, Serialize, ToSchema)]
struct ChoiceOutput {
    index: u32,
    message: MessageOutput,
    /// `stop`.
    #[schema(value_type = String)]
    finish_reason: &'static str,
    #[schema(value_type = Option<String>)]
    logprobs: Option<()>,
}

#[derive(Debug, Serialize, ToSchema)]
struct MessageOutput {
    #[schema(value_type = String)]
    role: &'static str,
    content: String,
    #[schema(value_type = Option<String>)]
    refusal: Option<()>,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct TokensOutput {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u32,
}

impl TokensOutput {
    fn of(response: &ChatResponse) -> Self {
        let usage = &response.usage;
        Self {
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            total_tokens: usage.prompt_tokens.saturating_add(usage.completion_tokens),
        }
    }
}

/// One event of a streamed answer.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct ChunkEvent {
    /// A chunk as JSON; `[DONE]` at the end.
    data: String,
}

/// Answers the last user's message from the site's documents, as OpenAI's chat completions.
#[utoipa::path(
    post,
    path = "/v1/chat/completions",
    tag = "openai",
    request_body = CompletionRequest,
    security((), ("api_key" = [])),
    responses(
        (status = 200, description = "The answer, or chunks of it that end with `[DONE]`", content(
            (CompletionOutput = "application/json"), (ChunkEvent = "text/event-stream")
        )),
        CompletionProblems
    )
)]
pub async fn completions(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    let mut allowance = None;
    let result = complete(&app, peer, request, &mut allowance).await;
    let mut response = result.unwrap_or_else(|error| {
        let body = Json(ErrorOutput::from(&error));
        let mut response = error.into_response();
        response.extensions_mut().remove::<ApiError>();
        let (status, mut headers) = (response.status(), std::mem::take(response.headers_mut()));
        headers.remove(header::CONTENT_LENGTH);
        let mut response = (status, body).into_response();
        response.headers_mut().extend(headers);
        response
    });
    if let Some(allowance) = allowance {
        allowance.write(response.headers_mut());
    }
    response
}

async fn complete(
    app: &Arc<App>,
    peer: Peer,
    request: Request<Body>,
    allowance: &mut Option<crate::limit::Allowance>,
) -> Result<Response, ApiError> {
    admit_key(app, peer, request.headers()).await?;
    let key = idempotency_key(request.headers())?;
    let arrival = Arrival::new(app, peer, request.headers());
    let read = request::read(app, &arrival, request).await;
    let Completion { question, stream, include_usage } = match read {
        Ok(read) => read,
        Err(error) => return rejected(app, &arrival, error).await,
    };
    let taken: Taken =
        take_question(app, arrival, Visitor::Unknown, question, key, stream, allowance).await?;
    if stream {
        return Ok(chunks::response(taken.follow(app, String::new()), include_usage));
    }
    let created = taken.asked.asked_ms / 1000;
    let answer = until_done(app, taken).await?;
    Ok(Json(CompletionOutput {
        id: format!("chatcmpl-{}", answer.job_id),
        object: "chat.completion",
        created,
        model: MODEL,
        choices: vec![ChoiceOutput {
            index: 0,
            message: MessageOutput { role: "assistant", content: answer.response.clone(), refusal: None },
            finish_reason: "stop",
            logprobs: None,
        }],
        usage: TokensOutput::of(&answer),
        hoidap: answer,
    })
    .into_response())
}

/// Whoever has one of the keys; without any configured, this machine alone, and in production nobody.
async fn admit_key(app: &App, peer: Peer, headers: &HeaderMap) -> Result<(), ApiError> {
    let keys =
        || app.config.gateway.api_keys.iter().map(|key| key.expose_secret()).filter(|key| !key.is_empty());
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = given.split_once(' ').map_or("", |(_, key)| key.trim());
    if keys().next().is_none() {
        let detail =
            "No key is configured, so this answers straight from this machine only: set gateway.api_keys.";
        return if app.is_local(peer, headers) {
            Ok(())
        } else {
            Err(ApiError::new(Code::ApiKeyNeeded, detail))
        };
    }
    let wanted =
        || ApiError::new(Code::ApiKeyNeeded, "Give one of gateway.api_keys as `Authorization: Bearer …`.");
    if given.is_empty() {
        return Err(wanted());
    }
    // Each key is compared, whichever is right.
    let right = keys().fold(false, |known, key| is_secret(given.as_bytes(), key) | known);
    let client = app.clients.limit_name(app.clients.address(peer, headers));
    if app.guesses.judge(Secret::ApiKey, &client, right).await.map_err(too_many)? {
        return Ok(());
    }
    Err(wanted())
}
