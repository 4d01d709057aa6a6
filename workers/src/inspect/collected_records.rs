use hoidap_shared::{
    events::{ChatEvent, Rating},
    job::{
        Answer, Classified, DecodeError, Envelope, Header, Hop, JobId, Outcome, Question, Retrieved, SCHEMA,
    },
};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned, de::IgnoredAny};
use serde_json::Value;

use crate::recording::{DONE, REDACTED, RecordedMessage};

/// Maximum number of messages, dead letters or events kept of one job. An ordinary job has four messages; each
/// redrive adds some.
pub(super) const MAX_RECORDS: usize = 200;

/// All records found of a job.
#[derive(Debug)]
pub(super) struct CollectedRecords {
    pub(super) job: JobId,
    /// `NATS`, or the recording's name.
    pub(super) source: String,
    /// Whether NATS was read. A recording holds only the jobs stream.
    pub(super) is_live: bool,
    /// Messages of the jobs stream, in order.
    pub(super) messages: Vec<StreamMessage>,
    /// Messages left out because of [`MAX_RECORDS`].
    pub(super) omitted: u64,
    pub(super) kept: Option<StoredAnswer>,
    pub(super) letters: Vec<DeadLetterRecord>,
    pub(super) advisories: Vec<DeliveryAdvisory>,
    pub(super) lines: Vec<(Timestamp, hoidap_shared::live::Line)>,
    pub(super) chats: Vec<(u64, ChatEvent)>,
    pub(super) feedback: Vec<FeedbackRecord>,
    /// State of the consumer that the job's last message waits for.
    pub(super) queue: Option<ConsumerState>,
    pub(super) notes: Vec<String>,
}

/// A message of the jobs stream.
#[derive(Debug)]
pub(super) struct StreamMessage {
    pub(super) seq: u64,
    /// The stage that consumes it, or [`DONE`].
    pub(super) stage: String,
    pub(super) stored: Timestamp,
    pub(super) redrive: Option<String>,
    pub(super) ended_ms: Option<u64>,
    pub(super) header: Header,
    /// The envelope and its body, or why it cannot be decoded.
    pub(super) read: Result<(Envelope<()>, MessageBody), String>,
}

/// The body of a message.
#[derive(Debug)]
pub(super) enum MessageBody {
    Question(Question),
    Classified(Classified),
    Retrieved(Retrieved),
    Answer(Answer),
    /// A message of an unknown stage.
    Other,
}

/// The stored answer, which gateways read.
#[derive(Debug)]
pub(super) struct StoredAnswer {
    pub(super) stored: Timestamp,
    pub(super) ended_ms: Option<u64>,
    pub(super) answer: Envelope<Answer>,
}

/// A dead letter.
#[derive(Debug)]
pub(super) struct DeadLetterRecord {
    pub(super) seq: u64,
    pub(super) stored: Timestamp,
    pub(super) stage: String,
    pub(super) reason: String,
    pub(super) detail: String,
    pub(super) deliveries: Option<u64>,
    pub(super) message: Option<u64>,
    /// The message itself, in case the jobs stream no longer has it.
    pub(super) read: Option<(Envelope<()>, MessageBody)>,
}

/// The server's advisory on a delivery that it gave up.
#[derive(Debug, Deserialize)]
pub(super) struct DeliveryAdvisory {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) timestamp: Timestamp,
    pub(super) consumer: String,
    pub(super) stream_seq: u64,
    #[serde(default)]
    pub(super) deliveries: Option<u64>,
}

/// A visitor's feedback, from an event or from a recording's feedback file.
#[derive(Debug, Deserialize)]
pub(super) struct FeedbackRecord {
    pub(super) job_id: JobId,
    #[serde(default)]
    pub(super) at_ms: Option<u64>,
    pub(super) rating: Rating,
    #[serde(default)]
    pub(super) reason: Option<String>,
    #[serde(default)]
    pub(super) comment: Option<String>,
}

/// State of a stage's consumer.
#[derive(Debug)]
pub(super) struct ConsumerState {
    /// Messages up to this sequence were delivered at least once.
    pub(super) delivered: u64,
    pub(super) undelivered: u64,
    pub(super) asking: usize,
}

impl CollectedRecords {
    pub(super) fn new(job: &JobId, source: String, is_live: bool) -> Self {
        Self {
            job: job.clone(),
            source,
            is_live,
            messages: Vec::new(),
            omitted: 0,
            kept: None,
            letters: Vec::new(),
            advisories: Vec::new(),
            lines: Vec::new(),
            chats: Vec::new(),
            feedback: Vec::new(),
            queue: None,
            notes: Vec::new(),
        }
    }

