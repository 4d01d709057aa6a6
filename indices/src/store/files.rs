//! File names of a version, checksums of its files, and durable writes.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::Path,
};

use walkdir::WalkDir;

use crate::hashing::sha256_of_file;

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
