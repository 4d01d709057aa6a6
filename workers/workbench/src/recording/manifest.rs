use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use hoidap_indices::store::replace;
use hoidap_shared::job::{Answer, Envelope};
use serde::{Deserialize, Serialize};

use super::message::{DONE, RecordedMessage};
use crate::resumable_file::with_suffix;

/// Version of the recording format.
pub const MANIFEST_FORMAT: u16 = 1;
/// Distinct values counted per kind; the rest count as `others`.
const MAX_DISTINCT_VALUES: usize = 1_000;

/// Describes a recording, in `<recording>.manifest.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordingManifest {
    /// `MANIFEST_FORMAT`.
    pub format: u16,
    /// The release that wrote it.
    pub release: String,
    /// The messages' schema number.
    pub schema: u16,
    /// Name of the exported stream.
    pub stream: String,
    /// The selection that was exported.
    pub selection: super::selection::ExportSelection,
    /// Names of the fields in which text was redacted.
    pub redacted: Vec<String>,
    /// The first 16 hexadecimal digits of the SHA-256 of the configuration it was exported under.
    pub configuration: String,
    /// Counts of the messages.
    pub tally: RecordingTally,
    /// Bytes of the recording.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// Counts of a recording's messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordingTally {
    /// Number of messages.
    pub messages: u64,
    /// Stream sequence of the first message.
    pub first_seq: Option<u64>,
    /// Stream sequence of the last message.
    pub last_seq: Option<u64>,
    /// Time of the first message.
    pub first_time: Option<jiff::Timestamp>,
    /// Time of the last message.
    pub last_time: Option<jiff::Timestamp>,
    /// Messages by stage; `done` are the finished jobs.
    pub stages: BTreeMap<String, u64>,
    /// Finished jobs by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Finished jobs by the version of each stage, which covers indices, prompts, models and configuration.
    pub versions: BTreeMap<String, BTreeMap<String, u64>>,
    /// Finished jobs by the provider that wrote the answer.
    pub providers: BTreeMap<String, u64>,
    /// Messages that no stage can read.
    pub unreadable: u64,
}

impl RecordingTally {
    /// Adds a message.
    pub fn count(&mut self, message: &RecordedMessage) {
        self.messages += 1;
        self.first_seq.get_or_insert(message.seq);
        self.last_seq = Some(message.seq);
        self.first_time.get_or_insert(message.time);
        self.last_time = Some(message.time);
        increment(&mut self.stages, message.stage());
        if message.stage() != DONE {
            self.unreadable += u64::from(message.body.is_none());
            return;
        }
        let Ok(Envelope { body, .. }) = message.decode::<Envelope<Answer>>() else {
            self.unreadable += 1;
            return;
        };
        increment(&mut self.outcomes, body.outcome.name());
        for (stage, version) in &body.versions {
            increment(self.versions.entry(stage.clone()).or_default(), version);
        }
        if let Some(provider) = &body.provider {
            increment(&mut self.providers, provider);
        }
    }
}

fn increment(counts: &mut BTreeMap<String, u64>, what: &str) {
    let known = counts.len() < MAX_DISTINCT_VALUES || counts.contains_key(what);
    *counts.entry(if known { what } else { "others" }.to_string()).or_default() += 1;
}

/// The path of a recording's manifest.
pub fn manifest_path(recording: &Path) -> PathBuf {
    with_suffix(recording, ".manifest.json")
}

impl RecordingManifest {
    /// Writes the manifest of `recording`.
    pub(super) fn write(&self, recording: &Path) -> anyhow::Result<()> {
        let path = manifest_path(recording);
        let text = serde_json::to_string_pretty(self)?;
        replace(&path, &(text + "\n")).with_context(|| format!("{} cannot be written", path.display()))
    }

    /// Number of finished jobs.
    pub fn jobs(&self) -> u64 {
        self.tally.stages.get(DONE).copied().unwrap_or(0)
    }

    /// Reads a recording's manifest; `None` if it has none.
    ///
    /// # Errors
    /// When the manifest cannot be read or has another format.
    pub fn read(recording: &Path) -> anyhow::Result<Option<Self>> {
        let path = manifest_path(recording);
        if !path.is_file() {
            return Ok(None);
        }
        let text = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let manifest: Self = serde_json::from_slice(&text)
            .with_context(|| format!("{} is no manifest of a recording", path.display()))?;
        anyhow::ensure!(
            manifest.format == MANIFEST_FORMAT,
            "{} describes a recording of form {}, this build reads {MANIFEST_FORMAT}: use the release {}",
            path.display(),
            manifest.format,
            manifest.release
        );
        Ok(Some(manifest))
    }
}
