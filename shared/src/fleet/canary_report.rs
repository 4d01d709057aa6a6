use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a canary does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CanaryState {
    /// It serves its share.
    Serving,
    /// It no longer announces itself: the stage's own workers serve everybody.
    Away,
    /// It was worse: the stage's own workers serve everybody.
    SteppedBack,
}

impl CanaryState {
    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Away => "away",
            Self::SteppedBack => "stepped_back",
        }
    }
}

/// A canary of a stage, as the stage's workers count it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Canary")]
pub struct CanaryReport {
    /// The canary: the same when it is started again unchanged.
    pub id: String,
    /// Its version: settings, indices, models, prompts.
    pub version: String,
    /// Its release of Hoidap.
    pub release: String,
    /// What its command line set.
    pub changes: Vec<String>,
    /// The share of sessions it serves, 0 to 1.
    pub share: f64,
    /// What it does now.
    pub state: CanaryState,
    /// Why it stepped back.
    pub reason: Option<CanaryRegression>,
    /// When it first announced itself, in milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// Jobs of its sessions.
    pub served: ArmSummary,
    /// Jobs of all other sessions in the same time.
    pub stable: ArmSummary,
}

impl CanaryReport {
    /// Jobs of both arms.
    pub fn counted(&self) -> u64 {
        self.served.jobs.saturating_add(self.stable.jobs)
    }
}

/// The measure on which a canary is worse than its stage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Worse")]
pub struct CanaryRegression {
    /// The jobs counted took longer than this many milliseconds; `None` where they failed.
    pub over_ms: Option<f64>,
    /// Such jobs of the canary.
    pub canary: Fraction,
    /// Such jobs of the stage.
    pub stable: Fraction,
}

/// A count out of a total.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Part")]
pub struct Fraction {
    /// Those that are meant.
    pub count: u64,
    /// All of them.
    pub of: u64,
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.count, self.of)
    }
}

impl fmt::Display for CanaryRegression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} jobs ", self.canary)?;
        match self.over_ms {
            None => f.write_str("failed")?,
            Some(ms) => write!(f, "took more than {ms:.0} ms")?,
        }
        write!(f, ", against {} of the stage's own", self.stable)
    }
}

/// The outcomes of the jobs of one side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Side")]
pub struct ArmSummary {
    /// Jobs that came to an end.
    pub jobs: u64,
    /// Those that failed.
    pub errors: u64,
    /// The time that half of the others took at most, in milliseconds, rounded up by at most 26 %.
    pub median_ms: Option<f64>,
    /// The time that 95 of 100 took at most, likewise.
    pub p95_ms: Option<f64>,
}
