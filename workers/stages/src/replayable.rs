//! What a replay needs of a stage beside its work.

use std::{collections::HashSet, future::Future};

use hoidap_shared::{
    config::Config,
    job::{Answer, Envelope, JobId, MessageBody},
    stage::Stage,
};

/// Calls to a provider that a replay may make where the recording has none.
#[derive(Clone, Debug)]
pub struct FallbackCalls {
    /// The provider's name in the configuration.
    pub provider: String,
    /// The most calls.
    pub calls: u64,
    /// Stop once they have cost this many US dollars; `None` for no limit.
    pub usd: Option<f64>,
}

/// What was recorded of a stage's work on a job.
#[derive(Clone, Copy, Debug)]
pub struct RecordedWork<'a> {
    /// The stage's input.
    pub input: Option<&'a MessageBody>,
    /// The stage's output: the next stage's input, or else the answer.
    pub output: &'a MessageBody,
    /// The answer that the job ended with.
    pub answer: &'a Envelope<Answer>,
    /// Whether embeddings of the recording may be used again.
    pub reuses_embeddings: bool,
}

/// A stage that can be replayed. The defaults are right for a stage whose result follows from its input and its
/// configuration alone.
pub trait ReplayableStage: Stage {
    /// Opens the stage for a replay: what it asked of others comes from the recording.
    fn open_for_replay(
        config: &Config,
        fallback: Option<&FallbackCalls>,
    ) -> impl Future<Output = anyhow::Result<Self>> + Send {
        let _ = fallback;
        Self::open(config)
    }

    /// Takes over what was recorded of a job, before `process` is called with `input`.
    fn prepare(&self, input: &Envelope<Self::In>, recorded: RecordedWork<'_>) {
        let _ = (input, recorded);
    }

    /// Drops what [`Self::prepare`] took over.
    fn finish(&self, job: &JobId) {
        let _ = job;
    }

    /// The documents that the stage finds, by collection and source; `None` where it searches none.
    fn documents(&self) -> Option<HashSet<(String, String)>> {
        None
    }
}
