//! Documents to a new version of a collection.

mod document_language;
mod document_loss;
mod embed_chunks;
mod gather;
mod repeated_blocks;
mod unrelated_questions;
mod withdrawn_documents;

use std::{fs, io, path::Path, time::Instant};

use hoidap_shared::{config::Config, text::Language};

pub use embed_chunks::BuildProgress;
pub use gather::GatheredDocuments;
pub use unrelated_questions::UnrelatedVectors;

use crate::{
    dense_index,
    document::{IsolatedReader, Limits, SkippedFile},
    embed::{EmbedError, Embedder},
    hashing::sha256,
    lexical,
    store::{
        Chunker, CollectionFolder, DocumentSource, EMBEDDINGS, FORMAT, LEXICAL, StoreError, VECTORS,
        VectorFile, VersionManifest, VersionRecords, WORDS, io_error,
    },
    text::WordCounts,
};

/// Version of the rules that read and split documents. A new number rebuilds every collection.
const READING_RULES: u32 = 9;

/// Why a build made no new version. Each message is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The collection's folder cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The model cannot be loaded or failed.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The documents cannot be listed.
    #[error("the documents of `{0}` cannot be listed: {1}")]
    Sources(String, io::Error),
    /// An index cannot be written.
    #[error("the index of `{0}` cannot be written: {1}")]
    Index(String, String),
    /// Too many documents were lost.
    #[error(
        "no new version of `{collection}`: {what}, more than {allowed} % (indices.max_loss_share){hint}; make them readable, or \
         build with --accept-loss if they are meant to go"
    )]
    Loss {
        /// The collection.
        collection: String,
        /// What was lost, with counts.
        what: String,
        /// The share that may be lost, in percent.
        allowed: f32,
        /// Why the first file was left out.
        hint: String,
    },
    /// There is nothing to index.
    #[error("`{collection}` would be empty: none of {files} files holds text{first}")]
    Empty {
        /// The collection.
        collection: String,
        /// Number of files found.
        files: usize,
        /// Why the first file was left out.
        first: String,
    },
}

/// The result of a build.
#[derive(Debug)]
pub struct BuildOutcome {
    /// The version that is in service now.
    pub manifest: VersionManifest,
    /// Whether the version is new; `false` when nothing changed.
    pub new: bool,
    /// Number of distinct chunk texts that were embedded. The other chunks reuse the previous version's vectors.
    pub embedded: usize,
    /// Files that were left out, and why.
    pub skipped: Vec<SkippedFile>,
    /// Files that were read only in part: what is missing, and why.
    pub partly_read: Vec<SkippedFile>,
    /// How long reading and embedding took.
    pub timings: BuildTimings,
    /// Duration of the whole build, in seconds.
    pub seconds: f64,
}

/// How long the steps of a build took.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuildTimings {
    /// Number of files found.
    pub files: usize,
    /// Time to read and split the documents, in seconds.
    pub reading: f64,
    /// Time to embed the new chunks, in seconds.
    pub embedding: f64,
    /// Number of sessions that embedded in parallel.
    pub sessions: usize,
}

/// Builds a version of a collection from its sources and puts it into service. Chunks whose text has not changed keep the
/// previous version's vectors. When nothing changed, no new version is made.
///
/// # Errors
/// [`BuildError`]; the previous version stays in service.
pub fn build(
    config: &Config,
    name: &str,
    source: &DocumentSource,
    reader: &IsolatedReader,
    embedder: &dyn Embedder,
    unrelated: &UnrelatedVectors,
    progress: &dyn BuildProgress,
) -> Result<BuildOutcome, BuildError> {
    let began = Instant::now();
    let folder = CollectionFolder::new(&config.indices.dir, name)?;
    let lock = folder.lock()?;
    let mut gathered = gather::gather_documents(config, name, source, reader, embedder, progress)?;
    let mut timings = BuildTimings {
        files: gathered.files,
        reading: began.elapsed().as_secs_f64(),
        sessions: embedder.sessions(),
        ..BuildTimings::default()
    };
    let before = folder.current()?.and_then(|version| {
        let manifest = folder.manifest(&version, Some(embedder.model())).ok()?;
        folder.verify(&manifest).ok()?;
        Some((folder.records(&version).ok()?, manifest))
    });
    document_loss::check_document_loss(
        name,
        &gathered,
        before.as_ref().map(|(records, _)| records),
        config.indices.max_loss_share,
    )?;
    let chunker = Chunker {
        rules: READING_RULES,
        max_tokens: config.chunking.max_tokens,
        overlap_tokens: config.chunking.overlap_tokens,
    };
    if let Some((records, _)) = before.as_ref().filter(|(_, manifest)| manifest.chunker == chunker) {
        withdrawn_documents::keep_withdrawn(&mut gathered, records, config.indices.withdrawn_share);
    }
    let withdrawn = gathered.records.count_withdrawn();
    let faiss = faiss_factory(config, gathered.records.chunks.len());
    let content = content_hash(&gathered.records, embedder, &chunker, &faiss, source, config);
    if let Some((_, manifest)) = before.as_ref().filter(|(_, manifest)| manifest.content == content) {
        let manifest = manifest.clone();
        let seconds = began.elapsed().as_secs_f64();
        let GatheredDocuments { skipped, partly_read, .. } = gathered;
        return Ok(BuildOutcome {
            manifest,
            new: false,
            embedded: 0,
            skipped,
            partly_read,
            timings,
            seconds,
        });
    }
    let now = jiff::Timestamp::now();
    let version = format!("{}-{}", now.strftime("%Y%m%dT%H%M%S%3fZ"), &content[..8]);
    let unfinished = folder.begin(&lock, &version)?;
    let dir = before.as_ref().map(|(_, manifest)| folder.version_dir(&manifest.version));
    let kept = before.as_ref().map(|(records, _)| records).zip(dir.as_deref());
    let rows = unfinished.join(EMBEDDINGS);
    let embedding = Instant::now();
    let embedded =
        embed_chunks::embed_chunks(&gathered, kept, embedder, config.embedding.batch, &unfinished, progress)?;
    timings.embedding = embedding.elapsed().as_secs_f64();
    let manifest = VersionManifest {
        format: FORMAT,
        collection: name.into(),
        version,
        built: now.to_string(),
        content,
        model: embedder.model().clone(),
        token_dimensions: embedder.token_dimensions(),
        chunker,
        faiss,
        documents: gathered.records.documents.len() - withdrawn.documents,
        chunks: gathered.records.chunks.len() - withdrawn.chunks,
        withdrawn,
        locales: locales(&gathered.records),
        source: source.clone(),
        background: unrelated_questions::measure_unrelated(&rows, &unfinished, embedder, unrelated)?,
        files: std::collections::BTreeMap::new(),
    };
    write_version(&unfinished, &gathered, &manifest, count_words(&gathered.records, embedder))?;
    let manifest = folder.commit(&lock, &unfinished, manifest)?;
    folder.prune(&lock, config.indices.keep_versions)?;
    let seconds = began.elapsed().as_secs_f64();
    let GatheredDocuments { skipped, partly_read, .. } = gathered;
    Ok(BuildOutcome { manifest, new: true, embedded, skipped, partly_read, timings, seconds })
}

