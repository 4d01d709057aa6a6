//! The record of a job: its session and its question's digest, stored beside the answer. By it any gateway knows whose job
//! it is, and a request that is sent twice becomes one job.

use hoidap_shared::job::{JobId, Question};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{identity::client::hex, storage::cache::CachedAnswer};

/// The record of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobRecord {
    /// The job.
    pub job_id: JobId,
    /// The session that asked, the only one that may read, stop or rate the job.
    pub session_id: String,
    /// SHA-256 of the question, in hexadecimal.
    pub digest: String,
    /// When it was asked, in milliseconds since the Unix epoch.
    pub asked_ms: u64,
    /// The job's deadline, likewise.
    pub deadline_ms: u64,
    /// Whether the job's progress is published.
    pub stream: bool,
    /// Whether the gateway keeps the session's conversation.
    pub remembered: bool,
    /// The answer, when it came from the cache and there is no job.
    #[serde(rename = "kept")]
    pub cached_answer: Option<Box<CachedAnswer>>,
    /// The cached answer's key; absent in records of older releases.
    #[serde(default, rename = "kept_under")]
    pub cache_key: Option<String>,
}

/// SHA-256 of a question as it was sent, in hexadecimal, without the fields that the gateway adds.
pub fn question_digest(question: &Question) -> String {
    let sent = Question { client: String::new(), ..question.clone() };
    // Texts and lists of texts always serialize to JSON.
    hex(&Sha256::digest(serde_json::to_vec(&sent).unwrap_or_default()))
}
