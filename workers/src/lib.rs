//! The command line of `hoidap-worker`, the services that it runs, and the setup of the broker.
#![forbid(unsafe_code)]

pub mod cli;
pub mod services;
pub mod setup;
