//! Settings that the gateway reads: HTTP, sessions, limits, and the answer cache. Their meaning and defaults stand in
//! `defaults.toml`.
#![allow(missing_docs)]

use std::{net::SocketAddr, path::PathBuf};

use secrecy::SecretString;
use serde::Deserialize;

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
    pub idle_timeout_ms: u64,
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
