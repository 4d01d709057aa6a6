//! The visitor of a request, by its session token.

use axum::http::HeaderMap;

use crate::{
    error::{ApiError, Code},
    identity::sessions::Visitor,
    state::AppState,
};

/// The visitor, by the token of the request.
///
/// # Errors
/// When the token is invalid, of another site or expired, its session was revoked or cannot be checked, or a token is
/// required and missing.
pub async fn visitor(state: &AppState, headers: &HeaderMap) -> Result<Visitor, ApiError> {
    let visitor = state.sessions.verify(headers)?;
    if let Visitor::Verified(session) = &visitor
        && is_revoked(state, session).await?
    {
        let detail = "The session was ended: open another by POST /api/sessions.";
        return Err(ApiError::new(Code::SessionInvalid, detail));
    }
    Ok(visitor)
}

/// Whether an operator ended a session.
///
/// # Errors
/// [`Code::QueueUnavailable`] when that cannot be read: an ended session is not let in by mistake.
pub async fn is_revoked(state: &AppState, session: &str) -> Result<bool, ApiError> {
    state.broker.is_revoked(session).await.map_err(|_| {
        let detail = "The session cannot be checked now. Try again in a few seconds.";
        ApiError::new(Code::QueueUnavailable, detail)
    })
}
