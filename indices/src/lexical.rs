//! The lexical leg: BM25 over words without diacritics, where exact diacritics, neighbouring syllables and headings
//! add to the score.

mod analyse;
mod index;

pub(crate) use analyse::content_terms;
pub use analyse::{Analysed, Analyser};
pub(crate) use index::{Entry, Lexical, frequencies, search, write};
