//! The bodies of requests and answers. They are a public contract, apart from the fleet's own messages: fields may be
//! added, none may go or change type.

mod feedback;
mod request;
mod response;

pub use feedback::FeedbackRequest;
pub use request::ChatRequest;
pub use response::{ChatResponse, CitationOutput, DraftOutput, SourceOutput};
