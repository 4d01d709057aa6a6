use std::{
    io::{self, Read},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use hoidap_indices::hashing::hex;
use sha2::{Digest as _, Sha256};

use super::manifest::RecordingManifest;

/// The SHA-256 in a recording's manifest, and the digest of the bytes read so far.
pub(super) struct ExpectedChecksum {
    expected: String,
    read: Arc<Mutex<Sha256>>,
}

/// A reader that adds the bytes it reads to a digest.
pub(super) struct HashingReader<R> {
    file: R,
    read: Arc<Mutex<Sha256>>,
}

impl ExpectedChecksum {
    /// The checksum from a recording's manifest; `None` if it has no manifest.
    ///
    /// # Errors
    /// When the manifest cannot be read.
    pub(super) fn of(recording: &Path) -> anyhow::Result<Option<Self>> {
        let manifest = RecordingManifest::read(recording)?;
        Ok(manifest.map(|manifest| Self { expected: manifest.sha256, read: Arc::default() }))
    }

    /// Wraps a file so that the bytes read from it are digested.
    pub(super) fn hashing<R>(&self, file: R) -> HashingReader<R> {
        HashingReader { file, read: Arc::clone(&self.read) }
    }

    /// Whether the digest matches the manifest, once the file was read to its end.
    pub(super) fn matches(&self) -> bool {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner).clone();
        hex(&read.finalize()) == self.expected
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read.lock().unwrap_or_else(PoisonError::into_inner).update(&buffer[..count]);
        Ok(count)
    }
}
