use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use hoidap_indices::store::replace;
use hoidap_shared::job::{Answer, Envelope};
use serde::{Deserialize, Serialize};

use super::line::{DONE, Line};
use crate::part::beside;

/// The number of the recordings' own form.
pub const FORMAT: u16 = 1;
/// Distinct values of one kind that are counted by themselves.
const MOST: usize = 1_000;

/// What a recording holds, beside it as `<recording>.manifest.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// See [`FORMAT`].
    pub format: u16,
    /// The release that wrote it.
    pub release: String,
    /// The schema of the messages.
    pub schema: u16,
    /// The stream it was read from.
    pub stream: String,
    /// What was asked for.
    pub selection: super::select::Selection,
    /// The fields without values.
    pub redacted: Vec<String>,
    /// The first 16 hexadecimal digits of the SHA-256 of the configuration it was exported under.
    pub configuration: String,
    /// What was counted.
    pub tally: Tally,
    /// Bytes of the recording.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// What the messages of a recording are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Messages.
    pub messages: u64,
    /// The first and the last one's place in the stream.
    pub first_seq: Option<u64>,
    /// See `first_seq`.
    pub last_seq: Option<u64>,
    /// The first and the last one's time.
    pub first_time: Option<jiff::Timestamp>,
    /// See `first_time`.
    pub last_time: Option<jiff::Timestamp>,
    /// Messages by stage; `done` are the finished jobs.
    pub stages: BTreeMap<String, u64>,
    /// Finished jobs by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Finished jobs by the version of each stage: of indices, prompts, models and configuration.
    pub versions: BTreeMap<String, BTreeMap<String, u64>>,
    /// Finished jobs by the provider whose words the answer is.
    pub providers: BTreeMap<String, u64>,
    /// Messages that no stage can read.
    pub unreadable: u64,
}

impl Tally {
    /// Counts a message.
    pub fn count(&mut self, line: &Line) {
        self.messages += 1;
        self.first_seq.get_or_insert(line.seq);
        self.last_seq = Some(line.seq);
        self.first_time.get_or_insert(line.time);
        self.last_time = Some(line.time);
        add(&mut self.stages, line.stage());
        if line.stage() != DONE {
            self.unreadable += u64::from(line.body.is_none());
            return;
        }
        let Ok(Envelope { body, .. }) = line.read::<Envelope<Answer>>() else {
            self.unreadable += 1;
            return;
        };
        add(&mut self.outcomes, body.outcome.name());
        for (stage, version) in &body.versions {
            add(self.versions.entry(stage.clone()).or_default(), version);
        }
        if let Some(provider) = &body.provider {
            add(&mut self.providers, provider);
        }
    }
}

fn add(counts: &mut BTreeMap<String, u64>, what: &str) {
    let known = counts.len() < MOST || counts.contains_key(what);
    *counts.entry(if known { what } else { "others" }.to_string()).or_default() += 1;
}

/// Where the manifest of a recording stands.
pub fn manifest_of(recording: &Path) -> PathBuf {
    beside(recording, ".manifest.json")
}

impl Manifest {
    /// Writes it beside its recording.
    pub(super) fn write(&self, recording: &Path) -> anyhow::Result<()> {
        let path = manifest_of(recording);
        let text = serde_json::to_string_pretty(self)?;
        replace(&path, &(text + "\n")).with_context(|| format!("{} cannot be written", path.display()))
    }

    /// Finished jobs.
    pub fn jobs(&self) -> u64 {
        self.tally.stages.get(DONE).copied().unwrap_or(0)
    }

    /// The manifest of a recording, if it has one.
    ///
    /// # Errors
    /// When it is there and cannot be read, or is of a newer form.
    pub fn read(recording: &Path) -> anyhow::Result<Option<Self>> {
        let path = manifest_of(recording);
        if !path.is_file() {
            return Ok(None);
        }
        let text = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let manifest: Self = serde_json::from_slice(&text)
            .with_context(|| format!("{} is no manifest of a recording", path.display()))?;
        anyhow::ensure!(
            manifest.format == FORMAT,
            "{} describes a recording of form {}, this build reads {FORMAT}: use the release {}",
            path.display(),
            manifest.format,
            manifest.release
        );
        Ok(Some(manifest))
    }
}
