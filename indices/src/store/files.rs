//! File names of a version, checksums, and durable writes.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use sha2::{Digest, Sha256};
use walkdir::WalkDir;

pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const DOCUMENTS: &str = "documents.jsonl";
pub(crate) const CHUNKS: &str = "chunks.jsonl";
pub(crate) const WORDS: &str = "words.json";
pub(crate) const VECTORS: &str = "vectors.faiss";
pub(crate) const EMBEDDINGS: &str = "embeddings.f32";
/// The mean vectors of unrelated questions, and the cosine of each chunk with them.
pub(crate) const GENERIC: &str = "generic.f32";
pub(crate) const HUBS: &str = "hubs.f32";
/// The token vectors of all chunks, and the offset where each chunk's vectors end.
pub(crate) const TOKENS: &str = "tokens.u4";
pub(crate) const TOKEN_ENDS: &str = "tokens.u64";
pub(crate) const LEXICAL: &str = "lexical";

/// SHA-256 of bytes, in hexadecimal.
pub(crate) fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// When the file cannot be read.
pub fn sha256_of_file(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            n => hasher.update(&buffer[..n]),
        }
    }
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The checksum of each file below a folder, by its path with slashes. The manifest itself is left out.
pub(super) fn checksums(dir: &Path) -> io::Result<BTreeMap<String, String>> {
    let mut checksums = BTreeMap::new();
    for entry in WalkDir::new(dir) {
        let entry = entry.map_err(io::Error::from)?;
        let Ok(below) = entry.path().strip_prefix(dir) else { continue };
        let name = below.to_string_lossy().replace('\\', "/");
        if entry.file_type().is_file() && name != MANIFEST {
            checksums.insert(name, sha256_of_file(entry.path())?);
        }
    }
    Ok(checksums)
}

/// Syncs everything below a folder to disk.
pub(super) fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in WalkDir::new(dir).contents_first(true) {
        File::open(entry.map_err(io::Error::from)?.path())?.sync_all()?;
    }
    Ok(())
}

/// Replaces a file atomically: writes it under another name, syncs it, and renames it. A reader sees the old text or the new one.
///
/// # Errors
/// When the folder cannot be written to.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let next = path.with_extension("next");
    fs::write(&next, text)?;
    File::open(&next)?.sync_all()?;
    fs::rename(&next, path)?;
    match path.parent() {
        // A bare name is in the working directory.
        Some(dir) if dir.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}
