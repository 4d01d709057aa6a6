//! Operator access: by the admin token or by the cookie of a sign-in. Without a configured token only this machine has
//! access, and in production nobody.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use secrecy::ExposeSecret as _;

use crate::{
    error::{ApiError, Code},
    identity::{client::Peer, sign_ins::Tickets},
    limits::brute_force::{SecretKind, secrets_equal, too_many_attempts},
    state::AppState,
};

/// The name of the dashboard's cookie.
pub const ADMIN_COOKIE: &str = "hoidap_admin";

/// Proof that the request comes from an operator.
pub struct Admin;

impl FromRequestParts<Arc<AppState>> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<AppState>) -> Result<Self, ApiError> {
        match parts.extensions.get::<Peer>() {
            Some(peer) => require_admin(state, *peer, &parts.headers).await,
            None => Err(ApiError::new(Code::Internal, "The request came from nowhere.")),
        }
    }
}

/// Lets an operator's request pass.
///
/// # Errors
/// When the token or cookie is missing or wrong, or there were too many wrong tokens.
pub async fn require_admin(state: &AppState, peer: Peer, headers: &HeaderMap) -> Result<Admin, ApiError> {
    let wanted = state.config.gateway.admin_token.expose_secret();
    if wanted.is_empty() {
        return match state.is_local(peer, headers) {
            true => Ok(Admin),
            false => Err(ApiError::new(
                Code::Forbidden,
                "No admin token is configured, so this answers straight from this machine only: set gateway.admin_token.",
            )),
        };
    }
    let known = match given_token(headers) {
        Some(token) => {
            let client = state.clients.rate_limit_key(state.clients.address(peer, headers));
            let right =
                state.brute_force.check(SecretKind::AdminToken, &client, secrets_equal(token, wanted)).await;
            right.map_err(too_many_attempts)?
        }
        None => has_valid_ticket(state, wanted, headers).await,
    };
    if known {
        return Ok(Admin);
    }
    Err(ApiError::new(
        Code::Unauthorized,
        "Give the admin token as `Authorization: Bearer …` or `X-Admin-Token`, or sign in at /dashboard.",
    ))
}

/// The token in a request's headers.
fn given_token(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().as_bytes())
    });
    bearer.or_else(|| headers.get("x-admin-token").map(|value| value.as_bytes()))
}

async fn has_valid_ticket(state: &AppState, wanted: &str, headers: &HeaderMap) -> bool {
    let tickets = Tickets::new(wanted);
    for ticket in cookies(headers).filter_map(|text| tickets.open(text)) {
        if state.sign_ins.is_signed_in(&ticket).await {
            return true;
        }
    }
    false
}

/// The values of all cookies with the dashboard's name. Another host of the same domain may have set a second one.
pub fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == ADMIN_COOKIE).then_some(value)
    })
}
