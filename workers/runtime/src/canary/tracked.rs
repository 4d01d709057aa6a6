//! A canary as one worker knows it.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use hoidap_shared::fleet::{ArmSummary, CanaryRegression, CanaryReport, CanaryState};
use tokio::time::Instant;
use tracing::{info, warn};

use super::{
    CanarySpec, SessionShare,
    evidence::{ArmCounts, CanaryEvidence},
};

/// A canary that has been silent for this long gets no jobs.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(3);
/// A canary that has been silent for this long is forgotten, and with it that it stepped back.
pub(super) const FORGET_AFTER: Duration = Duration::from_hours(1);
/// Most canaries, and most workers of each, that are tracked: their messages come over the network.
pub(super) const MAX_TRACKED: usize = 64;

/// A change that a worker noticed.
#[derive(Debug)]
pub(super) enum CanaryChange {
    Serves(String, SessionShare),
    Ends(String),
    SteppedBack(String, CanaryRegression),
}

impl CanaryChange {
    pub(super) fn log(self, stage: &str) {
        match self {
            Self::Serves(canary, share) => info!(stage, canary, %share, "a canary serves its share"),
            Self::Ends(canary) => info!(stage, canary, "a canary stops"),
            Self::SteppedBack(canary, reason) => {
                metrics::counter!("hoidap_canaries_stepped_back_total", "stage" => stage.to_string())
                    .increment(1);
                warn!(stage, canary, %reason, "the canary is worse and no longer serves anybody");
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct TrackedCanary {
    pub(super) spec: CanarySpec,
    pub(super) since_ms: u64,
    /// The last announcement of the canary; `None` once it said that it stops, or did not receive a job.
    pub(super) last_announced: Option<Instant>,
    pub(super) last_seen: Instant,
    pub(super) own_counts: CanaryEvidence,
    pub(super) other_counts: HashMap<String, CanaryEvidence>,
    pub(super) stepped_back: Option<CanaryRegression>,
}

impl TrackedCanary {
    /// The sum of what all processes counted.
    pub(super) fn evidence(&self) -> CanaryEvidence {
        let mut all = self.own_counts.clone();
        self.other_counts.values().for_each(|other| all.add(other));
        all
    }

    pub(super) fn state(&self) -> CanaryState {
        match self.last_announced {
            _ if self.stepped_back.is_some() => CanaryState::SteppedBack,
            Some(last_announced) if last_announced.elapsed() < SILENCE_TIMEOUT => CanaryState::Serving,
            _ => CanaryState::Away,
        }
    }

    pub(super) fn step_back(&mut self, regression: CanaryRegression) -> Option<CanaryChange> {
        let first = self.stepped_back.is_none();
        self.stepped_back.get_or_insert(regression);
        first.then(|| CanaryChange::SteppedBack(self.spec.id.clone(), regression))
    }

    pub(super) fn report(&self) -> CanaryReport {
        let all = self.evidence();
        let summary = |arm: &ArmCounts| ArmSummary {
            jobs: arm.jobs,
            errors: arm.errors,
            median_ms: arm.quantile(0.5),
            p95_ms: arm.quantile(0.95),
        };
        let CanarySpec { id, version, release, changes, share } = self.spec.clone();
        CanaryReport {
            id,
            version,
            release,
            changes,
            share: share.0,
            state: self.state(),
            reason: self.stepped_back,
            since_ms: self.since_ms,
            served: summary(&all.canary),
            stable: summary(&all.stable),
        }
    }
}

/// The entry of a canary, inserted where there was none. `None` when too many are tracked, or the canary has been silent
/// for too long.
pub(super) fn find_or_insert<'a>(
    known: &'a mut BTreeMap<String, TrackedCanary>,
    spec: &CanarySpec,
    since_ms: u64,
    silent: Duration,
) -> Option<&'a mut TrackedCanary> {
    if !known.contains_key(&spec.id) {
        if known.len() >= MAX_TRACKED || silent >= FORGET_AFTER {
            return None;
        }
        let entry = TrackedCanary {
            spec: spec.clone(),
            since_ms,
            last_announced: None,
            last_seen: Instant::now().checked_sub(silent)?,
            own_counts: CanaryEvidence::default(),
            other_counts: HashMap::new(),
            stepped_back: None,
        };
        known.insert(spec.id.clone(), entry);
    }
    known.get_mut(&spec.id)
}
