//! Validation of a question's body: all wrong fields at once, each with its JSON pointer.

use hoidap_shared::text::normalise;
use jiff::{Timestamp, civil::DateTime};
use serde_json::{Map, Value};
use url::Url;

use super::{
    ChatRequest,
    field_checker::{FieldChecker, TextLimits, fields_invalid},
    json_body,
};
use crate::error::{ApiError, FieldError};

/// Longest message, in characters of its normal form.
const MAX_MESSAGE_CHARS: usize = 1_000;
const SESSION_LIMITS: TextLimits = TextLimits { min: 10, max: 128 };
const URL_LIMITS: TextLimits = TextLimits { min: 1, max: 2_048 };
const TITLE_LIMITS: TextLimits = TextLimits { min: 0, max: 300 };
const LABEL_LIMITS: TextLimits = TextLimits { min: 0, max: 100 };
const PREVIEW_LIMITS: TextLimits = TextLimits { min: 0, max: 5_000 };
const CONTENT_LIMITS: TextLimits = TextLimits { min: 0, max: 4_000 };
const USER_LIMITS: TextLimits = TextLimits { min: 0, max: 128 };

/// Validates and decodes a body. `max_turns` limits the history.
///
/// # Errors
/// [`Code::FieldsInvalid`](crate::error::Code::FieldsInvalid) naming every wrong field.
pub fn parse_chat_request(body: Value, max_turns: usize) -> Result<ChatRequest, ApiError> {
    let mut checker = FieldChecker::default();
    match &body {
        Value::Object(fields) => request(&mut checker, fields, max_turns),
        _ => checker.fail("", "wrong_type", "must be an object"),
    }
    let errors = checker.into_errors();
    if !errors.is_empty() {
        return Err(fields_invalid(errors));
    }
    // A valid body always decodes. If it did not, the error would still name the field.
    serde_path_to_error::deserialize(body).map_err(|error| {
        let pointer = json_body::json_pointer(error.path());
        fields_invalid(vec![FieldError::field(pointer, "wrong_type", error.into_inner().to_string())])
    })
}

fn request(checker: &mut FieldChecker, fields: &Map<String, Value>, max_turns: usize) {
    if let Some(message) = checker.required_string("", fields, "message") {
        match normalise(message).chars().count() {
            0 => checker.fail("/message", "blank", "must hold a question"),
            length if length > MAX_MESSAGE_CHARS => checker.fail(
                "/message",
                "too_long",
                format!("has {length} characters, at most {MAX_MESSAGE_CHARS} are allowed"),
            ),
            _ => {}
        }
    }
    if let Some(session) = checker.required_string("", fields, "session_id") {
        checker.length("/session_id", session, SESSION_LIMITS);
        if !printable(session) {
            checker.fail("/session_id", "not_printable", "must hold printable characters only");
        }
    }
    match fields.get("context") {
        Some(Value::Object(page)) => context(checker, page),
        Some(_) => checker.fail("/context", "wrong_type", "must be an object"),
        None => checker.fail("/context", "required", "is missing"),
    }
    match fields.get("history") {
        None | Some(Value::Null) => {}
        Some(Value::Array(turns)) if turns.len() > max_turns => checker.fail(
            "/history",
            "too_many",
            format!("has {} turns, at most {max_turns} are allowed", turns.len()),
        ),
        Some(Value::Array(turns)) => {
            for (index, value) in turns.iter().enumerate() {
                turn(checker, &format!("/history/{index}"), value);
            }
        }
        Some(_) => checker.fail("/history", "wrong_type", "must be a list"),
    }
    checker.optional_text("", fields, "user_id", USER_LIMITS);
    if !matches!(fields.get("stream"), None | Some(Value::Null | Value::Bool(_))) {
        checker.fail("/stream", "wrong_type", "must be true or false");
    }
}

fn context(checker: &mut FieldChecker, page: &Map<String, Value>) {
    if let Some(url) = checker.required_string("/context", page, "url") {
        checker.length("/context/url", url, URL_LIMITS);
        let web = Url::parse(url)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
        if !web {
            checker.fail("/context/url", "not_http_url", "must be an http or https address");
        }
    }
    if let Some(title) = checker.required_string("/context", page, "title") {
        checker.length("/context/title", title, TITLE_LIMITS);
    }
    checker.optional_text("/context", page, "product", LABEL_LIMITS);
    checker.optional_text("/context", page, "section", LABEL_LIMITS);
    checker.optional_text("/context", page, "content_preview", PREVIEW_LIMITS);
}

fn turn(checker: &mut FieldChecker, pointer: &str, value: &Value) {
    let Value::Object(turn) = value else {
        return checker.fail(pointer, "wrong_type", "must be an object");
    };
    if let Some(content) = checker.required_string(pointer, turn, "content") {
        checker.length(&format!("{pointer}/content"), content, CONTENT_LIMITS);
    }
    if let Some(sender) = checker.required_string(pointer, turn, "sender")
        && !matches!(sender, "user" | "assistant")
    {
        checker.fail(&format!("{pointer}/sender"), "unknown_sender", "must be `user` or `assistant`");
    }
    if let Some(timestamp) = checker.optional_string(pointer, turn, "timestamp")
        && !is_time(timestamp)
    {
        checker.fail(&format!("{pointer}/timestamp"), "not_a_time", "must be an ISO 8601 date and time");
    }
    if !matches!(turn.get("context"), None | Some(Value::Null | Value::Object(_))) {
        checker.fail(&format!("{pointer}/context"), "wrong_type", "must be an object");
    }
}

/// Whether a text has visible characters, and no invisible ones except spaces.
fn printable(text: &str) -> bool {
    let hidden =
        |c: char| c.is_control() || (c.is_whitespace() && c != ' ') || normalise(&c.to_string()).is_empty();
    !text.trim().is_empty() && !text.chars().any(|c| c != ' ' && hidden(c))
}

fn is_time(text: &str) -> bool {
    text.len() <= 64 && (text.parse::<Timestamp>().is_ok() || text.parse::<DateTime>().is_ok())
}

#[cfg(test)]
mod tests;
