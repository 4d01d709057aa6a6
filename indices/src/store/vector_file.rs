use std::{fs::File, io, ops::Range, os::unix::fs::FileExt, path::Path};

/// Rows that are read together: about 6 MB at 384 dimensions.
const ROWS_PER_BLOCK: usize = 4_096;

/// Bytes of one component.
const NUMBER_BYTES: usize = size_of::<f32>();

/// A file of vectors of one length, row after row, as little-endian `f32`. Rows are read and written by index, so that they
/// need not all be in memory.
pub(crate) struct VectorFile {
    file: File,
    dimensions: usize,
}

impl VectorFile {
    /// Creates a file without rows.
    pub(crate) fn create(path: &Path, dimensions: usize) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
        Ok(Self { file, dimensions })
    }

    /// Opens an existing file.
    pub(crate) fn open(path: &Path, dimensions: usize) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, dimensions })
    }

    /// Number of complete rows.
    pub(crate) fn count(&self) -> io::Result<usize> {
        let bytes = usize::try_from(self.file.metadata()?.len()).map_err(io::Error::other)?;
        Ok(bytes / self.row_bytes())
    }

    /// Writes one row at its index.
    pub(crate) fn write(&self, row: usize, vector: &[f32]) -> io::Result<()> {
        let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.file.write_all_at(&bytes, self.offset(row))
    }

    /// Reads some rows, concatenated.
    pub(crate) fn read(&self, rows: Range<usize>) -> io::Result<Vec<f32>> {
        let mut bytes = vec![0; rows.len() * self.row_bytes()];
        self.file.read_exact_at(&mut bytes, self.offset(rows.start))?;
        Ok(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// Reads all rows in order, in blocks.
    pub(crate) fn blocks(&self) -> io::Result<impl Iterator<Item = io::Result<Vec<f32>>>> {
        let count = self.count()?;
        Ok((0..count)
            .step_by(ROWS_PER_BLOCK)
            .map(move |from| self.read(from..count.min(from + ROWS_PER_BLOCK))))
    }

    fn row_bytes(&self) -> usize {
        self.dimensions * NUMBER_BYTES
    }

    fn offset(&self, row: usize) -> u64 {
        row as u64 * self.row_bytes() as u64
    }
}
