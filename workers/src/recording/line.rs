use std::{collections::BTreeMap, sync::Arc};

use async_nats::HeaderMap;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hoidap_shared::job::{EnvelopeHeader, SCHEMA};
use rmpv::Value;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::read::Fault;
use crate::stream_reader::StreamRecord;

/// The last token of the subject under which finished jobs are recorded.
pub const DONE: &str = "done";
/// What stands in place of a value that is not to be recorded.
pub(crate) const REDACTED: &str = "[redacted]";

/// One message of a recording.
#[derive(Debug, Deserialize)]
pub struct Line {
    /// Its place in the stream.
    pub seq: u64,
    /// Its subject, such as `hoidap.jobs.retriever`.
    pub subject: String,
    /// When it was stored.
    pub time: jiff::Timestamp,
    /// Its headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Vec<String>>,
    /// The envelope; absent where the message was none.
    #[serde(default)]
    pub body: Option<Box<RawValue>>,
    /// Where it stands.
    #[serde(skip)]
    pub place: Place,
}

/// Where a message stands in a recording.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The file.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u64,
}

/// The part of an envelope that is read first.
#[derive(Debug, Deserialize)]
struct Schema {
    schema: u16,
}

impl Line {
    /// The stage that consumed the message, or [`DONE`].
    pub fn stage(&self) -> &str {
        self.subject.rsplit('.').next().unwrap_or_default()
    }

    /// A message of the stream as a recording would hold it.
    pub(crate) fn of(record: &StreamRecord) -> serde_json::Result<Self> {
        serde_json::from_slice(&write(record, &[])?)
    }

    /// That something is wrong with this message.
    pub(crate) fn fault(&self, what: String, read: u64) -> Fault {
        Fault { file: self.place.file.to_string(), line: self.place.line, what, read }
    }

    /// The message as what it is.
    ///
    /// # Errors
    /// A sentence: the body is of another schema, or of another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, String> {
        let body = self.body.as_ref().ok_or("the message was none that a stage can read")?.get();
        let found = serde_json::from_str::<Schema>(body).map_err(|error| error.to_string())?.schema;
        if found != SCHEMA {
            return Err(format!(
                "the message has schema {found}, this build reads {SCHEMA}: use a release that knows schema {found}"
            ));
        }
        serde_json::from_str(body).map_err(|error| format!("the message has another shape: {error}"))
    }
}

#[derive(Serialize)]
struct Outgoing<'a> {
    seq: u64,
    subject: &'a str,
    time: jiff::Timestamp,
    headers: BTreeMap<String, Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a Value>,
    /// What is no envelope, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
}

/// A message of the stream as a line, without its line break. The fields named in `redact` lose their values.
pub(super) fn write(record: &StreamRecord, redact: &[String]) -> serde_json::Result<Vec<u8>> {
    let is_envelope = rmp_serde::from_slice::<EnvelopeHeader>(&record.payload).is_ok();
    let read = || rmpv::decode::read_value(&mut record.payload.as_ref()).ok();
    let mut body = if is_envelope { read() } else { None };
    if let Some(body) = &mut body {
        hide(body, redact);
    }
    let line = |body, payload| Outgoing {
        seq: record.sequence,
        subject: &record.subject,
        time: record.stored,
        headers: headers(&record.headers),
        body,
        payload,
    };
    // A map whose keys are no strings has no form in JSON.
    if let Some(written) = body.as_ref().and_then(|body| serde_json::to_vec(&line(Some(body), None)).ok()) {
        return Ok(written);
    }
    serde_json::to_vec(&line(None, Some(BASE64_STANDARD.encode(&record.payload))))
}

fn headers(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let texts = |values: &Vec<async_nats::HeaderValue>| values.iter().map(ToString::to_string).collect();
    headers.iter().map(|(name, values)| (name.to_string(), texts(values))).collect()
}

fn hide(value: &mut Value, redact: &[String]) {
    match value {
        Value::Map(pairs) => {
            for (key, value) in pairs {
                let named = key.as_str().is_some_and(|key| redact.iter().any(|name| name == key));
                match value {
                    Value::String(_) if named => *value = REDACTED.into(),
                    _ => hide(value, redact),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| hide(value, redact)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use hoidap_shared::job::{Envelope, JobId};

    use super::*;

    fn record(payload: Vec<u8>) -> StreamRecord {
        StreamRecord {
            sequence: 7,
            subject: "hoidap.jobs.retriever".into(),
            stored: jiff::Timestamp::UNIX_EPOCH,
            headers: HeaderMap::new(),
            payload: payload.into(),
        }
    }

    fn envelope(schema: u16) -> Envelope<(String, Vec<f32>, f64)> {
        Envelope {
            schema,
            job_id: JobId::new(),
            trace: None,
            deadline_ms: 2,
            accepted_ms: 1,
            gateway: "g".into(),
            stream: false,
            hops: vec![],
            body: ("Gói \"Pro\"\n".into(), vec![0.1, 1e-30, -0.0, f32::MAX, 1.0 / 3.0], 0.1 + 0.2),
        }
    }

    #[test]
    fn a_message_comes_back_bit_for_bit() {
        let sent = envelope(SCHEMA);
        let bytes = write(&record(sent.encode().unwrap()), &[]).unwrap();
        assert!(!bytes.contains(&b'\n'));
        let line: Line = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(line.stage(), "retriever");
        let read: Envelope<(String, Vec<f32>, f64)> = line.read().unwrap();
        assert_eq!(read.encode().unwrap(), sent.encode().unwrap());
    }

    #[test]
    fn another_schema_is_refused_by_number_and_noise_is_kept_as_it_is() {
        let line: Line =
            serde_json::from_slice(&write(&record(envelope(SCHEMA + 1).encode().unwrap()), &[]).unwrap())
                .unwrap();
        let refused = line.read::<Envelope<(String, Vec<f32>, f64)>>().unwrap_err();
        assert!(refused.contains(&format!("schema {}", SCHEMA + 1)), "{refused}");
        let noise = write(&record(b"\xc1garbage".to_vec()), &[]).unwrap();
        assert!(String::from_utf8(noise).unwrap().contains(&BASE64_STANDARD.encode(b"\xc1garbage")));
    }

    #[test]
    fn a_redacted_field_has_no_value_wherever_it_stands() {
        let bytes = write(&record(envelope(SCHEMA).encode().unwrap()), &["gateway".into()]).unwrap();
        let line: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(line["body"]["gateway"], REDACTED);
    }
}
