//! Texts to vectors, by a model that runs in this process.

mod dot;
mod onnx;
mod queue;
mod runtime;

use hoidap_shared::{config, job::Query};
use serde::{Deserialize, Serialize};

use crate::late::TokenVectors;

pub use dot::dot;
pub use onnx::OnnxEmbedder;
pub(crate) use onnx::normalise;
pub use queue::EmbedQueue;
pub(crate) use runtime::environment;

/// Which model made a vector. Vectors of different models cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelId {
    /// The configured name, such as `intfloat/multilingual-e5-small`.
    pub name: String,
    /// Length of a vector.
    pub dimensions: usize,
    /// SHA-256 of the model's file, in hexadecimal; empty for a model known by name alone.
    pub sha256: String,
}

impl ModelId {
    /// The identity of the configured model, without loading it.
    ///
    /// # Errors
    /// When the model's files cannot be read or its name is not known.
    pub fn configured(settings: &config::EmbeddingConfig) -> Result<Self, EmbedError> {
        onnx::identify(settings)
    }
}

/// Why a text has no vector.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EmbedError {
    /// The model cannot be loaded.
    #[error("the embedding model {model} cannot be loaded: {reason}")]
    Load {
        /// Its folder or name.
        model: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The model failed on a text.
    #[error("the embedding failed: {0}")]
    Run(String),
    /// The model panicked; it is asked again for the next texts.
    #[error("the embedding model panicked on a text: the log says where")]
    Panicked,
    /// The thread that owns the model has ended.
    #[error("the embedding thread has ended")]
    Closed,
}

/// What a text is to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A question.
    Query,
    /// A piece of a document.
    Passage,
}

/// A text as vectors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embedded {
    /// The vector of the whole text, L2-normalised.
    pub vector: Vec<f32>,
    /// Small vectors of its tokens, for late interaction; see [`crate::late`].
    pub tokens: TokenVectors,
}

/// A model that makes vectors of texts. Calls block, for milliseconds per text.
pub trait Embedder: Send + Sync {
    /// Which model this is.
    fn model(&self) -> &ModelId;

    /// The vectors of texts, in their order.
    ///
    /// # Errors
    /// [`EmbedError::Run`] when the model fails.
    fn embed(&self, role: Role, texts: &[String]) -> Result<Vec<Embedded>, EmbedError>;

    /// One vector for each question, L2-normalised, in the order of the texts.
    ///
    /// # Errors
    /// [`EmbedError::Run`] when the model fails.
    fn embed_queries(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(self.embed(Role::Query, texts)?.into_iter().map(|made| made.vector).collect())
    }

    /// One vector for each piece of a document, L2-normalised, in the order of the texts.
    ///
    /// # Errors
    /// [`EmbedError::Run`] when the model fails.
    fn embed_passages(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(self.embed(Role::Passage, texts)?.into_iter().map(|made| made.vector).collect())
    }

    /// Components of a token's vector; 0 where the model has none.
    fn token_dimensions(&self) -> usize {
        0
    }

    /// How many texts it embeds side by side, each on a core: so many threads may call it at once and none waits.
    fn sessions(&self) -> usize {
        1
    }

    /// Tokens the model sees in a text, without those that mark its ends.
    fn count_tokens(&self, text: &str) -> usize;

    /// The whole words in the model's vocabulary, with their log-probabilities; empty where it has none.
    fn words(&self) -> Vec<(String, f32)>;
}

/// Below this weight a wording is searched by its words alone: text without diacritics whose restoration is nearly
/// certain only adds noise to the dense leg.
const EMBED_FROM_WEIGHT: f32 = 0.5;

/// Whether a wording is worth an embedding.
pub(crate) fn needs_embedding(query: &Query) -> bool {
    query.embedding.is_none() && query.weight >= EMBED_FROM_WEIGHT
}

/// Gives each wording that is worth one its vectors.
///
/// # Errors
/// [`EmbedError::Run`] when the model fails.
pub fn embed_wordings(embedder: &dyn Embedder, queries: &mut [Query]) -> Result<(), EmbedError> {
    for query in queries.iter_mut().filter(|query| needs_embedding(query)) {
        if let Some(made) = embedder.embed(Role::Query, std::slice::from_ref(&query.text))?.pop() {
            (query.embedding, query.tokens) = (Some(made.vector), made.tokens);
        }
    }
    Ok(())
}
