//! The stages that answer a question, and the pipeline that lists them in order. It has both the indices and the
//! runner: the runner drives a stage over NATS, a replay calls it without a broker.
//!
//! A stage publishes and acknowledges nothing. Start at [`pipeline`]; [`reranker`] is the smallest stage.
#![forbid(unsafe_code)]

pub mod classifier;
pub mod generator;
pub mod pipeline;
pub mod replayable;
pub mod reranker;
pub mod retriever;
mod watched_library;
