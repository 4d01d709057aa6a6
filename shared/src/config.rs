//! Configuration: `defaults.toml`, then `hoidap.toml`, then `HOIDAP_*` variables.
//!
//! The defaults and the meaning of every setting stand in `defaults.toml` alone; the structs here give them types. What
//! is wrong with a value is said in one sentence that names the key.

mod answering;
mod gateway;
mod load;
mod servers;
mod telemetry;
mod worker;

pub use answering::{
    ChunkingConfig, CollectionConfig, EmbeddingConfig, GeneratorConfig, IndicesConfig, IntentExamples,
    OMITTABLE, ProductConfig, ProviderConfig, ProviderKind, RetrieverConfig, SectionConfig, SiteConfig,
    SupportConfig,
};
pub use gateway::{CacheConfig, GatewayConfig, RateLimitConfig, SessionsConfig};
pub use load::{ConfigError, DEFAULTS};
pub use servers::{ClickHouseConfig, Durability, NatsConfig, RedisConfig};
pub use telemetry::{LogFormat, TelemetryConfig};
pub use worker::{AnalyticsConfig, RecordingConfig, WorkerConfig};

use std::collections::BTreeMap;

use serde::Deserialize;

/// Where Hoidap runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Serves the API documentation, accepts any host name, trusts requests from the machine itself.
    Development,
    /// None of it, and needs its secrets.
    Production,
}

/// The whole configuration. See `defaults.toml` for what each setting means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Config {
    pub environment: Environment,
    pub support: SupportConfig,
    pub nats: NatsConfig,
    pub redis: RedisConfig,
    pub clickhouse: ClickHouseConfig,
    pub gateway: GatewayConfig,
    pub sessions: SessionsConfig,
    pub rate_limit: RateLimitConfig,
    pub cache: CacheConfig,
    pub worker: WorkerConfig,
    pub indices: IndicesConfig,
    pub embedding: EmbeddingConfig,
    pub chunking: ChunkingConfig,
    pub retriever: RetrieverConfig,
    pub generator: GeneratorConfig,
    pub providers: BTreeMap<String, ProviderConfig>,
    pub analytics: AnalyticsConfig,
    pub recording: RecordingConfig,
    pub telemetry: TelemetryConfig,
    pub sites: Vec<SiteConfig>,
    pub products: Vec<ProductConfig>,
    pub sections: Vec<SectionConfig>,
    pub intents: Vec<IntentExamples>,
    pub abbreviations: BTreeMap<String, String>,
    pub collections: Vec<CollectionConfig>,
}
