//! From a question to its answer: submitted, then awaited or followed.

pub mod answer_follower;
pub mod event_fold;
pub mod final_answer;
pub mod request_context;
pub mod sse;
pub mod submission;
pub mod waiting;
