//! Compares a replayed job with the recorded one.

pub(super) mod baseline;
pub(super) mod compare;
pub(super) mod job_report;
pub(super) mod job_snapshot;
pub(super) mod labels;
pub(super) mod similarity;
pub(super) mod word_diff;
