//! Settings of the servers and processes. Their meaning and defaults stand in `defaults.toml`.
#![allow(missing_docs)]

use std::{net::SocketAddr, path::PathBuf};

use secrecy::SecretString;
use serde::Deserialize;

/// What the broker promises for a stored message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Every write is synced before it is acknowledged.
    Durable,
    /// The server's default: synced every two minutes.
    Fast,
}

/// The broker.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsConfig {
    pub url: String,
    pub user: String,
    pub password: SecretString,
    pub prefix: String,
    pub replicas: usize,
    pub durability: Durability,
    pub jobs_max_age_days: u64,
    pub jobs_max_bytes: i64,
    pub answers_max_bytes: i64,
    pub events_max_bytes: i64,
    pub dead_max_bytes: i64,
    pub tokens_max_bytes: i64,
}

impl NatsConfig {
    /// What the broker reserves for each stream that has a setting, by the setting's name.
    pub fn reserved_bytes(&self) -> [(&'static str, i64); 5] {
        [
            ("nats.jobs_max_bytes", self.jobs_max_bytes),
            ("nats.answers_max_bytes", self.answers_max_bytes),
            ("nats.events_max_bytes", self.events_max_bytes),
            ("nats.dead_max_bytes", self.dead_max_bytes),
            ("nats.tokens_max_bytes", self.tokens_max_bytes),
        ]
    }
}

/// The cache and the shared limiter. The address may hold a password, so it is a secret.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    pub url: SecretString,
    pub prefix: String,
    pub timeout_ms: u64,
}

/// The analytics store.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClickHouseConfig {
    pub url: String,
    pub database: String,
    pub user: String,
    pub password: SecretString,
    pub timeout_ms: u64,
}

/// The HTTP gateway.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayConfig {
    pub listen: SocketAddr,
    pub cors_origins: Vec<String>,
    pub trusted_hosts: Vec<String>,
    pub trusted_proxies: Vec<String>,
    pub admin_token: SecretString,
    pub hash_key: SecretString,
    pub answer_timeout_ms: u64,
    pub wait_ms: u64,
    pub stream_grace_ms: u64,
    pub api_keys: Vec<SecretString>,
    pub web_dir: PathBuf,
    pub site_dir: PathBuf,
    pub max_body_bytes: usize,
    pub header_timeout_ms: u64,
    pub request_timeout_ms: u64,
    pub write_timeout_ms: u64,
    pub max_connections: usize,
    pub max_connections_per_client: usize,
    pub max_streams_per_client: usize,
    pub max_streams_per_session: usize,
    pub max_history_turns: usize,
    pub used_history_turns: usize,
}

/// The visitors' sessions that the gateway vouches for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionsConfig {
    pub secret: SecretString,
    pub ttl_secs: u64,
    pub renew_secs: u64,
    pub max_age_secs: u64,
    pub required: bool,
    pub history_turns: usize,
    pub history_ttl_secs: u64,
}

/// Limits on clients.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimitConfig {
    pub chat_per_minute: u32,
    pub other_per_minute: u32,
}

/// The answer cache.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheConfig {
    pub ttl_secs: u64,
}

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

/// Logs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    pub format: LogFormat,
    pub filter: String,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
