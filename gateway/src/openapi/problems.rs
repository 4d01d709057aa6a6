use std::collections::BTreeMap;

use utoipa::{
    IntoResponses,
    openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder},
};

use crate::error::Code;

/// What any endpoint may answer.
const COMMON: [Code; 7] = [
    Code::BadRequest,
    Code::RequestTimeout,
    Code::HostNotServed,
    Code::TooManyOpen,
    Code::HeadersTooLarge,
    Code::Internal,
    Code::TooBusy,
];
const ADMIN: [Code; 3] = [Code::Unauthorized, Code::Forbidden, Code::RateLimited];
const CHAT: [Code; 16] = [
    Code::SessionRequired,
    Code::SessionExpired,
    Code::SessionInvalid,
    Code::IdempotencyKeyReused,
    Code::JsonInvalid,
    Code::JsonTruncated,
    Code::Utf8Invalid,
    Code::NestingTooDeep,
    Code::BodyTooLarge,
    Code::ContentTypeUnsupported,
    Code::FieldsInvalid,
    Code::RateLimited,
    Code::JobFailed,
    Code::JobGivenUp,
    Code::QueueUnavailable,
    Code::DeadlineExceeded,
];
const BODY: [Code; 7] = [
    Code::JsonInvalid,
    Code::JsonTruncated,
    Code::Utf8Invalid,
    Code::NestingTooDeep,
    Code::BodyTooLarge,
    Code::ContentTypeUnsupported,
    Code::FieldsInvalid,
];
const SESSION: [Code; 4] =
    [Code::SiteUnknown, Code::OriginNotAllowed, Code::RateLimited, Code::QueueUnavailable];
const JOB: [Code; 10] = [
    Code::SessionRequired,
    Code::SessionExpired,
    Code::SessionInvalid,
    Code::JobUnknown,
    Code::FieldsInvalid,
    Code::RateLimited,
    Code::JobFailed,
    Code::JobGivenUp,
    Code::QueueUnavailable,
    Code::DeadlineExceeded,
];
const DASHBOARD: [Code; 2] = [Code::FieldsInvalid, Code::AnalyticsUnavailable];

const LOGIN: [Code; 10] = [
    Code::JsonInvalid,
    Code::JsonTruncated,
    Code::Utf8Invalid,
    Code::NestingTooDeep,
    Code::BodyTooLarge,
    Code::ContentTypeUnsupported,
    Code::FieldsInvalid,
    Code::RateLimited,
    Code::Unauthorized,
    Code::Forbidden,
];

/// The problems of any endpoint.
pub struct CommonProblems;
/// The problems of the chat endpoint.
pub struct ChatProblems;
/// The problems of opening a session.
pub struct SessionProblems;
/// The problems of ending a session.
pub struct RevokeProblems;
/// The problems of an endpoint about one job.
pub struct JobProblems;
/// The problems of a completion: those of this endpoint have the form that OpenAI's clients expect.
pub struct CompletionProblems;
/// The problems of asking for models, in the form that OpenAI's clients expect.
pub struct ModelProblems;
/// The problems of rating an answer.
pub struct FeedbackProblems;
/// The problems of an endpoint for operators.
pub struct AdminProblems;
/// The problems of the dashboard.
pub struct DashboardProblems;
/// The problems of one conversation.
pub struct ConversationProblems;
/// The problems of signing in.
pub struct LoginProblems;

impl IntoResponses for CommonProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[&COMMON])
    }
}

impl IntoResponses for ChatProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[&COMMON, &CHAT])
    }
}

impl IntoResponses for CompletionProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        errors(&[&COMMON, &CHAT, &[Code::ApiKeyNeeded]])
    }
}

impl IntoResponses for ModelProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        errors(&[&COMMON, &[Code::ApiKeyNeeded, Code::ModelUnknown]])
    }
}

impl IntoResponses for RevokeProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[&COMMON, &ADMIN, &[Code::FieldsInvalid, Code::QueueUnavailable]])
    }
}

impl IntoResponses for SessionProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[&COMMON, &BODY, &SESSION])
    }
}

impl IntoResponses for JobProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[&COMMON, &JOB])
    }
}

impl IntoResponses for FeedbackProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[&COMMON, &BODY, &JOB])
    }
}

impl IntoResponses for AdminProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[&COMMON, &ADMIN])
    }
}

impl IntoResponses for DashboardProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[&COMMON, &ADMIN, &DASHBOARD])
    }
}

impl IntoResponses for ConversationProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[&COMMON, &ADMIN, &[Code::NotFound, Code::AnalyticsUnavailable]])
    }
}

impl IntoResponses for LoginProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[&COMMON, &LOGIN])
    }
}

/// One response for each status, naming every code it may carry.
fn problems(codes: &[&[Code]]) -> BTreeMap<String, RefOr<Response>> {
    responses(codes, "application/problem+json", "Problem")
}

/// The same in the form that OpenAI's clients expect.
fn errors(codes: &[&[Code]]) -> BTreeMap<String, RefOr<Response>> {
    responses(codes, "application/json", "ErrorOutput")
}

fn responses(codes: &[&[Code]], kind: &str, schema: &str) -> BTreeMap<String, RefOr<Response>> {
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for code in codes.iter().flat_map(|codes| codes.iter()) {
        names.entry(code.status().as_str().to_string()).or_default().push(format!("`{}`", code.name()));
    }
    let response = |names: Vec<String>| {
        let body = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
        let described = ResponseBuilder::new().description(names.join(", "));
        RefOr::T(described.content(kind, body).build())
    };
    names.into_iter().map(|(status, names)| (status, response(names))).collect()
}
