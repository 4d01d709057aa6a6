//! The reranker stage: reads each passage together with the question, and scores its sentences.

use std::sync::Arc;

use hoidap_indices::{CrossAttention, SearchError};
use hoidap_shared::{
    config::Config,
    digest::digest,
    job::{Envelope, Retrieved},
    progress::ProgressSink,
    stage::{ComponentStatus, NextStep, Stage, StageError, StageStatus},
};

use crate::{
    replayable::ReplayableStage,
    watched_library::{self, WatchedLibrary},
};

/// The third stage: scores the sentences of the passages that the retriever found.
pub struct Reranker {
    library: WatchedLibrary,
    /// `None` where the embedding model has none: sentences are then scored by late interaction alone.
    cross_attention: Option<Arc<CrossAttention>>,
    version: String,
}

impl ReplayableStage for Reranker {}

impl Stage for Reranker {
    const NAME: &'static str = "reranker";
    type In = Retrieved;
    type Out = Retrieved;

    async fn open(config: &Config) -> anyhow::Result<Self> {
        let library = watched_library::open(config).await?;
        let embedding = config.embedding.clone();
        let cross_attention =
            tokio::task::spawn_blocking(move || CrossAttention::configured(&embedding)).await??;
        let graph = cross_attention.as_ref().map_or("none", |graph| graph.sha256.as_str());
        let version = digest(&[graph, &config.retriever.max_passage_chars.to_string()]);
        Ok(Self { library, cross_attention, version })
    }

    async fn process(
        &self,
        job: &Envelope<Retrieved>,
        _: &ProgressSink,
    ) -> Result<NextStep<Retrieved>, StageError> {
        let (library, cross_attention, mut retrieved) =
            (Arc::clone(&self.library), self.cross_attention.clone(), job.body.clone());
        let work = tokio::task::spawn_blocking(move || {
            let queries = &retrieved.classified.queries;
            library.score_sentences(
                cross_attention.as_deref(),
                queries,
                &retrieved.wording_weights,
                &mut retrieved.passages,
            )?;
            Ok::<_, SearchError>(retrieved)
        });
        match work.await {
            Ok(Ok(retrieved)) => Ok(NextStep::Forward(retrieved)),
            Ok(Err(error)) => Err(StageError::Retry {
                reason: format!("the sentences cannot be scored: {error}"),
                after: None,
            }),
            Err(panic) => {
                Err(StageError::Retry { reason: format!("the scoring died: {panic}"), after: None })
            }
        }
    }

    fn version(&self) -> String {
        digest(&[&self.version, &self.library.version()])
    }

    fn status(&self) -> StageStatus {
        let detail = match &self.cross_attention {
            Some(_) => "loaded",
            None => "the embedding model has none: sentences are scored by late interaction alone",
        };
        let graph = ComponentStatus { name: "cross-attention".into(), healthy: true, detail: detail.into() };
        StageStatus { version: self.version(), components: vec![graph] }
    }
}
