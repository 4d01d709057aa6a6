//! Opening and renewing sessions.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use hoidap_shared::job::now_ms;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    api::json_body::read_json,
    auth::visitor::is_revoked,
    error::{ApiError, Code, FieldError},
    identity::{
        client::Peer,
        sessions::{SessionOutput, VERIFIED_PREFIX},
    },
    limits::rate_limit::RateLimitStatus,
    openapi::SessionProblems,
    state::AppState,
};

/// A request for a session.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct SessionRequest {
    /// The public key of the site.
    #[schema(min_length = 1, max_length = 128, example = "pk_example_www")]
    site_key: String,
}

/// Opens a session for a visitor of a site, or renews the one whose token the request carries: for the same site, and until
/// its greatest age.
#[utoipa::path(
    post,
    path = "/api/sessions",
    tag = "chat",
    request_body = SessionRequest,
    params(("Origin" = Option<String>, Header, description = "The origin of the page, which a browser gives by itself")),
    responses((status = 201, description = "A session", body = SessionOutput), SessionProblems)
)]
pub async fn open(
    State(state): State<Arc<AppState>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let allowance = enforce_session_limit(&state, peer, &parts.headers).await?;
    let gateway = &state.config.gateway;
    let time = std::time::Duration::from_millis(gateway.request_timeout_ms);
    let value = read_json(&parts.headers, body, gateway.max_body_bytes, time).await?;
    let wrong =
        |code, detail| ApiError::of_field(Code::FieldsInvalid, FieldError::field("/site_key", code, detail));
    let key = match value.get("site_key") {
        Some(Value::String(key)) if (1..=128).contains(&key.len()) => key,
        Some(Value::String(_)) => return Err(wrong("wrong_length", "must have 1 to 128 characters")),
        Some(_) => return Err(wrong("wrong_type", "must be a text")),
        None => return Err(wrong("required", "is missing")),
    };
    state.sessions.check_origin(key, &parts.headers)?;
    let (session, opened) = match state.sessions.renewable(key, &parts.headers) {
        Some((session, opened)) if !is_revoked(&state, &session).await? => (session, opened),
        _ => (format!("{VERIFIED_PREFIX}{}", uuid::Uuid::new_v4().simple()), now_ms() / 1000),
    };
    let mut response =
        (StatusCode::CREATED, Json(state.sessions.issue_token(key, session, opened))).into_response();
    if let Some(allowance) = allowance {
        allowance.write_headers(response.headers_mut());
    }
    Ok(response)
}

/// Sessions are limited like chats, apart from them.
async fn enforce_session_limit(
    state: &AppState,
    peer: Peer,
    headers: &HeaderMap,
) -> Result<Option<RateLimitStatus>, ApiError> {
    let Some(limiter) = &state.chat_limiter else { return Ok(None) };
    let client = state.clients.rate_limit_key(state.clients.address(peer, headers));
    let status = limiter.take(&format!("session.{client}")).await;
    if status.allowed {
        return Ok(Some(status));
    }
    let detail = format!("The limit is {} sessions a minute for each client.", status.limit);
    Err(ApiError::new(Code::RateLimited, detail).retry_after(status.retry_after))
}
