//! The identity of an embedding model, and the kinds of texts that it embeds.

use serde::{Deserialize, Serialize};

/// Identifies the model of a vector. Vectors of different models cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelId {
    /// The configured name, such as `intfloat/multilingual-e5-small`.
    pub name: String,
    /// Number of components of a vector.
    pub dimensions: usize,
    /// SHA-256 of the model's file, in hexadecimal; empty for a model known by name alone.
    pub sha256: String,
}

/// The kind of text, which some models need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextRole {
    /// A question.
    Query,
    /// A part of a document.
    Passage,
}
