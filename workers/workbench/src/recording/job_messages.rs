//! Decodes the messages of a job, each by the kind that its stage takes.

use hoidap_shared::{
    job::{
        Answer, Classified, DecodeError, Envelope, EnvelopeHeader, Message, MessageBody, MessageKind,
        Question, Retrieved,
    },
    stage::{PIPELINE, input_of},
};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::{
    job_assembler::RecordedJob,
    message::{self, DONE, RecordedMessage},
    recording_error::RecordingError,
    redaction::redact_fields,
};

/// The decoded messages of one recorded job.
#[derive(Debug)]
pub(crate) struct JobMessages {
    /// Each stage's input, in the order of [`PIPELINE`]; `None` where it was not recorded.
    inputs: Vec<Option<Envelope<MessageBody>>>,
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
        let input = |(stage, kind): (&str, MessageKind)| {
            let decode = |message: &RecordedMessage| {
                decode_kind(RawMessage::Recorded(message, &[]), kind)
                    .map_err(|what| message.error_at(what, read))
            };
            recorded.input(stage).map(decode).transpose()
        };
        Ok(Self {
            inputs: PIPELINE.into_iter().map(input).collect::<Result<_, _>>()?,
            answer: decode_at(&recorded.done, read)?,
            first: recorded.first_stored(),
            last: recorded.done.time,
        })
    }

    /// The input of the stage with this index.
    pub(crate) fn input(&self, stage: usize) -> Option<&Envelope<MessageBody>> {
        self.inputs.get(stage)?.as_ref()
    }

    /// The output of the stage with this index: the next recorded input, or else the answer.
    pub(crate) fn output(&self, stage: usize) -> MessageBody {
        match self.inputs.iter().skip(stage + 1).flatten().next() {
            Some(next) => next.body.clone(),
            None => self.answer.body.clone().into(),
        }
    }

    fn bodies(&self) -> impl DoubleEndedIterator<Item = &MessageBody> {
        self.inputs.iter().flatten().map(|input| &input.body)
    }

    /// The question, from the earliest message that holds it.
    pub(crate) fn question(&self) -> Option<&Question> {
        self.bodies().find_map(|body| match body {
            MessageBody::Question(question) => Some(&**question),
            body => body.classified().map(|classified| &classified.question),
        })
    }

    /// The classification, from the earliest message that holds it.
    pub(crate) fn classified(&self) -> Option<&Classified> {
        self.bodies().find_map(MessageBody::classified)
    }

    /// The passages that reached the generator.
    pub(crate) fn retrieved(&self) -> Option<&Retrieved> {
        self.bodies().rev().find_map(|body| match body {
            MessageBody::Retrieved(retrieved) => Some(&**retrieved),
            _ => None,
        })
    }
}

fn decode_at<T: DeserializeOwned>(message: &RecordedMessage, read: u64) -> Result<T, RecordingError> {
    message.decode().map_err(|what| message.error_at(what, read))
}

/// A decoded message whose body depends on the stage.
#[derive(Debug)]
pub(crate) struct DecodedMessage {
    pub(crate) envelope: Envelope<()>,
    /// `None` for a message of an unknown stage.
    pub(crate) body: Option<MessageBody>,
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
        let kind = if stage == DONE { Some(MessageKind::Answer) } else { input_of(stage) };
        let (envelope, body) = match kind {
            Some(kind) => decode_kind(self, kind)?.map_body(Some).split(),
            None => self.decode_as::<IgnoredAny>()?.map_body(|_| None).split(),
        };
        Ok(DecodedMessage { envelope, body })
    }

    fn decode_as<T: DeserializeOwned>(self) -> Result<Envelope<T>, String> {
        match self {
            Self::Packed(bytes) => Envelope::<T>::decode(bytes).map_err(|error| match error {
                DecodeError::Schema { found } => message::unknown_schema(found),
                error => error.to_string(),
            }),
            Self::Recorded(message, []) => message.decode(),
            Self::Recorded(message, redact) => {
                let mut value: Value = message.decode()?;
                redact_fields(&mut value, redact);
                serde_json::from_value(value).map_err(message::unknown_shape)
            }
        }
    }
}

fn decode_kind(message: RawMessage<'_>, kind: MessageKind) -> Result<Envelope<MessageBody>, String> {
    fn decode<T: Message>(message: RawMessage<'_>) -> Result<Envelope<MessageBody>, String> {
        Ok(message.decode_as::<T>()?.map_body(Into::into))
    }
    match kind {
        MessageKind::Question => decode::<Question>(message),
        MessageKind::Classified => decode::<Classified>(message),
        MessageKind::Retrieved => decode::<Retrieved>(message),
        MessageKind::Answer => decode::<Answer>(message),
    }
}
