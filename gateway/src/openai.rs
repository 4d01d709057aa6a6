//! `/v1` as OpenAI's clients speak it: its requests, its answers, and its chunks.

pub mod chunks;
pub mod request;

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::ChatResponse;

/// The name of the model that clients are told.
pub const MODEL: &str = "hoidap";

/// A completed answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompletionOutput {
    pub id: String,
    #[schema(value_type = String)]
    pub object: &'static str,
    /// Seconds since the Unix epoch.
    pub created: u64,
    #[schema(value_type = String)]
    pub model: &'static str,
    pub choices: Vec<ChoiceOutput>,
    pub usage: TokensOutput,
    /// The same answer with sources and citations.
    pub hoidap: ChatResponse,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ChoiceOutput {
    pub index: u32,
    pub message: MessageOutput,
    /// `stop`.
    #[schema(value_type = String)]
    pub finish_reason: &'static str,
    #[schema(value_type = Option<String>)]
    pub logprobs: Option<()>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MessageOutput {
    #[schema(value_type = String)]
    pub role: &'static str,
    pub content: String,
    #[schema(value_type = Option<String>)]
    pub refusal: Option<()>,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct TokensOutput {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u32,
}

impl TokensOutput {
    pub fn of(response: &ChatResponse) -> Self {
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
pub struct ChunkEvent {
    /// A chunk as JSON; `[DONE]` at the end.
    data: String,
}
