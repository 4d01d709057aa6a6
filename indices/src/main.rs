//! The program `hoidap-index`: builds, shows, searches and measures collections.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use hoidap_indices::{
    cli::{Arguments, run},
    one_openmp_thread,
};

fn main() -> ExitCode {
    let result = one_openmp_thread().map_err(anyhow::Error::from).and_then(|()| run(Arguments::parse()));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hoidap-index: {error:#}");
            ExitCode::FAILURE
        }
    }
}
