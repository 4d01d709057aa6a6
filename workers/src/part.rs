//! A file that is written under a temporary name and goes on after a kill.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use hoidap_indices::store::replace;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A file that is being written, and how far it has come: `<path>.part`, and `<path>.part.json` after each piece.
pub(crate) struct Part<S> {
    path: PathBuf,
    file: File,
    stored: Stored<S>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Stored<S> {
    /// Bytes of the file by then; what is behind them was never told.
    bytes: u64,
    state: S,
}

/// A file that stands beside another: its name and an ending.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

impl<S: Serialize + DeserializeOwned> Part<S> {
    /// Begins `path`, or goes on where what was killed has come to; `continues` says whether it was the same work.
    pub(crate) fn open(path: &Path, begin: S, continues: impl Fn(&S, &S) -> bool) -> anyhow::Result<Self> {
        let (part, state) = (beside(path, ".part"), beside(path, ".part.json"));
        let mut stored = Stored { bytes: 0, state: begin };
        if state.is_file() {
            let text = fs::read(&state).with_context(|| format!("{} cannot be read", state.display()))?;
            let before: Stored<S> = serde_json::from_slice(&text).with_context(|| {
                format!("{0} is damaged: remove it and {1}", state.display(), part.display())
            })?;
            if !continues(&before.state, &stored.state) {
                bail!(
                    "{} is unfinished work of something else: finish it with the options it was begun with, or remove it and {}",
                    part.display(),
                    state.display()
                );
            }
            stored = before;
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&part);
        let mut file = file.with_context(|| format!("{} cannot be written", part.display()))?;
        if file.metadata()?.len() < stored.bytes {
            bail!("{} is shorter than {} says: remove both and begin again", part.display(), state.display());
        }
        file.set_len(stored.bytes)?;
        file.seek(io::SeekFrom::End(0))?;
        Ok(Self { path: path.into(), file, stored })
    }

    /// Whether it goes on with what was there.
    pub(crate) fn is_begun(&self) -> bool {
        self.stored.bytes > 0
    }

    /// How far it has come.
    pub(crate) fn state(&mut self) -> &mut S {
        &mut self.stored.state
    }

    /// Bytes of the file.
    pub(crate) fn bytes(&self) -> u64 {
        self.stored.bytes
    }

    /// Where the unfinished file is.
    pub(crate) fn unfinished(&self) -> PathBuf {
        beside(&self.path, ".part")
    }

    /// Adds a piece, then tells how far it has come.
    pub(crate) fn add(&mut self, piece: &[u8]) -> anyhow::Result<()> {
        if !piece.is_empty() {
            let written = self.file.write_all(piece).and_then(|()| self.file.sync_data());
            written.with_context(|| format!("{} cannot be written", self.unfinished().display()))?;
        }
        self.stored.bytes = self.file.stream_position()?;
        let state = beside(&self.path, ".part.json");
        replace(&state, &serde_json::to_string(&self.stored)?)
            .with_context(|| format!("{} cannot be written", state.display()))
    }

    /// Gives the finished file its name.
    pub(crate) fn finish(self) -> anyhow::Result<S> {
        self.file.sync_all()?;
        fs::rename(self.unfinished(), &self.path)
            .with_context(|| format!("{} cannot be written", self.path.display()))?;
        fs::remove_file(beside(&self.path, ".part.json"))?;
        Ok(self.stored.state)
    }

    /// Removes the unfinished file, once what it held is elsewhere.
    pub(crate) fn discard(self) -> anyhow::Result<()> {
        let state = beside(&self.path, ".part.json");
        if state.is_file() {
            fs::remove_file(state)?;
        }
        Ok(fs::remove_file(self.unfinished())?)
    }
}
