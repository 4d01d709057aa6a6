//! The command line of `hoidap-index`.

mod build;
mod eval;
mod keep;
mod processor;
mod progress;
mod read;
mod search;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use hoidap_shared::config::Config;

pub use processor::check_processor;

/// Builds, shows, searches and measures the collections of a site.
#[derive(Debug, Parser)]
#[command(name = "hoidap-index", version)]
pub struct Arguments {
    /// The configuration; HOIDAP_CONFIG or ./hoidap.toml otherwise.
    #[arg(long, global = true)]
    pub config: Option<PathBuf>,
    /// Print JSON for machines.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build a collection from documents, or every collection of the configuration that is missing or changed.
    Build(build::Build),
    /// Read the same sources again and make a new version of what changed.
    Update(build::Update),
    /// Show collections and their versions.
    List,
    /// Search, and show what each leg made of it.
    Search(search::Search),
    /// Measure the search with labelled questions.
    Eval(eval::Eval),
    /// Compare every file of the current versions with its checksum, and load them.
    Verify(keep::Named),
    /// Put an earlier version into service.
    Rollback(keep::Rollback),
    /// Read documents for a build, in a process that can be ended.
    #[command(hide = true)]
    ReadDocuments(read::ReadDocuments),
}

/// Runs a command.
///
/// # Errors
/// What is wrong and what to do, in one sentence.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    if let Command::ReadDocuments(read) = &arguments.command {
        return read.run();
    }
    check_processor()?;
    let config = Config::load(arguments.config.as_deref(), &[])?;
    let json = arguments.json;
    match arguments.command {
        Command::Build(build) => build.run(config, json),
        Command::Update(update) => update.run(config, json),
        Command::List => keep::list(&config, json),
        Command::Search(search) => search.run(&config, json),
        Command::Eval(eval) => eval.run(&config, json),
        Command::Verify(named) => named.verify(&config, json),
        Command::Rollback(rollback) => rollback.run(&config, json),
        Command::ReadDocuments(read) => read.run(),
    }
}
