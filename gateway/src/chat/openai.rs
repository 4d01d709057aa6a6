//! `/v1` as OpenAI's clients speak it, with the fleet behind it.

mod chunks;
mod error;
mod key;
mod models;
mod request;

use std::sync::Arc;

use axum::{
    Extension, Json,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
pub use error::{ErrorOutput, speaks_openai};
pub(super) use key::require_api_key;
pub use models::{__path_model, __path_models, model, models};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    arrival::RequestContext,
    taken::{Submission, idempotency_key, reject_malformed, submit_question},
    wait_until_done,
};
use crate::{
    api::ChatResponse, client::Peer, docs::CompletionProblems, error::ApiError, sessions::Visitor,
    state::AppState,
};
use request::Completion;
pub(super) use request::CompletionRequest;

/// The name of the model that clients are told.
const MODEL: &str = "hoidap";

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
    params(
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 128,
            description = "Names the request: sent again with the same body it is the same answer, for an hour")
    ),
    security((), ("api_key" = [])),
    responses(
        (status = 200, description = "The answer, or chunks of it that end with `[DONE]`", content(
            (CompletionOutput = "application/json"), (ChunkEvent = "text/event-stream")
        )),
        CompletionProblems
    )
)]
pub async fn completions(
    State(state): State<Arc<AppState>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    let mut allowance = None;
    let result = complete(&state, peer, request, &mut allowance).await;
    let mut response = result.unwrap_or_else(ApiError::into_response);
    if let Some(allowance) = allowance {
        allowance.write_headers(response.headers_mut());
    }
    response
}

async fn complete(
    state: &Arc<AppState>,
    peer: Peer,
    request: Request<Body>,
    allowance: &mut Option<crate::limit::RateLimitStatus>,
) -> Result<Response, ApiError> {
    let program = require_api_key(state, peer, request.headers()).await?;
    let key = idempotency_key(request.headers())?;
    let request_context = RequestContext::new(state, peer, request.headers());
    let read = request::read(state, &request_context, &program, key.as_deref(), request).await;
    let Completion { question, stream, include_usage } = match read {
        Ok(read) => read,
        Err(error) => return reject_malformed(state, &request_context, error).await,
    };
    let submission: Submission =
        submit_question(state, request_context, Visitor::Anonymous, question, key, stream, allowance).await?;
    if stream {
        return Ok(chunks::response(submission.follow(state, String::new()), include_usage));
    }
    let created = submission.record.asked_ms / 1000;
    let answer = wait_until_done(state, submission).await?;
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
