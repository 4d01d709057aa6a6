//! Assembles a job's records into its trace.

pub(super) mod assemble;
pub(super) mod executions;
pub(super) mod job_trace;
pub(super) mod notes;
pub(super) mod relative_clock;
pub(super) mod stage_result;
