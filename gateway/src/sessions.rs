//! The visitors' sessions: opened under a site's public key from its own pages, known by a short-lived signed token.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use hoidap_shared::{config, config::Environment, job::now_ms};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::warn;
use utoipa::ToSchema;

use crate::{
    app::App,
    body::read_json,
    client::Peer,
    docs::SessionProblems,
    error::{ApiError, Code, FieldError},
    limit::Allowance,
    signed::Signer,
};

/// How the names of vouched sessions begin; no other session may be called so.
pub const VOUCHED: &str = "hs_";
/// Shortest secret that is not warned of, in bytes.
const SHORT: usize = 32;

/// What a token vouches for.
#[derive(Serialize, Deserialize)]
struct Claims {
    session: String,
    /// Seconds since the Unix epoch.
    expires: u64,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Visitor {
    /// A session that this service opened.
    Vouched(String),
    /// Nobody vouches for the session that the request names.
    Unknown,
}

/// Opens sessions and knows them again.
pub struct Sessions {
    signer: Signer,
    settings: config::Sessions,
    sites: Vec<config::Site>,
    origins: Vec<String>,
    development: bool,
}

impl Sessions {
    /// Sessions of the configured sites.
    pub fn new(config: &config::Config) -> Self {
        let secret = config.sessions.secret.expose_secret().as_bytes();
        if !secret.is_empty() && secret.len() < SHORT {
            warn!("sessions.secret is short: give it {SHORT} characters or more");
        }
        let random = || [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(uuid::Uuid::into_bytes).concat();
        let key = if secret.is_empty() { random() } else { secret.to_vec() };
        Self {
            signer: Signer::new(&key, "session"),
            settings: config.sessions.clone(),
            sites: config.sites.clone(),
            origins: config.gateway.cors_origins.clone(),
            development: config.environment == Environment::Development,
        }
    }

    /// Who asks, by the token of the request.
    ///
    /// # Errors
    /// When the token is not ours or its time is over, or there is none and one is needed.
    pub fn visitor(&self, headers: &HeaderMap) -> Result<Visitor, ApiError> {
        let Some(token) = bearer(headers) else {
            if self.settings.required {
                let detail =
                    "Open a session (POST /api/sessions) and give its token as `Authorization: Bearer …`.";
                return Err(ApiError::new(Code::SessionRequired, detail));
            }
            return Ok(Visitor::Unknown);
        };
        match self.signer.open::<Claims>(token) {
            Some(claims) if claims.expires > now_ms() / 1000 => Ok(Visitor::Vouched(claims.session)),
            Some(_) => {
                let detail = "The session's token is too old: renew it by POST /api/sessions.";
                Err(ApiError::new(Code::SessionExpired, detail))
            }
            None => {
                let detail = "The token was not given out here: open a session by POST /api/sessions.";
                Err(ApiError::new(Code::SessionInvalid, detail))
            }
        }
    }

    /// The session of a token that may be renewed.
    fn renewable(&self, headers: &HeaderMap) -> Option<String> {
        let claims: Claims = self.signer.open(bearer(headers)?)?;
        (claims.expires + self.settings.renew_secs > now_ms() / 1000).then_some(claims.session)
    }

    fn open(&self, session: String) -> SessionOutput {
        let expires = now_ms() / 1000 + self.settings.ttl_secs;
        let at = jiff::Timestamp::from_second(i64::try_from(expires).unwrap_or(i64::MAX)).unwrap_or_default();
        let token = self.signer.sign(&Claims { session: session.clone(), expires });
        SessionOutput {
            session_id: session,
            token,
            expires_at: at.to_string(),
            expires_in: self.settings.ttl_secs,
        }
    }

    /// Whether a page of this origin may open sessions under the key.
    fn check(&self, key: &str, headers: &HeaderMap) -> Result<(), ApiError> {
        let Some(site) = self.sites.iter().find(|site| site.key == key) else {
            let detail = "No site is configured under this key: see [[sites]].";
            return Err(ApiError::new(Code::SiteUnknown, detail));
        };
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let origin = text(header::ORIGIN).unwrap_or_default();
        // The pages that the gateway serves in development have its own origin.
        let own = text(header::HOST)
            .is_some_and(|host| self.development && origin.strip_prefix("http://") == Some(host));
        let listed = site.origins.iter().chain(&self.origins).any(|one| one == origin || one == "*");
        if !origin.is_empty() && (own || listed) {
            return Ok(());
        }
        let detail = format!(
            "Pages of the origin `{}` may not open sessions under this key.",
            origin.chars().take(200).collect::<String>()
        );
        Err(ApiError::new(Code::OriginNotAllowed, detail))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
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

/// Opens a session for a visitor of a site, or renews the one whose token the request carries.
#[utoipa::path(
    post,
    path = "/api/sessions",
    tag = "chat",
    request_body = SessionRequest,
    params(("Origin" = Option<String>, Header, description = "The origin of the page, which a browser gives by itself")),
    responses((status = 201, description = "A session", body = SessionOutput), SessionProblems)
)]
pub async fn open(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let gateway = &app.config.gateway;
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
    app.sessions.check(key, &parts.headers)?;
    let allowance = limit(&app, peer, &parts.headers).await?;
    let new = || format!("{VOUCHED}{}", uuid::Uuid::new_v4().simple());
    let session = app.sessions.renewable(&parts.headers).unwrap_or_else(new);
    let mut response = (StatusCode::CREATED, Json(app.sessions.open(session))).into_response();
    if let Some(allowance) = allowance {
        allowance.write(response.headers_mut());
    }
    Ok(response)
}

/// Sessions are limited like chats, apart from them.
async fn limit(app: &App, peer: Peer, headers: &HeaderMap) -> Result<Option<Allowance>, ApiError> {
    let Some(limiter) = &app.limiter else { return Ok(None) };
    let client = app.clients.limit_name(app.clients.address(peer, headers));
    let taken = limiter.take(&format!("session.{client}")).await;
    if taken.allowed {
        return Ok(Some(taken));
    }
    let detail = format!("The limit is {} sessions a minute for each client.", taken.limit);
    Err(ApiError::new(Code::RateLimited, detail).retry_after(taken.retry_after))
}
