//! The command line of `hoidap-bench`.

use clap::{Parser, Subcommand};
use serde::Serialize;

use crate::{analytics, decode, embed, empty, load, passing, relay, search, streams};

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
    Load(load::LoadArgs),
    /// Open streams of answers, say when all are open, and hold them until standard input ends.
    Streams(streams::StreamsArgs),
    /// Answer every request with the same JSON of a given size.
    Empty(empty::EmptyArgs),
    /// Run a stage of the fleet without its work: the real runner hands each job on.
    Pass(passing::PassArgs),
    /// Pass messages through three consumers of JetStream that do nothing else.
    Relay(relay::RelayArgs),
    /// Copy a stream of events to ClickHouse, and read and insert alone.
    Analytics(analytics::AnalyticsArgs),
    /// Decode the messages of a recording.
    Decode(decode::DecodeArgs),
    /// Embed texts with Hoidap's embedder.
    Embed(embed::EmbedArgs),
    /// Build a FAISS index of vectors.
    Index(search::IndexArgs),
    /// Search a FAISS index, one query at a time.
    Search(search::SearchArgs),
}

/// Runs a command.
///
/// # Errors
/// What is wrong with its input or its service.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::Load(load) => print(&load.run().await?),
        Command::Streams(streams) => {
            let open = streams.open().await?;
            print(&open.report())?;
            open.hold().await
        }
        Command::Empty(empty) => empty.serve().await,
        Command::Pass(passing) => passing.run().await,
        Command::Relay(relay) => print(&relay.run().await?),
        Command::Analytics(analytics) => print(&analytics.run().await?),
        Command::Decode(decode) => print(&decode.run()?),
        Command::Embed(embed) => print(&embed.run()?),
        Command::Index(build) => print(&build.run()?),
        Command::Search(search) => print(&search.run()?),
    }
}

fn print(report: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(report)?);
    Ok(())
}
