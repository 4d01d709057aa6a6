//! Reads JSON bodies with limits on size, time and depth. Errors name the field that was being read.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
};
use http_body_util::BodyExt as _;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::error::{ApiError, Code, FieldError};

/// Deepest nesting of a body, also in unknown fields.
pub const MAX_DEPTH: usize = 32;
/// Bytes of a too large body that are read and discarded, so that its sender gets to read the response.
const DISCARDED: usize = 16 << 20;
/// Longest pointer in an error, in characters: its names may come from the sender.
const MAX_POINTER: usize = 200;

/// Reads a JSON body of at most `limit` bytes within `time`.
///
/// # Errors
/// A 4xx that names the header or the field that was being read.
pub async fn read_json(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    time: Duration,
) -> Result<Value, ApiError> {
    let typed = check_content_type(headers);
    let read = tokio::time::timeout(time, read(body, limit)).await;
    typed?;
    let Ok(read) = read else {
        let detail = format!("did not arrive within {} seconds", time.as_secs_f32());
        return Err(ApiError::of_field(Code::RequestTimeout, FieldError::field("", "too_slow", detail)));
    };
    parse(&read?)
}

/// The body's bytes. A too large body is read up to [`DISCARDED`] bytes without being kept.
async fn read(mut body: Body, limit: usize) -> Result<Vec<u8>, ApiError> {
    let mut kept = Vec::new();
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            ApiError::of_field(
                Code::BadRequest,
                FieldError::field("", "unreadable", format!("cannot be read: {error}")),
            )
        })?;
        let data: Bytes = frame.into_data().unwrap_or_default();
        seen += data.len();
        kept.extend_from_slice(&data[..data.len().min(limit - kept.len())]);
        if seen > DISCARDED.max(limit) {
            break;
        }
    }
    if seen <= limit {
        return Ok(kept);
    }
    let detail = format!("reaches beyond the {limit} bytes that a body may have");
    Err(ApiError::of_field(Code::BodyTooLarge, FieldError::field(end_of(&kept), "too_large", detail)))
}

fn check_content_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let wrong = |name: &str, detail: &str| {
        Err(ApiError::of_field(
            Code::ContentTypeUnsupported,
            FieldError::parameter(name, "unsupported", detail),
        ))
    };
    let value = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let content_type = value(header::CONTENT_TYPE);
    let essence = content_type.split(';').next().unwrap_or("").trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return wrong("Content-Type", "must be application/json");
    }
    if !matches!(value(header::CONTENT_ENCODING), "" | "identity") {
        return wrong("Content-Encoding", "must be absent: compressed bodies are not read");
    }
    Ok(())
}

fn parse(bytes: &[u8]) -> Result<Value, ApiError> {
    if let Err(error) = std::str::from_utf8(bytes) {
        let pointer = end_of(&bytes[..error.valid_up_to()]);
        let detail = format!("is not UTF-8 from byte {} of the body on", error.valid_up_to());
        return Err(ApiError::of_field(Code::Utf8Invalid, FieldError::field(pointer, "not_utf8", detail)));
    }
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize::<_, Value>(&mut parser).map_err(|error| {
        let pointer = json_pointer(error.path());
        let error = error.into_inner();
        if error.is_eof() {
            let detail = "is where the body ends, before its JSON does";
            ApiError::of_field(Code::JsonTruncated, FieldError::field(pointer, "truncated", detail))
        } else if error.to_string().starts_with("recursion limit") {
            too_deep(&pointer)
        } else {
            let detail = format!("is where the body stops being JSON: {error}");
            ApiError::of_field(Code::JsonInvalid, FieldError::field(pointer, "not_json", detail))
        }
    })?;
    parser.end().map_err(|error| {
        let detail = format!("goes on after its JSON: {error}");
        ApiError::of_field(Code::JsonInvalid, FieldError::field("", "not_json", detail))
    })?;
    check_depth(&value)?;
    Ok(value)
}

fn check_depth(value: &Value) -> Result<(), ApiError> {
    // The parser refuses more than 128 levels, which bounds this recursion.
    fn depth(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
            Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
            _ => 0,
        }
    }
    match value {
        Value::Object(fields) => match fields.iter().find(|(_, value)| 1 + depth(value) > MAX_DEPTH) {
            Some((name, _)) => Err(too_deep(&format!("/{}", escape(name)))),
            None => Ok(()),
        },
        value if depth(value) > MAX_DEPTH => Err(too_deep("")),
        _ => Ok(()),
    }
}

/// Names the field of the body itself below which it is too deep.
fn too_deep(pointer: &str) -> ApiError {
    let top = pointer.split('/').nth(1).map(|name| format!("/{name}")).unwrap_or_default();
    let detail = format!("is nested deeper than {MAX_DEPTH} levels");
    ApiError::of_field(Code::NestingTooDeep, FieldError::field(top, "too_deep", detail))
}

/// The field that was being read where a body was cut off.
fn end_of(prefix: &[u8]) -> String {
    let mut parser = serde_json::Deserializer::from_slice(prefix);
    match serde_path_to_error::deserialize::<_, Value>(&mut parser) {
        Ok(_) => String::new(),
        Err(error) => json_pointer(error.path()),
    }
}

/// A path as a JSON pointer, bounded in length.
pub fn json_pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", escape(key))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
        if pointer.len() > MAX_POINTER {
            return pointer.chars().take(MAX_POINTER).collect();
        }
    }
    pointer
}

fn escape(key: &str) -> String {
    key.chars().take(MAX_POINTER).collect::<String>().replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests;
