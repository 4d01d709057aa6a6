//! `hoidap-worker`: runs stages, and looks after their jobs.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use hoidap_workers::cli::{Arguments, run};

fn main() -> ExitCode {
    match start(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hoidap-worker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: Arguments) -> anyhow::Result<()> {
    hoidap_indices::one_openmp_thread()?;
    serve(arguments)
}

#[tokio::main]
async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    run(arguments).await
}
