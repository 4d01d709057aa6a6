//! The router: every endpoint, and the middleware around all of them.

use std::sync::Arc;

use axum::{
    Router,
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
    routing::any,
};
use hoidap_shared::config::Environment;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{middleware, openapi, pages, routes, state::AppState};

/// The endpoints that the OpenAPI document describes.
pub fn endpoints() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::with_openapi(openapi::describe())
        .routes(routes!(routes::chat::chat))
        .routes(routes!(routes::jobs::answer))
        .routes(routes!(routes::jobs::stream))
        .routes(routes!(routes::jobs::stop))
        .routes(routes!(routes::jobs::feedback))
        .routes(routes!(routes::sessions::open))
        .routes(routes!(routes::revocation::revoke))
        .routes(routes!(routes::completions::completions))
        .routes(routes!(routes::models::models))
        .routes(routes!(routes::models::model))
        .routes(routes!(routes::health::health))
        .routes(routes!(routes::analytics::dashboard))
        .routes(routes!(routes::analytics::report))
        .routes(routes!(routes::analytics::report_csv))
        .routes(routes!(routes::analytics::conversations))
        .routes(routes!(routes::analytics::conversations_csv))
        .routes(routes!(routes::analytics::conversation))
        .routes(routes!(routes::login::login))
        .routes(routes!(routes::login::logout))
        .routes(routes!(routes::monitoring::monitoring))
        .routes(routes!(routes::monitoring::prometheus))
}

/// All routes, with the middleware around them.
///
/// # Errors
/// When `gateway.cors_origins` is invalid.
pub fn router(state: Arc<AppState>) -> anyhow::Result<Router> {
    let (mut router, openapi) = endpoints().split_for_parts();
    if state.config.environment == Environment::Development {
        router = openapi::DocPages::new(&openapi)?.mount(router);
    }
    // An unknown path below /v1 must not fall through to the sample site.
    let nothing = || async { StatusCode::NOT_FOUND };
    let router = router.route("/v1", any(nothing)).route("/v1/{*rest}", any(nothing));
    let router = pages::mount(router, &state.config)?;
    Ok(router
        .layer(CatchPanicLayer::custom(middleware::panic_response))
        .layer(from_fn_with_state(state.clone(), middleware::check_request))
        .layer(middleware::cors(&state.config.gateway, &state.config.sites)?)
        .layer(from_fn(middleware::finalize_response))
        .with_state(state))
}

/// The OpenAPI document as text, as it stands in `schemas/openapi.json`.
///
/// # Errors
/// When it cannot be serialized.
pub fn openapi_json() -> anyhow::Result<String> {
    let document = endpoints().into_openapi();
    Ok(document.to_pretty_json()? + "\n")
}
