use std::{
    io::{self, Read},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use hoidap_indices::hashing::hex;
use sha2::{Digest as _, Sha256};

use super::manifest::Manifest;

/// What a recording's manifest says of its bytes, and the bytes read so far.
pub(super) struct Seal {
    wanted: String,
    read: Arc<Mutex<Sha256>>,
}

/// A file whose bytes are counted into a seal.
pub(super) struct Watching<R> {
    file: R,
    read: Arc<Mutex<Sha256>>,
}

impl Seal {
    /// The seal of a recording; none where it has no manifest.
    ///
    /// # Errors
    /// When the manifest cannot be read.
    pub(super) fn of(recording: &Path) -> anyhow::Result<Option<Self>> {
        let manifest = Manifest::read(recording)?;
        Ok(manifest.map(|manifest| Self { wanted: manifest.sha256, read: Arc::default() }))
    }

    /// Counts what is read of the file.
    pub(super) fn watching<R>(&self, file: R) -> Watching<R> {
        Watching { file, read: Arc::clone(&self.read) }
    }

    /// Whether the file, read to its end, is the one that the manifest describes.
    pub(super) fn holds(&self) -> bool {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner).clone();
        hex(&read.finalize()) == self.wanted
    }
}

impl<R: Read> Read for Watching<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read.lock().unwrap_or_else(PoisonError::into_inner).update(&buffer[..count]);
        Ok(count)
    }
}
