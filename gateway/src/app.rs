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
    admin::SignIns,
    analytics,
    analytics::Analytics,
    cache::Cache,
    chat,
    chat::Link,
    client::{Clients, Peer},
    docs,
    guesses::Guesses,
    health,
    health::Health,
    history::History,
    layers,
    limit::Limiter,
    monitoring,
    monitoring::Monitor,
    pages,
    redis::Redis,
    refusals::Refusals,
    sessions,
    sessions::Sessions,
    streams::Streams,
};

/// What the endpoints share.
#[allow(missing_docs)]
pub struct App {
    pub config: Config,
    pub link: Link,
    pub redis: Arc<Redis>,
    pub cache: Cache,
    pub sessions: Sessions,
    pub history: History,
    pub limiter: Option<Limiter>,
    pub other_limiter: Option<Limiter>,
    pub refusals: Refusals,
    pub guesses: Guesses,
    pub sign_ins: SignIns,
    pub streams: Streams,
    pub clients: Clients,
    pub health: Health,
    pub analytics: Analytics,
    pub monitor: Monitor,
    pub prometheus: PrometheusHandle,
    pub started: Instant,
}

impl App {
    /// Makes all parts. Connections are made in the background, so it succeeds while the servers are away.
    ///
    /// # Errors
    /// When a setting makes no sense: the sentence names it.
    pub fn new(config: Config, prometheus: PrometheusHandle) -> anyhow::Result<Self> {
        let redis = Arc::new(Redis::new(&config.redis)?);
        let ttl = Duration::from_secs(config.cache.ttl_secs);
        Ok(Self {
            link: Link::start(config.nats.clone(), instance_name()),
            cache: Cache::new(redis.clone(), ttl, config.support.address.clone()),
            sessions: Sessions::new(&config),
            history: History::new(redis.clone(), &config.sessions),
            limiter: Limiter::new(redis.clone(), config.rate_limit.chat_per_minute),
            other_limiter: Limiter::new(redis.clone(), config.rate_limit.other_per_minute),
            refusals: Refusals::default(),
            guesses: Guesses::new(redis.clone()),
            sign_ins: SignIns::new(redis.clone()),
            streams: Streams::new(&config.gateway),
            clients: Clients::new(&config.gateway)?,
            health: Health::new(&config.clickhouse)?,
            analytics: Analytics::new(&config.clickhouse),
            monitor: Monitor::new()?,
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
pub fn endpoints() -> OpenApiRouter<Arc<App>> {
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
pub fn router(app: Arc<App>) -> anyhow::Result<Router> {
    let (mut router, openapi) = endpoints().split_for_parts();
    if app.config.environment == Environment::Development {
        router = docs::Pages::new(&openapi)?.mount(router);
    }
    // What is not there below /v1 is no page of the sample site either.
    let nothing = || async { StatusCode::NOT_FOUND };
    let router = router.route("/v1", any(nothing)).route("/v1/{*rest}", any(nothing));
    let router = pages::mount(router, &app.config)?;
    Ok(router
        .layer(CatchPanicLayer::custom(layers::caught))
        .layer(middleware::from_fn_with_state(app.clone(), layers::guard))
        .layer(layers::cors(&app.config.gateway, &app.config.sites)?)
        .layer(middleware::from_fn(layers::finish))
        .with_state(app))
}
