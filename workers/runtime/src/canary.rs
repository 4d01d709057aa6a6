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
mod tracked;

use std::{fmt, str::FromStr};

use hoidap_shared::{
    digest::digest,
    fleet::{CanaryRegression, CanaryReport},
    stage::{NextStep, StageStatus},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use self::admin::{collect_reports, forget};
use self::evidence::CanaryEvidence;
pub(crate) use self::registry::{ANNOUNCE_INTERVAL, CanaryRegistry, Route, encode};

/// Greatest share, in percent: the rest is what the canary is compared with.
const MAX_SHARE_PERCENT: f64 = 50.0;

/// The share of sessions that a canary serves: `5%`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionShare(f64);

impl FromStr for SessionShare {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        match percent {
            Some(percent) if percent > 0.0 && percent <= MAX_SHARE_PERCENT => Ok(Self(percent / 100.0)),
            _ => Err(format!(
                "`{text}` is no share of sessions: write one above 0 % and up to {MAX_SHARE_PERCENT} %, such as 5%"
            )),
        }
    }
}

impl fmt::Display for SessionShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded, so that 7 % is not shown as 7.000000000000001.
        write!(f, "{}%", (self.0 * 1e8).round() / 1e6)
    }
}

impl SessionShare {
    /// The share in a canary's report.
    pub fn of_report(report: &CanaryReport) -> Self {
        Self(report.share)
    }

    /// Whether a session belongs to the share. A session of a share belongs to every greater share as well.
    pub fn holds(self, session: &str) -> bool {
        let digest = Sha256::digest(session.as_bytes());
        let point = digest.iter().take(8).fold(0_u64, |point, byte| (point << 8) | u64::from(*byte));
        (point as f64) < self.0 * u64::MAX as f64
    }
}

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
    fn a_share_is_parsed_and_shown() {
        for (text, shown) in [("5%", "5%"), ("0.5%", "0.5%"), ("7 %", "7%"), ("50%", "50%")] {
            assert_eq!(text.parse::<SessionShare>().unwrap().to_string(), shown);
        }
        for wrong in ["5", "0%", "-1%", "51%", "nan%", "inf%", "%", ""] {
            assert!(wrong.parse::<SessionShare>().unwrap_err().contains("such as 5%"), "{wrong}");
        }
    }

    #[test]
    fn a_share_holds_its_part_of_the_sessions_and_keeps_them_as_it_grows() {
        let (few, more): (SessionShare, SessionShare) = ("5%".parse().unwrap(), "20%".parse().unwrap());
        let sessions: Vec<String> = (0..20_000).map(|n| format!("session-{n}")).collect();
        let held = |share: SessionShare| sessions.iter().filter(|session| share.holds(session)).count();
        // Five standard deviations of a binomial: 154 and 283.
        assert!(held(few).abs_diff(1_000) < 154, "{}", held(few));
        assert!(held(more).abs_diff(4_000) < 283, "{}", held(more));
        assert!(sessions.iter().all(|session| !few.holds(session) || more.holds(session)));
    }

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
