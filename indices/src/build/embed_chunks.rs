use std::{
    cmp::Reverse,
    collections::HashMap,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{BuildError, GatheredDocuments};
use crate::{
    embed::{EmbedError, EmbeddedText, Embedder},
    model::TextRole,
    store::{EMBEDDINGS, TokenVectorFile, TokenVectorWriter, VectorFile, VersionRecords, io_error},
};

/// Fewest batches for each session, where there are so many texts.
const MIN_BATCHES_PER_SESSION: usize = 4;

/// Receives the progress of a build.
pub trait BuildProgress: Sync {
    /// A task of `total` steps begins.
    fn begin(&self, what: &str, total: usize);
    /// Some steps are done.
    fn step(&self, steps: usize);
    /// The task has ended.
    fn end(&self);
}

/// Ignores the progress.
impl BuildProgress for () {
    fn begin(&self, _what: &str, _total: usize) {}
    fn step(&self, _steps: usize) {}
    fn end(&self) {}
}

/// Writes the vectors of all chunks into a version's folder and returns how many texts were embedded. Unchanged texts reuse
/// the previous version's vectors. Each session of the embedder works on its own thread.
pub(super) fn embed_chunks(
    gathered: &GatheredDocuments,
    before: Option<(&VersionRecords, &Path)>,
    embedder: &dyn Embedder,
    batch: usize,
    dir: &Path,
    progress: &dyn BuildProgress,
) -> Result<usize, BuildError> {
    let dimensions = embedder.model().dimensions;
    let failed = |error| BuildError::from(io_error(dir)(error));
    let rows = VectorFile::create(&dir.join(EMBEDDINGS), dimensions).map_err(failed)?;
    let tokens = TokenVectorWriter::create(dir, gathered.records.chunks.len()).map_err(failed)?;
    let kept = before.and_then(|(records, dir)| PreviousVectors::open(records, dir, dimensions));
    let mut fresh = Vec::new();
    // A text that several chunks share is embedded once.
    let mut chunks_by_text: HashMap<&str, Vec<usize>> = HashMap::new();
    for (i, chunk) in gathered.records.chunks.iter().enumerate() {
        match kept.as_ref().and_then(|kept| kept.row(&chunk.embedded)) {
            Some(EmbeddedText { vector, tokens: own }) => {
                rows.write(i, &vector).map_err(failed)?;
                tokens.write(&[i], &own).map_err(failed)?;
            }
            None => {
                let same = chunks_by_text.entry(&chunk.embedded).or_default();
                same.push(i);
                fresh.extend((same.len() == 1).then_some(i));
            }
        }
    }
    // Texts of similar length share a batch, so that it holds little padding. The longest come first, and each session gets
    // several batches, so that all sessions end at about the same time.
    fresh.sort_by_key(|&i| Reverse(gathered.records.chunks[i].bytes.len()));
    let sessions = embedder.sessions().max(1);
    let batch = batch.min(fresh.len().div_ceil(sessions * MIN_BATCHES_PER_SESSION)).max(1);
    progress.begin("embedding", fresh.len());
    let done = each_batch(&fresh.chunks(batch).collect::<Vec<_>>(), sessions, &|batch| {
        let texts: Vec<String> = batch.iter().map(|&i| gathered.text_to_embed(i)).collect();
        for (&i, embedded) in batch.iter().zip(embedder.embed(TextRole::Passage, &texts)?) {
            let same = &chunks_by_text[gathered.records.chunks[i].embedded.as_str()];
            for &chunk in same {
                rows.write(chunk, &embedded.vector).map_err(failed)?;
            }
            tokens.write(same, &embedded.tokens).map_err(failed)?;
        }
        progress.step(batch.len());
        Ok(())
    });
    progress.end();
    done?;
    tokens.finish().map_err(failed)?;
    Ok(fresh.len())
}

/// Runs `work` for each batch, on as many threads as there are sessions. Stops at the first failure.
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
        let threads: Vec<_> = (0..sessions).map(|_| scope.spawn(run)).collect();
        threads.into_iter().any(|thread| thread.join().is_err())
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None if panicked => Err(EmbedError::Panicked.into()),
        None => Ok(()),
    }
}

/// The previous version's vectors, by the hash of the embedded text.
struct PreviousVectors<'a> {
    row_by_text: HashMap<&'a str, usize>,
    rows: VectorFile,
    tokens: TokenVectorFile,
}

impl<'a> PreviousVectors<'a> {
    fn open(records: &'a VersionRecords, dir: &Path, dimensions: usize) -> Option<Self> {
        let rows = VectorFile::open(&dir.join(EMBEDDINGS), dimensions).ok()?;
        if rows.count().ok()? != records.chunks.len() {
            return None;
        }
        let row_by_text =
            records.chunks.iter().zip(0..).map(|(chunk, i)| (chunk.embedded.as_str(), i)).collect();
        let tokens = TokenVectorFile::open(dir, records.chunks.len()).ok()?;
        Some(Self { row_by_text, rows, tokens })
    }

    fn row(&self, embedded: &str) -> Option<EmbeddedText> {
        let at = *self.row_by_text.get(embedded)?;
        Some(EmbeddedText { vector: self.rows.read(at..at + 1).ok()?, tokens: self.tokens.read(at).ok()? })
    }
}
