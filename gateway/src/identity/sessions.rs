//! Visitors' sessions: opened with a site's public key from its own pages, and proved by a short-lived signed token.

use axum::http::{HeaderMap, header};
use hoidap_shared::{config, config::Environment, job::now_ms};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use tracing::warn;
use utoipa::ToSchema;

use super::{secret_strength::SECRET_CHARS, signing::Signer};
use crate::error::{ApiError, Code};

/// The prefix of session ids that this service issues. No other session id may have it.
pub const VERIFIED_PREFIX: &str = "hs_";
/// The prefix of the session ids that it issues for programs.
pub const PROGRAM_PREFIX: &str = "hs_api_";

/// The claims of a session token.
#[derive(Serialize, Deserialize)]
struct Claims {
    session: String,
    /// Seconds since the Unix epoch.
    expires: u64,
    /// The key of the site whose pages opened the session. Absent in tokens of older releases: they are
    /// valid until they expire, and cannot be renewed.
    #[serde(default)]
    site: Option<String>,
    /// When the session was opened, in seconds since the Unix epoch.
    #[serde(default)]
    opened: u64,
}

/// The visitor of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Visitor {
    /// A session that this service opened.
    Verified(String),
    /// The request names its session itself, without a token.
    Anonymous,
}

/// Issues and verifies session tokens.
pub struct Sessions {
    signer: Signer,
    programs: Signer,
    settings: config::SessionsConfig,
    sites: Vec<config::SiteConfig>,
    origins: Vec<String>,
    development: bool,
}

impl Sessions {
    /// Sessions of the configured sites.
    pub fn new(config: &config::Config) -> Self {
        let secret = config.sessions.secret.expose_secret().as_bytes();
        if !secret.is_empty() && secret.len() < SECRET_CHARS {
            warn!("sessions.secret is short: give it {SECRET_CHARS} characters or more");
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

    /// The session id of a program's requests that belong together, for example one user's under one key.
    pub fn of_program(&self, parts: &[&str]) -> String {
        format!("{PROGRAM_PREFIX}{}", self.programs.name(&parts))
    }

    /// Verifies the token of a request.
    pub fn verify(&self, headers: &HeaderMap) -> Result<Visitor, ApiError> {
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
    pub fn renewable(&self, site: &str, headers: &HeaderMap) -> Option<(String, u64)> {
        let claims: Claims = self.signer.open(bearer_token(headers)?)?;
        let now = now_ms() / 1000;
        let renewable = claims.site.as_deref() == Some(site)
            && claims.expires.saturating_add(self.settings.renew_secs) > now
            && claims.opened.saturating_add(self.settings.max_age_secs) > now;
        renewable.then_some((claims.session, claims.opened))
    }

    /// Issues a token for a session. It expires with the session at the latest.
    pub fn issue_token(&self, site: &str, session: String, opened: u64) -> SessionOutput {
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

    /// Checks that a page of the request's origin may open sessions with the key.
    pub fn check_origin(&self, key: &str, headers: &HeaderMap) -> Result<(), ApiError> {
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

    fn may_open(&self, site: &config::SiteConfig, origin: &str, headers: &HeaderMap) -> bool {
        // Pages that the gateway serves in development have its own origin.
        let own =
            || self.development && origin.strip_prefix("http://") == Some(header_text(headers, header::HOST));
        let listed = || site.origins.iter().chain(&self.origins).any(|one| one == origin || one == "*");
        !origin.is_empty() && (own() || listed())
    }
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
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