    /// Whether no record was found.
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
            && self.kept.is_none()
            && self.letters.is_empty()
            && self.chats.is_empty()
            && self.feedback.is_empty()
    }

    pub(super) fn add_message(&mut self, message: StreamMessage) {
        if self.messages.len() < MAX_RECORDS {
            self.messages.push(message);
        } else {
            self.omitted += 1;
        }
    }

    /// Whether the job's last message is its answer.
    pub(super) fn is_done(&self) -> bool {
        self.messages.last().is_some_and(|message| message.stage == DONE)
    }

    /// Whether its last answer is a failure.
    pub(super) fn failed(&self) -> bool {
        let last = self.messages.iter().rev().find_map(|message| match message.body() {
            Some(MessageBody::Answer(answer)) => Some(answer.outcome == Outcome::Failed),
            _ => None,
        });
        last == Some(true)
    }

    /// When the last message was stored.
    pub(super) fn last_stored(&self) -> Option<Timestamp> {
        self.messages.last().map(|message| message.stored)
    }
}

impl DeliveryAdvisory {
    /// Whether it concerns the stage's own consumer: others may read the stream too.
    pub(super) fn is_of(&self, seq: u64, stage: &str) -> bool {
        self.stream_seq == seq && self.consumer == stage
    }
}

/// An undecoded message from NATS or a recording.
#[derive(Clone, Copy)]
pub(super) enum RawMessage<'a> {
    Packed(&'a [u8]),
    /// A recorded message, and the fields to redact.
    Recorded(&'a RecordedMessage, &'a [String]),
}

impl RawMessage<'_> {
    /// The header, if it is a message.
    pub(super) fn header(self) -> Option<Header> {
        match self {
            Self::Packed(bytes) => rmp_serde::from_slice(bytes).ok(),
            Self::Recorded(line, _) => serde_json::from_str(line.body.as_ref()?.get()).ok(),
        }
    }

    /// Decodes a message of a stage's subject.
    pub(super) fn decode(self, stage: &str) -> Result<(Envelope<()>, MessageBody), String> {
        match stage {
            "classifier" => self.decode_as(MessageBody::Question),
            "retriever" => self.decode_as(MessageBody::Classified),
            "generator" => self.decode_as(MessageBody::Retrieved),
            DONE => self.decode_as(MessageBody::Answer),
            _ => self.decode_as(|_: IgnoredAny| MessageBody::Other),
        }
    }

    fn decode_as<T: DeserializeOwned>(
        self,
        body: impl Fn(T) -> MessageBody,
    ) -> Result<(Envelope<()>, MessageBody), String> {
        let envelope = match self {
            Self::Packed(bytes) => match Envelope::<T>::decode(bytes) {
                Ok(envelope) => envelope,
                Err(DecodeError::Schema { found }) => return Err(unknown_schema(found)),
                Err(error) => return Err(error.to_string()),
            },
            Self::Recorded(line, []) => line.decode()?,
            Self::Recorded(line, redact) => {
                let mut value: Value = line.decode()?;
                redact_fields(&mut value, redact);
                serde_json::from_value(value)
                    .map_err(|error| format!("the message has another shape: {error}"))?
            }
        };
        let mut held = None;
        let envelope = split_body(envelope, &mut held);
        Ok((envelope, held.map_or(MessageBody::Other, body)))
    }
}

/// Redacts the string values of these fields at any depth.
fn redact_fields(value: &mut Value, redact: &[String]) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if redact.contains(name) => *text = REDACTED.into(),
                    _ => redact_fields(value, redact),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| redact_fields(value, redact)),
        _ => {}
    }
}

fn unknown_schema(found: u16) -> String {
    format!(
        "the message has schema {found}, this build reads {SCHEMA}: use a release that knows schema {found}"
    )
}

fn split_body<T>(envelope: Envelope<T>, body: &mut Option<T>) -> Envelope<()> {
    let Envelope { schema, job_id, trace, deadline_ms, accepted_ms, gateway, stream, hops, body: held } =
        envelope;
    *body = Some(held);
    Envelope { schema, job_id, trace, deadline_ms, accepted_ms, gateway, stream, hops, body: () }
}

impl StreamMessage {
    /// The hop of the stage that published this message.
    pub(super) fn last_hop(&self) -> Option<&Hop> {
        self.read.as_ref().ok()?.0.hops.last()
    }

    pub(super) fn body(&self) -> Option<&MessageBody> {
        self.read.as_ref().ok().map(|(_, body)| body)
    }
}
