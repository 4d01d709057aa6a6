//! `hoidap-worker replay`: runs recorded traffic through the stages again, without a broker, as they are now or with
//! another setting, index or model, and compares. `docs/replay.md` explains the report.

mod baseline;
mod compare;
mod executor;
mod fail_rule;
mod job_report;
mod labels;
mod options;
mod removed_documents;
mod replay_job;
mod report;
mod run;
mod similarity;
mod snapshot;
mod stage_output;
mod stages;
mod statistics;
mod summary;
mod tally;
mod word_diff;

pub use fail_rule::FailRule;
pub use options::{Command, ProviderOptions};
pub(crate) use {
    executor::JobResult,
    labels::Labels,
    replay_job::{ReplayOutcome, replay_and_compare},
    report::{ReportHead, StageVersions, TrafficPeriod, report_paths, write_report},
    similarity::AnswerSimilarity,
    stages::{ReplayStages, StageRange},
    statistics::Estimate,
    summary::ReplaySummary,
    tally::ReplayTally,
};
