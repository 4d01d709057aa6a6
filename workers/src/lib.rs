//! The stages that answer a question, the runner that drives them, the analytics sink, and the tools around them.
#![forbid(unsafe_code)]

pub mod analytics;
pub mod audit;
pub mod canary;
mod canary_command;
pub mod classifier;
pub mod cli;
pub mod dead_letters;
mod direct_get;
pub mod eval;
pub mod generator;
mod html_page;
pub mod inspect;
pub mod pipeline;
pub mod process;
mod progress_bar;
mod reader_features;
pub mod recording;
pub mod replay;
mod resumable_file;
pub mod retriever;
pub mod runner;
pub mod services;
pub mod setup;
pub mod shadow;
mod stream_reader;
mod verifier_eval;
mod watched_library;
