use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use hoidap_indices::store::{replace, sha256_of_file};
use serde::{Deserialize, Serialize};

use super::{
    manifest::{Tally, beside},
    select::Selection,
};

/// zstd's own default: about a tenth of the size, at hundreds of megabytes a second.
const LEVEL: i32 = 3;

/// How far an export has come: stored beside the unfinished file after each of its frames.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) stream: String,
    pub(super) selection: Selection,
    pub(super) redacted: Vec<String>,
    /// The last message that is taken: what came later belongs to the next export.
    pub(super) last: u64,
    /// The next message to read.
    pub(super) next: u64,
    /// Bytes of the file by then.
    pub(super) bytes: u64,
    pub(super) tally: Tally,
}

/// A recording that is being written, under a temporary name.
pub(super) struct Part {
    path: PathBuf,
    part: PathBuf,
    file: File,
    pub(super) progress: Progress,
}

impl Part {
    /// Begins `path`, or goes on where an export of the same that was killed has come to.
    pub(super) fn open(path: &Path, wanted: Progress) -> anyhow::Result<Self> {
        let part = beside(path, ".part");
        let state = beside(path, ".part.json");
        let mut progress = wanted;
        if state.is_file() {
            let text = fs::read(&state).with_context(|| format!("{} cannot be read", state.display()))?;
            let before: Progress = serde_json::from_slice(&text).with_context(|| {
                format!("{0} is damaged: remove it and {1}", state.display(), part.display())
            })?;
            let same = (&before.stream, &before.selection, &before.redacted)
                == (&progress.stream, &progress.selection, &progress.redacted);
            if !same {
                bail!(
                    "{} is an unfinished export of something else: finish it with the options it was begun with, or remove it and {}",
                    part.display(),
                    state.display()
                );
            }
            progress = before;
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&part);
        let mut file = file.with_context(|| format!("{} cannot be written", part.display()))?;
        let there = file.metadata()?.len();
        if there < progress.bytes {
            bail!("{} is shorter than {} says: remove both and begin again", part.display(), state.display());
        }
        file.set_len(progress.bytes)?;
        file.seek(io::SeekFrom::End(0))?;
        Ok(Self { path: path.into(), part, file, progress })
    }

    /// Adds lines as one frame, which is read by itself and carries its own checksum; then tells how far it has come.
    pub(super) fn add(&mut self, lines: &[u8]) -> anyhow::Result<()> {
        if !lines.is_empty() {
            let mut encoder = zstd::Encoder::new(&mut self.file, LEVEL)?;
            encoder.include_checksum(true)?;
            encoder.write_all(lines)?;
            encoder.finish()?;
            self.file.sync_data().with_context(|| format!("{} cannot be written", self.part.display()))?;
        }
        self.progress.bytes = self.file.stream_position()?;
        let state = beside(&self.path, ".part.json");
        replace(&state, &serde_json::to_string(&self.progress)?)
            .with_context(|| format!("{} cannot be written", state.display()))
    }

    /// Gives the finished file its name; its bytes and their SHA-256.
    pub(super) fn finish(self) -> anyhow::Result<(u64, String)> {
        self.file.sync_all()?;
        let sha256 = sha256_of_file(&self.part)?;
        fs::rename(&self.part, &self.path)
            .with_context(|| format!("{} cannot be written", self.path.display()))?;
        fs::remove_file(beside(&self.path, ".part.json"))?;
        Ok((self.progress.bytes, sha256))
    }
}
