use std::collections::BTreeMap;

use utoipa::{
    IntoResponses,
    openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder},
};

use crate::error::Code;

/// What any endpoint may answer.
const COMMON: [Code; 5] =
    [Code::BadRequest, Code::RequestTimeout, Code::HostNotServed, Code::HeadersTooLarge, Code::Internal];
const ADMIN: [Code; 2] = [Code::Unauthorized, Code::Forbidden];
const CHAT: [Code; 12] = [
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
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for code in codes.iter().flat_map(|codes| codes.iter()) {
        names.entry(code.status().as_str().to_string()).or_default().push(format!("`{}`", code.name()));
    }
    let response = |names: Vec<String>| {
        let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let described = ResponseBuilder::new().description(names.join(", "));
        RefOr::T(described.content("application/problem+json", body).build())
    };
    names.into_iter().map(|(status, names)| (status, response(names))).collect()
}
