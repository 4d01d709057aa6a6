use clap::Args;

use crate::document::{Limits, serve_reads};

/// The limits of a process that reads documents for a build.
#[derive(Debug, Args)]
pub(super) struct ReadDocuments {
    /// Memory limit for a document, in bytes.
    #[arg(long)]
    memory: u64,
    /// Largest document, in bytes.
    #[arg(long)]
    bytes: u64,
    /// Time limit for a document, in seconds.
    #[arg(long)]
    seconds: u64,
    /// Longest text, in characters.
    #[arg(long)]
    chars: usize,
}

impl ReadDocuments {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let limits = Limits { bytes: self.bytes, seconds: self.seconds, chars: self.chars };
        Ok(serve_reads(limits, self.memory)?)
    }
}
