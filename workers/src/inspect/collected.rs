use hoidap_shared::{
    events::{ChatEvent, Rating},
    job::{
        Answer, Classified, DecodeError, Envelope, EnvelopeHeader, Hop, JobId, Outcome, Question, Retrieved,
        SCHEMA,
    },
};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned, de::IgnoredAny};
use serde_json::Value;

use crate::recording::{DONE, Line, REDACTED};

/// Most messages, letters or events of one job that are held: an ordinary job has four messages, and each sending again
/// adds some.
pub(super) const MOST: usize = 200;

/// Everything that was found of a job.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) job: JobId,
    /// `NATS`, or the recording.
    pub(super) source: String,
    /// Whether all there is was looked at: a recording has the jobs stream alone.
    pub(super) is_live: bool,
    /// Messages of the jobs stream, in order.
    pub(super) messages: Vec<Message>,
    /// Messages beyond those that are held.
    pub(super) beyond: u64,
    pub(super) kept: Option<Kept>,
    pub(super) letters: Vec<Letter>,
    pub(super) advisories: Vec<Advisory>,
    pub(super) lines: Vec<(Timestamp, hoidap_shared::progress::ProgressLine)>,
    pub(super) chats: Vec<(u64, ChatEvent)>,
    pub(super) feedback: Vec<Said>,
    /// The consumer of the stage that the job's last message waits for.
    pub(super) queue: Option<Queue>,
    pub(super) notes: Vec<String>,
}

/// A message of the jobs stream.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) seq: u64,
    /// The stage that consumes it, or [`DONE`].
    pub(super) stage: String,
    pub(super) stored: Timestamp,
    pub(super) redrive: Option<String>,
    pub(super) ended_ms: Option<u64>,
    pub(super) header: EnvelopeHeader,
    /// The envelope and what it holds, or why it cannot be read.
    pub(super) read: Result<(Envelope<()>, Body), String>,
}

/// What a message holds.
#[derive(Debug)]
pub(super) enum Body {
    Question(Question),
    Classified(Classified),
    Retrieved(Retrieved),
    Answer(Answer),
    /// A message of a stage that this command does not know.
    Other,
}

/// The answer that gateways read.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) stored: Timestamp,
    pub(super) ended_ms: Option<u64>,
    pub(super) answer: Envelope<Answer>,
}

/// A dead letter.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) seq: u64,
    pub(super) stored: Timestamp,
    pub(super) stage: String,
    pub(super) reason: String,
    pub(super) detail: String,
    pub(super) deliveries: Option<u64>,
    pub(super) message: Option<u64>,
    /// The message itself, for when the jobs stream has it no more.
    pub(super) read: Option<(Envelope<()>, Body)>,
}

/// The server's notice of a delivery it gave up.
#[derive(Debug, Deserialize)]
pub(super) struct Advisory {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) timestamp: Timestamp,
    pub(super) consumer: String,
    pub(super) stream_seq: u64,
    #[serde(default)]
    pub(super) deliveries: Option<u64>,
}

/// What a visitor said of the answer, as an event or the file beside a recording has it.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    pub(super) job_id: JobId,
    #[serde(default)]
    pub(super) at_ms: Option<u64>,
    pub(super) rating: Rating,
    #[serde(default)]
    pub(super) reason: Option<String>,
    #[serde(default)]
    pub(super) comment: Option<String>,
}

/// How a stage's consumer is doing.
#[derive(Debug)]
pub(super) struct Queue {
    /// Messages up to here were handed to workers at least once.
    pub(super) delivered: u64,
    pub(super) undelivered: u64,
    pub(super) asking: usize,
}

