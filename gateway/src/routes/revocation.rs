//! Ending a session.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
};

use crate::{
    auth::admin::Admin,
    error::{ApiError, Code, FieldError},
    identity::sessions::{PROGRAM_PREFIX, VERIFIED_PREFIX},
    openapi::RevokeProblems,
    state::AppState,
};

/// Ends a session that this service opened, on all gateways: its token is refused from now on and cannot be renewed, and its
/// conversation is forgotten. The visitor's next request opens another.
#[utoipa::path(
    post,
    path = "/api/sessions/{session_id}/revoke",
    tag = "operation",
    params(("session_id" = String, Path, description = "The session, as in the answers and figures of its chats")),
    security(("bearer" = []), ("admin_token" = []), ("admin_cookie" = [])),
    responses((status = 204, description = "It is ended"), RevokeProblems)
)]
pub async fn revoke(
    _: Admin,
    State(state): State<Arc<AppState>>,
    Path(session): Path<String>,
) -> Result<StatusCode, ApiError> {
    let named = session.strip_prefix(VERIFIED_PREFIX).filter(|_| !session.starts_with(PROGRAM_PREFIX));
    if !named.is_some_and(|name| name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        let detail = "must be the name of a session with a token: `hs_` and 32 hexadecimal digits";
        let error = FieldError::parameter("session_id", "malformed", detail);
        return Err(ApiError::of_field(Code::FieldsInvalid, error));
    }
    state.broker.revoke(&session).await.map_err(|_| {
        let detail =
            "The session could not be ended: the broker cannot be reached. Try again in a few seconds.";
        ApiError::new(Code::QueueUnavailable, detail)
    })?;
    state.history.forget(&session).await;
    Ok(StatusCode::NO_CONTENT)
}
