//! From documents to searchable collections: reading, chunking, embedding, dense and lexical search, versions on disk;
//! and the rules of text that the search rests on (language, restoration of Vietnamese diacritics, follow-ups).
//!
//! This crate knows nothing of jobs in flight: no broker, no cache. All its calls block, but for [`EmbedQueue`].
#![forbid(unsafe_code)]

pub mod build;
pub mod chunk;
pub mod cli;
mod cross_attention;
pub mod document;
pub mod embed;
pub mod eval;
mod late;
mod lexical;
pub mod library;
mod openmp;
pub mod store;
pub mod text;
mod vectors;

pub use embed::{EmbedError, EmbedQueue, Embedded, Embedder, ModelId, OnnxEmbedder, Role, dot};
pub use late::TokenVectors;
pub use lexical::{Analysed, Analyser};
pub use library::{
    CollectionInfo, Library, Preferred, ReloadEvent, SearchError, SearchOutcome, SearchRequest,
};
pub use openmp::one_openmp_thread;
pub use text::{TextModel, Understood};
