use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{BuildError, Gathered};
use crate::{
    embed::{EmbedError, Embedded, Embedder, Role},
    store::{EMBEDDINGS, Records, Rows, TokenWriter, Tokens, io_error},
};

/// Who is told how far long work has come.
pub trait Progress: Sync {
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

/// Writes the vectors of all chunks into the folder of a version and returns how many had to be embedded: those of an
/// unchanged text come from the version before. Each session of the embedder works on a thread of its own.
pub(super) fn all(
    gathered: &Gathered,
    before: Option<(&Records, &Path)>,
    embedder: &dyn Embedder,
    batch: usize,
    dir: &Path,
    progress: &dyn Progress,
) -> Result<usize, BuildError> {
    let dimensions = embedder.model().dimensions;
    let failed = |error| BuildError::from(io_error(dir)(error));
    let rows = Rows::create(&dir.join(EMBEDDINGS), dimensions).map_err(failed)?;
    let tokens = TokenWriter::create(dir, gathered.records.chunks.len()).map_err(failed)?;
    let kept = before.and_then(|(records, dir)| Kept::open(records, dir, dimensions));
    let mut fresh = Vec::new();
    // A text that stands in several places is embedded once.
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (i, chunk) in gathered.records.chunks.iter().enumerate() {
        match kept.as_ref().and_then(|kept| kept.row(&chunk.embedded)) {
            Some(Embedded { vector, tokens: own }) => {
                rows.write(i, &vector).map_err(failed)?;
                tokens.write(&[i], &own).map_err(failed)?;
            }
            None => {
                let same = places.entry(&chunk.embedded).or_default();
                same.push(i);
                fresh.extend((same.len() == 1).then_some(i));
            }
        }
    }
    // Texts of like length share a batch, so that it holds little padding.
    fresh.sort_by_key(|&i| gathered.records.chunks[i].bytes.len());
    progress.begin("embedding", fresh.len());
    let done = each_batch(&fresh.chunks(batch.max(1)).collect::<Vec<_>>(), embedder.sessions(), &|batch| {
        let texts: Vec<String> = batch.iter().map(|&i| gathered.embedded(i)).collect();
        for (&i, made) in batch.iter().zip(embedder.embed(Role::Passage, &texts)?) {
            let same = &places[gathered.records.chunks[i].embedded.as_str()];
            for &place in same {
                rows.write(place, &made.vector).map_err(failed)?;
            }
            tokens.write(same, &made.tokens).map_err(failed)?;
        }
        progress.step(batch.len());
        Ok(())
    });
    progress.end();
    done?;
    tokens.finish().map_err(failed)?;
    Ok(fresh.len())
}

/// Does the work for each batch, on as many threads as there are sessions; stops at the first failure.
fn each_batch(
    batches: &[&[usize]],
    sessions: usize,
    work: &(dyn Fn(&[usize]) -> Result<(), BuildError> + Sync),
) -> Result<(), BuildError> {
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    let run = || {
        while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = work(batch) {
                next.store(batches.len(), Ordering::Relaxed);
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        }
    };
    let panicked = thread::scope(|scope| {
        let threads: Vec<_> = (0..sessions.max(1)).map(|_| scope.spawn(run)).collect();
        threads.into_iter().any(|thread| thread.join().is_err())
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None if panicked => Err(EmbedError::Panicked.into()),
        None => Ok(()),
    }
}

/// The vectors of the version before, by the hash of what was embedded.
struct Kept<'a> {
    places: HashMap<&'a str, usize>,
    rows: Rows,
    tokens: Tokens,
}

impl<'a> Kept<'a> {
    fn open(records: &'a Records, dir: &Path, dimensions: usize) -> Option<Self> {
        let rows = Rows::open(&dir.join(EMBEDDINGS), dimensions).ok()?;
        if rows.count().ok()? != records.chunks.len() {
            return None;
        }
        let places = records.chunks.iter().zip(0..).map(|(chunk, i)| (chunk.embedded.as_str(), i)).collect();
        let tokens = Tokens::open(dir, records.chunks.len()).ok()?;
        Some(Self { places, rows, tokens })
    }

    fn row(&self, embedded: &str) -> Option<Embedded> {
        let at = *self.places.get(embedded)?;
        Some(Embedded { vector: self.rows.read(at..at + 1).ok()?, tokens: self.tokens.read(at).ok()? })
    }
}
