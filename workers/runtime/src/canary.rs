//! Canaries: a process of a stage with another setting, index, model or release, which serves a share of the sessions
//! beside the stage's own workers until it turns out worse.
//!
//! The stage's workers keep every message and every acknowledgement. For a session of the share they send the job to the
//! canary over plain NATS and publish its result; where it fails or dies, they do the work themselves. They count both arms
//! and exchange their counts. The first worker that finds the canary significantly worse makes all of them stop using it.
//! So a canary can cost a visitor time, but no answer.

mod admin;
mod evidence;
mod registry;
mod session_share;
mod tracked;

use hoidap_shared::{
    digest::digest,
    fleet::CanaryRegression,
    stage::{NextStep, StageStatus},
};
use serde::{Deserialize, Serialize};

use self::evidence::CanaryEvidence;
pub(crate) use self::registry::{ANNOUNCE_INTERVAL, CanaryRegistry, Route, encode};
pub use self::{
    admin::{collect_reports, forget},
    session_share::SessionShare,
};

/// The options with which an operator starts a canary.
#[derive(Clone, Debug)]
pub struct CanaryOptions {
    /// The share of sessions that it serves.
    pub share: SessionShare,
    /// The settings of the command line.
    pub changes: Vec<String>,
}

/// What identifies a canary. Started again unchanged it is the same one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CanarySpec {
    /// Derived from the version, the release and the changes. Part of its subject.
    pub(crate) id: String,
    /// The stage's version: settings, indices, models, prompts.
    pub(crate) version: String,
    /// Hoidap's release.
    pub(crate) release: String,
    /// The settings of the command line.
    pub(crate) changes: Vec<String>,
    /// The share of sessions that it serves.
    pub(crate) share: SessionShare,
}

impl CanarySpec {
    /// The spec of a canary whose stage has this status.
    pub(crate) fn new(status: StageStatus, options: CanaryOptions) -> Self {
        let release = env!("CARGO_PKG_VERSION").to_string();
        let id = digest(&[&status.version, &release, &options.changes.join("\0")]);
        Self { id, version: status.version, release, changes: options.changes, share: options.share }
    }
}

/// A message between a stage's workers and its canaries.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "word", rename_all = "snake_case")]
pub(crate) enum CanaryMessage {
    /// A canary announces itself.
    Here {
        /// The canary.
        #[serde(rename = "nature")]
        spec: CanarySpec,
    },
    /// A canary stops.
    Gone {
        /// Its id.
        id: String,
    },
    /// What one worker has counted of a canary.
    Counted {
        /// The worker's process.
        instance: String,
        /// The canary.
        #[serde(rename = "nature")]
        spec: CanarySpec,
        /// When it first announced itself, in milliseconds since the Unix epoch.
        since_ms: u64,
        /// Milliseconds since its last announcement.
        silent_ms: u64,
        /// The counts of both arms.
        evidence: CanaryEvidence,
        /// Why the canary no longer serves anybody.
        stepped_back: Option<CanaryRegression>,
    },
    /// An operator has the stage's canaries forgotten.
    Forget,
}

/// The reply of a canary to a worker that sent it a job.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
// One reply exists at a time, so its size does not matter.
#[allow(clippy::large_enum_variant)]
pub(crate) enum CanaryReply<Out> {
    /// A sign of life: the canary works on the job.
    Working,
    /// The job is processed.
    Done {
        /// The result.
        #[serde(rename = "made")]
        next: NextStep<Out>,
        /// Milliseconds from the job's arrival to its end.
        took_ms: f64,
        /// The names of the canary's unhealthy components.
        #[serde(rename = "unwell")]
        unhealthy: Vec<String>,
        /// The canary's version when it began.
        #[serde(default)]
        version: Option<String>,
    },
    /// The stage failed.
    Failed {
        /// What went wrong.
        reason: String,
    },
}

/// The names of a stage's unhealthy components.
pub(crate) fn unhealthy_components(status: StageStatus) -> Vec<String> {
    let unhealthy = status.components.into_iter().filter(|component| !component.healthy);
    unhealthy.map(|component| component.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_keeps_its_id_when_started_unchanged() {
        let status = |version: &str| StageStatus { version: version.into(), components: vec![] };
        let options = |share: &str, changes: &[&str]| CanaryOptions {
            share: share.parse().unwrap(),
            changes: changes.iter().map(ToString::to_string).collect(),
        };
        let id =
            |version, share, changes: &[&str]| CanarySpec::new(status(version), options(share, changes)).id;
        assert_eq!(id("v1", "5%", &["a=1"]), id("v1", "10%", &["a=1"]));
        assert_ne!(id("v1", "5%", &["a=1"]), id("v1", "5%", &["a=2"]));
        assert_ne!(id("v1", "5%", &[]), id("v2", "5%", &[]));
    }
}
