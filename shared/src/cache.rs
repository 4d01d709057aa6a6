//! The rules of the answer cache: under which key an answer is kept, for how long, and which keys are looked up. The gateway
//! keeps answers by them, and the audit of recorded traffic asks what keeping them would have done.

use std::{collections::BTreeMap, time::Duration};

use sha2::{Digest as _, Sha256};

use crate::{
    job::{Answer, Question},
    stage::STAGES,
};

/// The form of kept answers: part of their keys, so that another form is never read.
pub const FORM: u8 = 1;
/// How long an answer is kept at most that was made while a provider failed.
const MAKESHIFT_TTL: Duration = Duration::from_secs(60);

/// SHA-256 over everything an answer depends on, as JSON: a list whose parts cannot run into each other. In hexadecimal.
pub fn key(question: &Question, versions: &BTreeMap<&str, &str>, support: &str) -> String {
    let page = &question.context;
    let parts = (
        FORM,
        &question.message,
        (&page.url, &page.title, &page.product, &page.section, &page.content_preview),
        &question.history,
        versions,
        support,
    );
    // Text and maps of text always have a form in JSON.
    let text = serde_json::to_vec(&parts).unwrap_or_default();
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The versions under which a fleet at these versions may have kept an answer: one may come from any stage, and then
/// depends on no later one.
pub fn passed(fleet: &BTreeMap<String, String>) -> Vec<BTreeMap<&str, &str>> {
    let versions = |stages: &[&'static str]| {
        stages.iter().map(|stage| Some((*stage, fleet.get(*stage)?.as_str()))).collect()
    };
    (1..=STAGES.len()).filter_map(|passed| versions(&STAGES[..passed])).collect()
}

/// How long an answer is kept where answers are kept for `ttl`; none when no other visitor may get it.
pub fn lifetime(answer: &Answer, ttl: Duration) -> Option<Duration> {
    if ttl.is_zero() || !answer.outcome.cacheable() || answer.versions.is_empty() {
        return None;
    }
    let makeshift = answer.attempts.iter().any(|attempt| attempt.error.is_some());
    Some(if makeshift { ttl.min(MAKESHIFT_TTL) } else { ttl })
}
