use std::{fs::File, io, ops::Range, os::unix::fs::FileExt, path::Path};

/// Vectors passed on together: some 6 MB at 384 dimensions.
const BLOCK: usize = 4_096;

/// Bytes of a number.
const WIDTH: usize = size_of::<f32>();

/// Vectors of one length in a file, row after row, as little-endian `f32`. They are read and written by place, so that
/// nobody needs to hold all of them.
pub(crate) struct Rows {
    file: File,
    dimensions: usize,
}

impl Rows {
    /// A new file without rows.
    pub(crate) fn create(path: &Path, dimensions: usize) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
        Ok(Self { file, dimensions })
    }

    /// The rows of a file.
    pub(crate) fn open(path: &Path, dimensions: usize) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, dimensions })
    }

    /// How many whole rows there are.
    pub(crate) fn count(&self) -> io::Result<usize> {
        let bytes = usize::try_from(self.file.metadata()?.len()).map_err(io::Error::other)?;
        Ok(bytes / self.row_bytes())
    }

    /// Writes one row into its place.
    pub(crate) fn write(&self, row: usize, vector: &[f32]) -> io::Result<()> {
        let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.file.write_all_at(&bytes, self.offset(row))
    }

    /// Some rows, one behind the other.
    pub(crate) fn read(&self, rows: Range<usize>) -> io::Result<Vec<f32>> {
        let mut bytes = vec![0; rows.len() * self.row_bytes()];
        self.file.read_exact_at(&mut bytes, self.offset(rows.start))?;
        Ok(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// All rows in order, in blocks.
    pub(crate) fn blocks(&self) -> io::Result<impl Iterator<Item = io::Result<Vec<f32>>>> {
        let count = self.count()?;
        Ok((0..count).step_by(BLOCK).map(move |from| self.read(from..count.min(from + BLOCK))))
    }

    fn row_bytes(&self) -> usize {
        self.dimensions * WIDTH
    }

    fn offset(&self, row: usize) -> u64 {
        row as u64 * self.row_bytes() as u64
    }
}
