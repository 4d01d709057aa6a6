//! `hoidap-bench`: the commands of `./dev bench`.
#![forbid(unsafe_code)]

use clap::Parser;
use hoidap_bench::cli::{Arguments, run};

fn main() -> anyhow::Result<()> {
    hoidap_indices::restart_with_one_openmp_thread()?;
    hoidap_shared::telemetry::init_tls();
    serve(Arguments::parse())
}

#[tokio::main]
async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    run(arguments).await
}
