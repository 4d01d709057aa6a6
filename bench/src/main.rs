//! `hoidap-bench`: the commands of `./dev bench`.
#![forbid(unsafe_code)]

use clap::Parser;
use hoidap_bench::cli::{Arguments, run};

/// The allocator of the programs whose parts are measured here.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> anyhow::Result<()> {
    hoidap_indices::restart_with_one_openmp_thread()?;
    hoidap_shared::telemetry::init_tls();
    serve(Arguments::parse())
}

#[tokio::main]
async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    run(arguments).await
}
