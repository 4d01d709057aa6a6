//! The stage trait, as the runner and the replay see it.

use std::{future::Future, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    config::Config,
    job::{Answer, Envelope, Job},
    progress::ProgressSink,
};

/// The stages that an answer depends on, in order.
pub const STAGES: [&str; 3] = ["classifier", "retriever", "generator"];

/// The result of a processed job.
// An answer is the common case at the last stage, so boxing it would only add an allocation.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NextStep<T> {
    /// The message for the next stage.
    Forward(T),
    /// The job ends with this answer.
    Answer(Answer),
}

/// Why a stage could not process a job.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A temporary failure: the job is delivered again.
    #[error("{reason}")]
    Retry {
        /// What went wrong.
        reason: String,
        /// How long to wait; `None` for the configured backoff.
        after: Option<Duration>,
    },
    /// A permanent failure: the job becomes a dead letter.
    #[error("{reason}")]
    Permanent {
        /// A stable code of the problem, such as `embedding_failed`.
        code: &'static str,
        /// What went wrong, for the operator.
        reason: String,
    },
}

/// How one thing that a stage depends on is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Component")]
pub struct ComponentStatus {
    /// Such as `collection:mail` or `provider:local`.
    pub name: String,
    /// Whether it works.
    pub healthy: bool,
    /// A sentence for the operator.
    pub detail: String,
}

/// What a stage says of itself to the fleet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StageStatus {
    /// The version of everything its results depend on: configuration, indices, models, prompts.
    pub version: String,
    /// What it depends on, and how that is doing.
    pub components: Vec<ComponentStatus>,
}

/// One step of a job: from one message to the next, or to the answer.
///
/// A stage knows no broker, no acknowledgement and no globals: the runner and replay call the same `process`.
pub trait Stage: Send + Sync + Sized + 'static {
    /// The stage's name in subjects, consumers and on the command line.
    const NAME: &'static str;
    /// The message it consumes.
    type In: Job + DeserializeOwned + Serialize + Send + Sync + 'static;
    /// The message it passes on.
    type Out: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Loads what this stage needs.
    fn open(config: &Config) -> impl Future<Output = anyhow::Result<Self>> + Send;

    /// The number of jobs that one process works on at once.
    fn concurrency(config: &Config) -> usize {
        config.worker.concurrency
    }

    /// Processes one job. Is called concurrently, and again for the same job. `progress` takes the stage's events, and tells
    /// that the visitor stopped the job.
    fn process(
        &self,
        job: &Envelope<Self::In>,
        progress: &ProgressSink,
    ) -> impl Future<Output = Result<NextStep<Self::Out>, StageError>> + Send;

    /// The stage's status. It is called every few seconds, so it must be cheap.
    fn status(&self) -> StageStatus;
}
