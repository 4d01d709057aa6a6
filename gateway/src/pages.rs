//! The pages that the gateway serves: the widget, the dashboard, and in development the sample site with the widget in it.

mod sample_site;

use std::path::Path;

use anyhow::ensure;
use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue},
    middleware::{self, Next},
    response::{Redirect, Response},
    routing::get,
};
use hoidap_shared::config::{Config, Environment};
use tower_http::services::{ServeDir, ServeFile};

/// The dashboard runs its own files, and reaches nothing but this gateway.
const DASHBOARD_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                                connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const PAGE: &[(&str, &str)] = &[("content-security-policy", DASHBOARD_POLICY), ("cache-control", "no-cache")];
/// Headers of files that pages of any site load.
const WIDGET: &[(&str, &str)] =
    &[("access-control-allow-origin", "*"), ("cache-control", "public, max-age=300")];
const ASSETS: &[(&str, &str)] =
    &[("access-control-allow-origin", "*"), ("cache-control", "public, max-age=31536000, immutable")];

/// Adds the pages that are configured.
///
/// # Errors
/// When a configured folder does not exist: the sentence names it.
pub fn mount<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    config: &Config,
) -> anyhow::Result<Router<S>> {
    let gateway = &config.gateway;
    let mut router = router;
    if !gateway.web_dir.as_os_str().is_empty() {
        there("gateway.web_dir", &gateway.web_dir, "build it by `npm run build` in gateway/web")?;
        router = built(router, &gateway.web_dir);
    }
    if config.environment == Environment::Development && !gateway.site_dir.as_os_str().is_empty() {
        there("gateway.site_dir", &gateway.site_dir, "name a folder of pages")?;
        router = sample_site::mount(router, &gateway.site_dir, config.sites.first());
    }
    Ok(router)
}

fn there(setting: &str, folder: &Path, remedy: &str) -> anyhow::Result<()> {
    ensure!(folder.is_dir(), "{setting}: {} is not a folder: {remedy}, or leave it empty", folder.display());
    Ok(())
}

/// The files that Vite built: those with a hash in their name are cached for ever, the others are revalidated.
fn built<S: Clone + Send + Sync + 'static>(router: Router<S>, folder: &Path) -> Router<S> {
    let file = |name: &str| ServeFile::new(folder.join(name)).precompressed_br().precompressed_gzip();
    let assets = ServeDir::new(folder.join("assets")).precompressed_br().precompressed_gzip();
    let dashboard = Router::new()
        .route_service("/dashboard", file("dashboard.html"))
        .route("/dashboard/", get(|| async { Redirect::permanent("/dashboard") }))
        .layer(middleware::from_fn(|request, next| set(request, next, PAGE)));
    let widget = Router::new()
        .route_service("/widget.js", file("widget.js"))
        .layer(middleware::from_fn(|request, next| set(request, next, WIDGET)));
    let assets = Router::new()
        .nest_service("/assets", assets)
        .layer(middleware::from_fn(|request, next| set(request, next, ASSETS)));
    router.merge(dashboard).merge(widget).merge(assets)
}

/// Adds headers to successful responses.
async fn set(request: Request, next: Next, headers: &'static [(&'static str, &'static str)]) -> Response {
    let mut response = next.run(request).await;
    if !(response.status().is_client_error() || response.status().is_server_error()) {
        for (name, value) in headers {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    }
    response
}
