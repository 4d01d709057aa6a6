//! Settings of the servers that Hoidap connects to: NATS, Redis and ClickHouse. Their meaning and defaults stand in
//! `defaults.toml`.
#![allow(missing_docs)]

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
