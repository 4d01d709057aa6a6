use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{embed::ModelId, library::Background};

/// The format this release writes, and the only one it reads. It counts up when the files change, or when a text is analysed into
/// other terms: questions are analysed as the documents were. 2: terms of the form for search.
/// 3: what the chunks are as hubs, and their token vectors. 4: which of the token vectors are of which sentence.
pub const FORMAT: u32 = 4;

/// Where a collection's documents come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Files, folders, or lists (`@FILE`); absolute.
    pub paths: Vec<PathBuf>,
    /// The folder that addresses are relative to.
    pub root: Option<PathBuf>,
    /// What a page's path below the root is appended to.
    pub base_url: Option<String>,
    /// The product of every document.
    pub product: Option<String>,
    /// The section of every document.
    pub section: Option<String>,
    /// The locale of every document; found for each when left out.
    pub locale: Option<String>,
}

/// How documents were cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunker {
    /// Rules of reading and cutting; a new number makes every text new.
    pub rules: u32,
    /// Longest chunk, in tokens of the model.
    pub max_tokens: usize,
    /// Overlap, in tokens.
    pub overlap_tokens: usize,
}

/// What a version keeps of documents that were taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// Documents.
    pub documents: usize,
    /// Their chunks.
    pub chunks: usize,
}

/// What a version is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// See [`FORMAT`].
    pub format: u32,
    /// The collection.
    pub collection: String,
    /// The version's name.
    pub version: String,
    /// When it was built, RFC 3339.
    pub built: String,
    /// Hash over documents, settings and model: two builds of the same make the same.
    pub content: String,
    /// The model of its vectors.
    pub model: ModelId,
    /// Components of its token vectors; 0 where the model gives none.
    pub token_dimensions: usize,
    /// How documents were cut.
    pub chunker: Chunker,
    /// The FAISS factory string of its index.
    pub faiss: String,
    /// Documents that can be found in it.
    pub documents: usize,
    /// Their chunks.
    pub chunks: usize,
    /// What it keeps of documents that were taken away.
    #[serde(default)]
    pub withdrawn: Withdrawn,
    /// Locales of its documents, most frequent first.
    pub locales: Vec<String>,
    /// Where its documents come from.
    pub source: Source,
    /// How near questions that have nothing to do with it come to it.
    pub background: Background,
    /// SHA-256 of each file, by its path in the version's folder.
    pub files: BTreeMap<String, String>,
}
