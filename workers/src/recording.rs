//! `hoidap-worker log`: recorded traffic as files that can be read, kept and replayed.
//!
//! A recording is JSON Lines, compressed by zstd: one message of the jobs stream a line, in the stream's order. Beside
//! it stands a manifest. `docs/recordings.md` describes both.

mod bar;
mod export;
mod feedback;
mod line;
mod manifest;
mod part;
mod read;
mod seal;
mod select;
mod show;

use std::path::PathBuf;

use clap::Subcommand;
use hoidap_shared::config::Config;

pub(crate) use self::{bar::bar, feedback::feedback_of, line::REDACTED};
pub use self::{
    line::{DONE, Line, Place},
    manifest::{Manifest, manifest_of},
    read::{Fault, Lines},
};

/// Recorded traffic as files.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write what the jobs stream holds into a file, to be replayed. Started again after a kill, it goes on.
    Export(export::Options),
    /// Print the messages of a recording, one JSON object a line.
    Cat {
        /// A file, a folder of them, or `-` for standard input.
        recording: PathBuf,
        /// Only this job.
        #[arg(long)]
        job: Option<String>,
        /// Only this stage's messages, or `done`.
        #[arg(long)]
        stage: Option<String>,
    },
    /// Say what a recording holds.
    Stat {
        /// A file, a folder of them, or `-` for standard input.
        recording: PathBuf,
        /// As one JSON object.
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    /// Does what the command line says.
    ///
    /// # Errors
    /// When NATS cannot be reached, a file cannot be written, or a recording cannot be read: the sentence names file and
    /// line.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        match self {
            Self::Export(options) => export::run(config, options).await,
            Self::Cat { recording, job, stage } => show::cat(&recording, job.as_deref(), stage.as_deref()),
            Self::Stat { recording, json } => show::stat(&recording, json),
        }
    }
}
