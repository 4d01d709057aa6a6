//! Builds and searches collections of documents: reading, chunking, embedding, dense and lexical search, and versions on
//! disk. It also holds the text rules that the search uses: language, restored Vietnamese diacritics, and follow-ups.
//!
//! This crate knows no broker and no cache. All its calls block, except those of [`EmbedQueue`].
//!
//! Start at [`build::build`] (documents to a collection) and [`Library`] (search).
#![forbid(unsafe_code)]

pub mod build;
mod char_offsets;
pub mod chunk;
pub mod cli;
mod cross_attention;
mod dense_index;
pub mod document;
pub mod embed;
pub mod eval;
pub mod hashing;
mod late_interaction;
mod lexical;
pub mod library;
mod model;
mod openmp;
pub mod score_distribution;
pub mod store;
pub mod text;
mod vector_math;
mod vietnamese;

pub use cross_attention::CrossAttention;
pub use dense_index::empty_index;
pub use embed::{EmbedError, EmbedQueue, EmbeddedText, Embedder, OnnxEmbedder};
pub use late_interaction::TokenVectors;
pub use lexical::{Analyser, LexicalTerms};
pub use library::{
    CollectionInfo, Library, Preferred, ReloadEvent, SearchError, SearchOutcome, SearchRequest,
};
pub use model::{ModelId, TextRole};
pub use openmp::restart_with_one_openmp_thread;
pub use text::{Interpretation, TextModel};
pub use vector_math::dot;
