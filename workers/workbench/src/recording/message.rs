use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_nats::HeaderMap;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hoidap_runtime::stream_reader::StreamRecord;
use hoidap_shared::job::{EnvelopeHeader, SCHEMA};
use rmpv::Value;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{recording_error::RecordingError, redaction::redact_fields};

/// The last token of the subject of finished jobs.
pub const DONE: &str = "done";

/// One message of a recording.
#[derive(Debug, Deserialize)]
pub struct RecordedMessage {
    /// Its sequence in the stream.
    pub seq: u64,
    /// Its subject, such as `hoidap.jobs.retriever`.
    pub subject: String,
    /// When it was stored.
    pub time: jiff::Timestamp,
    /// Its headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Vec<String>>,
    /// The envelope; absent if the message was none.
    #[serde(default)]
    pub body: Option<Box<RawValue>>,
    /// Its position in the recording.
    #[serde(skip)]
    pub position: FilePosition,
}

/// A position in a recording.
#[derive(Clone, Debug, Default)]
pub struct FilePosition {
    /// The file.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u64,
}

/// The envelope's schema number, which is read first.
#[derive(Debug, Deserialize)]
struct SchemaNumber {
    schema: u16,
}

impl RecordedMessage {
    /// The stage that consumed the message, or [`DONE`].
    pub fn stage(&self) -> &str {
        self.subject.rsplit('.').next().unwrap_or_default()
    }

    /// Converts a stream message to the form it would have in a recording.
    pub(crate) fn from_record(record: &StreamRecord) -> serde_json::Result<Self> {
        serde_json::from_slice(&encode_line(record, &[])?.0)
    }

    /// An error at this message.
    pub(crate) fn error_at(&self, what: String, read: u64) -> RecordingError {
        RecordingError { file: self.position.file.to_string(), line: self.position.line, what, read }
    }

    /// Decodes the body.
    ///
    /// # Errors
    /// A sentence: the body has another schema or another shape.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, String> {
        let body = self.body.as_ref().ok_or("the message was none that a stage can read")?.get();
        let found = serde_json::from_str::<SchemaNumber>(body).map_err(|error| error.to_string())?.schema;
        if found != SCHEMA {
            return Err(unknown_schema(found));
        }
        serde_json::from_str(body).map_err(unknown_shape)
    }
}

#[derive(Serialize)]
struct OutgoingLine<'a> {
    seq: u64,
    subject: &'a str,
    time: jiff::Timestamp,
    headers: BTreeMap<String, Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a Value>,
    /// A payload that is no envelope, in base64; absent where fields are redacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
}

/// Encodes a stream message as a line of JSON, without the line break. The strings of the fields in `redact` are
/// replaced; the fields that had one are returned, too. A payload that is no envelope has no fields to tell apart, so it
/// is left out where any is to be redacted.
pub(super) fn encode_line<'a>(
    record: &StreamRecord,
    redact: &'a [String],
) -> serde_json::Result<(Vec<u8>, BTreeSet<&'a str>)> {
    let is_envelope = rmp_serde::from_slice::<EnvelopeHeader>(&record.payload).is_ok();
    let decode = || rmpv::decode::read_value(&mut record.payload.as_ref()).ok();
    let mut body = if is_envelope { decode() } else { None };
    let redacted = body.as_mut().map(|body| redact_fields(body, redact)).unwrap_or_default();
    let line = |body, payload| OutgoingLine {
        seq: record.sequence,
        subject: &record.subject,
        time: record.stored,
        headers: headers(&record.headers),
        body,
        payload,
    };
    // A map with keys other than strings cannot be JSON.
    if let Some(written) = body.as_ref().and_then(|body| serde_json::to_vec(&line(Some(body), None)).ok()) {
        return Ok((written, redacted));
    }
    let payload = redact.is_empty().then(|| BASE64_STANDARD.encode(&record.payload));
    Ok((serde_json::to_vec(&line(None, payload))?, BTreeSet::new()))
}

fn headers(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let texts = |values: &Vec<async_nats::HeaderValue>| values.iter().map(ToString::to_string).collect();
    headers.iter().map(|(name, values)| (name.to_string(), texts(values))).collect()
}

/// The sentence for a message of another schema.
pub(super) fn unknown_schema(found: u16) -> String {
    format!(
        "the message has schema {found}, this build reads {SCHEMA}: use a release that knows schema {found}"
    )
}

/// The sentence for a message of another shape.
pub(super) fn unknown_shape(error: serde_json::Error) -> String {
    format!("the message has another shape: {error}")
}

#[cfg(test)]
mod tests {
    use hoidap_shared::job::{Envelope, JobId};

    use super::*;
    use crate::recording::REDACTED;

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
    fn a_message_survives_a_round_trip_bit_for_bit() {
        let sent = envelope(SCHEMA);
        let (bytes, _) = encode_line(&record(sent.encode().unwrap()), &[]).unwrap();
        assert!(!bytes.contains(&b'\n'));
        let message: RecordedMessage = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(message.stage(), "retriever");
        let read: Envelope<(String, Vec<f32>, f64)> = message.decode().unwrap();
        assert_eq!(read.encode().unwrap(), sent.encode().unwrap());
    }

    #[test]
    fn another_schema_is_refused_and_noise_is_kept() {
        let message: RecordedMessage = serde_json::from_slice(
            &encode_line(&record(envelope(SCHEMA + 1).encode().unwrap()), &[]).unwrap().0,
        )
        .unwrap();
        let refused = message.decode::<Envelope<(String, Vec<f32>, f64)>>().unwrap_err();
        assert!(refused.contains(&format!("schema {}", SCHEMA + 1)), "{refused}");
        let (noise, _) = encode_line(&record(b"\xc1garbage".to_vec()), &[]).unwrap();
        assert!(String::from_utf8(noise).unwrap().contains(&BASE64_STANDARD.encode(b"\xc1garbage")));
    }

    #[test]
    fn a_redacted_field_has_no_text_and_noise_is_left_out() {
        let fields = ["gateway".to_string(), "mesage".to_string()];
        let packed = envelope(SCHEMA).encode().unwrap();
        let (bytes, redacted) = encode_line(&record(packed.clone()), &fields).unwrap();
        let line: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(line["body"]["gateway"], REDACTED);
        assert_eq!(redacted, ["gateway"].into());
        for noise in [b"\xc1garbage".to_vec(), with_a_numbered_key(&packed)] {
            let (bytes, redacted) = encode_line(&record(noise), &fields).unwrap();
            let message: RecordedMessage = serde_json::from_slice(&bytes).unwrap();
            assert!(message.body.is_none() && !String::from_utf8(bytes).unwrap().contains("payload"));
            assert_eq!(redacted, BTreeSet::new());
        }
    }

    /// An envelope that is no JSON: one of its keys is a number.
    fn with_a_numbered_key(packed: &[u8]) -> Vec<u8> {
        let mut value = rmpv::decode::read_value(&mut &*packed).unwrap();
        let Value::Map(pairs) = &mut value else { panic!("an envelope is a map") };
        pairs.push((Value::from("more"), Value::Map(vec![(Value::Nil, Value::from("words"))])));
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &value).unwrap();
        bytes
    }
}
