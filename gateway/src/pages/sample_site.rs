//! The sample site, in development: a folder of pages, each with the widget added.

use std::path::Path;

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use hoidap_shared::config::SiteConfig;
use http_body_util::{BodyExt as _, Collected, Limited};
use tower_http::services::ServeDir;

use super::set;

/// The pages load nothing from other hosts, and neither does the widget in them.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'";
const HEADERS: &[(&str, &str)] = &[("content-security-policy", POLICY), ("cache-control", "no-cache")];
/// Longest page that the widget is put into, in bytes.
const MAX_PAGE: usize = 4 << 20;
/// Opens links to the site's published pages, such as those of citations, here.
const LINKS: &str = include_str!("links.js");
const LINKS_AT: &str = "/links.js";

/// Serves the folder at its own paths, so that a page's address gives its product.
pub(super) fn mount<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    folder: &Path,
    site: Option<&SiteConfig>,
) -> Router<S> {
    let first: &'static str =
        if folder.join("vi/index.html").is_file() { "/vi/index.html" } else { "/index.html" };
    let tags = site.map(tags);
    let pages = Router::new()
        .fallback_service(ServeDir::new(folder))
        .layer(middleware::from_fn(move |request, next| with_widget(request, next, tags.clone())));
    let links = get(|| async { ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], LINKS) });
    let pages = Router::new()
        .route(LINKS_AT, links)
        .fallback_service(pages)
        .layer(middleware::from_fn(|request, next| set(request, next, HEADERS)));
    router.route("/", get(move || async move { Redirect::temporary(first) })).fallback_service(pages)
}

/// The tags for a page. The configuration ensures that keys and origins hold no character that ends an attribute.
fn tags(site: &SiteConfig) -> String {
    let (key, origins) = (&site.key, site.origins.join(" "));
    format!(
        "<script src=\"{LINKS_AT}\" data-origins=\"{origins}\"></script>\n\
         <script async src=\"/widget.js\" data-site=\"{key}\"></script>\n"
    )
}

/// Adds the tags to a page.
async fn with_widget(mut request: Request, next: Next, tags: Option<String>) -> Response {
    let plain = request.method() == Method::GET;
    // A partial or a 304 response has no place for the tags.
    for name in [header::RANGE, header::IF_MODIFIED_SINCE, header::IF_NONE_MATCH] {
        request.headers_mut().remove(name);
    }
    let response = next.run(request).await;
    let html = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let (Some(tags), true, true) = (tags, plain, html && response.status().is_success()) else {
        return response;
    };
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = Limited::new(body, MAX_PAGE).collect().await.map(Collected::to_bytes) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let text = String::from_utf8_lossy(&bytes);
    let at = text.rfind("</body>").unwrap_or(text.len());
    let page = format!("{}{tags}{}", &text[..at], &text[at..]);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(page))
}
