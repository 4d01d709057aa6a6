use hoidap_shared::{
    job::{Answer, Classified, Envelope, Question, Retrieved},
    stage::STAGES,
};

use super::stage_output::StageOutput;
use crate::recording::{RecordedJob, RecordingError};

/// The decoded messages of one recorded job.
#[derive(Debug)]
pub(crate) struct JobMessages {
    pub(super) question: Option<Envelope<Question>>,
    pub(super) classified: Option<Envelope<Classified>>,
    pub(super) retrieved: Option<Envelope<Retrieved>>,
    pub(crate) answer: Envelope<Answer>,
    /// When the first message was stored.
    pub(super) first: jiff::Timestamp,
    /// When the last message was stored.
    pub(super) last: jiff::Timestamp,
}

impl JobMessages {
    /// Decodes the messages. `read` counts the messages of the recording read so far.
    ///
    /// # Errors
    /// [`RecordingError`] if a message has another schema or shape.
    pub(crate) fn decode(recorded: &RecordedJob, read: u64) -> Result<Self, RecordingError> {
        Ok(Self {
            question: recorded.message(STAGES[0], read)?,
            classified: recorded.message(STAGES[1], read)?,
            retrieved: recorded.message(STAGES[2], read)?,
            answer: recorded.answer(read)?,
            first: recorded.first_stored(),
            last: recorded.done.time,
        })
    }

    /// The recorded output of the stage with this index.
    pub(super) fn recorded_output(&self, place: usize) -> StageOutput {
        let next = match place {
            0 => self.classified.as_ref().map(|job| job.body.clone().into()),
            1 => self.retrieved.as_ref().map(|job| job.body.clone().into()),
            _ => None,
        };
        next.unwrap_or_else(|| self.answer.body.clone().into())
    }
}
