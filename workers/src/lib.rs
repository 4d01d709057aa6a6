//! The stages that answer a question, the runner that drives them, and the sink that counts them.
#![forbid(unsafe_code)]

pub mod analytics;
pub mod audit;
pub mod canary;
pub mod classifier;
pub mod cli;
mod collections;
pub mod dead;
mod direct;
pub mod eval;
pub mod generator;
pub mod inspect;
mod log;
mod page;
mod part;
pub mod pipeline;
pub mod process;
mod progress;
mod reader_features;
pub mod recording;
pub mod replay;
pub mod retriever;
pub mod runner;
pub mod setup;
pub mod shadow;
mod verifier_eval;
