//! Canaries: a process of a stage with another setting, index, model or release, which serves a share of the sessions
//! beside the stage's own workers until it turns out worse.
//!
//! The stage's workers keep every message and every acknowledgement. For a session of the share they hand the job to the
//! canary over plain NATS and publish what it gives back; where it fails, or dies, they do the work themselves. They also
//! count both sides and tell each other, and the first that finds the canary worse beyond chance makes all of them leave
//! it. So a canary can cost a visitor time, but no answer.

mod board;
mod command;
mod evidence;
mod known;

use std::{fmt, str::FromStr};

use hoidap_shared::{
    fleet::Worse,
    stage::{Next, StageStatus},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub(crate) use self::board::{Board, Place, TELL, encoded};
pub use self::command::Command;
use self::evidence::Evidence;
use crate::collections::digest;

/// Greatest share, in percent: there must be something to compare with.
const MOST: f64 = 50.0;

/// The share of sessions that a canary serves: `5%`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Share(f64);

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        match percent {
            Some(percent) if percent > 0.0 && percent <= MOST => Ok(Self(percent / 100.0)),
            _ => Err(format!(
                "`{text}` is no share of sessions: write one above 0 % and up to {MOST} %, such as 5%"
            )),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded, so that 7 % is not told as 7.000000000000001.
        write!(f, "{}%", (self.0 * 1e8).round() / 1e6)
    }
}

impl Share {
    /// Whether a session belongs to the share: always the same ones, and to every greater share as well.
    pub fn holds(self, session: &str) -> bool {
        let digest = Sha256::digest(session.as_bytes());
        let place = digest.iter().take(8).fold(0_u64, |place, byte| (place << 8) | u64::from(*byte));
        (place as f64) < self.0 * u64::MAX as f64
    }
}

/// What an operator asks of a canary.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The sessions it shall serve.
    pub share: Share,
    /// What the command line set.
    pub changes: Vec<String>,
}

/// What a canary is. Started again unchanged it is the same one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Nature {
    /// Made of the version, the release and the changes: a token of its subject.
    pub(crate) id: String,
    /// The stage's version: settings, indices, models, prompts.
    pub(crate) version: String,
    /// Hoidap's release.
    pub(crate) release: String,
    /// What the command line set.
    pub(crate) changes: Vec<String>,
    /// The sessions it serves.
    pub(crate) share: Share,
}

impl Nature {
    /// What a canary with this offer is.
    pub(crate) fn of(status: StageStatus, offer: Offer) -> Self {
        let release = env!("CARGO_PKG_VERSION").to_string();
        let id = digest(&[&status.version, &release, &offer.changes.join("\0")]);
        Self { id, version: status.version, release, changes: offer.changes, share: offer.share }
    }
}

/// What a stage's workers and its canaries tell each other.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "word", rename_all = "snake_case")]
pub(crate) enum Word {
    /// A canary is there.
    Here {
        /// What it is.
        nature: Nature,
    },
    /// A canary ends.
    Gone {
        /// Its id.
        id: String,
    },
    /// What one worker has counted of a canary so far.
    Counted {
        /// The worker's process.
        instance: String,
        /// The canary.
        nature: Nature,
        /// When it was first heard of, in milliseconds since the Unix epoch.
        since_ms: u64,
        /// Milliseconds since it was last heard of.
        silent_ms: u64,
        /// Both sides.
        evidence: Evidence,
        /// Why the canary serves nobody any more.
        stepped_back: Option<Worse>,
    },
    /// An operator wants what is known of the stage's canaries forgotten.
    Forget,
}

/// What a canary says to a worker that handed it a job.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
// One reply is made and read at a time, so its size does not matter.
#[allow(clippy::large_enum_variant)]
pub(crate) enum Reply<Out> {
    /// It has the job, and is at work.
    Working,
    /// It is done.
    Done {
        /// What it made.
        made: Next<Out>,
        /// Milliseconds from the job's coming to its end.
        took_ms: f64,
        /// The canary's components that are not well, by name.
        unwell: Vec<String>,
    },
    /// The stage failed.
    Failed {
        /// What went wrong.
        reason: String,
    },
}

/// The components of a stage that are not well, by name.
pub(crate) fn unwell(status: StageStatus) -> Vec<String> {
    let unwell = status.components.into_iter().filter(|component| !component.healthy);
    unwell.map(|component| component.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_read_and_told() {
        for (text, told) in [("5%", "5%"), ("0.5%", "0.5%"), ("7 %", "7%"), ("50%", "50%")] {
            assert_eq!(text.parse::<Share>().unwrap().to_string(), told);
        }
        for wrong in ["5", "0%", "-1%", "51%", "nan%", "inf%", "%", ""] {
            assert!(wrong.parse::<Share>().unwrap_err().contains("such as 5%"), "{wrong}");
        }
    }

    #[test]
    fn a_share_holds_its_part_of_the_sessions_and_keeps_them_as_it_grows() {
        let (few, more): (Share, Share) = ("5%".parse().unwrap(), "20%".parse().unwrap());
        let sessions: Vec<String> = (0..20_000).map(|n| format!("session-{n}")).collect();
        let held = |share: Share| sessions.iter().filter(|session| share.holds(session)).count();
        // Five standard deviations of a binomial: 154 and 283.
        assert!(held(few).abs_diff(1_000) < 154, "{}", held(few));
        assert!(held(more).abs_diff(4_000) < 283, "{}", held(more));
        assert!(sessions.iter().all(|session| !few.holds(session) || more.holds(session)));
    }

    #[test]
    fn a_canary_is_known_again_by_what_it_is() {
        let status = |version: &str| StageStatus { version: version.into(), components: vec![] };
        let offer = |share: &str, changes: &[&str]| Offer {
            share: share.parse().unwrap(),
            changes: changes.iter().map(ToString::to_string).collect(),
        };
        let id = |version, share, changes: &[&str]| Nature::of(status(version), offer(share, changes)).id;
        assert_eq!(id("v1", "5%", &["a=1"]), id("v1", "10%", &["a=1"]));
        assert_ne!(id("v1", "5%", &["a=1"]), id("v1", "5%", &["a=2"]));
        assert_ne!(id("v1", "5%", &[]), id("v2", "5%", &[]));
    }
}
