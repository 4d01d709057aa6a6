//! A file that is written under a temporary name, with checkpoints, so that writing can resume after a kill.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use hoidap_indices::store::replace;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A file being written: `<path>.part`, with a checkpoint in `<path>.part.json` after each append.
pub(crate) struct ResumableFile<S> {
    path: PathBuf,
    file: File,
    checkpoint: Checkpoint<S>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Checkpoint<S> {
    /// Bytes of the file at this checkpoint; anything after them is discarded on resume.
    bytes: u64,
    state: S,
}

/// The path with a suffix added to its file name.
pub(crate) fn with_suffix(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

impl<S: Serialize + DeserializeOwned> ResumableFile<S> {
    /// Starts writing `path`, or resumes at the last checkpoint. `continues` says whether the stored state and the
    /// new one are the same work.
    pub(crate) fn open(path: &Path, begin: S, continues: impl Fn(&S, &S) -> bool) -> anyhow::Result<Self> {
        let (partial, checkpoint_file) = (with_suffix(path, ".part"), with_suffix(path, ".part.json"));
        let mut checkpoint = Checkpoint { bytes: 0, state: begin };
        if checkpoint_file.is_file() {
            let text = fs::read(&checkpoint_file)
                .with_context(|| format!("{} cannot be read", checkpoint_file.display()))?;
            let before: Checkpoint<S> = serde_json::from_slice(&text).with_context(|| {
                format!("{0} is damaged: remove it and {1}", checkpoint_file.display(), partial.display())
            })?;
            if !continues(&before.state, &checkpoint.state) {
                bail!(
                    "{} is unfinished work with other options: finish it with the original options, or remove it and {}",
                    partial.display(),
                    checkpoint_file.display()
                );
            }
            checkpoint = before;
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&partial);
        let mut file = file.with_context(|| format!("{} cannot be written", partial.display()))?;
        if file.metadata()?.len() < checkpoint.bytes {
            bail!(
                "{} is shorter than {} says: remove both and begin again",
                partial.display(),
                checkpoint_file.display()
            );
        }
        file.set_len(checkpoint.bytes)?;
        file.seek(io::SeekFrom::End(0))?;
        Ok(Self { path: path.into(), file, checkpoint })
    }

    /// Whether it resumed from a checkpoint.
    pub(crate) fn is_resumed(&self) -> bool {
        self.checkpoint.bytes > 0
    }

    /// The state of the last checkpoint.
    pub(crate) fn state(&mut self) -> &mut S {
        &mut self.checkpoint.state
    }

    /// Bytes written at the last checkpoint.
    pub(crate) fn bytes(&self) -> u64 {
        self.checkpoint.bytes
    }

    /// The path of the unfinished file.
    pub(crate) fn partial_path(&self) -> PathBuf {
        with_suffix(&self.path, ".part")
    }

    /// Appends bytes and stores a checkpoint.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        if !bytes.is_empty() {
            let written = self.file.write_all(bytes).and_then(|()| self.file.sync_data());
            written.with_context(|| format!("{} cannot be written", self.partial_path().display()))?;
        }
        self.checkpoint.bytes = self.file.stream_position()?;
        let checkpoint_file = with_suffix(&self.path, ".part.json");
        replace(&checkpoint_file, &serde_json::to_string(&self.checkpoint)?)
            .with_context(|| format!("{} cannot be written", checkpoint_file.display()))
    }

    /// Renames the finished file to its final name and removes the checkpoint.
    pub(crate) fn finish(self) -> anyhow::Result<S> {
        self.file.sync_all()?;
        fs::rename(self.partial_path(), &self.path)
            .with_context(|| format!("{} cannot be written", self.path.display()))?;
        fs::remove_file(with_suffix(&self.path, ".part.json"))?;
        Ok(self.checkpoint.state)
    }

    /// Removes the unfinished file and its checkpoint, once its content is stored elsewhere.
    pub(crate) fn discard(self) -> anyhow::Result<()> {
        let checkpoint_file = with_suffix(&self.path, ".part.json");
        if checkpoint_file.is_file() {
            fs::remove_file(checkpoint_file)?;
        }
        Ok(fs::remove_file(self.partial_path())?)
    }
}
