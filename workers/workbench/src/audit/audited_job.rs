use std::sync::Arc;

use hoidap_shared::job::{Answer, Classified, Envelope, Hop, JobId, Question};
use jiff::Timestamp;

use super::hit_quality::ComparedAnswer;
use crate::recording::{JobMessages, REDACTED, RecordedJob, RecordingError};

/// An answer as a cache stores it.
#[derive(Debug)]
pub(super) struct SimulatedAnswer {
    pub(super) job: JobId,
    pub(super) question: String,
    pub(super) answer: ComparedAnswer,
    /// The embedding of the standalone question, L2-normalised.
    pub(super) vector: Option<Vec<f32>>,
}

/// The decoded messages that an audit needs.
#[derive(Debug)]
pub(super) struct AuditMessages {
    pub(super) question: Question,
    pub(super) classified: Option<Classified>,
    pub(super) answer: Envelope<Answer>,
}

/// A job: its question and its answer, with times.
#[derive(Debug)]
pub(super) struct AuditedJob {
    pub(super) question: Question,
    /// The product that the question is about.
    pub(super) product: Option<String>,
    /// When the question was stored, by the broker's clock.
    pub(super) asked: Timestamp,
    /// When the answer was stored.
    pub(super) ended: Timestamp,
    pub(super) answer: Answer,
    pub(super) hops: Vec<Hop>,
    pub(super) cached: Arc<SimulatedAnswer>,
}

impl AuditMessages {
    /// Decodes the messages of a job. `read` counts the messages of the recording read so far. `None` if no message
    /// holds the question.
    ///
    /// # Errors
    /// [`RecordingError`] if a message has another schema or shape, or if a field that the audit needs is redacted.
    pub(super) fn decode(recorded: &RecordedJob, read: u64) -> Result<Option<Self>, RecordingError> {
        let messages = JobMessages::decode(recorded, read)?;
        let (question, classified) = (messages.question().cloned(), messages.classified().cloned());
        let answer = messages.answer;
        let Some(question) = question else { return Ok(None) };
        let messages = Self { question, classified, answer };
        match messages.redacted_field() {
            Some(field) => {
                let what = format!(
                    "`{field}` was redacted in the export, so questions or answers cannot be compared: export it again without `--redact {field}` and `recording.redact`"
                );
                Err(recorded.done.error_at(what, read))
            }
            None => Ok(Some(messages)),
        }
    }

    /// The first redacted field that the audit needs.
    fn redacted_field(&self) -> Option<&'static str> {
        let (question, answer) = (&self.question, &self.answer.body);
        let url = || answer.sources.iter().map(|source| &source.metadata.url).chain([&question.context.url]);
        let hidden = |text: &String| text == REDACTED;
        [
            ("message", hidden(&question.message)),
            ("session_id", hidden(&question.session_id)),
            ("content", question.history.iter().any(|turn| hidden(&turn.content))),
            ("product", question.context.product.iter().chain(&answer.product).any(hidden)),
            ("text", hidden(&answer.text)),
            ("url", url().any(hidden)),
        ]
        .into_iter()
        .find_map(|(field, hidden)| hidden.then_some(field))
    }

    /// The standalone question, if recorded; else the message.
    pub(super) fn meaning(&self) -> &str {
        self.classified.as_ref().map_or(&self.question.message, |job| &job.meaning)
    }

    /// The recorded embedding of the standalone question.
    pub(super) fn vector(&self) -> Option<&Vec<f32>> {
        let job = self.classified.as_ref()?;
        job.queries
            .iter()
            .filter(|query| query.text == job.meaning)
            .find_map(|query| query.embedding.as_ref())
    }
}

impl AuditedJob {
    /// A job with its question's embedding.
    pub(super) fn new(recorded: &RecordedJob, messages: AuditMessages, vector: Option<Vec<f32>>) -> Self {
        let AuditMessages { question, classified, answer } = messages;
        let ended = recorded.done.time;
        let cached = SimulatedAnswer {
            job: answer.job_id,
            question: question.message.clone(),
            answer: ComparedAnswer::from(&answer.body),
            vector,
        };
        Self {
            question,
            product: match classified {
                Some(job) => job.product.map(|product| product.name),
                None => answer.body.product.clone(),
            },
            asked: recorded.first_stored(),
            ended,
            answer: answer.body,
            hops: answer.hops,
            cached: Arc::new(cached),
        }
    }
}
