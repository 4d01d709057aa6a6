//! Lexical search: BM25 over words without diacritics. Exact diacritics, neighbouring syllables and headings add to the
//! score.

mod analyser;
mod index;

pub(crate) use analyser::content_terms;
pub use analyser::{Analyser, LexicalTerms};
pub(crate) use index::{IndexedChunk, LexicalIndex, frequencies, search, write};