impl Collected {
    pub(super) fn new(job: &JobId, source: String, is_live: bool) -> Self {
        Self {
            job: job.clone(),
            source,
            is_live,
            messages: Vec::new(),
            beyond: 0,
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

    /// Whether nothing at all was found.
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
            && self.kept.is_none()
            && self.letters.is_empty()
            && self.chats.is_empty()
            && self.feedback.is_empty()
    }

    pub(super) fn add(&mut self, message: Message) {
        if self.messages.len() < MOST {
            self.messages.push(message);
        } else {
            self.beyond += 1;
        }
    }

    /// Whether the job's last message is its answer.
    pub(super) fn is_done(&self) -> bool {
        self.messages.last().is_some_and(|message| message.stage == DONE)
    }

    /// Whether its last answer is a failure.
    pub(super) fn failed(&self) -> bool {
        let last = self.messages.iter().rev().find_map(|message| match message.body() {
            Some(Body::Answer(answer)) => Some(answer.outcome == Outcome::Failed),
            _ => None,
        });
        last == Some(true)
    }

    /// The time of the last message.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.messages.last().map(|message| message.stored)
    }
}

impl Advisory {
    /// Whether it is the stage's own consumer that was given up for: others may read the stream too.
    pub(super) fn is_of(&self, seq: u64, stage: &str) -> bool {
        self.stream_seq == seq && self.consumer == stage
    }
}

/// The bytes of a message, as NATS or a recording has them.
#[derive(Clone, Copy)]
pub(super) enum Raw<'a> {
    Packed(&'a [u8]),
    /// A line, and the fields that are not to be shown.
    Line(&'a Line, &'a [String]),
}

impl Raw<'_> {
    /// What every message says, when it is one.
    pub(super) fn header(self) -> Option<EnvelopeHeader> {
        match self {
            Self::Packed(bytes) => rmp_serde::from_slice(bytes).ok(),
            Self::Line(line, _) => serde_json::from_str(line.body.as_ref()?.get()).ok(),
        }
    }

    /// What a message of a stage's subject holds.
    pub(super) fn read(self, stage: &str) -> Result<(Envelope<()>, Body), String> {
        match stage {
            "classifier" => self.of(Body::Question),
            "retriever" => self.of(Body::Classified),
            "generator" => self.of(Body::Retrieved),
            DONE => self.of(Body::Answer),
            _ => self.of(|_: IgnoredAny| Body::Other),
        }
    }

    fn of<T: DeserializeOwned>(self, body: impl Fn(T) -> Body) -> Result<(Envelope<()>, Body), String> {
        let envelope = match self {
            Self::Packed(bytes) => match Envelope::<T>::decode(bytes) {
                Ok(envelope) => envelope,
                Err(DecodeError::Schema { found }) => return Err(schema(found)),
                Err(error) => return Err(error.to_string()),
            },
            Self::Line(line, []) => line.read()?,
            Self::Line(line, redact) => {
                let mut value: Value = line.read()?;
                hide(&mut value, redact);
                serde_json::from_value(value)
                    .map_err(|error| format!("the message has another shape: {error}"))?
            }
        };
        let mut held = None;
        let envelope = split(envelope, &mut held);
        Ok((envelope, held.map_or(Body::Other, body)))
    }
}

/// Takes away what the fields hold that are not to be shown, wherever they stand.
fn hide(value: &mut Value, redact: &[String]) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if redact.contains(name) => *text = REDACTED.into(),
                    _ => hide(value, redact),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| hide(value, redact)),
        _ => {}
    }
}

fn schema(found: u16) -> String {
    format!(
        "the message has schema {found}, this build reads {SCHEMA}: look at it with a release that knows schema {found}"
    )
}

fn split<T>(envelope: Envelope<T>, body: &mut Option<T>) -> Envelope<()> {
    let Envelope { schema, job_id, trace, deadline_ms, accepted_ms, gateway, stream, hops, body: held } =
        envelope;
    *body = Some(held);
    Envelope { schema, job_id, trace, deadline_ms, accepted_ms, gateway, stream, hops, body: () }
}

impl Message {
    /// The stage that made this message, and the delivery that did.
    pub(super) fn last_hop(&self) -> Option<&Hop> {
        self.read.as_ref().ok()?.0.hops.last()
    }

    pub(super) fn body(&self) -> Option<&Body> {
        self.read.as_ref().ok().map(|(_, body)| body)
    }
}
