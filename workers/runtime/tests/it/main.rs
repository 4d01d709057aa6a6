//! The runner and canaries over a real broker, with small stages.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canary;
mod runner;
