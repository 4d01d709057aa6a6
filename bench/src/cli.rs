//! The command line of `hoidap-bench`.

use clap::{Parser, Subcommand};
use serde::Serialize;

use crate::{embed, empty, load, relay, search};

/// The loads and bare parts of Hoidap's benchmarks; `./dev bench` runs them.
#[derive(Debug, Parser)]
#[command(name = "hoidap-bench", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send questions to POST /api/chat and count answers and latencies.
    Load(load::Load),
    /// Answer every request with the same JSON of a given size.
    Empty(empty::Empty),
    /// Pass messages through three consumers of JetStream that do nothing else.
    Relay(relay::Relay),
    /// Embed texts with Hoidap's embedder.
    Embed(embed::Embed),
    /// Build a FAISS index of vectors.
    Index(search::BuildIndex),
    /// Search a FAISS index, one query at a time.
    Search(search::Search),
}

/// Runs a command.
///
/// # Errors
/// What is wrong with its input or its service.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::Load(load) => print(&load.run().await?),
        Command::Empty(empty) => empty.serve().await,
        Command::Relay(relay) => print(&relay.run().await?),
        Command::Embed(embed) => print(&embed.run()?),
        Command::Index(build) => print(&build.run()?),
        Command::Search(search) => print(&search.run()?),
    }
}

fn print(report: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(report)?);
    Ok(())
}
