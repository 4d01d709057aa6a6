//! The pages that the gateway serves: the widget, the dashboard, and in development the sample site with the widget in it.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, Method, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use hoidap_shared::config::{Config, Environment};
use http_body_util::BodyExt as _;
use tower_http::services::{ServeDir, ServeFile};

/// The dashboard runs its own files, and reaches nothing but this gateway.
const DASHBOARD_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                                connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// So do the pages of the sample site, beside which the widget may show nothing of others.
const SITE_POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'";
const PAGE: &[(&str, &str)] = &[("content-security-policy", DASHBOARD_POLICY), ("cache-control", "no-cache")];
const SITE: &[(&str, &str)] = &[("content-security-policy", SITE_POLICY), ("cache-control", "no-cache")];
/// Pages of any site load these.
const WIDGET: &[(&str, &str)] =
    &[("access-control-allow-origin", "*"), ("cache-control", "public, max-age=300")];
const ASSETS: &[(&str, &str)] =
    &[("access-control-allow-origin", "*"), ("cache-control", "public, max-age=31536000, immutable")];
/// Longest page of the sample site that the widget is put into, in bytes.
const MAX_PAGE: usize = 4 << 20;

/// Adds the pages that are configured.
///
/// # Errors
/// When a configured folder is not there: the sentence names it.
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
        router = site(router, &gateway.site_dir, config.sites.first().map(|site| site.key.clone()));
    }
    Ok(router)
}

fn there(setting: &str, folder: &Path, remedy: &str) -> anyhow::Result<()> {
    ensure!(folder.is_dir(), "{setting}: {} is not a folder: {remedy}, or leave it empty", folder.display());
    Ok(())
}

/// What Vite built: names that hold a hash are kept for ever, the others are asked for again.
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

/// The sample site at its own paths, so that a page's address tells its product.
fn site<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    folder: &Path,
    key: Option<String>,
) -> Router<S> {
    let first: &'static str =
        if folder.join("vi/index.html").is_file() { "/vi/index.html" } else { "/index.html" };
    let tag = key.map(|key| format!("<script async src=\"/widget.js\" data-site=\"{key}\"></script>"));
    let pages = Router::new()
        .fallback_service(ServeDir::new(PathBuf::from(folder)))
        .layer(middleware::from_fn(move |request, next| with_widget(request, next, tag.clone())))
        .layer(middleware::from_fn(|request, next| set(request, next, SITE)));
    router.route("/", get(move || async move { Redirect::temporary(first) })).fallback_service(pages)
}

/// Puts the widget's script tag into a page.
async fn with_widget(mut request: Request, next: Next, tag: Option<String>) -> Response {
    let plain = request.method() == Method::GET;
    // A part or an unchanged copy of a page has no place for the tag.
    for name in [header::RANGE, header::IF_MODIFIED_SINCE, header::IF_NONE_MATCH] {
        request.headers_mut().remove(name);
    }
    let response = next.run(request).await;
    let html = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let (Some(tag), true, true) = (tag, plain, html && response.status().is_success()) else {
        return response;
    };
    let (mut parts, body) = response.into_parts();
    let limited = http_body_util::Limited::new(body, MAX_PAGE).collect().await;
    let Ok(bytes) = limited.map(http_body_util::Collected::to_bytes) else {
        return axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let text = String::from_utf8_lossy(&bytes);
    let at = text.rfind("</body>").unwrap_or(text.len());
    let page = format!("{}{tag}\n{}", &text[..at], &text[at..]);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(page))
}

/// Sets headers of what was found.
async fn set(request: Request, next: Next, headers: &'static [(&'static str, &'static str)]) -> Response {
    let mut response = next.run(request).await;
    if !(response.status().is_client_error() || response.status().is_server_error()) {
        for (name, value) in headers {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    }
    response
}
