//! FAISS on its own, through the crate and the flags that Hoidap has.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Context as _;
use clap::Args;
use faiss::{Index as _, index::io};
use hoidap_indices::empty_index;
use serde::Serialize;

use crate::summary::Latencies;

/// Vectors that are added to an index together.
const BLOCK: usize = 10_000;

/// Writes an index of the vectors of a file, on as many threads as `OMP_NUM_THREADS` says.
#[derive(Debug, Args)]
pub struct IndexArgs {
    /// Little-endian 32-bit floats, vector by vector.
    #[arg(long)]
    pub vectors: PathBuf,
    /// Numbers of a vector.
    #[arg(long, default_value_t = 384)]
    pub dimensions: usize,
    /// What FAISS makes of it: `Flat`, or `HNSW32` as Hoidap has it for large collections.
    #[arg(long)]
    pub factory: String,
    /// The file to write.
    #[arg(long)]
    pub index: PathBuf,
}

/// What was built.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct BuildReport {
    pub vectors: u64,
    pub seconds: f64,
}

impl IndexArgs {
    /// Builds and writes the index.
    ///
    /// # Errors
    /// When the vectors cannot be read, or FAISS refuses them.
    pub fn run(&self) -> anyhow::Result<BuildReport> {
        let begun = Instant::now();
        let numbers = read(&self.vectors)?;
        let mut index = empty_index(u32::try_from(self.dimensions)?, &self.factory)?;
        for block in numbers.chunks(BLOCK * self.dimensions) {
            index.add(block)?;
            eprintln!("{} of {} vectors", index.ntotal(), numbers.len() / self.dimensions);
        }
        io::write_index(&index, self.index.to_string_lossy())?;
        Ok(BuildReport { vectors: index.ntotal(), seconds: begun.elapsed().as_secs_f64() })
    }
}

/// Searches an index for the nearest vectors of each query.
#[derive(Debug, Args)]
pub struct SearchArgs {
    /// The index.
    #[arg(long)]
    pub index: PathBuf,
    /// Queries, in the form of the vectors.
    #[arg(long)]
    pub queries: PathBuf,
    /// Neighbours of each query.
    #[arg(long, default_value_t = 8)]
    pub count: usize,
}

/// What was found, and how fast.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct SearchReport {
    pub queries: usize,
    pub seconds: f64,
    pub ms_per_query: f64,
    #[serde(flatten)]
    pub latencies: Latencies,
    /// The neighbours of each query, nearest first.
    pub found: Vec<Vec<u64>>,
}

impl SearchArgs {
    /// Searches one query at a time, after one to warm up.
    ///
    /// # Errors
    /// When the index or the queries cannot be read.
    pub fn run(&self) -> anyhow::Result<SearchReport> {
        let mut index = io::read_index(self.index.to_string_lossy())?;
        let queries = read(&self.queries)?;
        let queries: Vec<&[f32]> = queries.chunks_exact(index.d() as usize).collect();
        let first = queries.first().context("there are no queries")?;
        index.search(first, self.count)?;
        let begun = Instant::now();
        let (mut milliseconds, mut found) = (Vec::new(), Vec::new());
        for query in &queries {
            let begun = Instant::now();
            let result = index.search(query, self.count)?;
            milliseconds.push(begun.elapsed().as_secs_f64() * 1000.0);
            found.push(result.labels.iter().filter_map(|label| label.get()).collect());
        }
        let seconds = begun.elapsed().as_secs_f64();
        let (queries, latencies) = (queries.len(), Latencies::of(milliseconds));
        Ok(SearchReport {
            queries,
            seconds,
            ms_per_query: 1000.0 * seconds / queries as f64,
            latencies,
            found,
        })
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<f32>> {
    let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}
