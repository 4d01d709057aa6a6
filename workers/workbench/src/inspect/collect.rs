//! Collects a job's records from NATS or from a recording.

pub(super) mod collected_records;
pub(super) mod from_nats;
pub(super) mod from_recording;
