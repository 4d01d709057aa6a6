use std::time::Duration;

use axum::http::StatusCode;

/// Every kind of error this gateway answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The body is not JSON.
    JsonInvalid,
    /// The body ends before its JSON does.
    JsonTruncated,
    /// The body is not UTF-8.
    Utf8Invalid,
    /// The body's values are nested too deep.
    NestingTooDeep,
    /// The request cannot be read, for any other reason.
    BadRequest,
    /// No or a wrong admin token.
    Unauthorized,
    /// Not from this machine, and no admin token is configured.
    Forbidden,
    /// No or a wrong key for programs.
    ApiKeyNeeded,
    /// No session, and one is needed.
    SessionRequired,
    /// The session's token is too old.
    SessionExpired,
    /// The session's token was not given out here.
    SessionInvalid,
    /// No site has this key.
    SiteUnknown,
    /// Not from a page of the site.
    OriginNotAllowed,
    /// No such job of this session.
    JobUnknown,
    /// The key of an earlier request, with another body.
    IdempotencyKeyReused,
    /// No model has this name.
    ModelUnknown,
    /// No such path.
    NotFound,
    /// The path exists, but not for this method.
    MethodNotAllowed,
    /// The body did not arrive in time.
    RequestTimeout,
    /// The body is too large.
    BodyTooLarge,
    /// The Content-Type header does not say that the body is JSON.
    ContentTypeUnsupported,
    /// Not a host name of this site.
    HostNotServed,
    /// Fields are missing or break their rules.
    FieldsInvalid,
    /// Too many questions from this client.
    RateLimited,
    /// Too many streams or connections of this client are open.
    TooManyOpen,
    /// Too many or too large headers.
    HeadersTooLarge,
    /// A defect of the gateway.
    Internal,
    /// The fleet could not work on the question.
    JobFailed,
    /// The fleet gave up on the question for now.
    JobGivenUp,
    /// The broker cannot be reached.
    QueueUnavailable,
    /// Every connection is taken.
    TooBusy,
    /// ClickHouse cannot be reached.
    AnalyticsUnavailable,
    /// No answer in time.
    DeadlineExceeded,
}

impl Code {
    /// Status, name, title, and seconds to wait before another try for those that may then succeed.
    fn row(self) -> (StatusCode, &'static str, &'static str, Option<u64>) {
        use StatusCode as S;
        match self {
            Self::JsonInvalid => (S::BAD_REQUEST, "json_invalid", "The body is not JSON", None),
            Self::JsonTruncated => (S::BAD_REQUEST, "json_truncated", "The body is cut off", None),
            Self::Utf8Invalid => (S::BAD_REQUEST, "utf8_invalid", "The body is not UTF-8", None),
            Self::NestingTooDeep => (S::BAD_REQUEST, "nesting_too_deep", "The body is nested too deep", None),
            Self::BadRequest => (S::BAD_REQUEST, "bad_request", "The request cannot be read", None),
            Self::Unauthorized => (S::UNAUTHORIZED, "unauthorized", "The admin token is needed", None),
            Self::Forbidden => (S::FORBIDDEN, "forbidden", "For this machine only", None),
            Self::ApiKeyNeeded => (S::UNAUTHORIZED, "api_key_needed", "An API key is needed", None),
            Self::SessionRequired => (S::UNAUTHORIZED, "session_required", "A session is needed", None),
            Self::SessionExpired => {
                (S::UNAUTHORIZED, "session_expired", "The session's token is too old", None)
            }
            Self::SessionInvalid => (S::UNAUTHORIZED, "session_invalid", "The session is not known", None),
            Self::SiteUnknown => (S::FORBIDDEN, "site_unknown", "No site has this key", None),
            Self::OriginNotAllowed => (S::FORBIDDEN, "origin_not_allowed", "Not a page of this site", None),
            Self::JobUnknown => (S::NOT_FOUND, "job_unknown", "There is no such job", None),
            Self::IdempotencyKeyReused => (
                S::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "The key belongs to another request",
                None,
            ),
            Self::ModelUnknown => (S::NOT_FOUND, "model_not_found", "There is no such model", None),
            Self::NotFound => (S::NOT_FOUND, "not_found", "There is nothing here", None),
            Self::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "method_not_allowed", "The method is not allowed here", None)
            }
            Self::RequestTimeout => {
                (S::REQUEST_TIMEOUT, "request_timeout", "The request did not arrive in time", Some(1))
            }
            Self::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large", None),
            Self::ContentTypeUnsupported => {
                (S::UNSUPPORTED_MEDIA_TYPE, "content_type_unsupported", "The body must be JSON", None)
            }
            Self::HostNotServed => {
                (S::MISDIRECTED_REQUEST, "host_not_served", "Not a host name of this site", None)
            }
            Self::FieldsInvalid => {
                (S::UNPROCESSABLE_ENTITY, "fields_invalid", "Fields are missing or wrong", None)
            }
            Self::RateLimited => (S::TOO_MANY_REQUESTS, "rate_limited", "Too many requests", Some(60)),
            Self::TooManyOpen => {
                (S::TOO_MANY_REQUESTS, "too_many_open", "Too many connections are open", Some(5))
            }
            Self::HeadersTooLarge => (
                S::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "headers_too_large",
                "The headers are too many or too large",
                None,
            ),
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here", None),
            Self::JobFailed => {
                (S::INTERNAL_SERVER_ERROR, "job_failed", "The question could not be worked on", None)
            }
            Self::JobGivenUp => (
                S::SERVICE_UNAVAILABLE,
                "retries_exhausted",
                "The question could not be worked on now",
                Some(10),
            ),
            Self::QueueUnavailable => {
                (S::SERVICE_UNAVAILABLE, "queue_unavailable", "Questions cannot be taken now", Some(5))
            }
            Self::TooBusy => (S::SERVICE_UNAVAILABLE, "too_busy", "Every connection is taken", Some(1)),
            Self::AnalyticsUnavailable => {
                (S::SERVICE_UNAVAILABLE, "analytics_unavailable", "The figures cannot be read now", Some(10))
            }
            Self::DeadlineExceeded => {
                (S::GATEWAY_TIMEOUT, "deadline_exceeded", "There was no answer in time", Some(5))
            }
        }
    }

    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        self.row().0
    }

    /// The name for programs.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The kind in a few words.
    pub fn title(self) -> &'static str {
        self.row().2
    }

    /// How long to wait before another try.
    pub fn retry_after(self) -> Option<Duration> {
        self.row().3.map(Duration::from_secs)
    }

    /// Whether the same request may succeed later.
    pub fn retryable(self) -> bool {
        self.row().3.is_some()
    }

    /// The kind of an error that came without one: what the HTTP library itself answers.
    pub fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            status if status.is_client_error() => Self::BadRequest,
            _ => Self::Internal,
        }
    }
}
