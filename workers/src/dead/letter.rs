use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use async_nats::{HeaderMap, jetstream::message::StreamMessage};
use bytes::Bytes;
use hoidap_shared::broker::Broker;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    direct,
    log::Record,
    runner::{BYTES, STORED},
};

/// Most characters of a detail in a list.
const SHORT: usize = 80;

/// A message that a stage could not go on with, and why.
pub(super) struct Letter {
    /// Its number in the stream of dead letters.
    pub(super) seq: u64,
    pub(super) stored: Timestamp,
    pub(super) stage: String,
    pub(super) reason: String,
    detail: String,
    /// Empty when the message could not tell.
    pub(super) job: String,
    /// Where the message came from.
    pub(super) subject: String,
    deliveries: String,
    stream_seq: String,
    message: Place,
}

/// Where a letter's message is.
enum Place {
    /// In the letter: that of an event, or of a release before the others.
    Here(Bytes),
    /// In the jobs stream, stored at this moment (nanoseconds since the Unix epoch).
    Jobs { stored: String, bytes: u64 },
}

impl Letter {
    pub(super) fn of_record(record: Record) -> Self {
        Self::new(record.sequence, record.stored, &record.headers, record.payload)
    }

    pub(super) fn of_message(message: StreamMessage) -> anyhow::Result<Self> {
        let stored = Timestamp::from_nanosecond(message.time.unix_timestamp_nanos());
        let stored = stored.context("the letter has a time that no calendar knows")?;
        Ok(Self::new(message.sequence, stored, &message.headers, message.payload))
    }

    fn new(seq: u64, stored: Timestamp, headers: &HeaderMap, payload: Bytes) -> Self {
        let header =
            |name: &str| headers.get(name).map(|value| value.as_str().to_string()).unwrap_or_default();
        Self {
            seq,
            stored,
            stage: header("Hoidap-Stage"),
            reason: header("Hoidap-Reason"),
            detail: header("Hoidap-Detail"),
            job: header("Hoidap-Job"),
            subject: header("Hoidap-Subject"),
            deliveries: header("Hoidap-Deliveries"),
            stream_seq: header("Hoidap-Stream-Seq"),
            message: match header(BYTES).parse() {
                Ok(bytes) => Place::Jobs { stored: header(STORED), bytes },
                Err(_) => Place::Here(payload),
            },
        }
    }

    /// The message as it came. An error when the jobs stream no longer has it.
    pub(super) async fn message(&self, broker: &Broker) -> anyhow::Result<Bytes> {
        let stored = match &self.message {
            Place::Here(payload) => return Ok(payload.clone()),
            Place::Jobs { stored, .. } => stored,
        };
        let sequence = self.stream_seq.parse().context("the letter does not say which message it is of")?;
        let found = direct::message(broker, "JOBS", sequence).await?;
        // A stream that was made anew gives the same sequences to other messages.
        let is_it = |found: &StreamMessage| {
            found.subject.as_str() == self.subject && found.time.unix_timestamp_nanos().to_string() == *stored
        };
        match found.filter(is_it) {
            Some(found) => Ok(found.payload),
            None => bail!(
                "message {sequence} is no longer in the stream {}, which keeps jobs for nats.jobs_max_age_days and within \
                 nats.jobs_max_bytes: it cannot be sent again",
                broker.subjects.stream("JOBS")
            ),
        }
    }

    fn bytes(&self) -> u64 {
        match &self.message {
            Place::Here(payload) => payload.len() as u64,
            Place::Jobs { bytes, .. } => *bytes,
        }
    }

    /// Two lines of a list: what and why.
    pub(super) fn to_line(&self) -> String {
        let job = if self.job.is_empty() { "-" } else { &self.job };
        let mut detail: String = self.detail.chars().take(SHORT).collect();
        if detail.len() < self.detail.len() {
            detail.push('…');
        }
        let stored = self.stored.strftime("%Y-%m-%dT%H:%M:%SZ");
        format!("{:<7} {stored}  {:<11} {:<22} {job}\n        {detail}", self.seq, self.stage, self.reason)
    }

    /// The letter without its message.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "seq": self.seq,
            "stored": self.stored.to_string(),
            "stage": self.stage,
            "reason": self.reason,
            "detail": self.detail,
            "job": self.job,
            "subject": self.subject,
            "deliveries": self.deliveries.parse::<u64>().ok(),
            "stream_seq": self.stream_seq.parse::<u64>().ok(),
            "bytes": self.bytes(),
        })
    }

    /// The letter with its message; null when that is no MessagePack, or gone.
    pub(super) fn to_json_with_message(&self, payload: &anyhow::Result<Bytes>) -> Value {
        let mut letter = self.to_json();
        letter["message"] = payload.as_ref().ok().and_then(|payload| message(payload)).unwrap_or(Value::Null);
        if let Err(error) = payload {
            letter["gone"] = format!("{error:#}").into();
        }
        letter
    }

    /// The letter for a person to read.
    pub(super) fn to_page(&self, payload: &anyhow::Result<Bytes>) -> String {
        let mut page = String::new();
        for (name, value) in [
            ("seq", self.seq.to_string()),
            ("stored", self.stored.to_string()),
            ("stage", self.stage.clone()),
            ("reason", self.reason.clone()),
            ("detail", self.detail.clone()),
            ("job", self.job.clone()),
            ("came from", format!("{}, message {}", self.subject, self.stream_seq)),
            ("deliveries", self.deliveries.clone()),
            ("bytes", self.bytes().to_string()),
        ] {
            let _ = writeln!(page, "{name:<11} {value}");
        }
        match payload {
            Ok(payload) => match message(payload).map(|value| serde_json::to_string_pretty(&value)) {
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

/// A message as JSON; embeddings and other bytes by their length alone.
fn message(payload: &[u8]) -> Option<Value> {
    let mut rest = payload;
    let value = rmpv::decode::read_value(&mut rest).ok()?;
    (rest.is_empty() && value.is_map()).then(|| readable(value))
}

fn readable(value: rmpv::Value) -> Value {
    use rmpv::Value as Pack;
    match value {
        Pack::Boolean(value) => value.into(),
        Pack::Integer(value) => value.as_i64().map_or_else(|| value.as_u64().into(), Value::from),
        Pack::F32(value) => value.into(),
        Pack::F64(value) => value.into(),
        Pack::String(text) => String::from_utf8_lossy(text.as_bytes()).into(),
        Pack::Binary(bytes) => format!("({} bytes)", bytes.len()).into(),
        Pack::Array(values) => values.into_iter().map(readable).collect::<Vec<_>>().into(),
        Pack::Map(pairs) => pairs
            .into_iter()
            .map(|(key, value)| {
                (key.as_str().map_or_else(|| key.to_string(), str::to_string), readable(value))
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
    fn a_message_is_readable_and_its_bytes_are_counted() {
        let bytes = rmp_serde::to_vec_named(&json!({"a": [1, -2, 0.5], "b": {"c": null, "d": "đ"}})).unwrap();
        assert_eq!(message(&bytes), Some(json!({"a": [1, -2, 0.5], "b": {"c": null, "d": "đ"}})));
        let pack = rmpv::Value::Map(vec![("v".into(), rmpv::Value::Binary(vec![0; 1536]))]);
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &pack).unwrap();
        assert_eq!(message(&bytes), Some(json!({"v": "(1536 bytes)"})));
        assert_eq!(message(b"\xc1noise"), None);
        assert_eq!(message(b""), None);
    }
}
