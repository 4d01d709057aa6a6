//! The command line of `hoidap-worker`, and the tools for operators.
#![forbid(unsafe_code)]

pub mod audit;
mod canary_command;
pub mod cli;
pub mod dead_letters;
pub mod eval;
mod html_page;
pub mod inspect;
mod progress_bar;
mod reader_features;
pub mod recording;
pub mod replay;
mod resumable_file;
pub mod services;
pub mod setup;
pub mod shadow;
mod verifier_eval;
