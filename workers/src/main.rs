//! `hoidap-worker`: runs the stages, and the tools for operators.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use hoidap_shared::{processor::check_processor, telemetry::report_fatal};
use hoidap_workers::cli::{Arguments, run};

/// Gives the memory of a start back to the system, and serves many threads without a lock.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let config = arguments.config.clone();
    match start(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report_fatal("hoidap-worker", config.as_deref(), &error);
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: Arguments) -> anyhow::Result<()> {
    check_processor(false)?;
    hoidap_indices::restart_with_one_openmp_thread()?;
    serve(arguments)
}

#[tokio::main]
async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    run(arguments).await
}
