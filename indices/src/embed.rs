//! Embeds texts with a model that runs in this process.

mod onnx;
mod queue;
mod runtime;
mod session_pool;

use hoidap_shared::{config, job::Query};

use crate::{
    late_interaction::TokenVectors,
    model::{ModelId, TextRole},
};

pub use onnx::OnnxEmbedder;
pub use queue::EmbedQueue;
pub(crate) use runtime::environment;
pub(crate) use session_pool::SessionPool;

impl ModelId {
    /// The identity of the configured model, without loading it.
    ///
    /// # Errors
    /// When the model's files cannot be read or its name is not known.
    pub fn configured(settings: &config::EmbeddingConfig) -> Result<Self, EmbedError> {
        onnx::identify(settings)
    }
}

/// Why a text could not be embedded.
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
    /// The model panicked. It is used again for the next texts.
    #[error("the embedding model panicked on a text: the log says where")]
    Panicked,
    /// The thread that owns the model has ended.
    #[error("the embedding thread has ended")]
    Closed,
}

/// The vectors of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EmbeddedText {
    /// The vector of the whole text, L2-normalised.
    pub vector: Vec<f32>,
    /// Small vectors of its tokens, for late interaction; see `late_interaction`.
    pub tokens: TokenVectors,
}

/// An embedding model. Calls block, for milliseconds per text.
pub trait Embedder: Send + Sync {
    /// The model's identity.
    fn model(&self) -> &ModelId;

    /// Embeds texts; the result has the order of the texts.
    ///
    /// # Errors
    /// [`EmbedError::Run`] when the model fails.
    fn embed(&self, role: TextRole, texts: &[String]) -> Result<Vec<EmbeddedText>, EmbedError>;

    /// Embeds questions: one L2-normalised vector each, in the order of the texts.
    ///
    /// # Errors
    /// [`EmbedError::Run`] when the model fails.
    fn embed_queries(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(self.embed(TextRole::Query, texts)?.into_iter().map(|embedded| embedded.vector).collect())
    }

    /// Embeds parts of documents: one L2-normalised vector each, in the order of the texts.
    ///
    /// # Errors
    /// [`EmbedError::Run`] when the model fails.
    fn embed_passages(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(self.embed(TextRole::Passage, texts)?.into_iter().map(|embedded| embedded.vector).collect())
    }

    /// Number of components of a token vector; 0 if the model gives none.
    fn token_dimensions(&self) -> usize {
        0
    }

    /// How many threads may call the model at once without waiting. Each session uses one core.
    fn sessions(&self) -> usize {
        1
    }

    /// Number of the model's tokens in a text, without the start and end tokens.
    fn count_tokens(&self, text: &str) -> usize;

    /// The whole words of the model's vocabulary with their log-probabilities; empty if it has none.
    fn vocabulary(&self) -> Vec<(String, f32)>;
}

/// Below this weight a wording is only searched lexically. Text without diacritics whose restoration is nearly certain
/// would only add noise to the dense search.
const MIN_EMBEDDED_WEIGHT: f32 = 0.5;

/// Whether a wording still needs an embedding.
pub(crate) fn needs_embedding(query: &Query) -> bool {
    query.embedding.is_none() && query.weight >= MIN_EMBEDDED_WEIGHT
}

/// Embeds each wording that needs it.
///
/// # Errors
/// [`EmbedError::Run`] when the model fails.
pub fn embed_wordings(embedder: &dyn Embedder, queries: &mut [Query]) -> Result<(), EmbedError> {
    for query in queries.iter_mut().filter(|query| needs_embedding(query)) {
        if let Some(embedded) = embedder.embed(TextRole::Query, std::slice::from_ref(&query.text))?.pop() {
            (query.embedding, query.tokens) = (Some(embedded.vector), embedded.tokens);
        }
    }
    Ok(())
}
