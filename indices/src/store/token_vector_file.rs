use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::{TOKEN_ENDS, TOKENS};

const OFFSET_BYTES: usize = size_of::<u64>();

/// The token vectors of all chunks, concatenated in one file, and the end offset of each chunk's vectors in another. They are
/// read chunk by chunk, so that they need not all be in memory.
pub(crate) struct TokenVectorFile {
    file: File,
    ends: Vec<u64>,
}

impl TokenVectorFile {
    /// Opens the token vectors of a version with `chunks` chunks.
    pub(crate) fn open(dir: &Path, chunks: usize) -> Result<Self, String> {
        let ends = fs::read(dir.join(TOKEN_ENDS)).map_err(|error| format!("{TOKEN_ENDS}: {error}"))?;
        let ends: Vec<u64> =
            ends.as_chunks::<OFFSET_BYTES>().0.iter().map(|b| u64::from_le_bytes(*b)).collect();
        let file = File::open(dir.join(TOKENS)).map_err(|error| format!("{TOKENS}: {error}"))?;
        let length = file.metadata().map_err(|error| format!("{TOKENS}: {error}"))?.len();
        if ends.len() != chunks || !ends.is_sorted() || ends.last().copied().unwrap_or(0) != length {
            return Err(format!("{TOKENS} and {TOKEN_ENDS} differ in their numbers of chunks or bytes"));
        }
        Ok(Self { file, ends })
    }

    /// Reads the token vectors of a chunk.
    pub(crate) fn read(&self, chunk: usize) -> io::Result<Vec<u8>> {
        let Some(end) = self.ends.get(chunk) else { return Ok(Vec::new()) };
        let start = chunk.checked_sub(1).map_or(0, |before| self.ends[before]);
        let mut bytes = vec![0; usize::try_from(end - start).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes)
    }
}

/// Writes the token vectors of chunks in any order, from several threads, and puts them in order at the end.
pub(crate) struct TokenVectorWriter {
    dir: PathBuf,
    unordered: PathBuf,
    file: File,
    /// Offset and length of each chunk's bytes in the unordered file, and the offset of the next bytes.
    locations: Mutex<(Vec<(u64, usize)>, u64)>,
}

impl TokenVectorWriter {
    /// Creates the unordered file in a version's folder.
    pub(crate) fn create(dir: &Path, chunks: usize) -> io::Result<Self> {
        let unordered = dir.join(format!("{TOKENS}.unordered"));
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&unordered)?;
        Ok(Self { dir: dir.into(), unordered, file, locations: Mutex::new((vec![(0, 0); chunks], 0)) })
    }

    /// Writes the vectors of a text that these chunks share.
    pub(crate) fn write(&self, chunks: &[usize], bytes: &[u8]) -> io::Result<()> {
        let at = {
            let mut locations = self.locations.lock().unwrap_or_else(PoisonError::into_inner);
            let at = locations.1;
            locations.1 += bytes.len() as u64;
            for &chunk in chunks {
                locations.0[chunk] = (at, bytes.len());
            }
            at
        };
        self.file.write_all_at(bytes, at)
    }

    /// Writes the version's two files in order, and removes the unordered one.
    pub(crate) fn finish(self) -> io::Result<()> {
        let (locations, _) = self.locations.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut tokens = BufWriter::new(File::create(self.dir.join(TOKENS))?);
        let mut ends = BufWriter::new(File::create(self.dir.join(TOKEN_ENDS))?);
        let mut end = 0_u64;
        let mut bytes = Vec::new();
        for (at, length) in locations {
            bytes.resize(length, 0);
            self.file.read_exact_at(&mut bytes, at)?;
            tokens.write_all(&bytes)?;
            end += length as u64;
            ends.write_all(&end.to_le_bytes())?;
        }
        tokens.flush()?;
        ends.flush()?;
        fs::remove_file(self.unordered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_in_any_order_is_read_by_chunk() {
        let dir = tempfile::tempdir().unwrap();
        let writer = TokenVectorWriter::create(dir.path(), 4).unwrap();
        writer.write(&[3, 1], &[7, 8]).unwrap();
        writer.write(&[0], &[1, 2, 3, 4]).unwrap();
        writer.finish().unwrap();
        let tokens = TokenVectorFile::open(dir.path(), 4).unwrap();
        let read: Vec<_> = (0..5).map(|chunk| tokens.read(chunk).unwrap()).collect();
        assert_eq!(read, [vec![1, 2, 3, 4], vec![7, 8], vec![], vec![7, 8], vec![]]);
        assert!(TokenVectorFile::open(dir.path(), 3).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
