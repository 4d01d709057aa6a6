//! `hoidap-worker audit`: what a setting would have done to recorded traffic, before it is switched on.
//!
//! `docs/cache-audit.md` says what the figures of `audit cache` mean.

mod caches;
mod degree;
mod options;
mod policy;
mod report;
mod run;
mod seen;
mod simulated;
mod table;
mod tally;
mod vectors;

use clap::Subcommand;
use hoidap_shared::config::Config;

pub use options::CacheOptions;

/// Asks recorded traffic.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say how often a cache would have answered, and how often with something else than what was right.
    Cache(CacheOptions),
}

impl Command {
    /// Does what the command line says.
    ///
    /// # Errors
    /// When the recording cannot be opened or is damaged, the model is not the one it was made with, or a policy gives
    /// more false answers than `--fail-if-false` allows.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        match self {
            Self::Cache(options) => options.run(config).await,
        }
    }
}
