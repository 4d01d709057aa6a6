//! The operator's tools: recording traffic, replaying it and comparing, shadows, audits, inspecting a job, dead letters,
//! canaries, and measuring the stages. Each is a command of `hoidap-worker`.
//!
//! Nothing here serves visitors. Start at [`recording`], which the other tools read, and [`replay`].
#![forbid(unsafe_code)]

pub mod audit;
pub mod canary_command;
pub mod dead_letters;
pub mod eval;
mod excerpt;
mod html_page;
pub mod inspect;
mod progress_bar;
pub mod reader_features;
pub mod recording;
pub mod replay;
mod resumable_file;
pub mod shadow;
pub mod verifier_eval;
