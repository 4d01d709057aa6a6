//! Collections on disk: `<dir>/<collection>/versions/<version>/…`, and `<dir>/<collection>/current`, which names one of them.
//!
//! A version is written under a hidden name, synced, and renamed. Only then is `current` replaced, also by a rename. So
//! `current` names a complete version whenever the process is interrupted.

mod files;
mod folder;
mod integrity;
mod manifest;
mod records;
mod token_vector_file;
mod vector_file;

use std::{io, path::PathBuf};

pub use folder::{CollectionFolder, CollectionLock, list_collections};
pub use manifest::{Chunker, DocumentSource, FORMAT, VersionManifest, WithdrawnCounts};
pub use records::{ChunkRecord, ChunkSentence, DocumentRecord, FilterGroups, VersionRecords};

pub use files::replace;
pub(crate) use files::{
    CHUNKS, DOCUMENTS, EMBEDDINGS, GENERIC, HUBS, LEXICAL, TOKEN_ENDS, TOKENS, VECTORS, WORDS,
};
pub(crate) use records::GroupFilter;
pub(crate) use token_vector_file::{TokenVectorFile, TokenVectorWriter};
pub(crate) use vector_file::VectorFile;

/// Why a version or a change to a collection is refused. Each message is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file cannot be used.
    #[error("{path} cannot be used: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// A file does not match the manifest.
    #[error(
        "version {version} of `{collection}` is damaged: {what}; run `hoidap-index rollback --collection {collection}` or build it again"
    )]
    Damaged {
        /// The collection.
        collection: String,
        /// The version.
        version: String,
        /// Which file, and what is wrong with it.
        what: String,
    },
    /// The version has the format of another release.
    #[error(
        "version {version} of `{collection}` has format {found}, this release reads {FORMAT}: build it again with `hoidap-index build`, or run the release that built it"
    )]
    Format {
        /// The collection.
        collection: String,
        /// The version.
        version: String,
        /// The format of the version.
        found: u32,
    },
    /// The version was built with another embedding model.
    #[error(
        "version {version} of `{collection}` was built with {found}, the configured model is {expected}: build it again, or configure that model"
    )]
    Model {
        /// The collection.
        collection: String,
        /// The version.
        version: String,
        /// The model of the version.
        found: String,
        /// The configured model.
        expected: String,
    },
    /// Another process is building the collection.
    #[error("`{0}` is being built by another process: wait until it has ended, then try again")]
    Busy(String),
    /// There is no collection of this name.
    #[error(
        "there is no collection `{name}` in {dir}: build it with `hoidap-index build --collection {name} PATH…`"
    )]
    Missing {
        /// The name.
        name: String,
        /// The folder that was searched.
        dir: PathBuf,
    },
    /// The requested version does not exist.
    #[error("`{collection}` has no version {wanted}; it has {kept}")]
    NoVersion {
        /// The collection.
        collection: String,
        /// The requested version.
        wanted: String,
        /// The versions that exist.
        kept: String,
    },
    /// The name cannot be a folder's name.
    #[error("`{0}` cannot be the name of a collection: use only letters, digits, - and _")]
    Name(String),
}

pub(crate) fn io_error(path: &std::path::Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_path_buf();
    move |error| StoreError::Io { path, error }
}
