//! Who may read figures: whoever holds the admin token or a cookie that was given for it; without a token configured, this
//! machine alone, and in production nobody.

mod login;
mod ticket;

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
pub use login::{__path_login, __path_logout, login, logout};
use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;
use ticket::Tickets;

use crate::{
    app::App,
    client::Peer,
    error::{ApiError, Code},
};

/// The cookie that stands for the admin token.
const COOKIE: &str = "hoidap_admin";

/// Proof that the request may read figures.
pub struct Admin;

impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let wanted = app.config.gateway.admin_token.expose_secret();
        if wanted.is_empty() {
            return match parts.extensions.get::<Peer>() {
                Some(peer) if app.is_local(*peer, &parts.headers) => Ok(Self),
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
        let known = match token {
            Some(token) => is_token(token, wanted),
            None => cookies(&parts.headers).any(|ticket| Tickets::new(wanted).takes(ticket)),
        };
        if known {
            return Ok(Self);
        }
        Err(ApiError::new(
            Code::Unauthorized,
            "Give the admin token as `Authorization: Bearer …` or `X-Admin-Token`, or sign in at /dashboard.",
        ))
    }
}

/// Whether a text is the admin token; the time it takes tells nothing but its length.
fn is_token(text: &str, wanted: &str) -> bool {
    bool::from(text.as_bytes().ct_eq(wanted.as_bytes()))
}

/// The values of the cookies with the dashboard's name. A page of another host below the same domain may have set one more.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    })
}
