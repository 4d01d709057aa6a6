use std::{collections::BTreeMap, fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

/// The schema number that this build writes, and the only one it reads.
pub const SCHEMA: u16 = 1;

/// Milliseconds since the Unix epoch, by the system's clock.
pub fn now_ms() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)
}

/// A job's name: a UUID of version 7, so that names sort by the time they were given. The name of a request, under
/// which the job it became is recorded, is one of version 8.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct JobId(String);

impl JobId {
    /// A new name.
    pub fn new() -> Self {
        Self(uuid::Uuid::now_v7().to_string())
    }

    /// The name that `parts` always give: the same question asked again is the same job.
    pub fn from_parts(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.len().to_le_bytes());
            hash.update(part.as_bytes());
        }
        let digest = hash.finalize();
        let mut bytes = [0_u8; 16];
        bytes.copy_from_slice(&digest[..16]);
        // Version 8 of RFC 9562: made by a rule of our own.
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string())
    }

    /// The name as text: 36 characters, safe as a token of a subject.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for JobId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for JobId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match uuid::Uuid::try_parse(text) {
            Ok(id) => Ok(Self(id.to_string())),
            Err(_) => Err(format!(
                "`{}` is not a job id: expected a UUID",
                text.chars().take(64).collect::<String>()
            )),
        }
    }
}

impl TryFrom<String> for JobId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// What one stage did with a job, as it travels on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hop {
    /// The stage's name.
    pub stage: String,
    /// Milliseconds between the message's storing and the start of the work.
    pub waited_ms: u64,
    /// Milliseconds of work.
    pub worked_ms: u64,
    /// Which delivery this was, from 1.
    pub delivery: u32,
    /// Whether a canary did the work.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub canary: bool,
    /// The version of the stage that did the work: of its configuration, indices, models and prompts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
}

/// What every message of the fleet is wrapped in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Envelope<T> {
    /// The number of the message's schema; see [`SCHEMA`].
    pub schema: u16,
    /// The job this message belongs to.
    pub job_id: JobId,
    /// W3C `traceparent` of the request, when it had one.
    pub trace: Option<String>,
    /// The moment after which nobody waits for the answer, in milliseconds since the Unix epoch.
    pub deadline_ms: u64,
    /// The moment the gateway took the question, in milliseconds since the Unix epoch.
    pub accepted_ms: u64,
    /// The gateway process that waits for the answer: the last token of its reply subject.
    pub gateway: String,
    /// Whether somebody may read along while the job is worked on.
    #[serde(default)]
    pub stream: bool,
    /// The stages passed so far, in order.
    pub hops: Vec<Hop>,
    /// The message itself.
    pub body: T,
}

/// The part of an envelope that can be read whatever its body is.
#[derive(Clone, Debug, Deserialize)]
pub struct EnvelopeHeader {
    /// See [`Envelope::schema`].
    pub schema: u16,
    /// See [`Envelope::job_id`].
    pub job_id: JobId,
    /// See [`Envelope::trace`].
    #[serde(default)]
    pub trace: Option<String>,
    /// See [`Envelope::gateway`].
    pub gateway: String,
    /// See [`Envelope::accepted_ms`].
    #[serde(default)]
    pub accepted_ms: u64,
    /// See [`Envelope::stream`].
    #[serde(default)]
    pub stream: bool,
}

/// Why bytes are not a message this build can read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not MessagePack, or not of the expected shape.
    #[error("the message cannot be read: {0}")]
    Malformed(#[from] rmp_serde::decode::Error),
    /// Another schema than [`SCHEMA`].
    #[error(
        "the message has schema {found}, this build reads {SCHEMA}: run a release that knows schema {found}, then redrive it"
    )]
    Schema {
        /// The number found.
        found: u16,
    },
}

impl<T> Envelope<T> {
    /// The same envelope around another body.
    pub fn map<U>(self, body: U) -> Envelope<U> {
        self.split().0.with_body(body)
    }

    /// The same envelope, its body changed by `change`.
    pub fn map_body<U>(self, change: impl FnOnce(T) -> U) -> Envelope<U> {
        let (envelope, body) = self.split();
        envelope.with_body(change(body))
    }

