//! Signing in to the dashboard: the admin token is given once, and a cookie stands for it until it is signed out of.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use hoidap_shared::config::Environment;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    api::json_body::read_json,
    auth::admin::{ADMIN_COOKIE, cookies},
    error::{ApiError, Code, FieldError},
    identity::{
        client::Peer,
        sign_ins::{TICKET_TTL_SECS, Tickets},
    },
    limits::brute_force::{SecretKind, secrets_equal, too_many_attempts},
    openapi::{CommonProblems, LoginProblems},
    state::AppState,
};

/// Longest body, in bytes.
const MAX_BODY_BYTES: usize = 4 * 1024;

/// Who signs in.
#[derive(Deserialize, ToSchema)]
pub struct Login {
    /// The admin token.
    token: String,
}

/// Signs in to the dashboard: the answer's cookie stands for the admin token for twelve hours.
#[utoipa::path(
    post,
    path = "/dashboard/login",
    tag = "operation",
    request_body = Login,
    responses((status = 204, description = "Signed in", headers(("Set-Cookie" = String))), LoginProblems)
)]
pub async fn login(
    State(state): State<Arc<AppState>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, ApiError> {
    let wanted = state.config.gateway.admin_token.expose_secret();
    if wanted.is_empty() {
        return match state.is_local(peer, request.headers()) {
            true => Ok(StatusCode::NO_CONTENT.into_response()),
            false => Err(ApiError::new(
                Code::Forbidden,
                "No admin token is configured, so nobody can sign in from elsewhere: set gateway.admin_token.",
            )),
        };
    }
    let client = state.clients.rate_limit_key(state.clients.address(peer, request.headers()));
    let (parts, body) = request.into_parts();
    let time = Duration::from_millis(state.config.gateway.request_timeout_ms);
    let value = read_json(&parts.headers, body, MAX_BODY_BYTES, time).await?;
    let login: Login = serde_json::from_value(value).map_err(|_| {
        let field = FieldError::field("/token", "required", "must be the admin token, a text");
        ApiError::of_field(Code::FieldsInvalid, field)
    })?;
    let right = secrets_equal(login.token.as_bytes(), wanted);
    if !state.brute_force.check(SecretKind::AdminToken, &client, right).await.map_err(too_many_attempts)? {
        return Err(ApiError::new(Code::Unauthorized, "This is not the admin token."));
    }
    let (ticket, text) = Tickets::new(wanted).issue();
    state.sign_ins.sign_in(&ticket).await;
    cookie_response(&state, &text, TICKET_TTL_SECS)
}

/// Signs out: no gateway takes the cookie any more, and the browser forgets it.
#[utoipa::path(
    post,
    path = "/dashboard/logout",
    tag = "operation",
    responses((status = 204, description = "Signed out", headers(("Set-Cookie" = String))), CommonProblems)
)]
pub async fn logout(State(state): State<Arc<AppState>>, headers: HeaderMap) -> Result<Response, ApiError> {
    let wanted = state.config.gateway.admin_token.expose_secret();
    // Without a token there are no tickets, and anybody could sign one.
    let tickets = (!wanted.is_empty()).then(|| Tickets::new(wanted));
    for ticket in cookies(&headers).filter_map(|text| tickets.as_ref()?.open(text)) {
        state.sign_ins.sign_out(&ticket).await;
    }
    cookie_response(&state, "", 0)
}

fn cookie_response(state: &AppState, value: &str, seconds: u64) -> Result<Response, ApiError> {
    let secure = if state.config.environment == Environment::Production { "; Secure" } else { "" };
    let text =
        format!("{ADMIN_COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let value = HeaderValue::try_from(text)
        .map_err(|_| ApiError::new(Code::Internal, "The cookie could not be written."))?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, value)]).into_response())
}
