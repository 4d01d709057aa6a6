//! `hoidap-worker replay`: runs recorded traffic through the stages again, without a broker, as they are now or with
//! another setting, index or model, and compares. `docs/replay.md` explains the report.

mod comparison;
mod executor;
mod figures;
mod options;
mod replay_job;
mod replayed_stage;
mod report;
mod run;
mod stages;

pub use figures::fail_rule::FailRule;
pub use options::{ProviderOptions, ReplayCommand};
pub(crate) use {
    comparison::{labels::Labels, similarity::AnswerSimilarity},
    executor::JobResult,
    figures::{statistics::Estimate, summary::ReplaySummary, tally::ReplayTally},
    replay_job::{ReplayOutcome, replay_and_compare},
    report::{ReportHead, StageVersions, TrafficPeriod, report_paths, write_report},
    stages::{ReplayStages, StageRange},
};
