use hoidap_shared::job::{Answer, Classified, Retrieved};

use super::comparison::job_report::ReplayFailure;
use crate::{generator::Never, recording::JobMessages};

/// The output of a stage.
#[derive(Clone, Debug)]
pub(super) enum StageOutput {
    Classified(Box<Classified>),
    Retrieved(Box<Retrieved>),
    Answer(Box<Answer>),
}

/// One replayed stage: the recorded output before, the replayed output after.
#[derive(Debug)]
pub(super) struct ReplayedStage {
    pub(super) stage: &'static str,
    pub(super) before: StageOutput,
    pub(super) after: Result<StageOutput, ReplayFailure>,
    /// Milliseconds of work in the replay.
    pub(super) worked_ms: u64,
}

impl StageOutput {
    /// The recorded output of the stage with this index: the next stage's input, or else the answer.
    pub(super) fn recorded(messages: &JobMessages, stage: usize) -> Self {
        let next = match stage {
            0 => messages.classified.as_ref().map(|job| job.body.clone().into()),
            1 => messages.retrieved.as_ref().map(|job| job.body.clone().into()),
            _ => None,
        };
        next.unwrap_or_else(|| messages.answer.body.clone().into())
    }

    /// The message body as MessagePack.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, rmp_serde::encode::Error> {
        match self {
            Self::Classified(body) => rmp_serde::to_vec_named(body),
            Self::Retrieved(body) => rmp_serde::to_vec_named(body),
            Self::Answer(body) => rmp_serde::to_vec_named(body),
        }
    }

    /// The message body as a JSON tree, to find differences.
    pub(super) fn tree(&self) -> serde_json::Result<serde_json::Value> {
        match self {
            Self::Classified(body) => serde_json::to_value(body),
            Self::Retrieved(body) => serde_json::to_value(body),
            Self::Answer(body) => serde_json::to_value(body),
        }
    }
}

impl From<Classified> for StageOutput {
    fn from(body: Classified) -> Self {
        Self::Classified(Box::new(body))
    }
}

impl From<Retrieved> for StageOutput {
    fn from(body: Retrieved) -> Self {
        Self::Retrieved(Box::new(body))
    }
}

impl From<Answer> for StageOutput {
    fn from(body: Answer) -> Self {
        Self::Answer(Box::new(body))
    }
}

impl From<Never> for StageOutput {
    fn from(never: Never) -> Self {
        match never {}
    }
}
