//! The rate limit, by the generic cell rate algorithm: in Redis for all gateways together, in this process while Redis is
//! down.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::{
    Quota, RateLimiter as GovernorLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};
use redis::Script;
use tracing::debug;

use crate::storage::redis::Redis;

/// The time over which a limit counts.
const LIMIT_WINDOW: Duration = Duration::from_secs(60);
/// Clients in this process's own limiter before idle ones are removed.
const MAX_LOCAL_CLIENTS: usize = 10_000;

type LocalLimiter =
    GovernorLimiter<String, DefaultKeyedStateStore<String>, DefaultClock, StateInformationMiddleware>;

/// The state of one client's limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimitStatus {
    /// Whether this question may be asked.
    pub allowed: bool,
    /// Questions a minute.
    pub limit: u32,
    /// Questions left now.
    pub remaining: u32,
    /// Until all of them are left again.
    pub reset: Duration,
    /// Until the next one may be asked, when this one may not.
    pub retry_after: Duration,
}

impl RateLimitStatus {
    /// Adds the rate limit headers: `RateLimit` and `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers-10, and the
    /// three of its draft 06, which more clients read.
    pub fn write_headers(&self, headers: &mut HeaderMap) {
        let seconds = |span: Duration| span.as_secs() + u64::from(span.subsec_nanos() > 0);
        let (limit, remaining, reset) = (self.limit, self.remaining, seconds(self.reset));
        for (name, value) in [
            ("ratelimit-policy", format!("\"chat\";q={limit};w={}", LIMIT_WINDOW.as_secs())),
            ("ratelimit", format!("\"chat\";r={remaining};t={reset}")),
            ("ratelimit-limit", limit.to_string()),
            ("ratelimit-remaining", remaining.to_string()),
            ("ratelimit-reset", reset.to_string()),
        ] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

/// Limits requests a minute for each client.
pub struct RateLimiter {
    redis: Arc<Redis>,
    limit: NonZeroU32,
    script: Arc<Script>,
    local: LocalLimiter,
}

impl RateLimiter {
    /// A limiter of `per_minute` requests for each client; `None` for zero.
    pub fn new(redis: Arc<Redis>, per_minute: u32) -> Option<Self> {
        Some(Self::of(redis, NonZeroU32::new(per_minute)?))
    }

    /// A limiter of `limit` requests a minute for each client.
    pub fn of(redis: Arc<Redis>, limit: NonZeroU32) -> Self {
        Self {
            redis,
            limit,
            script: Arc::new(Script::new(include_str!("rate_limit.lua"))),
            local: GovernorLimiter::keyed(Quota::per_minute(limit)).with_middleware(),
        }
    }

    /// Counts one request of a client, if it has one left.
    pub async fn take(&self, client: &str) -> RateLimitStatus {
        let key = self.redis.key("limit", client);
        let (script, limit) = (self.script.clone(), self.limit.get());
        let taken = self
            .redis
            .run(move |connection| {
                Box::pin(async move {
                    let mut call = script.key(key);
                    call.arg(limit).arg(LIMIT_WINDOW.as_micros() as u64);
                    call.invoke_async::<(bool, u32, u64, u64)>(connection).await
                })
            })
            .await;
        match taken {
            Ok((allowed, remaining, reset, retry_after)) => RateLimitStatus {
                allowed,
                limit: self.limit.get(),
                remaining,
                reset: Duration::from_micros(reset),
                retry_after: Duration::from_micros(retry_after),
            },
            Err(error) => {
                debug!(%error, "Redis is down: the rate limit counts in this process");
                self.take_local(client)
            }
        }
    }

    fn take_local(&self, client: &str) -> RateLimitStatus {
        if self.local.len() > MAX_LOCAL_CLIENTS {
            self.local.retain_recent();
        }
        let limit = self.limit.get();
        let spent = |remaining: u32| LIMIT_WINDOW * (limit - remaining.min(limit)) / limit;
        match self.local.check_key(&client.to_string()) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                RateLimitStatus {
                    allowed: true,
                    limit,
                    remaining,
                    reset: spent(remaining),
                    retry_after: Duration::ZERO,
                }
            }
            Err(not_until) => RateLimitStatus {
                allowed: false,
                limit,
                remaining: 0,
                reset: LIMIT_WINDOW,
                retry_after: not_until.wait_time_from(DefaultClock::default().now()),
            },
        }
    }
}
