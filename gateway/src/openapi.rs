//! The OpenAPI document and the pages that show it. The pages contain their scripts: they load nothing from other servers.

mod problems;

use aide::{redoc::Redoc, swagger::Swagger};
use axum::{
    http::{HeaderName, HeaderValue, header},
    response::IntoResponse,
    routing::get,
};
use bytes::Bytes;
pub use problems::{
    AdminProblems, ChatProblems, CommonProblems, CompletionProblems, ConversationProblems, DashboardProblems,
    FeedbackProblems, JobProblems, LoginProblems, ModelProblems, RevokeProblems, SessionProblems,
};
use utoipa::{
    OpenApi,
    openapi::{
        OpenApi as Document,
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
    },
};

use crate::error::{FieldError, Problem, openai::ErrorOutput};

/// Where the document is served.
const DOCUMENT_PATH: &str = "/api/openapi.json";
/// The pages run their own script and style, and reach nothing but the document and the API it describes.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; \
                      font-src data:; connect-src 'self'; worker-src blob:; base-uri 'none'; frame-ancestors 'none'";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Hoidap",
        description = "Answers visitors' questions from a site's own documents, with citations.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags((name = "chat", description = "For visitors"), (name = "openai", description = "For OpenAI's clients"), (name = "operation", description = "For operators")),
    components(schemas(Problem, FieldError, ErrorOutput))
)]
struct ApiDescription;

/// The document without its paths: title, shared schemas and security schemes.
pub fn describe() -> Document {
    let mut document = ApiDescription::openapi();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let token = |about: &str| {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description = Some(about.into());
        SecurityScheme::Http(bearer)
    };
    components.add_security_scheme("session", token("The token of POST /api/sessions"));
    components.add_security_scheme("api_key", token("One of gateway.api_keys"));
    let header = ApiKey::Header(ApiKeyValue::new("X-Admin-Token"));
    components.add_security_scheme("admin_token", SecurityScheme::ApiKey(header));
    let cookie = ApiKey::Cookie(ApiKeyValue::new("hoidap_admin"));
    components.add_security_scheme("admin_cookie", SecurityScheme::ApiKey(cookie));
    document
}

type Page = ([(HeaderName, HeaderValue); 2], Bytes);

/// The document and two pages that show it. A page carries megabytes of script, so it is made when it is asked for.
pub struct DocPages {
    document: String,
}

impl DocPages {
    /// Renders the document.
    ///
    /// # Errors
    /// When it cannot be serialized.
    pub fn new(document: &Document) -> anyhow::Result<Self> {
        Ok(Self { document: document.to_json()? })
    }

    /// Adds the pages to the routes.
    pub fn mount<S: Clone + Send + Sync + 'static>(self, router: axum::Router<S>) -> axum::Router<S> {
        const HTML: &str = "text/html; charset=utf-8";
        let document = page("application/json", self.document);
        let swagger = || async { page(HTML, Swagger::new(DOCUMENT_PATH).with_title("Hoidap API").html()) };
        let redoc = || async { page(HTML, Redoc::new(DOCUMENT_PATH).with_title("Hoidap API").html()) };
        router
            .route(DOCUMENT_PATH, get(move || async move { document.into_response() }))
            .route("/api/docs", get(swagger))
            .route("/api/redoc", get(redoc))
    }
}

/// A page and its headers.
fn page(kind: &'static str, text: String) -> Page {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
    ];
    (headers, Bytes::from(text))
}
