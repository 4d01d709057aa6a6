//! The program `hoidap-index`: builds, lists, searches and evaluates collections.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use hoidap_indices::{
    cli::{Arguments, run},
    restart_with_one_openmp_thread,
};
use hoidap_shared::{
    signals::{exit_on_termination, reset_sigpipe},
    telemetry::report_fatal,
};

/// Gives the memory of a start back to the system, and serves many threads without a lock.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let config = arguments.config.clone();
    match start(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report_fatal("hoidap-index", config.as_deref(), &error);
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: Arguments) -> anyhow::Result<()> {
    restart_with_one_openmp_thread()?;
    reset_sigpipe()?;
    exit_on_termination()?;
    run(arguments)
}
