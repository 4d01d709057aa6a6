//! `hoidap-worker`: runs stages, and looks after their jobs.
#![forbid(unsafe_code)]

use clap::Parser;
use hoidap_workers::cli::{Arguments, run};

fn main() -> anyhow::Result<()> {
    hoidap_indices::one_openmp_thread()?;
    start(Arguments::parse())
}

#[tokio::main]
async fn start(arguments: Arguments) -> anyhow::Result<()> {
    run(arguments).await
}
