//! Errors as OpenAI's clients expect them.

use serde::Serialize;
use utoipa::ToSchema;

use super::{ApiError, FieldError};

/// Whether clients of this path expect OpenAI's errors.
pub fn speaks_openai(path: &str) -> bool {
    path == "/v1" || path.starts_with("/v1/")
}

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
    /// The field that is wrong, such as `messages[0].content`, or the header.
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
        let param = error.errors().first().and_then(param);
        let code = error.name().to_string();
        Self { error: ErrorBody { message: message(error), kind, param, code } }
    }
}

/// The message, with the fields' names as they were sent.
fn message(error: &ApiError) -> String {
    let said = |error: &FieldError| {
        let field = param(error).map_or_else(|| "The body".to_string(), |param| format!("`{param}`"));
        format!("{field} {}", error.detail)
    };
    match error.errors() {
        [] => error.detail().to_string(),
        errors => errors.iter().take(5).map(said).collect::<Vec<_>>().join("; "),
    }
}

/// A field as OpenAI names it; `None` for the whole body.
fn param(error: &FieldError) -> Option<String> {
    let Some(pointer) = &error.pointer else { return error.parameter.clone() };
    let mut param = String::new();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if !param.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
            param.push_str(&format!("[{part}]"));
        } else {
            let dot = if param.is_empty() { "" } else { "." };
            param.push_str(&format!("{dot}{part}"));
        }
    }
    (!param.is_empty()).then_some(param)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_named_as_it_was_sent() {
        let named = |pointer: &str| param(&FieldError::field(pointer, "x", "x"));
        assert_eq!(named("/messages/0/content").as_deref(), Some("messages[0].content"));
        assert_eq!(named("/messages/12/content/3/text").as_deref(), Some("messages[12].content[3].text"));
        assert_eq!(named("/stream_options/include_usage").as_deref(), Some("stream_options.include_usage"));
        assert_eq!(named("/a~1b").as_deref(), Some("a/b"));
        assert_eq!(named(""), None);
        assert_eq!(param(&FieldError::parameter("Host", "x", "x")).as_deref(), Some("Host"));
    }
}
