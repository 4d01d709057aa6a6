use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use super::Gathered;
use crate::{
    embed::{EmbedError, Embedder},
    store::{EMBEDDINGS, Records},
};

/// Chunks handed to the model between two signs of progress; sorted by length, so that batches hold little padding.
const STRIDE: usize = 256;

/// Who is told how far long work has come.
pub trait Progress {
    /// A piece of work of `total` steps begins.
    fn begin(&self, what: &str, total: usize);
    /// Steps were done.
    fn step(&self, steps: usize);
    /// The piece of work is done.
    fn end(&self);
}

/// Nobody.
impl Progress for () {
    fn begin(&self, _what: &str, _total: usize) {}
    fn step(&self, _steps: usize) {}
    fn end(&self) {}
}

/// The vectors of all chunks, row after row, and how many had to be embedded: those of an unchanged text come from the
/// version before.
pub(super) fn all(
    gathered: &Gathered,
    before: Option<(&Records, PathBuf)>,
    embedder: &dyn Embedder,
    progress: &dyn Progress,
) -> Result<(Vec<f32>, usize), EmbedError> {
    let dimensions = embedder.model().dimensions;
    let kept = before.and_then(|(records, dir)| Kept::read(records, &dir, dimensions)).unwrap_or_default();
    let mut embeddings = vec![0.0; gathered.embedded.len() * dimensions];
    let mut fresh = Vec::new();
    for (i, chunk) in gathered.records.chunks.iter().enumerate() {
        match kept.row(&chunk.embedded, dimensions) {
            Some(row) => embeddings[i * dimensions..(i + 1) * dimensions].copy_from_slice(row),
            None => fresh.push(i),
        }
    }
    fresh.sort_by_key(|&i| gathered.embedded[i].len());
    progress.begin("embedding", fresh.len());
    for stride in fresh.chunks(STRIDE) {
        let texts: Vec<String> = stride.iter().map(|&i| gathered.embedded[i].clone()).collect();
        for (&i, vector) in stride.iter().zip(embedder.embed_passages(&texts)?) {
            embeddings[i * dimensions..(i + 1) * dimensions].copy_from_slice(&vector);
        }
        progress.step(stride.len());
    }
    progress.end();
    Ok((embeddings, fresh.len()))
}

/// The vectors of the version before, by the hash of what was embedded.
#[derive(Default)]
struct Kept<'a> {
    rows: HashMap<&'a str, usize>,
    numbers: Vec<f32>,
}

impl<'a> Kept<'a> {
    fn read(records: &'a Records, dir: &Path, dimensions: usize) -> Option<Self> {
        let bytes = fs::read(dir.join(EMBEDDINGS)).ok()?;
        let numbers: Vec<f32> =
            bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        if numbers.len() != records.chunks.len() * dimensions {
            return None;
        }
        let rows = records.chunks.iter().zip(0..).map(|(chunk, i)| (chunk.embedded.as_str(), i)).collect();
        Some(Self { rows, numbers })
    }

    fn row(&self, embedded: &str, dimensions: usize) -> Option<&[f32]> {
        let at = self.rows.get(embedded)? * dimensions;
        self.numbers.get(at..at + dimensions)
    }
}
