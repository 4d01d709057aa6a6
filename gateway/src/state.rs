//! What the endpoints share, and the routes to them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    middleware,
    routing::any,
};
use hoidap_shared::{
    config::{Config, Environment},
    fleet::instance_name,
};
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    admin,
    admin::SignInRegistry,
    analytics,
    analytics::Analytics,
    cache::Cache,
    chat,
    chat::BrokerClient,
    client::{ClientResolver, Peer},
    docs,
    guesses::BruteForceGuard,
    health,
    health::HealthProbe,
    history::ConversationHistory,
    layers,
    limit::RateLimiter,
    monitoring,
    monitoring::SystemMonitor,
    pages,
    redis::Redis,
    refusals::RefusalCounter,
    sessions,
    sessions::Sessions,
    streams::StreamLimiter,
};

/// What the endpoints share.
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
    pub refusals: RefusalCounter,
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
    /// Makes all parts. Connections are made in the background, so it succeeds while the servers are away.
    ///
    /// # Errors
    /// When a setting makes no sense: the sentence names it.
    pub fn new(config: Config, prometheus: PrometheusHandle) -> anyhow::Result<Self> {
        let redis = Arc::new(Redis::new(&config.redis)?);
        let ttl = Duration::from_secs(config.cache.ttl_secs);
        Ok(Self {
            broker: BrokerClient::start(config.nats.clone(), instance_name()),
            cache: Cache::new(redis.clone(), ttl, config.support.address.clone()),
            sessions: Sessions::new(&config),
            history: ConversationHistory::new(redis.clone(), &config.sessions),
            chat_limiter: RateLimiter::new(redis.clone(), config.rate_limit.chat_per_minute),
            other_limiter: RateLimiter::new(redis.clone(), config.rate_limit.other_per_minute),
            refusals: RefusalCounter::default(),
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

    /// Whether a request comes straight from this machine, which counts for something in development alone: in
    /// production a proxy on this machine may pass on what comes from anywhere.
    pub fn is_local(&self, peer: Peer, headers: &HeaderMap) -> bool {
        self.config.environment == Environment::Development && self.clients.is_local(peer, headers)
    }
}

/// The endpoints that the OpenAPI document describes.
pub fn endpoints() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::with_openapi(docs::about())
        .routes(routes!(chat::chat))
        .routes(routes!(chat::answer))
        .routes(routes!(chat::stream))
        .routes(routes!(chat::stop))
        .routes(routes!(chat::feedback))
        .routes(routes!(sessions::open))
        .routes(routes!(sessions::revoke))
        .routes(routes!(chat::completions))
        .routes(routes!(chat::models))
        .routes(routes!(chat::model))
        .routes(routes!(health::health))
        .routes(routes!(analytics::dashboard))
        .routes(routes!(analytics::report))
        .routes(routes!(analytics::report_csv))
        .routes(routes!(analytics::conversations))
        .routes(routes!(analytics::conversations_csv))
        .routes(routes!(analytics::conversation))
        .routes(routes!(admin::login))
        .routes(routes!(admin::logout))
        .routes(routes!(monitoring::monitoring))
        .routes(routes!(monitoring::prometheus))
}

/// All routes with everything around them.
///
/// # Errors
/// When `gateway.cors_origins` makes no sense.
pub fn router(state: Arc<AppState>) -> anyhow::Result<Router> {
    let (mut router, openapi) = endpoints().split_for_parts();
    if state.config.environment == Environment::Development {
        router = docs::Pages::new(&openapi)?.mount(router);
    }
    // What is not there below /v1 is no page of the sample site either.
    let nothing = || async { StatusCode::NOT_FOUND };
    let router = router.route("/v1", any(nothing)).route("/v1/{*rest}", any(nothing));
    let router = pages::mount(router, &state.config)?;
    Ok(router
        .layer(CatchPanicLayer::custom(layers::panic_response))
        .layer(middleware::from_fn_with_state(state.clone(), layers::check_request))
        .layer(layers::cors(&state.config.gateway, &state.config.sites)?)
        .layer(middleware::from_fn(layers::finalize_response))
        .with_state(state))
}
