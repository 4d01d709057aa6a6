//! Error responses on connections that no endpoint answers.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderValue, Response, header},
    response::IntoResponse as _,
};

use crate::{
    error::{ApiError, Code, FieldError},
    middleware::{self, REQUEST_ID},
};

/// The response to headers that do not arrive in time. It names the header that was being read.
pub(super) fn slow_headers_response(read: &[u8], waited: Duration) -> Vec<u8> {
    let line = read.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-' || *byte == b'_';
    let name = match std::str::from_utf8(name) {
        Ok(name) if (1..=64).contains(&name.len()) && name.as_bytes().iter().all(token) => name,
        _ => "the header section",
    };
    let detail = format!("did not end within {} seconds", waited.as_secs_f32());
    let error = ApiError::of_field(Code::RequestTimeout, FieldError::parameter(name, "too_slow", detail));
    let path = read.split(|byte| *byte == b' ').nth(1).and_then(|path| std::str::from_utf8(path).ok());
    raw("408 Request Timeout", 1, &error, path.filter(|path| path.starts_with('/')).unwrap_or("/"))
}

/// The response to a client with too many connections.
pub(super) fn too_many_open_response() -> Vec<u8> {
    let detail =
        "Too many connections from this address are open: close some, or try again in a few seconds.";
    raw("429 Too Many Requests", 5, &ApiError::new(Code::TooManyOpen, detail), "/")
}

/// The response on a reserved connection to a request that is not for health.
pub(super) fn too_busy_response(path: &str) -> Response<Body> {
    let detail = "Every connection of this gateway is taken. Try again in a few seconds.";
    let error = ApiError::new(Code::TooBusy, detail);
    let (kind, body, id) = error_body(&error, path);
    let mut response = error.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID, id);
    }
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}

fn raw(status: &str, retry_after: u64, error: &ApiError, path: &str) -> Vec<u8> {
    let (kind, body, id) = error_body(error, path);
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nx-request-id: {id}\r\n\
         retry-after: {retry_after}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}

fn error_body(error: &ApiError, path: &str) -> (&'static str, Vec<u8>, String) {
    let id = uuid::Uuid::now_v7().to_string();
    let (kind, body) = middleware::error_body(error, path, &id);
    (kind, body, id)
}
