//! What a stage is, seen from the runner and from replay.

use std::{future::Future, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    config::Config,
    job::{Answer, Envelope, Job},
    live::Live,
};

/// The stages of the fleet that an answer may depend on, in order.
pub const STAGES: [&str; 3] = ["classifier", "retriever", "generator"];

/// What follows from a processed job.
// An answer is the common case at the last stage, so boxing it would only add an allocation.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next<T> {
    /// The next stage goes on with this.
    Forward(T),
    /// The job ends here.
    Answer(Answer),
}

/// Why a job could not be processed.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// It may work later: the job is delivered again after a while.
    #[error("{reason}")]
    Retry {
        /// What went wrong.
        reason: String,
        /// How long to wait; the runner's back-off when `None`.
        after: Option<Duration>,
    },
    /// It will never work: the job becomes a dead letter.
    #[error("{reason}")]
    Permanent {
        /// A stable code for the visitor's problem, such as `embedding_failed`.
        code: &'static str,
        /// What went wrong, for the operator.
        reason: String,
    },
}

/// How one thing that a stage depends on is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Component {
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
    pub components: Vec<Component>,
}

/// One step of a job: from one message to the next, or to the answer.
///
/// A stage knows no broker, no acknowledgement and no globals: the runner and replay call the same `process`.
pub trait Stage: Send + Sync + Sized + 'static {
    /// The stage's name: its subject, its consumer and its command line.
    const NAME: &'static str;
    /// The message it consumes.
    type In: Job + DeserializeOwned + Serialize + Send + Sync + 'static;
    /// The message it passes on.
    type Out: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Loads what this stage needs, and nothing else.
    fn open(config: &Config) -> impl Future<Output = anyhow::Result<Self>> + Send;

    /// Jobs in flight at once in one process.
    fn concurrency(config: &Config) -> usize {
        config.worker.concurrency
    }

    /// Works on one job. May be called many times at once, and again for the same job. What it says on the way to the
    /// answer goes to `live`, and so does the visitor's word to stop.
    fn process(
        &self,
        job: &Envelope<Self::In>,
        live: &Live,
    ) -> impl Future<Output = Result<Next<Self::Out>, StageError>> + Send;

    /// What the stage says of itself; called every few seconds, so it must be cheap.
    fn status(&self) -> StageStatus;
}
