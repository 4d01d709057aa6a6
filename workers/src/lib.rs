//! The command line of `hoidap-worker`, the services that it runs, and the setup of the broker.
//!
//! It holds no logic of a stage, of the runner or of a tool: those are crates of their own below this folder. Start at
//! [`cli`] and [`services`].
#![forbid(unsafe_code)]

pub mod cli;
pub mod services;
pub mod setup;
