mod chat_turns;

use std::time::Duration;

use axum::extract::Request;
use hoidap_shared::job::Question;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    api::{chat_validation::parse_chat_request, field_checker::fields_invalid, json_body::read_json},
    chat::request_context::RequestContext,
    error::{ApiError, Code, FieldError},
    state::AppState,
};

/// A conversation whose last user's message is to be answered. What else OpenAI's clients send is accepted, and does not
/// count: the fleet's own configuration decides how answers are written.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct CompletionRequest {
    /// Accepted, not used.
    model: Option<String>,
    /// The conversation, oldest first.
    #[schema(min_items = 1)]
    messages: Vec<MessageInput>,
    /// Whether the answer comes in chunks.
    stream: Option<bool>,
    /// What the chunks hold.
    stream_options: Option<StreamOptions>,
    /// The client's own name for the visitor.
    #[schema(max_length = 128)]
    user: Option<String>,
    /// The page the visitor is on: `url`, `title`, `product`, `section`.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    metadata: Option<Map<String, Value>>,
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct MessageInput {
    /// `user` and `assistant` count; others are accepted.
    #[schema(example = "user")]
    role: String,
    /// A text, or a list of parts of which those of type `text` count.
    #[schema(value_type = String)]
    content: Value,
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct StreamOptions {
    /// Whether a last chunk tells the tokens.
    include_usage: Option<bool>,
}

/// A validated completion request.
pub struct Completion {
    pub question: Question,
    pub stream: bool,
    pub include_usage: bool,
}

/// Validates a request of the program with this API key; `key` is its idempotency key.
pub async fn read(
    state: &AppState,
    request_context: &RequestContext,
    program: &str,
    key: Option<&str>,
    request: Request,
) -> Result<Completion, ApiError> {
    let gateway = &state.config.gateway;
    let (parts, body) = request.into_parts();
    let time = Duration::from_millis(gateway.request_timeout_ms);
    let value = read_json(&parts.headers, body, gateway.max_body_bytes, time).await?;
    let Value::Object(fields) = value else { return Err(wrong("", "must be an object")) };
    let flag = |value: Option<&Value>, pointer| match value {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(wrong(pointer, "must be true or false")),
    };
    let stream = flag(fields.get("stream"), "/stream")?;
    let options = object(&fields, "stream_options")?;
    let include_usage =
        flag(options.and_then(|options| options.get("include_usage")), "/stream_options/include_usage")?;
    if fields.get("n").is_some_and(|n| !n.is_null() && n != 1) {
        return Err(wrong("/n", "must be 1: there is one answer to a question"));
    }
    let conversation = chat_turns::read(fields.get("messages"))?;
    let user = match fields.get("user") {
        None | Some(Value::Null) => None,
        Some(Value::String(user)) => Some(user.as_str()).filter(|user| !user.is_empty()),
        Some(_) => return Err(wrong("/user", "must be a text")),
    };
    // The session id is derived with the service's own key: ids from what a program sends could be guessed by others.
    let session = match (user, key) {
        (Some(user), _) => ["user", program, user],
        (None, Some(key)) => ["request", program, key],
        (None, None) => ["job", program, request_context.job_id.as_str()],
    };
    let body = json!({
        "message": conversation.question,
        "session_id": state.sessions.of_program(&session),
        "context": page(object(&fields, "metadata")?)?,
        "history": conversation.history,
        "user_id": user,
    });
    let request = parse_chat_request(body, gateway.max_history_turns.max(chat_turns::MAX_MESSAGES)).map_err(
        |error| {
            fields_invalid(error.errors().iter().map(|error| conversation.at_sent_field(error)).collect())
        },
    )?;
    let question = request.into_question(request_context.client.clone(), gateway.used_history_turns);
    Ok(Completion { question, stream, include_usage })
}

fn wrong(pointer: &str, detail: &str) -> ApiError {
    ApiError::of_field(Code::FieldsInvalid, FieldError::field(pointer, "invalid", detail))
}

fn object<'a>(
    fields: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a Map<String, Value>>, ApiError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(wrong(&format!("/{name}"), "must be an object")),
    }
}

/// The page in the metadata; else a placeholder that is the same at every gateway.
fn page(metadata: Option<&Map<String, Value>>) -> Result<Value, ApiError> {
    let given = |name: &str| match metadata.and_then(|metadata| metadata.get(name)) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(wrong(&format!("/metadata/{name}"), "must be a text")),
    };
    Ok(json!({
        "url": given("url")?.unwrap_or("http://localhost/"),
        "title": given("title")?.unwrap_or_default(),
        "product": given("product")?,
        "section": given("section")?,
    }))
}
