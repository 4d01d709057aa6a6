//! Counts compared jobs and computes the report's figures.

pub(super) mod fail_rule;
pub(super) mod removed_documents;
pub(super) mod statistics;
pub(super) mod summary;
pub(super) mod tally;
