//! The health of the gateway and everything it depends on.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use hoidap_shared::{
    broker::BrokerClock,
    config::ClickHouseConfig,
    stage::{ComponentStatus, STAGES},
};
use reqwest::Url;
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::{broker_client::BrokerClient, storage::redis::Redis};

/// The path of the health report.
pub const HEALTH_PATH: &str = "/api/health";
/// How long probe results are reused.
const PROBE_TTL: Duration = Duration::from_secs(1);
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
    /// `nats`, `clock`, `redis`, `clickhouse`, `analytics`, `stage:<name>`, `collection:<name>`, `provider:<name>`, and
    /// whatever else the stages tell of.
    pub components: BTreeMap<String, ComponentHealth>,
}

/// What Redis and ClickHouse answered.
type ProbeResults = (ComponentHealth, ComponentHealth);

/// Probes Redis and ClickHouse, at most once in [`PROBE_TTL`].
pub struct HealthProbe {
    http: reqwest::Client,
    clickhouse: Url,
    probed: Mutex<Option<(Instant, ProbeResults)>>,
}

impl HealthProbe {
    /// Prepares the probes.
    ///
    /// # Errors
    /// When `clickhouse.url` is not a URL.
    pub fn new(clickhouse: &ClickHouseConfig) -> anyhow::Result<Self> {
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
                Err(error) => {
                    component(false, format!("no figures for the dashboard: {}", error.without_url()))
                }
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

/// The health of NATS, of this machine's clock beside it, and of the fleet behind it.
pub fn fleet_components(broker: &BrokerClient, max_skew_ms: u64) -> BTreeMap<String, ComponentHealth> {
    let up = broker.is_connected();
    let nats = component(up, if up { "connected" } else { "not connected: no question can be taken" });
    let clock = clock_component(broker.clock(), max_skew_ms);
    let mut parts = BTreeMap::from([("nats".to_string(), nats), ("clock".to_string(), clock)]);
    let stages = STAGES.map(|stage| (format!("stage:{stage}"), stage));
    for (name, stage) in stages.into_iter().chain([("analytics".to_string(), "analytics")]) {
        let count = broker.fleet().map_or(0, |fleet| fleet.members(stage).len());
        let detail = match count {
            0 => "no process of it is running: start one".to_string(),
            1 => "1 process".to_string(),
            many => format!("{many} processes"),
        };
        parts.insert(name, component(count > 0, detail));
    }
    let known = broker.fleet().map(|fleet| fleet.components(&[&STAGES[..], &["analytics"]].concat()));
    for ComponentStatus { name, healthy, detail } in known.unwrap_or_default() {
        // A stage whose processes accept no jobs is unhealthy, however many they are.
        if healthy {
            parts.entry(name).or_insert_with(|| component(healthy, detail));
        } else {
            parts.insert(name, component(healthy, detail));
        }
    }
    parts
}

fn clock_component(clock: Option<&BrokerClock>, max_skew_ms: u64) -> ComponentHealth {
    match clock.filter(|clock| clock.is_synchronised()) {
        Some(clock) => match clock.skew_problem(max_skew_ms) {
            Some(problem) => component(false, problem),
            None => component(true, "agrees with the broker's"),
        },
        None => component(true, "not yet compared with the broker's"),
    }
}

/// The overall status: unhealthy without NATS, without any one stage, or without any collection; degraded when another
/// component is unhealthy.
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
