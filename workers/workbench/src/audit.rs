//! `hoidap-worker audit`: simulates a setting over recorded traffic before it is switched on.
//!
//! `docs/cache-audit.md` says what the figures of `audit cache` mean.

mod audited_job;
mod cache_comparison;
mod embeddings;
mod hit_quality;
mod options;
mod policy;
mod report;
mod run;
mod simulated_cache;
mod table;
mod tally;

use clap::Subcommand;
use hoidap_shared::config::Config;

pub use options::CacheAuditOptions;

/// Simulate settings over recorded traffic.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Report how often a cache would have answered, and how often wrongly.
    Cache(CacheAuditOptions),
}

impl AuditCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When the recording cannot be opened or is damaged, the embedding model is not the recorded one, or a policy
    /// has more false hits than `--fail-if-false` allows.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        match self {
            Self::Cache(options) => options.run(config).await,
        }
    }
}
