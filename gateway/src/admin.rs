//! Who may read figures: whoever holds the admin token; without one configured, this machine alone.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;

use crate::{
    app::App,
    client::{Peer, is_local},
    error::{ApiError, Code},
};

/// Proof that the request may read figures.
pub struct Admin;

impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let wanted = app.config.gateway.admin_token.expose_secret();
        if wanted.is_empty() {
            return match parts.extensions.get::<Peer>() {
                Some(peer) if is_local(*peer, &parts.headers) => Ok(Self),
                _ => Err(ApiError::new(
                    Code::Forbidden,
                    "No admin token is configured, so this answers straight from this machine only: set gateway.admin_token.",
                )),
            };
        }
        let given = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = given(header::AUTHORIZATION).and_then(|value: &str| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let token =
            bearer.or_else(|| parts.headers.get("x-admin-token").and_then(|value| value.to_str().ok()));
        match token {
            Some(token) if bool::from(token.as_bytes().ct_eq(wanted.as_bytes())) => Ok(Self),
            _ => Err(ApiError::new(
                Code::Unauthorized,
                "Give the admin token as `Authorization: Bearer …` or `X-Admin-Token`.",
            )),
        }
    }
}
