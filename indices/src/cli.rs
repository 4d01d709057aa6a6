//! The command line of `hoidap-index`.

mod build;
mod eval;
mod faiss_flags;
mod progress;
mod read_documents;
mod search;
mod versions;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use hoidap_shared::{config::Config, processor::check_processor};

use self::faiss_flags::faiss_has_avx2;

/// Builds, shows, searches and measures the collections of a site.
#[derive(Debug, Parser)]
#[command(name = "hoidap-index", version)]
pub struct Arguments {
    /// The configuration file; default: HOIDAP_CONFIG or ./hoidap.toml.
    #[arg(long, global = true)]
    pub config: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build a collection from documents, or every configured collection that is missing or changed.
    Build(build::Build),
    /// Read the same sources again and build a new version of each collection that changed.
    Update(build::Update),
    /// Show collections and their versions.
    List,
    /// Search, and show the ranks in the dense and the lexical index.
    Search(search::Search),
    /// Measure the search quality with labelled questions.
    Eval(eval::Eval),
    /// Verify the checksums of the current versions and load them.
    Verify(versions::Verify),
    /// Put an earlier version into service.
    Rollback(versions::Rollback),
    /// Delete a collection. Workers stop searching it.
    Remove(versions::Remove),
    /// Read documents for a build, in a process that can be killed.
    #[command(hide = true)]
    ReadDocuments(read_documents::ReadDocuments),
}

/// Runs a command.
///
/// # Errors
/// One sentence with what is wrong and what to do.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    if let Command::ReadDocuments(read) = &arguments.command {
        return read.run();
    }
    check_processor(faiss_has_avx2())?;
    let config = Config::load(arguments.config.as_deref(), &[])?;
    let json = arguments.json;
    match arguments.command {
        Command::Build(build) => build.run(config, json),
        Command::Update(update) => update.run(config, json),
        Command::List => versions::list(&config, json),
        Command::Search(search) => search.run(&config, json),
        Command::Eval(eval) => eval.run(&config, json),
        Command::Verify(verify) => verify.run(&config, json),
        Command::Remove(remove) => remove.run(&config, json),
        Command::Rollback(rollback) => rollback.run(&config, json),
        Command::ReadDocuments(read) => read.run(),
    }
}
