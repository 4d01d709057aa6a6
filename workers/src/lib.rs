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
mod features;
pub mod generator;
mod html_page;
pub mod inspect;
mod judge;
mod log;
pub mod pipeline;
pub mod process;
mod progress_bar;
pub mod recording;
pub mod replay;
mod resumable_file;
pub mod retriever;
pub mod runner;
pub mod setup;
pub mod shadow;
