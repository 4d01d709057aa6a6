//! The middleware around every endpoint: request ids, limits on headers and hosts, CORS, and errors as problems.

use std::{any::Any, sync::Arc, time::Instant};

use anyhow::bail;
use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use hoidap_shared::config::{Environment, GatewayConfig, SiteConfig};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::{debug, error, info};

use crate::{
    error::{
        ApiError, Code, FieldError,
        openai::{ErrorOutput, speaks_openai},
    },
    health::HEALTH_PATH,
    identity::client::{Peer, host_without_port},
    state::AppState,
};

/// The header with the request's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Limits on a request's headers: their number, and their bytes in total.
const MAX_HEADERS: usize = 64;
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// Gives each request an id and each error its final form, and logs one line.
pub async fn finalize_response(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let (method, path) = (request.method().clone(), request.uri().path().to_string());
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_string();
    let mut response = next.run(request).await;
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        response = as_problem(response, &path, id.to_str().unwrap_or_default());
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id.clone());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let seconds = started.elapsed().as_secs_f64();
    let path: String = path.chars().take(200).collect();
    let (status_code, ms) = (status.as_u16(), (seconds * 1000.0).round());
    if route == HEALTH_PATH {
        debug!(%method, path, status = status_code, ms, request_id = ?id, "request");
    } else {
        info!(%method, path, status = status_code, ms, request_id = ?id, "request");
    }
    metrics::counter!("hoidap_gateway_requests_total", "route" => route, "status" => status.as_u16().to_string())
        .increment(1);
    response
}

/// The id that [`finalize_response`] gave the request; empty without one.
pub fn request_id_text(headers: &HeaderMap) -> String {
    headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default().to_string()
}

/// The caller's own request id if it is short visible ASCII, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let fits =
        |id: &&HeaderValue| (1..=128).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic);
    headers.get(REQUEST_ID).filter(fits).cloned().unwrap_or_else(|| {
        // A UUID's text is always a valid header value.
        HeaderValue::try_from(uuid::Uuid::now_v7().to_string()).unwrap_or(HeaderValue::from_static("none"))
    })
}

/// The final form of an error response: a problem, or an OpenAI error below `/v1`. An error of the HTTP library gets the
/// title of its status.
fn as_problem(mut response: Response, path: &str, id: &str) -> Response {
    let json = |value: &HeaderValue| value.as_bytes().starts_with(b"application/json");
    let error = match response.extensions_mut().remove::<ApiError>() {
        Some(error) => error,
        None if response.headers().get(header::CONTENT_TYPE).is_some_and(json) => return response,
        None => error_of_status(&response, path),
    };
    let (kind, body) = error_body(&error, path, id);
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Response::from_parts(parts, Body::from(body))
}

/// An error's content type and body: a problem, or an OpenAI error below `/v1`.
pub fn error_body(error: &ApiError, path: &str, id: &str) -> (&'static str, Vec<u8>) {
    // Both hold text and numbers only, which always serialize to JSON.
    if speaks_openai(path) {
        ("application/json", serde_json::to_vec(&ErrorOutput::from(error)).unwrap_or_default())
    } else {
        ("application/problem+json", serde_json::to_vec(&error.problem(path, id)).unwrap_or_default())
    }
}

fn error_of_status(response: &Response, path: &str) -> ApiError {
    let code = Code::of_status(response.status());
    let detail = match code {
        Code::NotFound => format!("There is nothing at {path}."),
        Code::MethodNotAllowed => {
            let allowed = response.headers().get(header::ALLOW).and_then(|allow| allow.to_str().ok());
            format!("{path} answers to {} only.", allowed.unwrap_or("other methods"))
        }
        code => code.title().to_string(),
    };
    ApiError::new(code, detail)
}

/// Refuses requests whose headers are too large, and in production requests for another host.
pub async fn check_request(State(state): State<Arc<AppState>>, request: Request, next: Next) -> Response {
    if let Some(peer) = request.extensions().get::<Peer>() {
        state.clients.warn_of_untrusted_proxy(*peer, request.headers());
    }
    match check_headers(request.headers()).and_then(|()| check_host(&state, request.headers())) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn check_headers(headers: &HeaderMap) -> Result<(), ApiError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if headers.len() <= MAX_HEADERS && bytes <= MAX_HEADER_BYTES {
        return Ok(());
    }
    let largest = headers.iter().max_by_key(|(_, value)| value.len()).map_or("", |(name, _)| name.as_str());
    let detail = format!(
        "{} headers of {bytes} bytes were sent, at most {MAX_HEADERS} of {MAX_HEADER_BYTES} bytes are read; this is the largest",
        headers.len()
    );
    Err(ApiError::of_field(Code::HeadersTooLarge, FieldError::parameter(largest, "too_large", detail)))
}

fn check_host(state: &AppState, headers: &HeaderMap) -> Result<(), ApiError> {
    let trusted = &state.config.gateway.trusted_hosts;
    let any = trusted.iter().all(String::is_empty);
    if state.config.environment != Environment::Production || any {
        return Ok(());
    }
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .map(host_without_port)
        .unwrap_or_default();
    let serves = |pattern: &String| match pattern.strip_prefix('*') {
        Some(suffix) => {
            suffix.starts_with('.') && host.to_ascii_lowercase().ends_with(&suffix.to_ascii_lowercase())
        }
        None => host.eq_ignore_ascii_case(pattern),
    };
    if trusted.iter().any(serves) {
        return Ok(());
    }
    let detail = "is not one of gateway.trusted_hosts";
    Err(ApiError::of_field(Code::HostNotServed, FieldError::parameter("Host", "not_served", detail)))
}

/// Lets pages of the configured origins call the API.
///
/// # Errors
/// When an entry of `gateway.cors_origins` or a site's is no origin.
pub fn cors(gateway: &GatewayConfig, sites: &[SiteConfig]) -> anyhow::Result<CorsLayer> {
    let origins: Vec<&String> =
        gateway.cors_origins.iter().chain(sites.iter().flat_map(|site| &site.origins)).collect();
    let allowed = if origins.iter().any(|origin| *origin == "*") {
        AllowOrigin::any()
    } else {
        let mut values = Vec::new();
        for origin in origins.into_iter().filter(|origin| !origin.is_empty()) {
            let known =
                url::Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == *origin);
            match HeaderValue::try_from(origin) {
                Ok(value) if known => values.push(value),
                _ => {
                    bail!(
                        "gateway.cors_origins, sites: `{origin}` is not an origin such as https://www.example.com"
                    )
                }
            }
        }
        AllowOrigin::list(values)
    };
    let exposed = ["x-request-id", "retry-after", "ratelimit", "ratelimit-policy", "ratelimit-limit"]
        .into_iter()
        .chain(["ratelimit-remaining", "ratelimit-reset", "location"])
        .map(HeaderName::from_static);
    Ok(CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            REQUEST_ID,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("x-session-id"),
        ])
        .expose_headers(exposed.collect::<Vec<_>>())
        .max_age(std::time::Duration::from_secs(600)))
}

/// Logs a panic's message. The client only learns that the defect is ours.
pub fn panic_response(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    error!(panic = text, "a request ended in a panic");
    ApiError::new(Code::Internal, "The request met a defect of this service.").into_response()
}
