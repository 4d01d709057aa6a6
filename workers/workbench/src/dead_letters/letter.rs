use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use async_nats::jetstream::message::StreamMessage;
use bytes::Bytes;
use hoidap_runtime::{direct_get, stream_reader::StreamRecord};
use hoidap_shared::{
    broker::Broker,
    dead_letter::{DeadLetter, MessageLocation},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::excerpt::excerpt;

/// Most characters of a detail in a list.
const MAX_LISTED_DETAIL_CHARS: usize = 80;

/// A dead letter as the stream holds it.
pub(super) struct StoredLetter {
    /// Its sequence in the stream of dead letters.
    pub(super) sequence: u64,
    pub(super) stored: Timestamp,
    pub(super) letter: DeadLetter,
}

impl StoredLetter {
    pub(super) fn from_record(record: StreamRecord) -> Self {
        let letter = DeadLetter::from_message(&record.headers, record.payload);
        Self { sequence: record.sequence, stored: record.stored, letter }
    }

    pub(super) fn from_message(message: StreamMessage) -> anyhow::Result<Self> {
        let stored = Timestamp::from_nanosecond(message.time.unix_timestamp_nanos());
        let stored = stored.context("the time of the letter is out of range")?;
        let letter = DeadLetter::from_message(&message.headers, message.payload);
        Ok(Self { sequence: message.sequence, stored, letter })
    }

    /// The message of the letter. An error when the jobs stream no longer has it.
    pub(super) async fn message(&self, broker: &Broker) -> anyhow::Result<Bytes> {
        let letter = &self.letter;
        let stored_ns = match &letter.message {
            MessageLocation::InLetter(payload) => return Ok(payload.clone()),
            MessageLocation::InJobsStream { stored_ns, .. } => *stored_ns,
        };
        let sequence =
            letter.stream_sequence.context("the letter does not name the sequence of its message")?;
        let found = direct_get::message(broker, "JOBS", sequence).await?;
        // A recreated stream gives the same sequences to other messages.
        let is_same = |found: &StreamMessage| {
            found.subject.as_str() == letter.subject && Some(found.time.unix_timestamp_nanos()) == stored_ns
        };
        match found.filter(is_same) {
            Some(found) => Ok(found.payload),
            None => bail!(
                "message {sequence} is no longer in the stream {}, which keeps jobs for nats.jobs_max_age_days and within \
                 nats.jobs_max_bytes: it cannot be sent again",
                broker.subjects.stream("JOBS")
            ),
        }
    }

    /// Two lines of a list: the letter, and its detail.
    pub(super) fn to_line(&self) -> String {
        let DeadLetter { stage, reason, detail, job_id, .. } = &self.letter;
        let job = if job_id.is_empty() { "-" } else { job_id };
        let listed = excerpt(detail, MAX_LISTED_DETAIL_CHARS);
        let stored = self.stored.strftime("%Y-%m-%dT%H:%M:%SZ");
        format!("{:<7} {stored}  {stage:<11} {reason:<22} {job}\n        {listed}", self.sequence)
    }

    /// The letter without its message.
    pub(super) fn to_json(&self) -> Value {
        let letter = &self.letter;
        json!({
            "seq": self.sequence,
            "stored": self.stored.to_string(),
            "stage": letter.stage,
            "reason": letter.reason,
            "detail": letter.detail,
            "job": letter.job_id,
            "subject": letter.subject,
            "deliveries": letter.deliveries,
            "stream_seq": letter.stream_sequence,
            "bytes": letter.message_bytes(),
        })
    }

    /// The letter with its message; null when that is no MessagePack, or no longer stored.
    pub(super) fn to_json_with_message(&self, payload: &anyhow::Result<Bytes>) -> Value {
        let mut letter = self.to_json();
        letter["message"] = payload.as_ref().ok().and_then(|payload| decode(payload)).unwrap_or(Value::Null);
        if let Err(error) = payload {
            letter["gone"] = format!("{error:#}").into();
        }
        letter
    }

    /// The letter with its message, for people.
    pub(super) fn to_page(&self, payload: &anyhow::Result<Bytes>) -> String {
        let letter = &self.letter;
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let mut page = String::new();
        for (name, value) in [
            ("seq", self.sequence.to_string()),
            ("stored", self.stored.to_string()),
            ("stage", letter.stage.clone()),
            ("reason", letter.reason.clone()),
            ("detail", letter.detail.clone()),
            ("job", letter.job_id.clone()),
            ("came from", format!("{}, message {}", letter.subject, number(letter.stream_sequence))),
            ("deliveries", number(letter.deliveries)),
            ("bytes", letter.message_bytes().to_string()),
        ] {
            let _ = writeln!(page, "{name:<11} {value}");
        }
        match payload {
            Ok(payload) => match decode(payload).map(|value| serde_json::to_string_pretty(&value)) {
                Some(Ok(text)) => page.push_str(&text),
                _ => page.push_str("the message is not MessagePack"),
            },
            Err(error) => {
                let _ = write!(page, "{error:#}");
            }
        }
        page.push('\n');
        page
    }
}

/// A message as JSON. Of embeddings and other bytes only the length is shown.
fn decode(payload: &[u8]) -> Option<Value> {
    let mut rest = payload;
    let value = rmpv::decode::read_value(&mut rest).ok()?;
    (rest.is_empty() && value.is_map()).then(|| to_json(value))
}

fn to_json(value: rmpv::Value) -> Value {
    use rmpv::Value as Pack;
    match value {
        Pack::Boolean(value) => value.into(),
        Pack::Integer(value) => value.as_i64().map_or_else(|| value.as_u64().into(), Value::from),
        Pack::F32(value) => value.into(),
        Pack::F64(value) => value.into(),
        Pack::String(text) => String::from_utf8_lossy(text.as_bytes()).into(),
        Pack::Binary(bytes) => format!("({} bytes)", bytes.len()).into(),
        Pack::Array(values) => values.into_iter().map(to_json).collect::<Vec<_>>().into(),
        Pack::Map(pairs) => pairs
            .into_iter()
            .map(|(key, value)| {
                (key.as_str().map_or_else(|| key.to_string(), str::to_string), to_json(value))
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Pack::Nil | Pack::Ext(..) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_shown_as_json_and_bytes_by_their_length() {
        let bytes = rmp_serde::to_vec_named(&json!({"a": [1, -2, 0.5], "b": {"c": null, "d": "đ"}})).unwrap();
        assert_eq!(decode(&bytes), Some(json!({"a": [1, -2, 0.5], "b": {"c": null, "d": "đ"}})));
        let pack = rmpv::Value::Map(vec![("v".into(), rmpv::Value::Binary(vec![0; 1536]))]);
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &pack).unwrap();
        assert_eq!(decode(&bytes), Some(json!({"v": "(1536 bytes)"})));
        assert_eq!(decode(b"\xc1noise"), None);
        assert_eq!(decode(b""), None);
    }
}
