use hoidap_shared::{
    job::{Answer, Classified, Envelope, Question, Retrieved},
    stage::STAGES,
};

use super::{job::Recorded, made::Made};
use crate::recording::Fault;

/// The recorded messages of one job, read.
#[derive(Debug)]
pub(crate) struct Messages {
    pub(super) question: Option<Envelope<Question>>,
    pub(super) classified: Option<Envelope<Classified>>,
    pub(super) retrieved: Option<Envelope<Retrieved>>,
    pub(crate) answer: Envelope<Answer>,
    /// When the first of them was stored.
    pub(super) first: jiff::Timestamp,
    /// When the last of them was stored.
    pub(super) last: jiff::Timestamp,
}

impl Messages {
    /// Reads them; `read` is how many messages of the recording were read by then.
    ///
    /// # Errors
    /// [`Fault`] where a message is of another schema or shape.
    pub(crate) fn read(recorded: &Recorded, read: u64) -> Result<Self, Fault> {
        Ok(Self {
            question: recorded.message(STAGES[0], read)?,
            classified: recorded.message(STAGES[1], read)?,
            retrieved: recorded.message(STAGES[2], read)?,
            answer: recorded.answer(read)?,
            first: recorded.first(),
            last: recorded.done.time,
        })
    }

    /// What was recorded as made by the stage in this place.
    pub(super) fn made_by(&self, place: usize) -> Made {
        let next = match place {
            0 => self.classified.as_ref().map(|job| job.body.clone().into()),
            1 => self.retrieved.as_ref().map(|job| job.body.clone().into()),
            _ => None,
        };
        next.unwrap_or_else(|| self.answer.body.clone().into())
    }
}