/// The FAISS factory string. `auto` means exact search up to `exact_up_to` chunks, and a graph above it.
fn faiss_factory(config: &Config, chunks: usize) -> String {
    match config.indices.faiss_index.as_str() {
        "auto" if chunks <= config.indices.exact_up_to => "Flat".into(),
        "auto" => "HNSW32".into(),
        explicit => explicit.into(),
    }
}

/// A hash over everything that determines a version. It includes the `Debug` form of some types, so renaming one of those
/// types or fields rebuilds every collection.
fn content_hash(
    records: &VersionRecords,
    embedder: &dyn Embedder,
    chunker: &Chunker,
    faiss: &str,
    source: &DocumentSource,
    config: &Config,
) -> String {
    let bounds = (Limits::of(&config.indices), config.indices.max_document_chunks);
    let mut text = format!("{FORMAT} {:?} {chunker:?} {faiss} {source:?} {bounds:?}\n", embedder.model());
    if dense_index::is_graph(faiss) {
        text += &format!("{:?}\n", dense_index::GRAPH_DEPTHS);
    }
    for document in &records.documents {
        text += &format!(
            "{}\t{}\t{}\t{}\t{:?}\t{:?}\t{}{}\n",
            document.source,
            document.hash,
            // The repeated blocks that are removed from a page depend on the other pages.
            sha256(&document.text),
            document.url,
            document.product,
            document.section,
            document.locale,
            if document.withdrawn { "\twithdrawn" } else { "" }
        );
    }
    sha256(text)
}

fn locales(records: &VersionRecords) -> Vec<String> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for document in records.documents.iter().filter(|document| !document.withdrawn) {
        match counts.iter_mut().find(|(locale, _)| *locale == document.locale) {
            Some((_, count)) => *count += 1,
            None => counts.push((document.locale.clone(), 1)),
        }
    }
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts.into_iter().map(|(locale, _)| locale).collect()
}

fn count_words(records: &VersionRecords, embedder: &dyn Embedder) -> WordCounts {
    let mut words = WordCounts::default();
    for document in &records.documents {
        words.add(&document.text, Language::from_locale(&document.locale).unwrap_or(Language::En));
    }
    words.set_prior(embedder.vocabulary());
    words
}

fn write_version(
    dir: &Path,
    gathered: &GatheredDocuments,
    manifest: &VersionManifest,
    words: WordCounts,
) -> Result<(), BuildError> {
    let failed = |what: String| BuildError::Index(manifest.collection.clone(), what);
    let records = &gathered.records;
    records.write(dir).map_err(io_error(dir))?;
    let json = serde_json::to_string(&words).map_err(|error| failed(error.to_string()))?;
    fs::write(dir.join(WORDS), json).map_err(io_error(dir))?;
    let dimensions = manifest.model.dimensions;
    let rows = VectorFile::open(&dir.join(EMBEDDINGS), dimensions).map_err(io_error(dir))?;
    dense_index::write(&dir.join(VECTORS), &rows, dimensions, &manifest.faiss).map_err(failed)?;
    let groups = records.groups();
    let entries = records.chunks.iter().zip(&groups.of_chunk).map(|(chunk, group)| lexical::IndexedChunk {
        text: records.text(chunk),
        head: gathered.text_above(chunk),
        group: *group,
    });
    lexical::write(&dir.join(LEXICAL), entries).map_err(|error| failed(error.to_string()))
}
