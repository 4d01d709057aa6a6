use hoidap_shared::{
    events::{ChatEvent, Rating},
    job::{Answer, Envelope, EnvelopeHeader, Hop, JobId, MessageBody, Outcome},
    progress::ProgressLine,
};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::recording::{DONE, DecodedMessage};

/// Maximum number of messages, dead letters or events kept of one job. An ordinary job has four messages; each
/// redrive adds some.
pub(super) const MAX_RECORDS: usize = 200;

/// All records found of a job.
#[derive(Default)]
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
    pub(super) stored_answer: Option<AnswerRecord>,
    pub(super) dead_letters: Vec<DeadLetterRecord>,
    pub(super) advisories: Vec<DeliveryAdvisory>,
    pub(super) live_lines: Vec<(Timestamp, ProgressLine)>,
    /// Events with their sequences.
    pub(super) chat_events: Vec<(u64, ChatEvent)>,
    pub(super) feedback: Vec<FeedbackRecord>,
    /// State of the consumer that the job's last message waits for.
    pub(super) consumer: Option<ConsumerState>,
    pub(super) notes: Vec<String>,
}

/// A message of the jobs stream.
pub(super) struct StreamMessage {
    pub(super) seq: u64,
    /// The stage that consumes it, or [`DONE`].
    pub(super) stage: String,
    pub(super) stored: Timestamp,
    pub(super) redrive: Option<String>,
    pub(super) ended_ms: Option<u64>,
    pub(super) header: EnvelopeHeader,
    /// The envelope and its body, or why it cannot be decoded.
    pub(super) read: Result<DecodedMessage, String>,
}

/// The stored answer, which gateways read.
pub(super) struct AnswerRecord {
    pub(super) stored: Timestamp,
    pub(super) ended_ms: Option<u64>,
    pub(super) answer: Envelope<Answer>,
}

/// A dead letter.
#[derive(Serialize)]
pub(super) struct DeadLetterRecord {
    /// Its sequence, for `hoidap-worker dead show`.
    #[serde(skip)]
    pub(super) seq: u64,
    #[serde(skip)]
    pub(super) stored: Timestamp,
    pub(super) stage: String,
    pub(super) reason: String,
    pub(super) detail: String,
    pub(super) deliveries: Option<u64>,
    /// Sequence of its message.
    pub(super) message: Option<u64>,
    /// The message itself, in case the jobs stream no longer has it.
    #[serde(skip)]
    pub(super) read: Option<DecodedMessage>,
}

/// The server's advisory on a delivery that it gave up.
#[derive(Deserialize, Serialize)]
pub(super) struct DeliveryAdvisory {
    #[serde(skip_serializing)]
    pub(super) timestamp: Timestamp,
    pub(super) consumer: String,
    #[serde(rename(serialize = "message"))]
    pub(super) stream_seq: u64,
    #[serde(default)]
    pub(super) deliveries: Option<u64>,
    /// `max_deliveries` or `terminated`.
    #[serde(rename(deserialize = "type"), deserialize_with = "advisory_kind")]
    what: String,
}

/// A visitor's feedback, from an event or from a recording's feedback file.
#[derive(Deserialize, Serialize)]
pub(super) struct FeedbackRecord {
    #[serde(skip_serializing)]
    pub(super) job_id: JobId,
    /// Absent in a recording.
    #[serde(default, skip_serializing)]
    pub(super) at_ms: Option<u64>,
    pub(super) rating: Rating,
    #[serde(default)]
    pub(super) reason: Option<String>,
    #[serde(default)]
    pub(super) comment: Option<String>,
}

/// State of a stage's consumer.
pub(super) struct ConsumerState {
    /// Messages up to this sequence were delivered at least once.
    pub(super) delivered: u64,
    pub(super) undelivered: u64,
    pub(super) open_pulls: usize,
}

impl CollectedRecords {
    pub(super) fn new(job: &JobId, source: String, is_live: bool) -> Self {
        Self { job: job.clone(), source, is_live, ..Self::default() }
    }

    /// Whether no record was found.
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
            && self.stored_answer.is_none()
            && self.dead_letters.is_empty()
            && self.chat_events.is_empty()
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

    /// Whether the jobs stream has an answer.
    pub(super) fn has_answer(&self) -> bool {
        self.messages.iter().any(|message| message.stage == DONE)
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

    /// The messages that dead letters hold.
    pub(super) fn letter_messages(&self) -> impl Iterator<Item = &DecodedMessage> {
        self.dead_letters.iter().filter_map(|letter| letter.read.as_ref())
    }

    /// Whether the server gave up this message of the stage's own consumer: others may read the stream too.
    pub(super) fn is_given_up(&self, seq: u64, stage: &str) -> bool {
        self.advisories.iter().any(|advisory| advisory.stream_seq == seq && advisory.consumer == stage)
    }
}

impl StreamMessage {
    /// The hop of the stage that published this message.
    pub(super) fn last_hop(&self) -> Option<&Hop> {
        self.read.as_ref().ok()?.envelope.hops.last()
    }

    pub(super) fn body(&self) -> Option<&MessageBody> {
        self.read.as_ref().ok()?.body.as_ref()
    }
}

fn advisory_kind<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let kind = String::deserialize(from)?;
    Ok(if kind.contains("max_deliver") { "max_deliveries" } else { "terminated" }.into())
}
