//! Documents to a new version of a collection.

mod embed;
mod gather;
mod loss;
mod repeated;
mod unrelated;
mod withdrawn;

use std::{fs, io, path::Path, time::Instant};

use hoidap_shared::{config::Config, text::Language};

pub use embed::Progress;
pub use gather::Gathered;

use crate::{
    document::{Limits, Reader, Skipped},
    embed::{EmbedError, Embedder},
    lexical,
    store::{
        Chunker, CollectionFolder, EMBEDDINGS, FORMAT, LEXICAL, Manifest, Records, Rows, Source, StoreError,
        VECTORS, WORDS, io_error, sha256,
    },
    text::Words,
    vectors,
};

/// Number of the rules by which documents are read and cut; a new one makes every collection build anew.
const RULES: u32 = 4;

/// Why there is no new version. Each is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The collection's folder.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The model.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The documents.
    #[error("the documents of `{0}` cannot be listed: {1}")]
    Sources(String, io::Error),
    /// An index.
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
        /// How many.
        what: String,
        /// The share that may be lost, in per cent.
        allowed: f32,
        /// Why the first of them was left out.
        hint: String,
    },
    /// There is nothing to index.
    #[error("`{collection}` would be empty: none of {files} files holds text{first}")]
    Empty {
        /// The collection.
        collection: String,
        /// Files looked at.
        files: usize,
        /// Why the first of them was left out.
        first: String,
    },
}

/// What a build did.
#[derive(Debug)]
pub struct Built {
    /// The version in service now.
    pub manifest: Manifest,
    /// Whether it is new; `false` when nothing had changed.
    pub new: bool,
    /// Texts of chunks that were embedded, each once; the vectors of the others were taken from the version before.
    pub embedded: usize,
    /// Files that were left out, and why.
    pub skipped: Vec<Skipped>,
    /// Files of which something was left out: what, and why.
    pub in_part: Vec<Skipped>,
    /// What the documents and the vectors took.
    pub pace: Pace,
    /// Seconds it took.
    pub seconds: f64,
}

/// How fast a build was.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// Files there are.
    pub files: usize,
    /// Seconds in which they were read and cut.
    pub reading: f64,
    /// Seconds in which the new chunks were embedded.
    pub embedding: f64,
    /// Sessions that embedded them side by side.
    pub sessions: usize,
}

/// Builds a version of a collection from its sources and puts it into service. Chunks whose text is that of the version
/// before keep their vectors; when nothing changed, no version is made.
///
/// # Errors
/// [`BuildError`]; the version before stays in service.
pub fn build(
    config: &Config,
    name: &str,
    source: &Source,
    reader: &Reader,
    embedder: &dyn Embedder,
    progress: &dyn Progress,
) -> Result<Built, BuildError> {
    let began = Instant::now();
    let folder = CollectionFolder::new(&config.indices.dir, name)?;
    let lock = folder.lock()?;
    let mut gathered = gather::gather(config, name, source, reader, embedder, progress)?;
    let mut pace = Pace {
        files: gathered.files,
        reading: began.elapsed().as_secs_f64(),
        sessions: embedder.sessions(),
        ..Pace::default()
    };
    let before = folder.current()?.and_then(|version| {
        let manifest = folder.manifest(&version, Some(embedder.model())).ok()?;
        folder.verify(&manifest).ok()?;
        Some((folder.records(&version).ok()?, manifest))
    });
    loss::check(name, &gathered, before.as_ref().map(|(records, _)| records), config.indices.max_loss_share)?;
    let chunker = Chunker {
        rules: RULES,
        max_tokens: config.chunking.max_tokens,
        overlap_tokens: config.chunking.overlap_tokens,
    };
    if let Some((records, _)) = before.as_ref().filter(|(_, manifest)| manifest.chunker == chunker) {
        withdrawn::keep(&mut gathered, records, config.indices.withdrawn_share);
    }
    let withdrawn = gathered.records.count_withdrawn();
    let faiss = factory(config, gathered.records.chunks.len());
    let content = content(&gathered.records, embedder, &chunker, &faiss, source, config);
    if let Some((_, manifest)) = before.as_ref().filter(|(_, manifest)| manifest.content == content) {
        let manifest = manifest.clone();
        let seconds = began.elapsed().as_secs_f64();
        let Gathered { skipped, in_part, .. } = gathered;
        return Ok(Built { manifest, new: false, embedded: 0, skipped, in_part, pace, seconds });
    }
    let now = jiff::Timestamp::now();
    let version = format!("{}-{}", now.strftime("%Y%m%dT%H%M%S%3fZ"), &content[..8]);
    let unfinished = folder.begin(&lock, &version)?;
    let dir = before.as_ref().map(|(_, manifest)| folder.version_dir(&manifest.version));
    let kept = before.as_ref().map(|(records, _)| records).zip(dir.as_deref());
    let rows = unfinished.join(EMBEDDINGS);
    let embedding = Instant::now();
    let embedded = embed::all(&gathered, kept, embedder, config.embedding.batch, &unfinished, progress)?;
    pace.embedding = embedding.elapsed().as_secs_f64();
    let manifest = Manifest {
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
        background: unrelated::ask(&rows, &unfinished, embedder)?,
        files: std::collections::BTreeMap::new(),
    };
    write(&unfinished, &gathered, &manifest, words(&gathered.records, embedder))?;
    let manifest = folder.commit(&lock, &unfinished, manifest)?;
    folder.prune(&lock, config.indices.keep_versions)?;
    let seconds = began.elapsed().as_secs_f64();
    let Gathered { skipped, in_part, .. } = gathered;
    Ok(Built { manifest, new: true, embedded, skipped, in_part, pace, seconds })
}

