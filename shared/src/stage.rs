//! The stage trait, as the runner and the replay see it.

use std::{future::Future, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    config::Config,
    job::{Answer, Envelope, Job, Message, MessageBody, MessageKind},
    progress::ProgressSink,
};

/// The pipeline: each stage's name and the kind of message that it takes, in order. Processes that link no stage, such as
/// the gateway, read the order here; a test of the workers holds it against the stages themselves.
pub const PIPELINE: [(&str, MessageKind); 4] = [
    ("classifier", MessageKind::Question),
    ("retriever", MessageKind::Classified),
    ("reranker", MessageKind::Retrieved),
    ("generator", MessageKind::Retrieved),
];

/// The names of the stages of [`PIPELINE`], in order.
pub const STAGES: [&str; PIPELINE.len()] = {
    let mut names = [""; PIPELINE.len()];
    let mut i = 0;
    while i < PIPELINE.len() {
        names[i] = PIPELINE[i].0;
        i += 1;
    }
    names
};

/// The kind of message that a stage takes; `None` where there is no such stage.
pub fn input_of(stage: &str) -> Option<MessageKind> {
    PIPELINE.iter().find(|(name, _)| *name == stage).map(|(_, kind)| *kind)
}

/// The output of a stage that ends the pipeline: it has no values.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Never {}

impl From<Never> for MessageBody {
    fn from(never: Never) -> Self {
        match never {}
    }
}

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
    type In: Job + Message;
    /// The message it passes on.
    type Out: Serialize + DeserializeOwned + Into<MessageBody> + Send + Sync + 'static;

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

    /// The version of [`Self::status`]. It is called for every job: a stage whose status takes work gives it by itself.
    fn version(&self) -> String {
        self.status().version
    }

    /// The stage's status. It is called every few seconds, so it must be cheap.
    fn status(&self) -> StageStatus;
}
