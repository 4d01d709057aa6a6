use hoidap_shared::{
    events::{ChatEvent, Rating},
    job::{Answer, Envelope, EnvelopeHeader, Hop, JobId, MessageBody, Outcome},
};
use jiff::Timestamp;
use serde::Deserialize;

use crate::recording::{DONE, DecodedMessage};

/// Maximum number of messages, dead letters or events kept of one job. An ordinary job has four messages; each
/// redrive adds some.
pub(in crate::inspect) const MAX_RECORDS: usize = 200;

/// All records found of a job.
#[derive(Debug)]
pub(in crate::inspect) struct CollectedRecords {
    pub(in crate::inspect) job: JobId,
    /// `NATS`, or the recording's name.
    pub(in crate::inspect) source: String,
    /// Whether NATS was read. A recording holds only the jobs stream.
    pub(in crate::inspect) is_live: bool,
    /// Messages of the jobs stream, in order.
    pub(in crate::inspect) messages: Vec<StreamMessage>,
    /// Messages left out because of [`MAX_RECORDS`].
    pub(in crate::inspect) omitted: u64,
    pub(in crate::inspect) stored_answer: Option<AnswerRecord>,
    pub(in crate::inspect) dead_letters: Vec<DeadLetterRecord>,
    pub(in crate::inspect) advisories: Vec<DeliveryAdvisory>,
    pub(in crate::inspect) live_lines: Vec<(Timestamp, hoidap_shared::progress::ProgressLine)>,
    pub(in crate::inspect) chat_events: Vec<(u64, ChatEvent)>,
    pub(in crate::inspect) feedback: Vec<FeedbackRecord>,
    /// State of the consumer that the job's last message waits for.
    pub(in crate::inspect) consumer: Option<ConsumerState>,
    pub(in crate::inspect) notes: Vec<String>,
}

/// A message of the jobs stream.
#[derive(Debug)]
pub(in crate::inspect) struct StreamMessage {
    pub(in crate::inspect) seq: u64,
    /// The stage that consumes it, or [`DONE`].
    pub(in crate::inspect) stage: String,
    pub(in crate::inspect) stored: Timestamp,
    pub(in crate::inspect) redrive: Option<String>,
    pub(in crate::inspect) ended_ms: Option<u64>,
    pub(in crate::inspect) header: EnvelopeHeader,
    /// The envelope and its body, or why it cannot be decoded.
    pub(in crate::inspect) read: Result<DecodedMessage, String>,
}

/// The stored answer, which gateways read.
#[derive(Debug)]
pub(in crate::inspect) struct AnswerRecord {
    pub(in crate::inspect) stored: Timestamp,
    pub(in crate::inspect) ended_ms: Option<u64>,
    pub(in crate::inspect) answer: Envelope<Answer>,
}

/// A dead letter.
#[derive(Debug)]
pub(in crate::inspect) struct DeadLetterRecord {
    pub(in crate::inspect) seq: u64,
    pub(in crate::inspect) stored: Timestamp,
    pub(in crate::inspect) stage: String,
    pub(in crate::inspect) reason: String,
    pub(in crate::inspect) detail: String,
    pub(in crate::inspect) deliveries: Option<u64>,
    pub(in crate::inspect) message: Option<u64>,
    /// The message itself, in case the jobs stream no longer has it.
    pub(in crate::inspect) read: Option<DecodedMessage>,
}

/// The server's advisory on a delivery that it gave up.
#[derive(Debug, Deserialize)]
pub(in crate::inspect) struct DeliveryAdvisory {
    #[serde(rename = "type")]
    pub(in crate::inspect) kind: String,
    pub(in crate::inspect) timestamp: Timestamp,
    pub(in crate::inspect) consumer: String,
    pub(in crate::inspect) stream_seq: u64,
    #[serde(default)]
    pub(in crate::inspect) deliveries: Option<u64>,
}

/// A visitor's feedback, from an event or from a recording's feedback file.
#[derive(Debug, Deserialize)]
pub(in crate::inspect) struct FeedbackRecord {
    pub(in crate::inspect) job_id: JobId,
    #[serde(default)]
    pub(in crate::inspect) at_ms: Option<u64>,
    pub(in crate::inspect) rating: Rating,
    #[serde(default)]
    pub(in crate::inspect) reason: Option<String>,
    #[serde(default)]
    pub(in crate::inspect) comment: Option<String>,
}

/// State of a stage's consumer.
#[derive(Debug)]
pub(in crate::inspect) struct ConsumerState {
    /// Messages up to this sequence were delivered at least once.
    pub(in crate::inspect) delivered: u64,
    pub(in crate::inspect) undelivered: u64,
    pub(in crate::inspect) open_pulls: usize,
}

impl CollectedRecords {
    pub(in crate::inspect) fn new(job: &JobId, source: String, is_live: bool) -> Self {
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
    pub(in crate::inspect) fn is_empty(&self) -> bool {
        self.messages.is_empty()
            && self.stored_answer.is_none()
            && self.dead_letters.is_empty()
            && self.chat_events.is_empty()
            && self.feedback.is_empty()
    }

    pub(in crate::inspect) fn add_message(&mut self, message: StreamMessage) {
        if self.messages.len() < MAX_RECORDS {
            self.messages.push(message);
        } else {
            self.omitted += 1;
        }
    }

    /// Whether the job's last message is its answer.
    pub(in crate::inspect) fn is_done(&self) -> bool {
        self.messages.last().is_some_and(|message| message.stage == DONE)
    }

    /// Whether its last answer is a failure.
    pub(in crate::inspect) fn failed(&self) -> bool {
        let last = self.messages.iter().rev().find_map(|message| match message.body() {
            Some(MessageBody::Answer(answer)) => Some(answer.outcome == Outcome::Failed),
            _ => None,
        });
        last == Some(true)
    }

    /// When the last message was stored.
    pub(in crate::inspect) fn last_stored(&self) -> Option<Timestamp> {
        self.messages.last().map(|message| message.stored)
    }
}

impl DeliveryAdvisory {
    /// Whether it concerns the stage's own consumer: others may read the stream too.
    pub(in crate::inspect) fn is_of(&self, seq: u64, stage: &str) -> bool {
        self.stream_seq == seq && self.consumer == stage
    }
}

impl StreamMessage {
    /// The hop of the stage that published this message.
    pub(in crate::inspect) fn last_hop(&self) -> Option<&Hop> {
        self.read.as_ref().ok()?.envelope.hops.last()
    }

    pub(in crate::inspect) fn body(&self) -> Option<&MessageBody> {
        self.read.as_ref().ok()?.body.as_ref()
    }
}
