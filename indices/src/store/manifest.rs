use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{model::ModelId, score_distribution::UnrelatedScores};

/// The format that this release writes, and the only one it reads. It counts up when the files change, or when texts are
/// analysed into other terms, since questions and documents must be analysed alike. 2: terms of the search form.
/// 3: hubness and token vectors of the chunks. 4: token ranges of the sentences. 5: what each line is. 6: heads of tables, and what
/// a chunk lacks of a list or table.
pub const FORMAT: u32 = 7;

/// Where a collection's documents come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentSource {
    /// Files, folders, or lists (`@FILE`), as absolute paths.
    pub paths: Vec<PathBuf>,
    /// The folder that page paths are relative to.
    pub root: Option<PathBuf>,
    /// The URL that a page's path below the root is appended to.
    pub base_url: Option<String>,
    /// The product of every document.
    pub product: Option<String>,
    /// The section of every document.
    pub section: Option<String>,
    /// The locale of every document; detected for each when left out.
    pub locale: Option<String>,
}

/// How documents were split into chunks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunker {
    /// Version of the rules that read and split documents.
    pub rules: u32,
    /// Longest chunk, in the model's tokens.
    pub max_tokens: usize,
    /// Overlap, in tokens.
    pub overlap_tokens: usize,
}

/// Counts of the withdrawn documents that a version keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawnCounts {
    /// Documents.
    pub documents: usize,
    /// Number of their chunks.
    pub chunks: usize,
}

/// The manifest of a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionManifest {
    /// See [`FORMAT`].
    pub format: u32,
    /// The collection.
    pub collection: String,
    /// The version's name.
    pub version: String,
    /// When it was built, as RFC 3339.
    pub built: String,
    /// Hash over documents, settings and model. Builds from the same input have the same hash.
    pub content: String,
    /// The embedding model.
    pub model: ModelId,
    /// Number of components of a token vector; 0 if the model gives none.
    pub token_dimensions: usize,
    /// How documents were split into chunks.
    pub chunker: Chunker,
    /// The factory string of the FAISS index.
    pub faiss: String,
    /// Number of documents that can be found.
    pub documents: usize,
    /// Number of their chunks.
    pub chunks: usize,
    /// Withdrawn documents that it keeps.
    #[serde(default)]
    pub withdrawn: WithdrawnCounts,
    /// Locales of the documents, most frequent first.
    pub locales: Vec<String>,
    /// Where the documents come from.
    pub source: DocumentSource,
    /// The best cosines of unrelated questions with its chunks.
    pub background: UnrelatedScores,
    /// SHA-256 of each file, by its path in the version's folder, in hexadecimal.
    pub files: BTreeMap<String, String>,
}
