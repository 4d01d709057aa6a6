//! Errors of the API, as RFC 9457 problems. What a client sees is separate from what is logged.

mod code;
pub mod openai;

use std::{borrow::Cow, time::Duration};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
pub use code::Code;
use hoidap_shared::job::JobId;
use serde::Serialize;
use utoipa::ToSchema;

/// Most wrong fields in one problem.
const MAX_FIELDS: usize = 50;

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer of the field in the body; empty for the whole body. Absent when a header is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The wrong header or query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// What is wrong, for people.
    pub detail: String,
    /// What is wrong, for programs.
    #[schema(value_type = String)]
    pub code: &'static str,
}

impl FieldError {
    /// A wrong field of the body.
    pub fn field(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into()), parameter: None, detail: detail.into(), code }
    }

    /// A wrong header or query parameter.
    pub fn parameter(name: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: None, parameter: Some(name.into()), detail: detail.into(), code }
    }
}

/// An error as the client sees it: RFC 9457, `application/problem+json`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem: `urn:hoidap:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time and what to do.
    pub detail: String,
    /// The path that was asked for.
    pub instance: String,
    /// The kind of problem, for programs.
    pub code: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// The request's name, as in `X-Request-Id`.
    pub request_id: String,
    /// Every wrong field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The job, when the question had become one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub job_id: Option<JobId>,
    /// What to show the visitor, in their language, with the support address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apology: Option<String>,
}

/// An error on its way to the client. The layer around all endpoints makes it a [`Problem`].
#[derive(Clone, Debug)]
pub struct ApiError(Box<ErrorParts>);

#[derive(Clone, Debug)]
struct ErrorParts {
    code: Code,
    name: Cow<'static, str>,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    job_id: Option<JobId>,
    apology: Option<String>,
}

impl ApiError {
    /// An error of a kind, with a sentence for the client.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(ErrorParts {
            code,
            name: Cow::Borrowed(code.name()),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: code.retry_after(),
            job_id: None,
            apology: None,
        }))
    }

    /// An error of one field.
    pub fn of_field(code: Code, error: FieldError) -> Self {
        let field = match (&error.pointer, &error.parameter) {
            (Some(pointer), _) if pointer.is_empty() => "the body".to_string(),
            (Some(pointer), _) => pointer.clone(),
            (_, Some(name)) => name.clone(),
            _ => "the request".to_string(),
        };
        Self::new(code, format!("{field}: {}", error.detail)).with_errors(vec![error])
    }

    /// Adds the fields that are wrong.
    #[must_use]
    pub fn with_errors(mut self, mut errors: Vec<FieldError>) -> Self {
        errors.truncate(MAX_FIELDS);
        self.0.errors = errors;
        self
    }

    /// Replaces the error's name by the fleet's name for the failure.
    #[must_use]
    pub fn with_name(mut self, name: String) -> Self {
        self.0.name = Cow::Owned(name);
        self
    }

    /// Adds the job.
    #[must_use]
    pub fn with_job(mut self, job_id: JobId) -> Self {
        self.0.job_id = Some(job_id);
        self
    }

    /// Adds the apology for the visitor.
    #[must_use]
    pub fn with_apology(mut self, apology: String) -> Self {
        self.0.apology = Some(apology);
        self
    }

    /// Sets the wait before the next try, rounded up to whole seconds.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// What is wrong, for people.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The fields that are wrong.
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// The kind of error.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The error's name in problems and events.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The problem a client sees.
    pub fn problem(&self, instance: &str, request_id: &str) -> Problem {
        Problem {
            kind: format!("urn:hoidap:problem:{}", self.0.name),
            title: self.0.code.title().to_string(),
            status: self.0.code.status().as_u16(),
            detail: self.0.detail.clone(),
            instance: instance.to_string(),
            code: self.0.name.to_string(),
            retryable: self.0.code.retryable(),
            request_id: request_id.to_string(),
            errors: self.0.errors.clone(),
            job_id: self.0.job_id.clone(),
            apology: self.0.apology.clone(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.0.code.status().into_response();
        if let Some(wait) = self.0.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if self.0.code.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}
