//! Collections on disk: `<dir>/<collection>/versions/<version>/…` and `<dir>/<collection>/current`, which names one.
//!
//! A version is written under a hidden name, synced, renamed, and only then named by `current`, itself replaced by a
//! rename. Whatever is interrupted, `current` names a whole version.

mod files;
mod folder;
mod manifest;
mod records;
mod rows;
mod tokens;

use std::{io, path::PathBuf};

pub use folder::{CollectionFolder, Lock, list};
pub use manifest::{Chunker, FORMAT, Manifest, Source, Withdrawn};
pub use records::{ChunkRecord, DocumentRecord, Groups, Records, Segment};

pub(crate) use files::{
    CHUNKS, DOCUMENTS, EMBEDDINGS, GENERIC, HUBS, LEXICAL, TOKEN_ENDS, TOKENS, VECTORS, WORDS, sha256,
};
pub use files::{hex, replace, sha256_of_file};
pub(crate) use rows::Rows;
pub(crate) use tokens::{TokenWriter, Tokens};

/// Why a version, or a change to a collection, is refused. Each is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused a file.
    #[error("{path} cannot be used: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file is not what the manifest says.
    #[error(
        "version {version} of `{collection}` is damaged: {what}; run `hoidap-index rollback --collection {collection}` or build it again"
    )]
    Damaged {
        /// The collection.
        collection: String,
        /// The version.
        version: String,
        /// Which file, and how.
        what: String,
    },
    /// A version of an earlier or later release.
    #[error(
        "version {version} of `{collection}` has format {found}, this release reads {FORMAT}: build it again with `hoidap-index build`, or run the release that built it"
    )]
    Format {
        /// The collection.
        collection: String,
        /// The version.
        version: String,
        /// The format found.
        found: u32,
    },
    /// A version made with another embedding model.
    #[error(
        "version {version} of `{collection}` was built with {found}, the configured model is {expected}: build it again, or configure that model"
    )]
    Model {
        /// The collection.
        collection: String,
        /// The version.
        version: String,
        /// The model it was built with.
        found: String,
        /// The model configured.
        expected: String,
    },
    /// Another process is building the collection.
    #[error("`{0}` is being built by another process: wait until it has ended, then try again")]
    Busy(String),
    /// No collection of this name.
    #[error(
        "there is no collection `{name}` in {dir}: build it with `hoidap-index build --collection {name} PATH…`"
    )]
    Missing {
        /// The name.
        name: String,
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// No version to go back to.
    #[error("`{collection}` has no version {wanted}; it has {kept}")]
    NoVersion {
        /// The collection.
        collection: String,
        /// What was asked for.
        wanted: String,
        /// The versions kept.
        kept: String,
    },
    /// A name that cannot be a folder.
    #[error("`{0}` is no name for a collection: it may hold letters, digits, - and _ only")]
    Name(String),
}

pub(crate) fn io_error(path: &std::path::Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_path_buf();
    move |error| StoreError::Io { path, error }
}
