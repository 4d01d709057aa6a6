//! Whether everything the gateway depends on is there.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use hoidap_shared::{
    config::ClickHouse,
    stage::{Component, STAGES},
};
use reqwest::Url;
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::{broker_client::BrokerClient, storage::redis::Redis};

/// Where it is asked for.
pub const HEALTH_PATH: &str = "/api/health";
/// How long what was found out counts.
const PROBE_TTL: Duration = Duration::from_secs(1);
/// Longest wait for a server's sign of life.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// How well the service or one of its parts is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All is well.
    Healthy,
    /// Questions are answered, but something is missing.
    Degraded,
    /// Questions cannot be answered.
    Unhealthy,
}

/// One thing the service depends on.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ComponentHealth {
    /// Whether it is there and works.
    pub status: Status,
    /// A sentence for the operator; told to operators alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthReport {
    /// The worst that its parts make of it.
    pub status: Status,
    /// When this was found out, RFC 3339.
    #[schema(format = "date-time")]
    pub timestamp: String,
    /// Seconds since this gateway started.
    pub uptime: f64,
    /// `nats`, `redis`, `clickhouse`, `analytics`, `stage:<name>`, `collection:<name>`, `provider:<name>`, and whatever else
    /// the stages tell of.
    pub components: BTreeMap<String, ComponentHealth>,
}

/// What Redis and ClickHouse answered.
type ProbeResults = (ComponentHealth, ComponentHealth);

/// Asks the servers for signs of life, at most once in [`PROBE_TTL`].
pub struct HealthProbe {
    http: reqwest::Client,
    clickhouse: Url,
    probed: Mutex<Option<(Instant, ProbeResults)>>,
}

impl HealthProbe {
    /// Prepares the questions.
    ///
    /// # Errors
    /// When `clickhouse.url` is no address.
    pub fn new(clickhouse: &ClickHouse) -> anyhow::Result<Self> {
        let url = Url::parse(&clickhouse.url).and_then(|url| url.join("ping"));
        let redirects = reqwest::redirect::Policy::none();
        Ok(Self {
            http: reqwest::Client::builder().timeout(PROBE_TIMEOUT).redirect(redirects).no_proxy().build()?,
            clickhouse: url.context("clickhouse.url is not an address such as http://127.0.0.1:8123")?,
            probed: Mutex::new(None),
        })
    }

    pub async fn probe(&self, redis: &Redis) -> ProbeResults {
        let mut probed = self.probed.lock().await;
        if let Some((at, probes)) = probed.as_ref()
            && at.elapsed() < PROBE_TTL
        {
            return probes.clone();
        }
        let clickhouse = async {
            let pong = self.http.get(self.clickhouse.clone()).send().await;
            match pong.and_then(reqwest::Response::error_for_status) {
                Ok(_) => component(true, "answers"),
                Err(error) => component(false, format!("the dashboard is away: {}", error.without_url())),
            }
        };
        let redis = async {
            match redis.ping().await {
                Ok(()) => component(true, "answers"),
                Err(error) => {
                    component(false, format!("no cache, and each gateway limits by itself: {error}"))
                }
            }
        };
        let probes = tokio::join!(redis, clickhouse);
        *probed = Some((Instant::now(), probes.clone()));
        probes
    }
}

/// NATS and what is heard through it.
pub fn fleet_components(broker: &BrokerClient) -> BTreeMap<String, ComponentHealth> {
    let up = broker.is_connected();
    let nats = component(up, if up { "connected" } else { "not connected: no question can be taken" });
    let mut parts = BTreeMap::from([("nats".to_string(), nats)]);
    let stages = STAGES.map(|stage| (format!("stage:{stage}"), stage));
    for (name, stage) in stages.into_iter().chain([("analytics".to_string(), "analytics")]) {
        let count = broker.fleet().map_or(0, |fleet| fleet.members(stage).len());
        let detail = match count {
            0 => "no process of it is heard of: start one".to_string(),
            1 => "1 process".to_string(),
            many => format!("{many} processes"),
        };
        parts.insert(name, component(count > 0, detail));
    }
    let known = broker.fleet().map(|fleet| fleet.components(&[&STAGES[..], &["analytics"]].concat()));
    for Component { name, healthy, detail } in known.unwrap_or_default() {
        // A stage whose processes take no jobs is not there, however many they are.
        if healthy {
            parts.entry(name).or_insert_with(|| component(healthy, detail));
        } else {
            parts.insert(name, component(healthy, detail));
        }
    }
    parts
}

/// What the parts make of the whole: without NATS, any stage or any collection nothing is answered; all else is missed, no
/// more.
pub fn overall_status(parts: &BTreeMap<String, ComponentHealth>) -> Status {
    let well = |name: &str| parts.get(name).is_some_and(|part| part.status == Status::Healthy);
    let stages = STAGES.iter().all(|stage| well(&format!("stage:{stage}")));
    let collection = parts.keys().any(|name| name.starts_with("collection:") && well(name));
    if !well("nats") || !stages || !collection {
        Status::Unhealthy
    } else if parts.values().all(|part| part.status == Status::Healthy) {
        Status::Healthy
    } else {
        Status::Degraded
    }
}

fn component(well: bool, detail: impl Into<String>) -> ComponentHealth {
    let status = if well { Status::Healthy } else { Status::Unhealthy };
    ComponentHealth { status, detail: Some(detail.into()) }
}
