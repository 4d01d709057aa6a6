//! Who asked what: stored beside the answer, so that any gateway knows whose job it is, and a request that is sent twice
//! is one job.

use hoidap_shared::job::{JobId, Question};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{identity::client::hex, storage::cache::CachedAnswer};

/// What is stored of a request.
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
    /// Whether what happens on the way is told.
    pub stream: bool,
    /// Whether the gateway keeps the session's conversation.
    pub remembered: bool,
    /// The answer, when it came from the cache and there is no job.
    pub kept: Option<Box<CachedAnswer>>,
    /// The key under which the cache keeps it; a release before this one did not tell.
    #[serde(default)]
    pub kept_under: Option<String>,
}

/// SHA-256 of a question as it was sent, in hexadecimal. What the gateway adds does not count.
pub fn question_digest(question: &Question) -> String {
    let sent = Question { client: String::new(), ..question.clone() };
    // Text and lists of text always have a form in JSON.
    hex(&Sha256::digest(serde_json::to_vec(&sent).unwrap_or_default()))
}