/// `auto` is exact search up to a size, and a graph beyond.
fn factory(config: &Config, chunks: usize) -> String {
    match config.indices.faiss_index.as_str() {
        "auto" if chunks <= config.indices.exact_up_to => "Flat".into(),
        "auto" => "HNSW32".into(),
        explicit => explicit.into(),
    }
}

/// A hash over all that makes a version what it is.
fn content(
    records: &Records,
    embedder: &dyn Embedder,
    chunker: &Chunker,
    faiss: &str,
    source: &Source,
    config: &Config,
) -> String {
    let bounds = (Limits::of(&config.indices), config.indices.max_document_chunks);
    let mut text = format!("{FORMAT} {:?} {chunker:?} {faiss} {source:?} {bounds:?}\n", embedder.model());
    for document in &records.documents {
        text += &format!(
            "{}\t{}\t{}\t{}\t{:?}\t{:?}\t{}{}\n",
            document.source,
            document.hash,
            // What is left out of a page depends on the other pages, too.
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

fn locales(records: &Records) -> Vec<String> {
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

fn words(records: &Records, embedder: &dyn Embedder) -> Words {
    let mut words = Words::default();
    for document in &records.documents {
        words.add(&document.text, Language::from_locale(&document.locale).unwrap_or(Language::En));
    }
    words.set_prior(embedder.words());
    words
}

fn write(dir: &Path, gathered: &Gathered, manifest: &Manifest, words: Words) -> Result<(), BuildError> {
    let failed = |what: String| BuildError::Index(manifest.collection.clone(), what);
    let records = &gathered.records;
    records.write(dir).map_err(io_error(dir))?;
    let json = serde_json::to_string(&words).map_err(|error| failed(error.to_string()))?;
    fs::write(dir.join(WORDS), json).map_err(io_error(dir))?;
    let dimensions = manifest.model.dimensions;
    let rows = Rows::open(&dir.join(EMBEDDINGS), dimensions).map_err(io_error(dir))?;
    vectors::write(&dir.join(VECTORS), &rows, dimensions, &manifest.faiss).map_err(failed)?;
    let groups = records.groups();
    let entries = records.chunks.iter().zip(&groups.of_chunk).map(|(chunk, group)| lexical::Entry {
        text: records.text(chunk),
        head: gather::head(&records.documents[chunk.document].title, &chunk.heading_path),
        group: *group,
    });
    lexical::write(&dir.join(LEXICAL), entries).map_err(|error| failed(error.to_string()))
}
