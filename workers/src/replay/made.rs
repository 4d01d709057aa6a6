use hoidap_shared::job::{Answer, Classified, Retrieved};

use super::difference::Problem;
use crate::generator::Never;

/// What a stage made of a job.
#[derive(Clone, Debug)]
pub(super) enum Made {
    Classified(Box<Classified>),
    Retrieved(Box<Retrieved>),
    Answer(Box<Answer>),
}

/// One stage's work on a job, beside what was recorded of it.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) stage: &'static str,
    pub(super) before: Made,
    pub(super) after: Result<Made, Problem>,
    /// Milliseconds of work, in the replay.
    pub(super) worked_ms: u64,
}

impl Made {
    /// The message's body as it travels.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, rmp_serde::encode::Error> {
        match self {
            Self::Classified(body) => rmp_serde::to_vec_named(body),
            Self::Retrieved(body) => rmp_serde::to_vec_named(body),
            Self::Answer(body) => rmp_serde::to_vec_named(body),
        }
    }

    /// The message's body as a tree, to find where two differ.
    pub(super) fn tree(&self) -> serde_json::Result<serde_json::Value> {
        match self {
            Self::Classified(body) => serde_json::to_value(body),
            Self::Retrieved(body) => serde_json::to_value(body),
            Self::Answer(body) => serde_json::to_value(body),
        }
    }
}

impl From<Classified> for Made {
    fn from(body: Classified) -> Self {
        Self::Classified(Box::new(body))
    }
}

impl From<Retrieved> for Made {
    fn from(body: Retrieved) -> Self {
        Self::Retrieved(Box::new(body))
    }
}

impl From<Answer> for Made {
    fn from(body: Answer) -> Self {
        Self::Answer(Box::new(body))
    }
}

impl From<Never> for Made {
    fn from(never: Never) -> Self {
        match never {}
    }
}
