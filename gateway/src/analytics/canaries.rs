//! The canaries of all stages, as the fleet reports them.

use hoidap_shared::fleet::{ArmSummary, CanaryRegression, CanaryReport, Fleet, Fraction};
use serde::Serialize;
use utoipa::ToSchema;

use super::filter::rfc3339;
use hoidap_shared::stage::STAGES;

/// A canary: a process that serves a share of the sessions beside a stage.
#[derive(Debug, Serialize, ToSchema)]
pub struct CanaryFigures {
    /// The stage.
    pub stage: String,
    /// Its id: the same when it is started again unchanged.
    pub id: String,
    /// The share of sessions it serves, 0 to 1.
    pub share: f64,
    /// `serving`, `away` or `stepped_back`.
    pub state: &'static str,
    /// In what it was worse, where it stepped back.
    pub reason: Option<CanaryReason>,
    /// When it first announced itself.
    #[schema(format = "date-time")]
    pub since: String,
    /// What its command line set.
    pub changes: Vec<String>,
    /// Its version: settings, indices, models, prompts.
    pub version: String,
    /// Its release of Hoidap.
    pub release: String,
    /// Jobs of its sessions.
    pub canary: CanarySide,
    /// Jobs of all other sessions in the same time.
    pub stable: CanarySide,
}

/// The measure on which a canary is worse than its stage.
#[derive(Debug, Serialize, ToSchema)]
pub struct CanaryReason {
    /// The jobs counted took longer than this many milliseconds; absent where they failed.
    pub over_ms: Option<f64>,
    /// Such jobs of the canary.
    pub canary: CanaryPart,
    /// Such jobs of the stage.
    pub stable: CanaryPart,
}

/// A count out of a total.
#[derive(Debug, Serialize, ToSchema)]
pub struct CanaryPart {
    /// Those that are meant.
    pub count: u64,
    /// All of them.
    pub of: u64,
}

/// The outcomes of the jobs of one side.
#[derive(Debug, Serialize, ToSchema)]
pub struct CanarySide {
    /// Jobs that came to an end.
    pub jobs: u64,
    /// Those that failed.
    pub errors: u64,
    /// The time that half of the others took at most, in milliseconds, rounded up by at most 26 %.
    pub median_ms: Option<f64>,
    /// The time that 95 of 100 took at most, likewise.
    pub p95_ms: Option<f64>,
}

impl From<ArmSummary> for CanarySide {
    fn from(ArmSummary { jobs, errors, median_ms, p95_ms }: ArmSummary) -> Self {
        Self { jobs, errors, median_ms, p95_ms }
    }
}

impl From<Fraction> for CanaryPart {
    fn from(Fraction { count, of }: Fraction) -> Self {
        Self { count, of }
    }
}

impl From<CanaryRegression> for CanaryReason {
    fn from(CanaryRegression { over_ms, canary, stable }: CanaryRegression) -> Self {
        Self { over_ms, canary: canary.into(), stable: stable.into() }
    }
}

/// The canaries of all stages, in the order of the stages.
pub(super) fn canaries(fleet: &Fleet) -> Vec<CanaryFigures> {
    let of = |stage: &'static str| {
        fleet.canaries(stage).into_iter().map(move |canary| canary_figures(stage, canary))
    };
    STAGES.into_iter().flat_map(of).collect()
}

fn canary_figures(stage: &str, canary: CanaryReport) -> CanaryFigures {
    let CanaryReport { id, version, release, changes, share, state, reason, since_ms, served, stable } =
        canary;
    CanaryFigures {
        stage: stage.to_string(),
        id,
        share,
        state: state.name(),
        reason: reason.map(Into::into),
        since: rfc3339(i64::try_from(since_ms).unwrap_or_default()),
        changes,
        version,
        release,
        canary: served.into(),
        stable: stable.into(),
    }
}
