//! A Redis connection with a timeout and a circuit breaker: the gateway works without Redis.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use hoidap_shared::config;
use redis::{
    Client, FromRedisValue, RedisFuture,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use secrecy::ExposeSecret as _;
use tracing::{info, warn};

/// Failures in a row after which the breaker opens.
const MAX_FAILURES: u32 = 3;
/// How long the breaker stays open. Then one command tests whether Redis is back.
const RETRY_PAUSE_MS: u64 = 1_000;

/// Redis is not available.
#[derive(Debug, thiserror::Error)]
#[error("Redis is away: {0}")]
pub struct RedisUnavailable(String);

/// A connection that reconnects by itself, behind a circuit breaker.
pub struct Redis {
    manager: ConnectionManager,
    prefix: String,
    timeout: Duration,
    failures: AtomicU32,
    started: Instant,
    /// In milliseconds since `started`: this machine's clock may be changed at any moment.
    closed_until_ms: AtomicU64,
}

impl Redis {
    /// Prepares the connection; the first command connects.
    ///
    /// # Errors
    /// When `redis.url` is invalid.
    pub fn new(settings: &config::RedisConfig) -> anyhow::Result<Self> {
        let timeout = Duration::from_millis(settings.timeout_ms);
        let client = Client::open(settings.url.expose_secret())
            .context("redis.url is not an address such as redis://127.0.0.1:6379")?;
        let options = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(timeout))
            .set_number_of_retries(1);
        Ok(Self {
            manager: ConnectionManager::new_lazy_with_config(client, options)?,
            prefix: settings.prefix.clone(),
            timeout,
            failures: AtomicU32::new(0),
            started: Instant::now(),
            closed_until_ms: AtomicU64::new(0),
        })
    }

    /// A key with this fleet's prefix.
    pub fn key(&self, kind: &str, name: &str) -> String {
        format!("{}:{kind}:{name}", self.prefix)
    }

    /// Runs a command.
    ///
    /// # Errors
    /// [`RedisUnavailable`] when it fails, takes too long, or is not tried.
    pub async fn run<T, F>(&self, command: F) -> Result<T, RedisUnavailable>
    where
        T: FromRedisValue,
        F: for<'c> FnOnce(&'c mut ConnectionManager) -> RedisFuture<'c, T>,
    {
        if !self.may_try() {
            return Err(RedisUnavailable("not tried again so soon after it failed".into()));
        }
        let mut manager = self.manager.clone();
        let result = match tokio::time::timeout(self.timeout, command(&mut manager)).await {
            Ok(result) => result.map_err(|error| RedisUnavailable(error.to_string())),
            Err(_) => Err(RedisUnavailable(format!("no answer within {} ms", self.timeout.as_millis()))),
        };
        self.record_result(&result);
        result
    }

    /// Checks that Redis answers.
    ///
    /// # Errors
    /// [`RedisUnavailable`] when it does not.
    pub async fn ping(&self) -> Result<(), RedisUnavailable> {
        self.run(|connection| {
            Box::pin(async move { redis::cmd("PING").query_async::<String>(connection).await })
        })
        .await
        .map(|_| ())
    }

    /// Whether the breaker lets a command through: with it open, one caller in each pause.
    fn may_try(&self) -> bool {
        if self.failures.load(Ordering::Relaxed) < MAX_FAILURES {
            return true;
        }
        let (now, until) = (self.uptime_ms(), self.closed_until_ms.load(Ordering::Relaxed));
        now >= until
            && self
                .closed_until_ms
                .compare_exchange(until, now + RETRY_PAUSE_MS, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    fn uptime_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn record_result<T>(&self, result: &Result<T, RedisUnavailable>) {
        match result {
            Ok(_) => {
                if self.failures.swap(0, Ordering::Relaxed) >= MAX_FAILURES {
                    info!("Redis is back");
                }
            }
            Err(error) => {
                metrics::counter!("hoidap_gateway_redis_failures_total").increment(1);
                self.closed_until_ms.store(self.uptime_ms() + RETRY_PAUSE_MS, Ordering::Relaxed);
                if self.failures.fetch_add(1, Ordering::Relaxed) + 1 == MAX_FAILURES {
                    warn!(%error, "chats go on without Redis");
                }
            }
        }
    }
}
