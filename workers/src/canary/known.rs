//! What one worker knows of one canary.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use hoidap_shared::fleet::{Canary, CanaryState, Side, Worse};
use tokio::time::Instant;
use tracing::{info, warn};

use super::{
    Nature, Share,
    evidence::{Arm, Evidence},
};

/// A canary that was silent for so long gets no jobs.
const SILENT: Duration = Duration::from_secs(3);
/// A canary that was silent for so long is forgotten, and that it stepped back as well.
pub(super) const FORGOTTEN: Duration = Duration::from_hours(1);
/// Most canaries and most workers that are remembered: their words come over the network.
pub(super) const MOST: usize = 64;

/// What a worker learned of a canary.
#[derive(Debug)]
pub(super) enum News {
    Serves(String, Share),
    Ends(String),
    Worse(String, Worse),
}

impl News {
    pub(super) fn log(self, stage: &str) {
        match self {
            Self::Serves(canary, share) => info!(stage, canary, %share, "a canary serves its share"),
            Self::Ends(canary) => info!(stage, canary, "a canary ends"),
            Self::Worse(canary, reason) => {
                metrics::counter!("hoidap_canaries_stepped_back_total", "stage" => stage.to_string())
                    .increment(1);
                warn!(stage, canary, %reason, "the canary is worse and serves nobody any more");
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct Known {
    pub(super) nature: Nature,
    pub(super) since_ms: u64,
    /// The last word of the canary; `None` once it said that it ends, or was found away.
    pub(super) heard: Option<Instant>,
    pub(super) last: Instant,
    pub(super) own: Evidence,
    pub(super) others: HashMap<String, Evidence>,
    pub(super) stepped_back: Option<Worse>,
}

impl Known {
    /// What all processes counted.
    pub(super) fn evidence(&self) -> Evidence {
        let mut all = self.own.clone();
        self.others.values().for_each(|other| all.add(other));
        all
    }

    pub(super) fn state(&self) -> CanaryState {
        match self.heard {
            _ if self.stepped_back.is_some() => CanaryState::SteppedBack,
            Some(heard) if heard.elapsed() < SILENT => CanaryState::Serving,
            _ => CanaryState::Away,
        }
    }

    pub(super) fn step_back(&mut self, worse: Worse) -> Option<News> {
        let first = self.stepped_back.is_none();
        self.stepped_back.get_or_insert(worse);
        first.then(|| News::Worse(self.nature.id.clone(), worse))
    }

    pub(super) fn told(&self) -> Canary {
        let all = self.evidence();
        let side = |arm: &Arm| Side {
            jobs: arm.jobs,
            errors: arm.errors,
            median_ms: arm.quantile(0.5),
            p95_ms: arm.quantile(0.95),
        };
        let Nature { id, version, release, changes, share } = self.nature.clone();
        Canary {
            id,
            version,
            release,
            changes,
            share: share.0,
            state: self.state(),
            reason: self.stepped_back,
            since_ms: self.since_ms,
            served: side(&all.canary),
            stable: side(&all.stable),
        }
    }
}

/// The entry of a canary, new where there was none. `None` when too many are known, or it was silent for too long.
pub(super) fn known_of<'a>(
    known: &'a mut BTreeMap<String, Known>,
    nature: &Nature,
    since_ms: u64,
    silent: Duration,
) -> Option<&'a mut Known> {
    if !known.contains_key(&nature.id) {
        if known.len() >= MOST || silent >= FORGOTTEN {
            return None;
        }
        let entry = Known {
            nature: nature.clone(),
            since_ms,
            heard: None,
            last: Instant::now().checked_sub(silent)?,
            own: Evidence::default(),
            others: HashMap::new(),
            stepped_back: None,
        };
        known.insert(nature.id.clone(), entry);
    }
    known.get_mut(&nature.id)
}
