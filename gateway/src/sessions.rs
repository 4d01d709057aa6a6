//! The visitors' sessions: opened under a site's public key from its own pages, known by a short-lived signed token.

mod revoke;

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use hoidap_shared::{config, config::Environment, job::now_ms};
pub use revoke::{__path_revoke, revoke};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::warn;
use utoipa::ToSchema;

use crate::{
    body::read_json,
    client::Peer,
    docs::SessionProblems,
    error::{ApiError, Code, FieldError},
    limit::RateLimitStatus,
    signed::Signer,
    state::AppState,
};

/// How the names of sessions begin that this service gives; no other session may be called so.
pub const VERIFIED_PREFIX: &str = "hs_";
/// How those among them begin that it gives to the requests of programs.
pub const PROGRAM_PREFIX: &str = "hs_api_";
/// Shortest secret that is not warned of, in bytes.
const MIN_SECRET_BYTES: usize = 32;

/// What a token vouches for.
#[derive(Serialize, Deserialize)]
struct Claims {
    session: String,
    /// Seconds since the Unix epoch.
    expires: u64,
    /// The key of the site whose pages opened the session. A release before this one did not tell: such a token is good
    /// until it ends, and cannot be renewed.
    #[serde(default)]
    site: Option<String>,
    /// When the session was opened, in seconds since the Unix epoch.
    #[serde(default)]
    opened: u64,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Visitor {
    /// A session that this service opened.
    Verified(String),
    /// Nobody vouches for the session that the request names.
    Anonymous,
}

/// Opens sessions and knows them again.
pub struct Sessions {
    signer: Signer,
    programs: Signer,
    settings: config::Sessions,
    sites: Vec<config::Site>,
    origins: Vec<String>,
    development: bool,
}

impl Sessions {
    /// Sessions of the configured sites.
    pub fn new(config: &config::Config) -> Self {
        let secret = config.sessions.secret.expose_secret().as_bytes();
        if !secret.is_empty() && secret.len() < MIN_SECRET_BYTES {
            warn!("sessions.secret is short: give it {MIN_SECRET_BYTES} characters or more");
        }
        let random = || [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(uuid::Uuid::into_bytes).concat();
        let key = if secret.is_empty() { random() } else { secret.to_vec() };
        Self {
            signer: Signer::new(&key, "session"),
            programs: Signer::new(&key, "program"),
            settings: config.sessions.clone(),
            sites: config.sites.clone(),
            origins: config.gateway.cors_origins.clone(),
            development: config.environment == Environment::Development,
        }
    }

    /// The session of a program's requests that belong together, such as those for one user under one key.
    pub fn of_program(&self, parts: &[&str]) -> String {
        format!("{PROGRAM_PREFIX}{}", self.programs.name(&parts))
    }

    /// Who asks, by the token of the request.
    fn verify(&self, headers: &HeaderMap) -> Result<Visitor, ApiError> {
        let Some(token) = bearer_token(headers) else {
            if self.settings.required {
                let detail =
                    "Open a session (POST /api/sessions) and give its token as `Authorization: Bearer …`.";
                return Err(ApiError::new(Code::SessionRequired, detail));
            }
            return Ok(Visitor::Anonymous);
        };
        let invalid = |detail: &str| Err(ApiError::new(Code::SessionInvalid, detail));
        let Some(claims) = self.signer.open::<Claims>(token) else {
            return invalid("The token was not given out here: open a session by POST /api/sessions.");
        };
        if claims.expires <= now_ms() / 1000 {
            let detail = "The session's token is too old: renew it by POST /api/sessions.";
            return Err(ApiError::new(Code::SessionExpired, detail));
        }
        if let Some(key) = &claims.site {
            let origin = header_text(headers, header::ORIGIN);
            match self.sites.iter().find(|site| site.key == *key) {
                None => return invalid("The session's site is not served here any more."),
                Some(site) if !origin.is_empty() && !self.may_open(site, origin, headers) => {
                    return invalid("The session belongs to pages of another site: open one for this.");
                }
                Some(_) => {}
            }
        }
        Ok(Visitor::Verified(claims.session))
    }

    /// The session of a token that may be renewed for this site, and when it was opened.
    fn renewable(&self, site: &str, headers: &HeaderMap) -> Option<(String, u64)> {
        let claims: Claims = self.signer.open(bearer_token(headers)?)?;
        let now = now_ms() / 1000;
        let renewable = claims.site.as_deref() == Some(site)
            && claims.expires.saturating_add(self.settings.renew_secs) > now
            && claims.opened.saturating_add(self.settings.max_age_secs) > now;
        renewable.then_some((claims.session, claims.opened))
    }

    /// A token for a session, which ends with the session at the latest.
    fn issue_token(&self, site: &str, session: String, opened: u64) -> SessionOutput {
        let now = now_ms() / 1000;
        let ends = opened.saturating_add(self.settings.max_age_secs);
        let expires = now.saturating_add(self.settings.ttl_secs).min(ends);
        let at = jiff::Timestamp::from_second(i64::try_from(expires).unwrap_or(i64::MAX)).unwrap_or_default();
        let claims = Claims { session, expires, site: Some(site.to_string()), opened };
        SessionOutput {
            token: self.signer.sign(&claims),
            session_id: claims.session,
            expires_at: at.to_string(),
            expires_in: expires.saturating_sub(now),
        }
    }

    /// Whether a page of this origin may open sessions under the key.
    fn check_origin(&self, key: &str, headers: &HeaderMap) -> Result<(), ApiError> {
        let Some(site) = self.sites.iter().find(|site| site.key == key) else {
            let detail = "No site is configured under this key: see [[sites]].";
            return Err(ApiError::new(Code::SiteUnknown, detail));
        };
        let origin = header_text(headers, header::ORIGIN);
        if self.may_open(site, origin, headers) {
            return Ok(());
        }
        let detail = format!(
            "Pages of the origin `{}` may not open sessions under this key.",
            origin.chars().take(200).collect::<String>()
        );
        Err(ApiError::new(Code::OriginNotAllowed, detail))
    }

    fn may_open(&self, site: &config::Site, origin: &str, headers: &HeaderMap) -> bool {
        // The pages that the gateway serves in development have its own origin.
        let own =
            || self.development && origin.strip_prefix("http://") == Some(header_text(headers, header::HOST));
        let listed = || site.origins.iter().chain(&self.origins).any(|one| one == origin || one == "*");
        !origin.is_empty() && (own() || listed())
    }
}

/// Who asks, by the token of the request.
///
/// # Errors
/// When the token is not ours or of another site, its time is over, its session was revoked, or there is none and one is
/// needed.
pub async fn visitor(state: &AppState, headers: &HeaderMap) -> Result<Visitor, ApiError> {
    let visitor = state.sessions.verify(headers)?;
    if let Visitor::Verified(session) = &visitor
        && state.broker.is_revoked(session).await
    {
        let detail = "The session was ended: open another by POST /api/sessions.";
        return Err(ApiError::new(Code::SessionInvalid, detail));
    }
    Ok(visitor)
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A request for a session.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct SessionRequest {
    /// The public key of the site.
    #[schema(min_length = 1, max_length = 128, example = "pk_example_www")]
    site_key: String,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionOutput {
    /// Its name.
    pub session_id: String,
    /// What the visitor's requests give as `Authorization: Bearer …`.
    pub token: String,
    /// How long the token is good, RFC 3339.
    #[schema(format = "date-time")]
    pub expires_at: String,
    /// The same in seconds from now.
    pub expires_in: u64,
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
    let allowance = enforce_session_limit(&state, peer, &parts.headers).await?;
    let (session, opened) = match state.sessions.renewable(key, &parts.headers) {
        Some((session, opened)) if !state.broker.is_revoked(&session).await => (session, opened),
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
    let taken = limiter.take(&format!("session.{client}")).await;
    if taken.allowed {
        return Ok(Some(taken));
    }
    let detail = format!("The limit is {} sessions a minute for each client.", taken.limit);
    Err(ApiError::new(Code::RateLimited, detail).retry_after(taken.retry_after))
}
