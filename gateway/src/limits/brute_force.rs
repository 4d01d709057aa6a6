//! Protection of secrets: compared in constant time, with a limit on wrong attempts.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::time::Instant;
use tracing::warn;

use crate::{
    error::{ApiError, Code},
    limits::rate_limit::RateLimiter,
    storage::redis::Redis,
};

/// Wrong secrets a minute from each client, and from all clients together.
const WRONG_PER_CLIENT_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
const WRONG_FROM_ALL_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);
/// How long a client that gave the right secret is not blocked by others' wrong attempts.
const TRUSTED_TTL: Duration = Duration::from_hours(1);
/// Clients in memory before expired entries are removed.
const MAX_CLIENTS: usize = 10_000;

/// A secret that requests give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// `gateway.admin_token`.
    AdminToken,
    /// One of `gateway.api_keys`.
    ApiKey,
}

impl SecretKind {
    fn name(self) -> &'static str {
        match self {
            Self::AdminToken => "admin_token",
            Self::ApiKey => "api_key",
        }
    }
}

/// Counts wrong secrets, on all gateways together while Redis is up.
pub struct BruteForceGuard {
    by_client: RateLimiter,
    by_all: RateLimiter,
    memory: Mutex<AttemptMemory>,
}

/// Until when a name is blocked, and until when a client is trusted.
#[derive(Default)]
struct AttemptMemory {
    blocked: HashMap<String, Instant>,
    trusted: HashMap<String, Instant>,
}

impl BruteForceGuard {
    /// A guard without any attempts.
    pub fn new(redis: Arc<Redis>) -> Self {
        Self {
            by_client: RateLimiter::of(redis.clone(), WRONG_PER_CLIENT_PER_MINUTE),
            by_all: RateLimiter::of(redis, WRONG_FROM_ALL_PER_MINUTE),
            memory: Mutex::default(),
        }
    }

    /// Counts an attempt, and returns whether the secret was right.
    ///
    /// # Errors
    /// How long to wait after too many wrong attempts. The right secret has to wait too, so that the limit does not reveal
    /// which one is right.
    pub async fn check(&self, secret: SecretKind, client: &str, right: bool) -> Result<bool, Duration> {
        let (one, all) = (format!("{}.{client}", secret.name()), secret.name());
        if let Some(wait) = self.wait_left(&one, all) {
            return Err(wait);
        }
        if right {
            self.with(|memory| remember(&mut memory.trusted, one, TRUSTED_TTL));
            return Ok(true);
        }
        metrics::counter!("hoidap_gateway_wrong_secrets_total", "secret" => all).increment(1);
        let mut refused = None;
        for (limiter, name) in [(&self.by_client, one.as_str()), (&self.by_all, all)] {
            let status = limiter.take(&format!("wrong.{name}")).await;
            if status.allowed && status.remaining > 0 {
                continue;
            }
            let wait = if status.allowed { status.reset / status.limit } else { status.retry_after };
            warn!(secret = all, "too many wrong secrets: further attempts are refused for a while");
            self.with(|memory| remember(&mut memory.blocked, name.to_string(), wait));
            if !status.allowed {
                refused = refused.max(Some(wait));
            }
        }
        refused.map_or(Ok(false), Err)
    }

    fn wait_left(&self, one: &str, all: &str) -> Option<Duration> {
        self.with(|memory| {
            let left = |until: Option<&Instant>| Some(until?.saturating_duration_since(Instant::now()));
            let own = left(memory.blocked.get(one));
            let trusted = left(memory.trusted.get(one)).is_some_and(|left| !left.is_zero());
            let shared = left(memory.blocked.get(all)).filter(|_| !trusted);
            own.max(shared).filter(|wait| !wait.is_zero())
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut AttemptMemory) -> T) -> T {
        work(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn remember(times: &mut HashMap<String, Instant>, name: String, time: Duration) {
    let now = Instant::now();
    if times.len() >= MAX_CLIENTS {
        times.retain(|_, until| *until > now);
    }
    if times.len() < MAX_CLIENTS || times.contains_key(&name) {
        times.insert(name, now + time);
    }
}

/// Whether a text is the secret. The time it takes reveals neither the secret nor its length.
pub fn secrets_equal(text: &[u8], secret: &str) -> bool {
    bool::from(Sha256::digest(text).ct_eq(&Sha256::digest(secret)))
}

/// The error of a client that has to wait before its next attempt.
pub fn too_many_attempts(wait: Duration) -> ApiError {
    ApiError::new(Code::RateLimited, "Too many wrong secrets came: wait before the next try.")
        .retry_after(wait)
}
