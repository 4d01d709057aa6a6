use hoidap_shared::{
    events::{ChatEvent, Rating},
    job::{Answer, Envelope, Header, Hop, JobId, Outcome},
};
use jiff::Timestamp;
use serde::Deserialize;

use crate::recording::{DONE, DecodedMessage, MessageBody};

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
    pub(super) stored_answer: Option<StoredAnswer>,
    pub(super) dead_letters: Vec<DeadLetterRecord>,
    pub(super) advisories: Vec<DeliveryAdvisory>,
    pub(super) live_lines: Vec<(Timestamp, hoidap_shared::live::Line)>,
    pub(super) chat_events: Vec<(u64, ChatEvent)>,
    pub(super) feedback: Vec<FeedbackRecord>,
    /// State of the consumer that the job's last message waits for.
    pub(super) consumer: Option<ConsumerState>,
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
    pub(super) read: Result<DecodedMessage, String>,
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
    pub(super) read: Option<DecodedMessage>,
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
    pub(super) open_pulls: usize,
}

impl CollectedRecords {
    pub(super) fn new(job: &JobId, source: String, is_live: bool) -> Self {
        Self {
            job: job.clone(),
            source,
            is_live,
            messages: Vec::new(),
            omitted: 0,
            stored_answer: None,
            dead_letters: Vec::new(),
            advisories: Vec::new(),
            live_lines: Vec::new(),
            chat_events: Vec::new(),
            feedback: Vec::new(),
            consumer: None,
            notes: Vec::new(),
        }
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

impl StreamMessage {
    /// The hop of the stage that published this message.
    pub(super) fn last_hop(&self) -> Option<&Hop> {
        self.read.as_ref().ok()?.envelope.hops.last()
    }

    pub(super) fn body(&self) -> Option<&MessageBody> {
        self.read.as_ref().ok().map(|message| &message.body)
    }
}
