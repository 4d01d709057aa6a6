//! Decoding a recording, and nothing else: what a replay would reach if the stages took no time.

use std::{path::PathBuf, time::Instant};

use clap::Args;
use hoidap_shared::{
    job::{Answer, Classified, Envelope, MessageKind, Question, Retrieved},
    stage::input_of,
};
use hoidap_workbench::recording::{DONE, RecordedMessage, RecordingReader};
use serde::Serialize;

/// Reads a recording with one thread and decodes each message as the stage that takes it does.
#[derive(Debug, Args)]
pub struct DecodeArgs {
    /// A file that `hoidap-worker log export` wrote.
    #[arg(long)]
    pub recording: PathBuf,
}

/// What was decoded.
#[derive(Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct DecodeReport {
    /// Jobs whose end was read.
    pub jobs: usize,
    pub messages: usize,
    pub seconds: f64,
    pub jobs_per_second: f64,
}

impl DecodeArgs {
    /// Decodes all of it.
    ///
    /// # Errors
    /// When the recording cannot be read, or a message cannot be decoded.
    pub fn run(&self) -> anyhow::Result<DecodeReport> {
        let mut report = DecodeReport::default();
        let begun = Instant::now();
        for message in RecordingReader::open(&self.recording)? {
            let message = message?;
            decode(&message).map_err(anyhow::Error::msg)?;
            report.messages += 1;
            report.jobs += usize::from(message.stage() == DONE);
        }
        report.seconds = begun.elapsed().as_secs_f64();
        report.jobs_per_second = report.jobs as f64 / report.seconds;
        Ok(report)
    }
}

fn decode(message: &RecordedMessage) -> Result<(), String> {
    let kind = if message.stage() == DONE { Some(MessageKind::Answer) } else { input_of(message.stage()) };
    match kind {
        Some(MessageKind::Question) => message.decode::<Envelope<Question>>().map(drop),
        Some(MessageKind::Classified) => message.decode::<Envelope<Classified>>().map(drop),
        Some(MessageKind::Retrieved) => message.decode::<Envelope<Retrieved>>().map(drop),
        Some(MessageKind::Answer) => message.decode::<Envelope<Answer>>().map(drop),
        None => Err(format!("`{}` is no stage of this build", message.stage())),
    }
}
