//! Configuration: `defaults.toml`, then `hoidap.toml`, then `HOIDAP_*` variables.
//!
//! The defaults and the meaning of every setting stand in `defaults.toml` alone; the structs here give them types. What
//! is wrong with a value is said in one sentence that names the key.

mod fleet;
mod load;
mod site;

pub use fleet::{
    Analytics, Cache, ClickHouse, Durability, Gateway, LogFormat, Nats, RateLimit, Recording, Redis,
    Sessions, Telemetry, Worker,
};
pub use load::{ConfigError, DEFAULTS};
pub use site::{
    Chunking, Collection, Embedding, Generator, Indices, IntentExamples, OMITTABLE, Product, Provider,
    ProviderKind, Retriever, Section, Site, Support,
};

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
    pub support: Support,
    pub nats: Nats,
    pub redis: Redis,
    pub clickhouse: ClickHouse,
    pub gateway: Gateway,
    pub sessions: Sessions,
    pub rate_limit: RateLimit,
    pub cache: Cache,
    pub worker: Worker,
    pub indices: Indices,
    pub embedding: Embedding,
    pub chunking: Chunking,
    pub retriever: Retriever,
    pub generator: Generator,
    pub providers: BTreeMap<String, Provider>,
    pub analytics: Analytics,
    pub recording: Recording,
    pub telemetry: Telemetry,
    pub sites: Vec<Site>,
    pub products: Vec<Product>,
    pub sections: Vec<Section>,
    pub intents: Vec<IntentExamples>,
    pub abbreviations: BTreeMap<String, String>,
    pub collections: Vec<Collection>,
}
