//! Names, sums and syncing of files.

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
/// The mean vectors of unrelated questions, and how near each chunk is to them.
pub(crate) const GENERIC: &str = "generic.f32";
pub(crate) const HUBS: &str = "hubs.f32";
/// The token vectors of all chunks, and where each chunk's end.
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

/// The sum of each file below a folder, by its path with slashes; the manifest itself has none.
pub(super) fn sums(dir: &Path) -> io::Result<BTreeMap<String, String>> {
    let mut sums = BTreeMap::new();
    for entry in WalkDir::new(dir) {
        let entry = entry.map_err(io::Error::from)?;
        let Ok(below) = entry.path().strip_prefix(dir) else { continue };
        let name = below.to_string_lossy().replace('\\', "/");
        if entry.file_type().is_file() && name != MANIFEST {
            sums.insert(name, sha256_of_file(entry.path())?);
        }
    }
    Ok(sums)
}

/// Makes everything below a folder last through a power failure.
pub(super) fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in WalkDir::new(dir).contents_first(true) {
        File::open(entry.map_err(io::Error::from)?.path())?.sync_all()?;
    }
    Ok(())
}

/// Writes a file under another name, syncs it, and renames it: a reader sees the old text or the new one.
///
/// # Errors
/// When the folder cannot be written to.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let next = path.with_extension("next");
    fs::write(&next, text)?;
    File::open(&next)?.sync_all()?;
    fs::rename(&next, path)?;
    match path.parent() {
        // A name alone is in the working directory.
        Some(dir) if dir.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}
