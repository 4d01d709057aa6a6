use std::num::NonZeroUsize;

use anyhow::ensure;
use hoidap_indices::{Embedder as _, OnnxEmbedder, dot};
use hoidap_shared::config::EmbeddingConfig;
use lru::LruCache;
use tracing::warn;

use super::audited_job::AuditMessages;

/// Capacity of the cache of computed embeddings.
const EMBEDDING_CACHE_CAPACITY: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();
/// Minimum cosine of a recorded embedding and one of the same text by the same model, on any machine.
const MIN_SAME_MODEL_COSINE: f32 = 0.999;

/// Embeddings of questions: recorded, or computed by the configured model, which is loaded on first use.
pub(super) struct QuestionEmbeddings {
    settings: EmbeddingConfig,
    model: ModelState,
    known: LruCache<String, Vec<f32>>,
    /// Whether the model was checked against a recorded embedding.
    check: ModelCheck,
    pub(super) counts: EmbeddingCounts,
}

/// Counts of questions whose embedding was not recorded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EmbeddingCounts {
    /// Questions embedded by the model.
    pub(super) computed: u64,
    /// Questions without an embedding.
    pub(super) missing: u64,
}

enum ModelState {
    NotLoaded,
    Loaded(Box<OnnxEmbedder>),
    /// It cannot be loaded.
    Unavailable,
}

enum ModelCheck {
    NoSample,
    Sample(String, Vec<f32>),
    Passed,
}

impl QuestionEmbeddings {
    pub(super) fn new(settings: EmbeddingConfig) -> Self {
        let known = LruCache::new(EMBEDDING_CACHE_CAPACITY);
        Self {
            settings,
            model: ModelState::NotLoaded,
            known,
            check: ModelCheck::NoSample,
            counts: EmbeddingCounts::default(),
        }
    }

    /// The embedding of a standalone question; `None` if it was not recorded and no model is available.
    ///
    /// # Errors
    /// When the model fails, or is not the recorded one.
    pub(super) fn embedding_of(&mut self, job: &AuditMessages) -> anyhow::Result<Option<Vec<f32>>> {
        if let Some(recorded) = job.vector() {
            if matches!(self.check, ModelCheck::NoSample) {
                self.check = ModelCheck::Sample(job.meaning().into(), recorded.clone());
                if matches!(self.model, ModelState::Loaded(_)) {
                    self.check_model()?;
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
                self.counts.computed += 1;
                self.known.put(job.meaning().into(), vector.clone());
            }
            None => self.counts.missing += 1,
        }
        Ok(vector)
    }

    fn embed(&mut self, text: &str) -> anyhow::Result<Option<Vec<f32>>> {
        if matches!(self.model, ModelState::NotLoaded) {
            self.model = match OnnxEmbedder::open(&self.settings) {
                Ok(model) => ModelState::Loaded(Box::new(model)),
                Err(error) => {
                    warn!(%error, "questions without a recorded embedding are not looked up");
                    ModelState::Unavailable
                }
            };
            self.check_model()?;
        }
        let ModelState::Loaded(model) = &self.model else { return Ok(None) };
        Ok(model.embed_queries(&[text.to_string()])?.pop())
    }

    /// Compares a recorded embedding with the model's.
    fn check_model(&mut self) -> anyhow::Result<()> {
        let (ModelState::Loaded(model), ModelCheck::Sample(text, recorded)) = (&self.model, &self.check)
        else {
            return Ok(());
        };
        let made = model.embed_queries(std::slice::from_ref(text))?.pop().unwrap_or_default();
        let alike = if made.len() == recorded.len() { dot(&made, recorded) } else { 0.0 };
        ensure!(
            alike >= MIN_SAME_MODEL_COSINE,
            "the model of `embedding` ({}) is not the one that the recorded questions were embedded with (cosine {alike:.4} for `{text}`): configure the model that the fleet used",
            self.settings.model
        );
        self.check = ModelCheck::Passed;
        Ok(())
    }
}
