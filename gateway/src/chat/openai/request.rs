use std::time::Duration;

use axum::{
    extract::Request,
    http::{HeaderMap, header},
};
use hoidap_shared::job::Question;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::{
    admit::admit,
    app::App,
    body::read_json,
    chat::arrival::Arrival,
    client::hex,
    error::{ApiError, Code, FieldError},
};

/// Most messages of a conversation that are looked at, the latest.
const MESSAGES: usize = 50;
/// Characters of an earlier message that are looked at.
const CONTENT: usize = 4_000;

/// A conversation whose last user's message is to be answered. What else OpenAI's clients send is accepted, and does not
/// count: the fleet's own configuration decides how answers are written.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct CompletionRequest {
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
pub(crate) struct MessageInput {
    /// `user` and `assistant` count; others are accepted.
    #[schema(example = "user")]
    role: String,
    /// A text, or a list of parts of which those of type `text` count.
    #[schema(value_type = String)]
    content: Value,
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct StreamOptions {
    /// Whether a last chunk tells the tokens.
    include_usage: Option<bool>,
}

/// A request that was read.
pub(super) struct Completion {
    pub(super) question: Question,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
}

pub(super) async fn read(app: &App, arrival: &Arrival, request: Request) -> Result<Completion, ApiError> {
    let gateway = &app.config.gateway;
    let (parts, body) = request.into_parts();
    let time = Duration::from_millis(gateway.request_timeout_ms);
    let value = read_json(&parts.headers, body, gateway.max_body_bytes, time).await?;
    let Value::Object(fields) = value else { return Err(wrong("", "must be an object")) };
    let flag = |value: Option<&Value>, place| match value {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(wrong(place, "must be true or false")),
    };
    let stream = flag(fields.get("stream"), "/stream")?;
    let options = fields.get("stream_options").and_then(Value::as_object);
    let include_usage =
        flag(options.and_then(|options| options.get("include_usage")), "/stream_options/include_usage")?;
    if fields.get("n").is_some_and(|n| !n.is_null() && n != 1) {
        return Err(wrong("/n", "must be 1: there is one answer to a question"));
    }
    let (message, history) = conversation(fields.get("messages"))?;
    let user = match fields.get("user") {
        None | Some(Value::Null) => None,
        Some(Value::String(user)) => Some(user.as_str()),
        Some(_) => return Err(wrong("/user", "must be a text")),
    };
    let session = match user {
        Some(user) => format!("api-{}", &hex(&Sha256::digest(user))[..32]),
        None => format!("api-{}", arrival.job_id),
    };
    let body = json!({
        "message": message,
        "session_id": session,
        "context": page(fields.get("metadata"), &parts.headers),
        "history": history,
        "user_id": user,
    });
    let request = admit(body, gateway.max_history_turns.max(MESSAGES))?;
    let question = request.into_question(arrival.client.clone(), gateway.used_history_turns);
    Ok(Completion { question, stream, include_usage })
}

fn wrong(place: &str, detail: &str) -> ApiError {
    ApiError::of_field(Code::FieldsInvalid, FieldError::field(place, "invalid", detail))
}

/// The last user's message, and the turns before it.
fn conversation(messages: Option<&Value>) -> Result<(String, Vec<Value>), ApiError> {
    let Some(Value::Array(messages)) = messages else {
        return Err(wrong("/messages", "must be a list of messages"));
    };
    let mut turns = Vec::new();
    let from = messages.len().saturating_sub(MESSAGES);
    for (index, message) in messages.iter().enumerate().skip(from) {
        let place = format!("/messages/{index}");
        let Value::Object(message) = message else { return Err(wrong(&place, "must be an object")) };
        let Some(Value::String(role)) = message.get("role") else {
            return Err(wrong(&format!("{place}/role"), "must be a text such as `user`"));
        };
        if matches!(role.as_str(), "user" | "assistant") {
            turns.push((role.as_str(), text(message.get("content"), &place)?));
        }
    }
    let Some(last) = turns.iter().rposition(|(role, _)| *role == "user") else {
        return Err(wrong("/messages", "must hold a message of the role `user`"));
    };
    let history = turns[..last].iter().map(|(role, content)| {
        let content: String = content.chars().take(CONTENT).collect();
        json!({"sender": role, "content": content})
    });
    Ok((turns[last].1.clone(), history.collect()))
}

fn text(content: Option<&Value>, place: &str) -> Result<String, ApiError> {
    match content {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(parts)) => Ok(parts
            .iter()
            .filter_map(|part| part.get("text").and_then(Value::as_str))
            .collect::<Vec<_>>()
            .join("\n")),
        Some(_) => Err(wrong(&format!("{place}/content"), "must be a text or a list of parts")),
    }
}

/// The page that the metadata tells of; else this service's own address, which says nothing.
fn page(metadata: Option<&Value>, headers: &HeaderMap) -> Value {
    let given = |name: &str| metadata.and_then(|metadata| metadata.get(name)).and_then(Value::as_str);
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    json!({
        "url": given("url").map_or_else(|| format!("http://{host}/"), str::to_string),
        "title": given("title").unwrap_or_default(),
        "product": given("product"),
        "section": given("section"),
    })
}
