//! Signing in to the dashboard: the admin token is given once, and a cookie stands for it afterwards.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use hoidap_shared::config::Environment;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{COOKIE, Tickets, is_token};
use crate::{
    app::App,
    body::read_json,
    client::Peer,
    docs::{CommonProblems, LoginProblems},
    error::{ApiError, Code, FieldError},
};

/// Longest body, in bytes.
const MAX_BODY: usize = 4 * 1024;

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
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, ApiError> {
    let wanted = app.config.gateway.admin_token.expose_secret();
    if wanted.is_empty() {
        return match app.is_local(peer, request.headers()) {
            true => Ok(StatusCode::NO_CONTENT.into_response()),
            false => Err(ApiError::new(
                Code::Forbidden,
                "No admin token is configured, so nobody can sign in from elsewhere: set gateway.admin_token.",
            )),
        };
    }
    let client = app.clients.limit_name(app.clients.address(peer, request.headers()));
    if let Some(limiter) = &app.login_limiter {
        let taken = limiter.take(&format!("login.{client}")).await;
        if !taken.allowed {
            let detail = "Too many tries to sign in: wait before the next one.";
            return Err(ApiError::new(Code::RateLimited, detail).retry_after(taken.retry_after));
        }
    }
    let (parts, body) = request.into_parts();
    let time = Duration::from_millis(app.config.gateway.request_timeout_ms);
    let value = read_json(&parts.headers, body, MAX_BODY, time).await?;
    let login: Login = serde_json::from_value(value).map_err(|_| {
        let field = FieldError::field("/token", "required", "must be the admin token, a text");
        ApiError::of_field(Code::FieldsInvalid, field)
    })?;
    if !is_token(&login.token, wanted) {
        return Err(ApiError::new(Code::Unauthorized, "This is not the admin token."));
    }
    let (ticket, seconds) = Tickets::new(wanted).give();
    cookie(&app, &ticket, seconds)
}

/// Signs out: the browser forgets the cookie.
#[utoipa::path(
    post,
    path = "/dashboard/logout",
    tag = "operation",
    responses((status = 204, description = "Signed out", headers(("Set-Cookie" = String))), CommonProblems)
)]
pub async fn logout(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    cookie(&app, "", 0)
}

fn cookie(app: &App, value: &str, seconds: u64) -> Result<Response, ApiError> {
    let secure = if app.config.environment == Environment::Production { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let value = HeaderValue::try_from(text)
        .map_err(|_| ApiError::new(Code::Internal, "The cookie could not be written."))?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, value)]).into_response())
}
