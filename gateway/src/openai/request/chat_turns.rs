//! The messages of a request, with the JSON pointers where they were sent.

use serde_json::{Value, json};

use super::wrong;
use crate::error::{ApiError, FieldError};

/// Most messages of a conversation that are read: the latest ones.
pub const MAX_MESSAGES: usize = 50;
/// Characters of an earlier message that are used.
const MAX_CONTENT_CHARS: usize = 4_000;

/// The last user's message, and the turns before it.
pub struct ChatTurns {
    pub question: String,
    /// In the form of `/api/chat`.
    pub history: Vec<Value>,
    /// JSON pointers of the question and of each turn.
    at: String,
    turns_at: Vec<String>,
}

impl ChatTurns {
    /// Rewrites a validation error to point at the field that was sent.
    pub fn at_sent_field(&self, error: &FieldError) -> FieldError {
        let turn = |rest: &str| {
            let (index, field) = rest.split_once('/').unwrap_or((rest, "content"));
            let turn = self.turns_at.get(index.parse::<usize>().ok()?)?;
            Some(format!("{turn}/{}", if field == "sender" { "role" } else { field }))
        };
        let sent = |pointer: &str| match pointer {
            "/message" => Some(format!("{}/content", self.at)),
            "/user_id" => Some("/user".to_string()),
            _ => match (pointer.strip_prefix("/context"), pointer.strip_prefix("/history/")) {
                (Some(rest), _) => Some(format!("/metadata{rest}")),
                (_, Some(rest)) => turn(rest),
                _ => None,
            },
        };
        let pointer = error.pointer.as_deref().map(|pointer| sent(pointer).unwrap_or(pointer.to_string()));
        FieldError { pointer, ..error.clone() }
    }
}

/// A message of the role `user` or `assistant`.
#[derive(Default)]
struct RoleMessage<'a> {
    role: &'a str,
    content: String,
    /// Its JSON pointer.
    pointer: String,
}

/// Reads the latest messages of a request.
///
/// # Errors
/// When a message is malformed, or none has the role `user`.
pub fn read(messages: Option<&Value>) -> Result<ChatTurns, ApiError> {
    let Some(Value::Array(messages)) = messages else {
        return Err(wrong("/messages", "must be a list of messages"));
    };
    let mut turns = Vec::new();
    let from = messages.len().saturating_sub(MAX_MESSAGES);
    for (index, message) in messages.iter().enumerate().skip(from) {
        let pointer = format!("/messages/{index}");
        let Value::Object(message) = message else { return Err(wrong(&pointer, "must be an object")) };
        let Some(Value::String(role)) = message.get("role") else {
            return Err(wrong(&format!("{pointer}/role"), "must be a text such as `user`"));
        };
        if matches!(role.as_str(), "user" | "assistant") {
            let content = text(message.get("content"), &format!("{pointer}/content"))?;
            turns.push(RoleMessage { role: role.as_str(), content, pointer });
        }
    }
    let Some(last) = turns.iter().rposition(|turn| turn.role == "user") else {
        return Err(wrong("/messages", "must hold a message of the role `user`"));
    };
    turns.truncate(last + 1);
    let RoleMessage { content: question, pointer: at, .. } = turns.pop().unwrap_or_default();
    let history = turns.iter().map(|turn| {
        let content: String = turn.content.chars().take(MAX_CONTENT_CHARS).collect();
        json!({"sender": turn.role, "content": content})
    });
    Ok(ChatTurns {
        question,
        history: history.collect(),
        at,
        turns_at: turns.into_iter().map(|turn| turn.pointer).collect(),
    })
}

/// The text of a message's content, or of its text parts. Other parts are ignored.
fn text(content: Option<&Value>, pointer: &str) -> Result<String, ApiError> {
    match content {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(parts)) => {
            let mut texts = Vec::new();
            for (index, part) in parts.iter().enumerate() {
                let pointer = format!("{pointer}/{index}");
                let Value::Object(part) = part else { return Err(wrong(&pointer, "must be an object")) };
                match (part.get("type").and_then(Value::as_str), part.get("text")) {
                    (_, Some(Value::String(text))) => texts.push(text.as_str()),
                    (Some("text"), _) => return Err(wrong(&format!("{pointer}/text"), "must be a text")),
                    _ => {}
                }
            }
            Ok(texts.join("\n"))
        }
        Some(_) => Err(wrong(pointer, "must be a text or a list of parts")),
    }
}
