//! Rules of a question: every wrong field is found at once, each with its JSON pointer.

mod check;

pub use check::{Check, Text};
use hoidap_shared::text::normalise;
use jiff::{Timestamp, civil::DateTime};
use serde_json::{Map, Value};
use url::Url;

use crate::{
    api::ChatRequest,
    error::{ApiError, Code, FieldError},
};

/// Longest message, in characters of its normal form.
pub const MAX_MESSAGE: usize = 1_000;
/// Shortest and longest session name, in characters.
pub const SESSION: (usize, usize) = (10, 128);

const URL: Text = Text { min: 1, max: 2_048 };
const TITLE: Text = Text { min: 0, max: 300 };
const LABEL: Text = Text { min: 0, max: 100 };
const PREVIEW: Text = Text { min: 0, max: 5_000 };
const CONTENT: Text = Text { min: 0, max: 4_000 };
const USER: Text = Text { min: 0, max: 128 };

/// Checks a body and gives it its type. `max_turns` bounds the history.
///
/// # Errors
/// [`Code::FieldsInvalid`] naming every wrong field.
pub fn admit(body: Value, max_turns: usize) -> Result<ChatRequest, ApiError> {
    let mut check = Check::default();
    match &body {
        Value::Object(fields) => request(&mut check, fields, max_turns),
        _ => check.fail("", "wrong_type", "must be an object"),
    }
    let errors = check.into_errors();
    if !errors.is_empty() {
        return Err(fields_invalid(errors));
    }
    // What was checked fits the type; were it not so, the field is named all the same.
    serde_path_to_error::deserialize(body).map_err(|error| {
        let pointer = crate::body::pointer(error.path());
        fields_invalid(vec![FieldError::field(pointer, "wrong_type", error.into_inner().to_string())])
    })
}

/// The error of fields that are wrong.
pub fn fields_invalid(errors: Vec<FieldError>) -> ApiError {
    let places: Vec<&str> = errors
        .iter()
        .filter_map(|error| error.pointer.as_deref())
        .filter(|p| !p.is_empty())
        .take(5)
        .collect();
    let detail = match (errors.as_slice(), places.as_slice()) {
        ([one], [place]) => format!("{place} {}", one.detail),
        ([one], _) => format!("The body {}", one.detail),
        (many, _) => format!("{} fields are wrong: {}", many.len(), places.join(", ")),
    };
    ApiError::new(Code::FieldsInvalid, detail).with_errors(errors)
}

fn request(check: &mut Check, fields: &Map<String, Value>, max_turns: usize) {
    if let Some(message) = check.required_string("", fields, "message") {
        match normalise(message).chars().count() {
            0 => check.fail("/message", "blank", "must hold a question"),
            length if length > MAX_MESSAGE => check.fail(
                "/message",
                "too_long",
                format!("has {length} characters, at most {MAX_MESSAGE} are allowed"),
            ),
            _ => {}
        }
    }
    if let Some(session) = check.required_string("", fields, "session_id") {
        check.length("/session_id", session, Text { min: SESSION.0, max: SESSION.1 });
        if !printable(session) {
            check.fail("/session_id", "not_printable", "must hold printable characters only");
        }
    }
    match fields.get("context") {
        Some(Value::Object(page)) => context(check, page),
        Some(_) => check.fail("/context", "wrong_type", "must be an object"),
        None => check.fail("/context", "required", "is missing"),
    }
    match fields.get("history") {
        None | Some(Value::Null) => {}
        Some(Value::Array(turns)) if turns.len() > max_turns => check.fail(
            "/history",
            "too_many",
            format!("has {} turns, at most {max_turns} are allowed", turns.len()),
        ),
        Some(Value::Array(turns)) => {
            for (index, value) in turns.iter().enumerate() {
                turn(check, &format!("/history/{index}"), value);
            }
        }
        Some(_) => check.fail("/history", "wrong_type", "must be a list"),
    }
    check.optional_text("", fields, "user_id", USER);
    if !matches!(fields.get("stream"), None | Some(Value::Null | Value::Bool(_))) {
        check.fail("/stream", "wrong_type", "must be true or false");
    }
}

fn context(check: &mut Check, page: &Map<String, Value>) {
    if let Some(url) = check.required_string("/context", page, "url") {
        check.length("/context/url", url, URL);
        let web = Url::parse(url)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
        if !web {
            check.fail("/context/url", "not_http_url", "must be an http or https address");
        }
    }
    if let Some(title) = check.required_string("/context", page, "title") {
        check.length("/context/title", title, TITLE);
    }
    check.optional_text("/context", page, "product", LABEL);
    check.optional_text("/context", page, "section", LABEL);
    check.optional_text("/context", page, "content_preview", PREVIEW);
}

fn turn(check: &mut Check, place: &str, value: &Value) {
    let Value::Object(turn) = value else {
        return check.fail(place, "wrong_type", "must be an object");
    };
    if let Some(content) = check.required_string(place, turn, "content") {
        check.length(&format!("{place}/content"), content, CONTENT);
    }
    if let Some(sender) = check.required_string(place, turn, "sender")
        && !matches!(sender, "user" | "assistant")
    {
        check.fail(&format!("{place}/sender"), "unknown_sender", "must be `user` or `assistant`");
    }
    if let Some(timestamp) = check.optional_string(place, turn, "timestamp")
        && !is_time(timestamp)
    {
        check.fail(&format!("{place}/timestamp"), "not_a_time", "must be an ISO 8601 date and time");
    }
    if !matches!(turn.get("context"), None | Some(Value::Null | Value::Object(_))) {
        check.fail(&format!("{place}/context"), "wrong_type", "must be an object");
    }
}

/// Whether a text has something to see, and nothing that cannot be seen but plain spaces.
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
