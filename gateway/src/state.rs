//! The state that all handlers share.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::HeaderMap;
use hoidap_shared::{
    config::{Config, Environment},
    fleet::instance_name,
};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::{
    analytics::Analytics,
    broker_client::BrokerClient,
    health::HealthProbe,
    identity::{
        client::{ClientResolver, Peer},
        sessions::Sessions,
        sign_ins::SignInRegistry,
    },
    limits::{
        brute_force::BruteForceGuard, open_streams::StreamLimiter, rate_limit::RateLimiter,
        refused_requests::RefusedRequestCounter,
    },
    monitoring::SystemMonitor,
    storage::{cache::Cache, history::ConversationHistory, redis::Redis},
};

/// A client may read answers so many times as often as it may send other requests: it asks once a second for each job that
/// it waits for.
const READS_FOR_EACH_OTHER: u32 = 10;

/// The services that handlers use.
#[allow(missing_docs)]
pub struct AppState {
    pub config: Config,
    pub broker: BrokerClient,
    pub redis: Arc<Redis>,
    pub cache: Cache,
    pub sessions: Sessions,
    pub history: ConversationHistory,
    pub chat_limiter: Option<RateLimiter>,
    pub other_limiter: Option<RateLimiter>,
    pub read_limiter: Option<RateLimiter>,
    pub refused_requests: RefusedRequestCounter,
    pub brute_force: BruteForceGuard,
    pub sign_ins: SignInRegistry,
    pub stream_limiter: StreamLimiter,
    pub clients: ClientResolver,
    pub health: HealthProbe,
    pub analytics: Analytics,
    pub monitor: SystemMonitor,
    pub prometheus: PrometheusHandle,
    pub started: Instant,
}

impl AppState {
    /// Creates all services. They connect in the background, so this succeeds while the servers are down.
    ///
    /// # Errors
    /// When a setting is invalid: the sentence names it.
    pub fn new(config: Config, prometheus: PrometheusHandle) -> anyhow::Result<Self> {
        let redis = Arc::new(Redis::new(&config.redis)?);
        let ttl = Duration::from_secs(config.cache.ttl_secs);
        let reads_per_minute = config.rate_limit.other_per_minute.saturating_mul(READS_FOR_EACH_OTHER);
        Ok(Self {
            broker: BrokerClient::start(config.nats.clone(), instance_name()),
            cache: Cache::new(redis.clone(), ttl, config.support.address.clone()),
            sessions: Sessions::new(&config),
            history: ConversationHistory::new(redis.clone(), &config.sessions),
            chat_limiter: RateLimiter::new(redis.clone(), config.rate_limit.chat_per_minute),
            other_limiter: RateLimiter::new(redis.clone(), config.rate_limit.other_per_minute),
            read_limiter: RateLimiter::new(redis.clone(), reads_per_minute),
            refused_requests: RefusedRequestCounter::default(),
            brute_force: BruteForceGuard::new(redis.clone()),
            sign_ins: SignInRegistry::new(redis.clone()),
            stream_limiter: StreamLimiter::new(&config.gateway),
            clients: ClientResolver::new(&config.gateway)?,
            health: HealthProbe::new(&config.clickhouse)?,
            analytics: Analytics::new(&config.clickhouse),
            monitor: SystemMonitor::new()?,
            prometheus,
            started: Instant::now(),
            redis,
            config,
        })
    }

    /// Whether a request comes directly from this machine. Always `false` in production, where a proxy on this machine may
    /// forward requests from anywhere.
    pub fn is_local(&self, peer: Peer, headers: &HeaderMap) -> bool {
        self.config.environment == Environment::Development && self.clients.is_local(peer, headers)
    }
}