    /// The envelope alone, and the body.
    pub fn split(self) -> (Envelope<()>, T) {
        let Self { schema, job_id, trace, deadline_ms, accepted_ms, gateway, stream, hops, body } = self;
        (Envelope { schema, job_id, trace, deadline_ms, accepted_ms, gateway, stream, hops, body: () }, body)
    }

    /// The version of each stage that the job has passed, by the stage's name.
    pub fn versions(&self) -> BTreeMap<String, String> {
        let known = self.hops.iter().filter(|hop| !hop.version.is_empty());
        known.map(|hop| (hop.stage.clone(), hop.version.clone())).collect()
    }

    /// Milliseconds until the deadline; zero once it has passed.
    pub fn remaining_ms(&self) -> u64 {
        self.deadline_ms.saturating_sub(now_ms())
    }
}

impl Envelope<()> {
    fn with_body<T>(self, body: T) -> Envelope<T> {
        let Self { schema, job_id, trace, deadline_ms, accepted_ms, gateway, stream, hops, body: () } = self;
        Envelope { schema, job_id, trace, deadline_ms, accepted_ms, gateway, stream, hops, body }
    }
}

impl<T: Serialize> Envelope<T> {
    /// The message as bytes: MessagePack with field names.
    ///
    /// # Errors
    /// When a value of the body has no form in MessagePack.
    pub fn encode(&self) -> Result<Vec<u8>, rmp_serde::encode::Error> {
        rmp_serde::to_vec_named(self)
    }
}

impl<T: DeserializeOwned> Envelope<T> {
    /// Reads a message.
    ///
    /// # Errors
    /// [`DecodeError`] when it is malformed or of another schema.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let header: EnvelopeHeader = rmp_serde::from_slice(bytes)?;
        if header.schema != SCHEMA {
            return Err(DecodeError::Schema { found: header.schema });
        }
        Ok(rmp_serde::from_slice(bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(schema: u16) -> Envelope<String> {
        Envelope {
            schema,
            job_id: JobId::new(),
            trace: None,
            deadline_ms: now_ms() + 1000,
            accepted_ms: now_ms(),
            gateway: "g1".into(),
            stream: false,
            hops: vec![],
            body: "hello".into(),
        }
    }

    #[test]
    fn a_message_comes_back_as_it_went() {
        let sent = envelope(SCHEMA);
        let read = Envelope::<String>::decode(&sent.encode().unwrap()).unwrap();
        assert_eq!(read, sent);
    }

    #[test]
    fn an_older_reader_skips_new_fields() {
        let sent = envelope(SCHEMA);
        let mut value: serde_json::Value = serde_json::to_value(&sent).unwrap();
        value["added_later"] = serde_json::json!({"deep": [1, 2, 3]});
        let bytes = rmp_serde::to_vec_named(&value).unwrap();
        assert_eq!(Envelope::<String>::decode(&bytes).unwrap(), sent);
    }

    #[test]
    fn another_schema_is_refused_by_number() {
        let bytes = envelope(SCHEMA + 1).encode().unwrap();
        assert!(
            matches!(Envelope::<String>::decode(&bytes), Err(DecodeError::Schema { found }) if found == SCHEMA + 1)
        );
    }

    #[test]
    fn noise_is_an_error() {
        assert!(matches!(Envelope::<String>::decode(b"\xc1garbage"), Err(DecodeError::Malformed(_))));
        assert!(matches!(Envelope::<String>::decode(b""), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn a_named_job_has_one_id() {
        assert_eq!(JobId::from_parts(&["session", "key"]), JobId::from_parts(&["session", "key"]));
        assert_ne!(JobId::from_parts(&["session", "key"]), JobId::from_parts(&["session-k", "ey"]));
        assert_eq!(uuid::Uuid::parse_str(JobId::from_parts(&["a"]).as_str()).unwrap().get_version_num(), 8);
    }

    #[test]
    fn a_job_id_is_safe_in_a_subject() {
        assert!("a.b.>".parse::<JobId>().is_err());
        assert!("".parse::<JobId>().is_err());
        assert!(JobId::new().as_str().chars().all(|c| c.is_ascii_hexdigit() || c == '-'));
    }
}
