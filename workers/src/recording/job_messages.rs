//! Decodes the messages of a job: which stage's subject holds which body stands here and nowhere else.

use hoidap_shared::{
    job::{Answer, Classified, DecodeError, Envelope, EnvelopeHeader, Question, Retrieved},
    stage::STAGES,
};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::{
    job_assembler::RecordedJob,
    message::{self, DONE, RecordedMessage},
    reader::RecordingError,
    redaction::redact_fields,
};

const CLASSIFIER: &str = STAGES[0];
const RETRIEVER: &str = STAGES[1];
const GENERATOR: &str = STAGES[2];

/// The decoded messages of one recorded job.
#[derive(Debug)]
pub(crate) struct JobMessages {
    pub(crate) question: Option<Envelope<Question>>,
    pub(crate) classified: Option<Envelope<Classified>>,
    pub(crate) retrieved: Option<Envelope<Retrieved>>,
    pub(crate) answer: Envelope<Answer>,
    /// When the first message was stored.
    pub(crate) first: jiff::Timestamp,
    /// When the last message was stored.
    pub(crate) last: jiff::Timestamp,
}

impl JobMessages {
    /// Decodes the messages. `read` counts the messages of the recording read so far.
    ///
    /// # Errors
    /// [`RecordingError`] if a message has another schema or shape.
    pub(crate) fn decode(recorded: &RecordedJob, read: u64) -> Result<Self, RecordingError> {
        Ok(Self {
            question: recorded.question(read)?,
            classified: recorded.classified(read)?,
            retrieved: recorded.retrieved(read)?,
            answer: recorded.answer(read)?,
            first: recorded.first_stored(),
            last: recorded.done.time,
        })
    }
}

impl RecordedJob {
    /// The classifier's input, decoded. `read` counts the messages read so far.
    ///
    /// # Errors
    /// [`RecordingError`] if the message has another schema or shape.
    pub(crate) fn question(&self, read: u64) -> Result<Option<Envelope<Question>>, RecordingError> {
        self.input(CLASSIFIER).map(|message| decode_at(message, read)).transpose()
    }

    /// The retriever's input; see [`Self::question`].
    ///
    /// # Errors
    /// [`RecordingError`] if the message has another schema or shape.
    pub(crate) fn classified(&self, read: u64) -> Result<Option<Envelope<Classified>>, RecordingError> {
        self.input(RETRIEVER).map(|message| decode_at(message, read)).transpose()
    }

    /// The generator's input; see [`Self::question`].
    ///
    /// # Errors
    /// [`RecordingError`] if the message has another schema or shape.
    pub(crate) fn retrieved(&self, read: u64) -> Result<Option<Envelope<Retrieved>>, RecordingError> {
        self.input(GENERATOR).map(|message| decode_at(message, read)).transpose()
    }

    /// The answer; see [`Self::question`].
    ///
    /// # Errors
    /// [`RecordingError`] if the message has another schema or shape.
    pub(crate) fn answer(&self, read: u64) -> Result<Envelope<Answer>, RecordingError> {
        decode_at(&self.done, read)
    }
}

fn decode_at<T: DeserializeOwned>(message: &RecordedMessage, read: u64) -> Result<T, RecordingError> {
    message.decode().map_err(|what| message.error_at(what, read))
}

/// A decoded message whose body depends on the stage.
#[derive(Debug)]
pub(crate) struct DecodedMessage {
    pub(crate) envelope: Envelope<()>,
    pub(crate) body: MessageBody,
}

/// The body of a message.
#[derive(Debug)]
pub(crate) enum MessageBody {
    Question(Question),
    Classified(Classified),
    Retrieved(Retrieved),
    Answer(Answer),
    /// A message of an unknown stage.
    Other,
}

/// An undecoded message from NATS or a recording.
#[derive(Clone, Copy)]
pub(crate) enum RawMessage<'a> {
    /// MessagePack, as it travels.
    Packed(&'a [u8]),
    /// A recorded message, and the fields to redact.
    Recorded(&'a RecordedMessage, &'a [String]),
}

impl RawMessage<'_> {
    /// The header, if it is a message.
    pub(crate) fn header(self) -> Option<EnvelopeHeader> {
        match self {
            Self::Packed(bytes) => rmp_serde::from_slice(bytes).ok(),
            Self::Recorded(message, _) => serde_json::from_str(message.body.as_ref()?.get()).ok(),
        }
    }

    /// Decodes a message of a stage's subject.
    ///
    /// # Errors
    /// A sentence: the message has another schema or another shape.
    pub(crate) fn decode(self, stage: &str) -> Result<DecodedMessage, String> {
        match stage {
            CLASSIFIER => self.decode_as(MessageBody::Question),
            RETRIEVER => self.decode_as(MessageBody::Classified),
            GENERATOR => self.decode_as(MessageBody::Retrieved),
            DONE => self.decode_as(MessageBody::Answer),
            _ => self.decode_as(|_: IgnoredAny| MessageBody::Other),
        }
    }

    fn decode_as<T: DeserializeOwned>(
        self,
        wrap: impl FnOnce(T) -> MessageBody,
    ) -> Result<DecodedMessage, String> {
        let envelope = match self {
            Self::Packed(bytes) => Envelope::<T>::decode(bytes).map_err(|error| match error {
                DecodeError::Schema { found } => message::unknown_schema(found),
                error => error.to_string(),
            })?,
            Self::Recorded(message, []) => message.decode()?,
            Self::Recorded(message, redact) => {
                let mut value: Value = message.decode()?;
                redact_fields(&mut value, redact);
                serde_json::from_value(value).map_err(message::unknown_shape)?
            }
        };
        let Envelope { schema, job_id, trace, deadline_ms, accepted_ms, gateway, stream, hops, body } =
            envelope;
        let envelope =
            Envelope { schema, job_id, trace, deadline_ms, accepted_ms, gateway, stream, hops, body: () };
        Ok(DecodedMessage { envelope, body: wrap(body) })
    }
}
