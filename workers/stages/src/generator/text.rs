//! What the words of a text say, by rules for English and Vietnamese: content words, quantities, clauses, negation.

pub(super) mod back_references;
pub(super) mod clauses;
pub(super) mod cleaning;
pub(super) mod content;
pub(super) mod negation;
pub(super) mod numbering;
pub(super) mod quantities;
pub(super) mod sentence_embedder;
pub(super) mod superlative;
pub(super) mod synonyms;
