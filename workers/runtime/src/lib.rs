//! What runs a stage: the worker process, the runner that drives a stage over NATS, its canaries, and the readers of
//! streams. It knows a stage only by the trait `Stage`, so it links no index and no model.
//!
//! Start at [`process`] (a process), [`runner`] (one stage) and `runner/handle_delivery.rs` (one job).
#![forbid(unsafe_code)]

pub mod canary;
pub mod direct_get;
pub mod process;
pub mod runner;
pub mod stream_reader;
