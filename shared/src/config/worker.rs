//! Settings that `hoidap-worker` reads: its process, the analytics sink, and recordings. Their meaning and defaults stand
//! in `defaults.toml`.
#![allow(missing_docs)]

use std::net::SocketAddr;

use serde::Deserialize;

/// A worker process.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerConfig {
    pub listen: SocketAddr,
    pub concurrency: usize,
    pub ack_wait_ms: u64,
    pub backoff_ms: Vec<u64>,
    pub max_deliveries: u32,
    pub drain_ms: u64,
    pub max_clock_skew_ms: u64,
}

/// The analytics sink.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnalyticsConfig {
    pub batch_rows: usize,
    pub batch_ms: u64,
}

/// Recorded traffic.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordingConfig {
    pub redact: Vec<String>,
}
