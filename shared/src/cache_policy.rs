//! The rules of the answer cache: the key of an answer, its lifetime, and the keys to look up. The gateway caches answers by
//! these rules, and the audit of recorded traffic simulates them.

use std::{collections::BTreeMap, time::Duration};

use sha2::{Digest as _, Sha256};

use crate::{
    job::{Answer, Question},
    stage::STAGES,
};

/// The format of cached answers. It is part of their keys, so that another format is never read.
pub const ENTRY_FORMAT: u8 = 1;
/// Longest lifetime of an answer that was generated while a provider failed.
const DEGRADED_TTL: Duration = Duration::from_secs(60);

/// The cache key: SHA-256, in hexadecimal, of a JSON list of everything that an answer depends on.
pub fn key(question: &Question, versions: &BTreeMap<&str, &str>, support: &str) -> String {
    let page = &question.context;
    let parts = (
        ENTRY_FORMAT,
        &question.message,
        (&page.url, &page.title, &page.product, &page.section, &page.content_preview),
        &question.history,
        versions,
        support,
    );
    // Text and maps of text can always be encoded.
    let text = serde_json::to_vec(&parts).unwrap_or_default();
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The sets of versions under which a fleet with these versions may have cached an answer. An answer may come from any
/// stage, and then depends on no later one: so each is a prefix of the stages. A stage that `fleet` lacks is left out: a
/// recording of an earlier release has not all of them.
pub fn version_prefixes(fleet: &BTreeMap<String, String>) -> Vec<BTreeMap<&str, &str>> {
    let known: Vec<(&str, &str)> =
        STAGES.iter().filter_map(|stage| Some((*stage, fleet.get(*stage)?.as_str()))).collect();
    (1..=known.len()).map(|length| known[..length].iter().copied().collect()).collect()
}

/// The lifetime of an answer where the configured lifetime is `ttl`; `None` when it may not be cached.
pub fn lifetime(answer: &Answer, ttl: Duration) -> Option<Duration> {
    if ttl.is_zero() || !answer.outcome.cacheable() || answer.versions.is_empty() {
        return None;
    }
    let degraded = answer.attempts.iter().any(|attempt| attempt.error.is_some());
    Some(if degraded { ttl.min(DEGRADED_TTL) } else { ttl })
}
