//! `hoidap-worker log`: exports recorded traffic into files that can be read, kept and replayed.
//!
//! A recording is JSON Lines, compressed with zstd: one message of the jobs stream per line, in stream order. Its
//! manifest is a second file. `docs/recordings.md` describes both.

mod checksum;
mod export;
mod export_file;
mod feedback;
mod job_assembler;
mod job_messages;
mod job_progress_bar;
mod manifest;
mod message;
mod print;
mod reader;
mod recording_error;
mod redaction;
mod selection;

use std::path::PathBuf;

use clap::Subcommand;
use hoidap_shared::config::Config;

pub(crate) use self::{
    feedback::feedback_path,
    job_assembler::{AssembledJob, JobAssembler, JobReader, RecordedJob},
    job_messages::{DecodedMessage, JobMessages, RawMessage},
    job_progress_bar::job_progress_bar,
    redaction::REDACTED,
};
pub use self::{
    manifest::{RecordingManifest, manifest_path},
    message::{DONE, FilePosition, RecordedMessage},
    reader::RecordingReader,
    recording_error::RecordingError,
};

/// Export recorded traffic to files, and read them.
#[derive(Debug, Subcommand)]
pub enum RecordingCommand {
    /// Export the jobs stream into a file that can be replayed. Resumes after a kill.
    Export(export::ExportOptions),
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
    /// Print the counts of a recording.
    Stat {
        /// A file, a folder of them, or `-` for standard input.
        recording: PathBuf,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

impl RecordingCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When NATS cannot be reached, a file cannot be written, or a recording cannot be read. The sentence names file
    /// and line.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        match self {
            Self::Export(options) => export::run(config, options).await,
            Self::Cat { recording, job, stage } => {
                print::print_messages(&recording, job.as_deref(), stage.as_deref())
            }
            Self::Stat { recording, json } => print::print_statistics(&recording, json),
        }
    }
}
