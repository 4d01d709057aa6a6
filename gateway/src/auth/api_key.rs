use axum::http::{HeaderMap, header};
use secrecy::ExposeSecret as _;

use crate::{
    error::{ApiError, Code},
    identity::client::Peer,
    limits::brute_force::{SecretKind, secrets_equal, too_many_attempts},
    state::AppState,
};

/// Lets requests with one of `gateway.api_keys` pass. Without configured keys only requests from this machine pass, and in
/// production none. Returns the key, empty where none is required.
///
/// # Errors
/// [`Code::ApiKeyNeeded`] without a valid key, and [`Code::RateLimited`] after too many wrong keys.
pub async fn require_api_key(state: &AppState, peer: Peer, headers: &HeaderMap) -> Result<String, ApiError> {
    let keys =
        || state.config.gateway.api_keys.iter().map(|key| key.expose_secret()).filter(|key| !key.is_empty());
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = given.split_once(' ').map_or("", |(_, key)| key.trim());
    if keys().next().is_none() {
        let detail =
            "No key is configured, so this answers straight from this machine only: set gateway.api_keys.";
        return if state.is_local(peer, headers) {
            Ok(String::new())
        } else {
            Err(ApiError::new(Code::ApiKeyNeeded, detail))
        };
    }
    let wanted =
        || ApiError::new(Code::ApiKeyNeeded, "Give one of gateway.api_keys as `Authorization: Bearer …`.");
    if given.is_empty() {
        return Err(wanted());
    }
    // All keys are compared, so that the time does not show which one is right.
    let right = keys().fold(false, |known, key| secrets_equal(given.as_bytes(), key) | known);
    let client = state.clients.rate_limit_key(state.clients.address(peer, headers));
    if state.brute_force.check(SecretKind::ApiKey, &client, right).await.map_err(too_many_attempts)? {
        return Ok(given.to_string());
    }
    Err(wanted())
}
