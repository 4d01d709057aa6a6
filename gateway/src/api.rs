//! The bodies of requests and responses, and their validation. They are a public contract, separate from the fleet's
//! messages: fields may be added, none may be removed or change type.

pub mod chat_validation;
mod feedback;
pub mod field_checker;
mod job;
pub mod json_body;
mod request;
mod response;

pub use feedback::FeedbackRequest;
pub use job::JobOutput;
pub use request::ChatRequest;
pub use response::{ChatResponse, CitationOutput, DraftOutput, SourceOutput};
