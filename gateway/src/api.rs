//! The bodies of requests and answers. They are a public contract, apart from the fleet's own messages: fields may be
//! added, none may go or change type.

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
