//! Answering as OpenAI's chat completions do.

use std::sync::Arc;

use axum::{
    Extension, Json,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};

use crate::{
    auth::api_key::require_api_key,
    chat::{
        request_context::RequestContext,
        submission::{NewQuestion, idempotency_key, reject_malformed, submit_question},
        waiting::wait_until_done,
    },
    error::ApiError,
    identity::{client::Peer, sessions::Visitor},
    limits::rate_limit::RateLimitStatus,
    openai::{
        ChoiceOutput, ChunkEvent, CompletionOutput, MODEL, MessageOutput, TokensOutput, chunks,
        request::{self, Completion, CompletionRequest},
    },
    openapi::CompletionProblems,
    state::AppState,
};

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
    allowance: &mut Option<RateLimitStatus>,
) -> Result<Response, ApiError> {
    let program = require_api_key(state, peer, request.headers()).await?;
    let key = idempotency_key(request.headers())?;
    let request_context = RequestContext::new(state, peer, request.headers());
    let read = request::read(state, &request_context, &program, key.as_deref(), request).await;
    let Completion { question, stream, include_usage } = match read {
        Ok(read) => read,
        Err(error) => return reject_malformed(state, &request_context, error).await,
    };
    let new = NewQuestion { visitor: Visitor::Anonymous, question, idempotency_key: key, stream };
    let submission = submit_question(state, request_context, new, allowance).await?;
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
