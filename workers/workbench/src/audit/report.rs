use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    hit_quality::HitQuality,
    run::AuditResult,
    simulated_cache::SimulatedCache,
    tally::{CacheTally, FalseHit, SavedWork},
};
use crate::replay::Estimate;

/// The report of an audit. `docs/cache-audit.md` explains each figure.
#[derive(Debug, Serialize)]
pub(super) struct AuditReport {
    pub(super) recording: String,
    release: &'static str,
    /// Finished jobs that were looked up.
    pub(super) jobs: u64,
    /// Jobs whose beginning or end is not in the recording.
    pub(super) incomplete: u64,
    /// Jobs that failed or were stopped: a hit on one of them cannot be judged.
    pub(super) unknown: u64,
    pub(super) first_time: Option<Timestamp>,
    pub(super) last_time: Option<Timestamp>,
    /// Questions embedded now because no embedding was recorded; absent if no policy compares embeddings.
    pub(super) embedded: Option<u64>,
    /// Questions without an embedding, which no semantic policy looks up.
    pub(super) without_embedding: Option<u64>,
    pub(super) policies: Vec<PolicyFigures>,
    /// The error that ended the recording early.
    fault: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct PolicyFigures {
    pub(super) policy: String,
    pub(super) ttl_secs: u64,
    entries: usize,
    pub(super) lookups: u64,
    not_asked: u64,
    pub(super) hits: u64,
    pub(super) hit_rate: f64,
    pub(super) degrees: BTreeMap<&'static str, u64>,
    #[serde(rename = "false")]
    pub(super) wrong: Option<Estimate>,
    pub(super) doubtful: Option<Estimate>,
    pub(super) saved: SavedWork,
    pub(super) most_entries: usize,
    pub(super) examples: Vec<FalseHit>,
}

impl AuditReport {
    pub(super) fn of(recording: &str, audited: &AuditResult) -> Self {
        let AuditResult { caches, counts, embeddings, fault } = audited;
        Self {
            recording: recording.into(),
            release: env!("CARGO_PKG_VERSION"),
            jobs: counts.jobs,
            incomplete: counts.incomplete,
            unknown: counts.unknown,
            first_time: counts.first,
            last_time: counts.last,
            embedded: embeddings.map(|embeddings| embeddings.computed),
            without_embedding: embeddings.map(|embeddings| embeddings.missing),
            policies: caches.caches.iter().map(|(cache, tally)| PolicyFigures::of(cache, tally)).collect(),
            fault: fault.as_ref().map(ToString::to_string),
        }
    }

    /// A sentence for each policy whose share of false hits exceeds `most` or cannot be measured.
    pub(super) fn exceeding(&self, most: f64) -> Vec<String> {
        let said = |figures: &PolicyFigures| match figures.wrong {
            None => Some(format!("`{}` has no hit to judge", figures.policy)),
            Some(wrong) if wrong.mean > most => Some(format!(
                "{:.4} of the {} hits of `{}` are false, more than {most}",
                wrong.mean, wrong.of, figures.policy
            )),
            Some(_) => None,
        };
        self.policies.iter().filter_map(said).collect()
    }
}

impl PolicyFigures {
    fn of(cache: &SimulatedCache, tally: &CacheTally) -> Self {
        Self {
            policy: cache.policy.to_string(),
            ttl_secs: cache.ttl().as_secs(),
            entries: cache.policy.entries.get(),
            lookups: tally.lookups,
            not_asked: tally.not_asked,
            hits: tally.hits,
            hit_rate: tally.hits as f64 / tally.lookups.max(1) as f64,
            degrees: HitQuality::ALL.into_iter().map(|degree| (degree.name(), tally.of(degree))).collect(),
            wrong: tally.share(HitQuality::is_false),
            doubtful: tally.share(HitQuality::is_doubtful),
            saved: tally.saved.clone(),
            most_entries: cache.max_entries_used,
            examples: tally.examples.clone(),
        }
    }
}
