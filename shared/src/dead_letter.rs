//! Dead letters: why a stage could not process a message, and where that message is.

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use bytes::Bytes;

const STAGE: &str = "Hoidap-Stage";
const REASON: &str = "Hoidap-Reason";
const DETAIL: &str = "Hoidap-Detail";
const JOB: &str = "Hoidap-Job";
const SUBJECT: &str = "Hoidap-Subject";
const DELIVERIES: &str = "Hoidap-Deliveries";
const STREAM_SEQUENCE: &str = "Hoidap-Stream-Seq";
const STORED: &str = "Hoidap-Stored";
const BYTES: &str = "Hoidap-Bytes";

/// A message that a stage could not process, and why. In the DEAD stream everything but a contained message is in the
/// headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The stage that could not process the message.
    pub stage: String,
    /// A stable code, such as `deadline_exceeded`.
    pub reason: String,
    /// What went wrong, for the operator; without control characters.
    pub detail: String,
    /// The job; empty when the message does not say.
    pub job_id: String,
    /// The subject of the message.
    pub subject: String,
    /// How often the message was delivered; `None` when the letter does not say.
    pub deliveries: Option<u64>,
    /// The sequence of the message in its stream; `None` when the letter does not say.
    pub stream_sequence: Option<u64>,
    /// Where the message is.
    pub message: MessageLocation,
}

/// Where the message of a dead letter is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageLocation {
    /// In the letter itself: events, and letters of early releases.
    InLetter(Bytes),
    /// In the jobs stream.
    InJobsStream {
        /// When it was stored there, in nanoseconds since the Unix epoch. It tells the message from another one that got
        /// the same sequence in a recreated stream. `None` when the letter does not say.
        stored_ns: Option<i128>,
        /// Its size.
        bytes: u64,
    },
}

impl DeadLetter {
    /// The headers and payload to publish. The broker stores letters with the same `message_id` once.
    pub fn into_message(self, message_id: &str) -> (HeaderMap, Bytes) {
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, message_id);
        headers.insert(STAGE, self.stage);
        headers.insert(REASON, self.reason);
        headers.insert(DETAIL, self.detail);
        headers.insert(JOB, self.job_id);
        headers.insert(SUBJECT, self.subject);
        headers.insert(DELIVERIES, number(self.deliveries));
        headers.insert(STREAM_SEQUENCE, number(self.stream_sequence));
        let payload = match self.message {
            MessageLocation::InLetter(payload) => payload,
            MessageLocation::InJobsStream { stored_ns, bytes } => {
                headers.insert(STORED, stored_ns.map(|stored| stored.to_string()).unwrap_or_default());
                headers.insert(BYTES, bytes.to_string());
                Bytes::new()
            }
        };
        (headers, payload)
    }

    /// Reads a letter. Missing headers are empty: letters come over the network.
    pub fn from_message(headers: &HeaderMap, payload: Bytes) -> Self {
        let text = |name: &str| headers.get(name).map(|value| value.as_str()).unwrap_or_default();
        let message = match text(BYTES).parse() {
            Ok(bytes) => MessageLocation::InJobsStream { stored_ns: text(STORED).parse().ok(), bytes },
            Err(_) => MessageLocation::InLetter(payload),
        };
        Self {
            stage: text(STAGE).into(),
            reason: text(REASON).into(),
            detail: text(DETAIL).into(),
            job_id: text(JOB).into(),
            subject: text(SUBJECT).into(),
            deliveries: text(DELIVERIES).parse().ok(),
            stream_sequence: text(STREAM_SEQUENCE).parse().ok(),
            message,
        }
    }

    /// The size of the message in bytes.
    pub fn message_bytes(&self) -> u64 {
        match &self.message {
            MessageLocation::InLetter(payload) => payload.len() as u64,
            MessageLocation::InJobsStream { bytes, .. } => *bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(message: MessageLocation) -> DeadLetter {
        DeadLetter {
            stage: "generator".into(),
            reason: "gave_up".into(),
            detail: "it does not fit".into(),
            job_id: "a".into(),
            subject: "hoidap.jobs.generator".into(),
            deliveries: Some(3),
            stream_sequence: Some(17),
            message,
        }
    }

    #[test]
    fn a_letter_survives_encoding() {
        for message in [
            MessageLocation::InLetter("x".into()),
            MessageLocation::InJobsStream { stored_ns: Some(1_769_846_400_000_000_001), bytes: 100_000 },
        ] {
            let sent = letter(message);
            let (headers, payload) = sent.clone().into_message("17.generator.dead");
            assert_eq!(headers.get(NATS_MESSAGE_ID).map(|id| id.as_str()), Some("17.generator.dead"));
            assert_eq!(headers.get("Hoidap-Reason").map(|reason| reason.as_str()), Some("gave_up"));
            assert_eq!(DeadLetter::from_message(&headers, payload), sent);
        }
    }

    #[test]
    fn a_letter_without_headers_is_empty() {
        let read = DeadLetter::from_message(&HeaderMap::new(), "x".into());
        assert_eq!((read.stage.as_str(), read.deliveries, read.message_bytes()), ("", None, 1));
        assert_eq!(read.message, MessageLocation::InLetter("x".into()));
    }
}
