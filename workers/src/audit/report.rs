use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    degree::Degree,
    run::Audited,
    simulated::Simulated,
    tally::{Example, Saved, Tally},
};
use crate::replay::Estimate;

/// What an audit found. `docs/cache-audit.md` says what each figure means.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) recording: String,
    release: &'static str,
    /// Finished jobs that were looked up.
    pub(super) jobs: u64,
    /// Jobs whose beginning or end is not in the recording.
    pub(super) incomplete: u64,
    /// Jobs that failed or were stopped: a hit on one of them is right or false to nobody's knowledge.
    pub(super) unknown: u64,
    pub(super) first_time: Option<Timestamp>,
    pub(super) last_time: Option<Timestamp>,
    /// Questions whose embedding was not recorded and was made now; absent where nothing was compared by meaning.
    pub(super) embedded: Option<u64>,
    /// Questions without an embedding, which no semantic policy looks up.
    pub(super) without_embedding: Option<u64>,
    pub(super) policies: Vec<Figures>,
    /// What ended the recording before its end.
    fault: Option<String>,
}

/// What a policy did.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
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
    pub(super) saved: Saved,
    pub(super) most_entries: usize,
    pub(super) examples: Vec<Example>,
}

impl Report {
    pub(super) fn of(recording: &str, audited: &Audited) -> Self {
        let Audited { caches, heard, embedded, fault } = audited;
        Self {
            recording: recording.into(),
            release: env!("CARGO_PKG_VERSION"),
            jobs: heard.jobs,
            incomplete: heard.incomplete,
            unknown: heard.unknown,
            first_time: heard.first,
            last_time: heard.last,
            embedded: embedded.map(|(made, _)| made),
            without_embedding: embedded.map(|(_, missing)| missing),
            policies: caches.each.iter().map(|(cache, tally)| Figures::of(cache, tally)).collect(),
            fault: fault.as_ref().map(ToString::to_string),
        }
    }

    /// What is to be said of the policies of whose hits a larger share than `most` is false, or cannot be told.
    pub(super) fn above(&self, most: f64) -> Vec<String> {
        let said = |figures: &Figures| match figures.wrong {
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

impl Figures {
    fn of(cache: &Simulated, tally: &Tally) -> Self {
        Self {
            policy: cache.policy.to_string(),
            ttl_secs: cache.ttl().as_secs(),
            entries: cache.policy.entries.get(),
            lookups: tally.lookups,
            not_asked: tally.not_asked,
            hits: tally.hits,
            hit_rate: tally.hits as f64 / tally.lookups.max(1) as f64,
            degrees: Degree::ALL.into_iter().map(|degree| (degree.name(), tally.of(degree))).collect(),
            wrong: tally.share(Degree::is_false),
            doubtful: tally.share(Degree::is_doubtful),
            saved: tally.saved.clone(),
            most_entries: cache.most,
            examples: tally.examples.clone(),
        }
    }
}
