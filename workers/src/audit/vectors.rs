use std::num::NonZeroUsize;

use anyhow::ensure;
use hoidap_indices::{Embedder as _, OnnxEmbedder, dot};
use hoidap_shared::config::EmbeddingConfig;
use lru::LruCache;
use tracing::warn;

use super::seen::Messages;

/// Embeddings of texts that are not made twice.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();
/// A recorded embedding and one of the same text by the same model have at least this cosine, on any machine.
const SAME: f32 = 0.999;

/// The embeddings of questions: as recorded, else made by the configured model, which is loaded when it is first needed.
pub(super) struct Vectors {
    settings: EmbeddingConfig,
    model: Model,
    known: LruCache<String, Vec<f32>>,
    /// A text and its recorded embedding, until it was found that the model makes the same.
    proof: Proof,
    /// Questions whose embedding was made.
    pub(super) made: u64,
    /// Questions that have none.
    pub(super) missing: u64,
}

enum Model {
    Unopened,
    Open(Box<OnnxEmbedder>),
    /// It cannot be had.
    Away,
}

enum Proof {
    None,
    Found(String, Vec<f32>),
    Held,
}

impl Vectors {
    pub(super) fn new(settings: EmbeddingConfig) -> Self {
        let known = LruCache::new(REMEMBERED);
        Self { settings, model: Model::Unopened, known, proof: Proof::None, made: 0, missing: 0 }
    }

    /// The embedding of what a question means; none where it was not recorded and no model is to be had.
    ///
    /// # Errors
    /// When the model fails, or is not the one that made the recorded ones.
    pub(super) fn of(&mut self, job: &Messages) -> anyhow::Result<Option<Vec<f32>>> {
        if let Some(recorded) = job.vector() {
            if matches!(self.proof, Proof::None) {
                self.proof = Proof::Found(job.meaning().into(), recorded.clone());
                if matches!(self.model, Model::Open(_)) {
                    self.prove()?;
                }
            }
            return Ok(Some(recorded.clone()));
        }
        let vector = match self.known.get(job.meaning()) {
            Some(known) => Some(known.clone()),
            None => self.embed(job.meaning())?,
        };
        match &vector {
            Some(vector) => {
                self.made += 1;
                self.known.put(job.meaning().into(), vector.clone());
            }
            None => self.missing += 1,
        }
        Ok(vector)
    }

    fn embed(&mut self, text: &str) -> anyhow::Result<Option<Vec<f32>>> {
        if matches!(self.model, Model::Unopened) {
            self.model = match OnnxEmbedder::open(&self.settings) {
                Ok(model) => Model::Open(Box::new(model)),
                Err(error) => {
                    warn!(%error, "questions without a recorded embedding are not looked up");
                    Model::Away
                }
            };
            self.prove()?;
        }
        let Model::Open(model) = &self.model else { return Ok(None) };
        Ok(model.embed_queries(&[text.to_string()])?.pop())
    }

    /// Compares an embedding that was recorded with the model's.
    fn prove(&mut self) -> anyhow::Result<()> {
        let (Model::Open(model), Proof::Found(text, recorded)) = (&self.model, &self.proof) else {
            return Ok(());
        };
        let made = model.embed_queries(std::slice::from_ref(text))?.pop().unwrap_or_default();
        let alike = if made.len() == recorded.len() { dot(&made, recorded) } else { 0.0 };
        ensure!(
            alike >= SAME,
            "the model of `embedding` ({}) is not the one that the recorded questions were embedded with (cosine {alike:.4} for `{text}`): configure the one that the fleet had",
            self.settings.model
        );
        self.proof = Proof::Held;
        Ok(())
    }
}
