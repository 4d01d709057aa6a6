//! Who may do what: visitors, programs with an API key, and operators.

pub mod admin;
pub mod api_key;
pub mod job_sessions;
pub mod visitor;
