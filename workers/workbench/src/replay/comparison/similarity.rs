use std::sync::Arc;

use hoidap_indices::{EmbedQueue, Embedder, OnnxEmbedder};
use hoidap_shared::config::Config;
use hoidap_stages::generator::cosine;
use tokio::sync::OnceCell;
use tracing::warn;

/// Compares answers by the cosine of their embeddings. The model is loaded on first use.
pub(crate) struct AnswerSimilarity {
    config: Config,
    queue: OnceCell<Option<EmbedQueue>>,
}

impl AnswerSimilarity {
    pub(crate) fn new(config: &Config) -> Self {
        Self { config: config.clone(), queue: OnceCell::new() }
    }

    /// The cosine of the embeddings; `None` if the model cannot be loaded.
    pub(in crate::replay) async fn cosine(&self, before: &str, after: &str) -> Option<f32> {
        let queue = self.queue.get_or_init(|| self.open()).await.as_ref()?;
        let (before, after) = tokio::try_join!(queue.query(before), queue.query(after)).ok()?;
        cosine(&before, &after)
    }

    async fn open(&self) -> Option<EmbedQueue> {
        let (embedding, batch) = (self.config.embedding.clone(), self.config.embedding.batch);
        let opened = tokio::task::spawn_blocking(move || {
            let embedder: Arc<dyn Embedder> = Arc::new(OnnxEmbedder::open(&embedding)?);
            anyhow::Ok(EmbedQueue::start(embedder, batch)?)
        });
        match opened.await {
            Ok(Ok(queue)) => Some(queue),
            Ok(Err(error)) => {
                warn!(%error, "answers are not compared by meaning");
                None
            }
            Err(died) => {
                warn!(%died, "answers are not compared by meaning");
                None
            }
        }
    }
}
