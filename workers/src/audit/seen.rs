use std::sync::Arc;

use hoidap_shared::{
    job::{Answer, Classified, Envelope, Hop, JobId, Question, Retrieved},
    stage::STAGES,
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::degree::Given;
use crate::{
    recording::{Fault, REDACTED},
    replay::Recorded,
};

/// What a cache would keep of a job.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) job: JobId,
    pub(super) question: String,
    pub(super) given: Given,
    /// The embedding of what was meant, L2-normalised.
    pub(super) vector: Option<Vec<f32>>,
}

/// The messages of a job that an audit asks.
#[derive(Debug)]
pub(super) struct Messages {
    pub(super) question: Question,
    pub(super) classified: Option<Classified>,
    pub(super) answer: Envelope<Answer>,
}

/// A job: what was asked when, and what it came to.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) question: Question,
    /// The product it is about.
    pub(super) product: Option<String>,
    /// When the question was stored, by the broker's clock.
    pub(super) asked: Timestamp,
    /// When its end was stored.
    pub(super) ended: Timestamp,
    pub(super) answer: Answer,
    pub(super) hops: Vec<Hop>,
    pub(super) kept: Arc<Kept>,
}

impl Messages {
    /// Reads the messages of a job; `read` is how many messages of the recording were read by then. None where no message
    /// tells what was asked.
    ///
    /// # Errors
    /// [`Fault`] where a message is of another schema or shape, or has lost what an audit needs.
    pub(super) fn read(recorded: &Recorded, read: u64) -> Result<Option<Self>, Fault> {
        let mut classified = body::<Classified>(recorded, STAGES[1], read)?;
        if classified.is_none() {
            classified = body::<Retrieved>(recorded, STAGES[2], read)?.map(|job| job.classified);
        }
        let question = body::<Question>(recorded, STAGES[0], read)?;
        let question = question.or_else(|| classified.as_ref().map(|job| job.question.clone()));
        let answer = recorded.answer(read)?;
        let Some(question) = question else { return Ok(None) };
        let messages = Self { question, classified, answer };
        match messages.hidden() {
            Some(field) => {
                let what = format!(
                    "`{field}` was left out when it was exported, so that questions or answers cannot be told apart: export it without `--redact {field}` and `recording.redact`"
                );
                Err(recorded.done.fault(what, read))
            }
            None => Ok(Some(messages)),
        }
    }

    /// The first field that an audit needs and that was not recorded.
    fn hidden(&self) -> Option<&'static str> {
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

    /// What the question means, as far as it was recorded.
    pub(super) fn meaning(&self) -> &str {
        self.classified.as_ref().map_or(&self.question.message, |job| &job.meaning)
    }

    /// The recorded embedding of what the question means.
    pub(super) fn vector(&self) -> Option<&Vec<f32>> {
        let job = self.classified.as_ref()?;
        job.queries
            .iter()
            .filter(|query| query.text == job.meaning)
            .find_map(|query| query.embedding.as_ref())
    }
}

impl Seen {
    /// A job whose question has this embedding.
    pub(super) fn new(recorded: &Recorded, messages: Messages, vector: Option<Vec<f32>>) -> Self {
        let Messages { question, classified, answer } = messages;
        let ended = recorded.done.time;
        let kept = Kept {
            job: answer.job_id,
            question: question.message.clone(),
            given: Given::from(&answer.body),
            vector,
        };
        Self {
            question,
            product: match classified {
                Some(job) => job.product.map(|product| product.name),
                None => answer.body.product.clone(),
            },
            asked: recorded.first(),
            ended,
            answer: answer.body,
            hops: answer.hops,
            kept: Arc::new(kept),
        }
    }
}

fn body<T: DeserializeOwned>(recorded: &Recorded, stage: &str, read: u64) -> Result<Option<T>, Fault> {
    Ok(recorded.message(stage, read)?.map(|message: Envelope<T>| message.body))
}
