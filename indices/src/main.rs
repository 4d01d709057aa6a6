//! The program `hoidap-index`: builds, shows, searches and measures collections.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use hoidap_indices::{
    cli::{Arguments, run},
    one_openmp_thread,
};
use hoidap_shared::pipe::end_with_the_reader;

fn main() -> ExitCode {
    match start(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hoidap-index: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: Arguments) -> anyhow::Result<()> {
    end_with_the_reader()?;
    one_openmp_thread()?;
    run(arguments)
}
