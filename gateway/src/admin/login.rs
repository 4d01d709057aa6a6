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

use super::{COOKIE, Tickets, cookies, ticket::GOOD};
use crate::{
    app::App,
    body::read_json,
    client::Peer,
    docs::{CommonProblems, LoginProblems},
    error::{ApiError, Code, FieldError},
    guesses::{Secret, is_secret, too_many},
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
    let (parts, body) = request.into_parts();
    let time = Duration::from_millis(app.config.gateway.request_timeout_ms);
    let value = read_json(&parts.headers, body, MAX_BODY, time).await?;
    let login: Login = serde_json::from_value(value).map_err(|_| {
        let field = FieldError::field("/token", "required", "must be the admin token, a text");
        ApiError::of_field(Code::FieldsInvalid, field)
    })?;
    let right = is_secret(login.token.as_bytes(), wanted);
    if !app.guesses.judge(Secret::AdminToken, &client, right).await.map_err(too_many)? {
        return Err(ApiError::new(Code::Unauthorized, "This is not the admin token."));
    }
    let (ticket, text) = Tickets::new(wanted).give();
    app.sign_ins.enter(&ticket).await;
    cookie(&app, &text, GOOD)
}

/// Signs out: no gateway takes the cookie any more, and the browser forgets it.
#[utoipa::path(
    post,
    path = "/dashboard/logout",
    tag = "operation",
    responses((status = 204, description = "Signed out", headers(("Set-Cookie" = String))), CommonProblems)
)]
pub async fn logout(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, ApiError> {
    let wanted = app.config.gateway.admin_token.expose_secret();
    // Without a token there are no tickets, and anybody could sign one.
    let tickets = (!wanted.is_empty()).then(|| Tickets::new(wanted));
    for ticket in cookies(&headers).filter_map(|text| tickets.as_ref()?.open(text)) {
        app.sign_ins.leave(&ticket).await;
    }
    cookie(&app, "", 0)
}

fn cookie(app: &App, value: &str, seconds: u64) -> Result<Response, ApiError> {
    let secure = if app.config.environment == Environment::Production { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let value = HeaderValue::try_from(text)
        .map_err(|_| ApiError::new(Code::Internal, "The cookie could not be written."))?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, value)]).into_response())
}
