//! The status of running processes, kept in a key-value bucket: the gateway's view of the stages behind it.

mod canary_report;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, RwLock},
    time::Duration,
};

use anyhow::Context as _;
use async_nats::jetstream::kv::{Operation, Store};
use futures::StreamExt as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tracing::{debug, warn};

pub use self::canary_report::{ArmSummary, CanaryRegression, CanaryReport, CanaryState, Fraction};
use crate::{
    broker::Broker,
    stage::{ComponentStatus, StageStatus},
};

/// The name of the analytics sink, which is no stage but a member of the fleet like one.
pub const ANALYTICS: &str = "analytics";
/// How often a process announces itself.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(2);
/// How long an announcement counts.
pub const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(8);

/// One stage in one process, as it last announced itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// The stage.
    pub stage: String,
    /// The process: host, process number and a random part.
    pub instance: String,
    /// The status that the stage reports.
    pub status: StageStatus,
    /// The canaries of the stage, as this process knows them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canaries: Vec<CanaryReport>,
}

/// A unique name for this process.
pub fn instance_name() -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("{}-{}", std::process::id(), &random[..8])
}

/// Opens the bucket, which was created with the streams.
///
/// # Errors
/// When it is not there, or the server does not answer.
pub async fn open_bucket(broker: &Broker) -> anyhow::Result<Store> {
    let name = broker.subjects.fleet_bucket();
    let opened = broker.jetstream.get_key_value(&name).await;
    opened.with_context(|| format!("the key-value bucket {name} cannot be opened: run `hoidap-worker setup`"))
}

/// Announces the status of one stage of this process.
///
/// # Errors
/// When the bucket cannot be written.
pub async fn announce(store: &Store, member: &Member) -> anyhow::Result<()> {
    let key = format!("{}.{}", member.stage, member.instance);
    store.put(key, serde_json::to_vec(member)?.into()).await?;
    Ok(())
}

/// Removes the entry of this process, so that nobody counts on it for the next seconds.
///
/// # Errors
/// When the bucket cannot be written.
pub async fn withdraw(store: &Store, stage: &str, instance: &str) -> anyhow::Result<()> {
    store.delete(format!("{stage}.{instance}")).await?;
    Ok(())
}

/// The processes that announced themselves lately. Cheap to clone; clones share their state.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    members: Arc<RwLock<HashMap<String, (Member, Instant)>>>,
}

impl Fleet {
    /// Follows the bucket for as long as the returned value's task runs; reconnects by itself.
    pub fn follow(broker: Broker) -> Self {
        let fleet = Self::default();
        let seen = fleet.clone();
        tokio::spawn(async move {
            let mut was_read = false;
            loop {
                if let Err(error) = seen.watch(&broker, &mut was_read).await {
                    debug!(%error, "the fleet's bucket cannot be read");
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        });
        fleet
    }

    /// Follows the bucket until it falls silent. The first time it begins with the entries that are there. Later those may be
    /// of processes that died, and a process that lives announces itself soon.
    async fn watch(&self, broker: &Broker, was_read: &mut bool) -> anyhow::Result<()> {
        let store = open_bucket(broker).await?;
        let mut changes =
            if *was_read { store.watch(">").await? } else { store.watch_with_history(">").await? };
        *was_read = true;
        // A watch whose consumer was lost with the server gets no more messages and no error, so silence ends it.
        while let Ok(Some(change)) = tokio::time::timeout(HEARTBEAT_TIMEOUT, changes.next()).await {
            let entry = change?;
            match entry.operation {
                Operation::Put => match serde_json::from_slice::<Member>(&entry.value) {
                    Ok(member) => self.record_heartbeat(entry.key, member),
                    Err(error) => {
                        warn!(key = entry.key, %error, "an entry of the fleet's bucket cannot be read")
                    }
                },
                Operation::Delete | Operation::Purge => self.remove(&entry.key),
            }
        }
        Ok(())
    }

    fn record_heartbeat(&self, key: String, member: Member) {
        if let Ok(mut members) = self.members.write() {
            members.insert(key, (member, Instant::now()));
            members.retain(|_, (_, at)| at.elapsed() < HEARTBEAT_TIMEOUT * 4);
        }
    }

    fn remove(&self, key: &str) {
        if let Ok(mut members) = self.members.write() {
            members.remove(key);
        }
    }

    /// The processes of a stage that announced themselves within [`HEARTBEAT_TIMEOUT`].
    pub fn members(&self, stage: &str) -> Vec<Member> {
        let Ok(members) = self.members.read() else { return Vec::new() };
        let mut found: Vec<Member> = members
            .values()
            .filter(|(member, at)| member.stage == stage && at.elapsed() < HEARTBEAT_TIMEOUT)
            .map(|(member, _)| member.clone())
            .collect();
        found.sort_by(|a, b| a.instance.cmp(&b.instance));
        found
    }

    /// The version of each of the stages, when all processes of a stage have the same; `None` when a stage has no process
    /// or two versions, as it does for a moment while an index is swapped.
    pub fn versions(&self, stages: &[&str]) -> Option<BTreeMap<String, String>> {
        let mut versions = BTreeMap::new();
        for stage in stages {
            let members = self.members(stage);
            let version = &members.first()?.status.version;
            if members.iter().any(|member| &member.status.version != version) {
                return None;
            }
            versions.insert((*stage).to_string(), version.clone());
        }
        Some(versions)
    }

    /// The canaries of a stage, each as reported by the process that knows most of its jobs.
    pub fn canaries(&self, stage: &str) -> Vec<CanaryReport> {
        let mut found: BTreeMap<String, CanaryReport> = BTreeMap::new();
        for canary in self.members(stage).into_iter().flat_map(|member| member.canaries) {
            match found.get(&canary.id) {
                Some(known) if known.counted() >= canary.counted() => {}
                _ => {
                    found.insert(canary.id.clone(), canary);
                }
            }
        }
        found.into_values().collect()
    }

    /// The components of the given stages, each once: healthy if any process says so.
    pub fn components(&self, stages: &[&str]) -> Vec<ComponentStatus> {
        let mut found: BTreeMap<String, ComponentStatus> = BTreeMap::new();
        for component in
            stages.iter().flat_map(|stage| self.members(stage)).flat_map(|member| member.status.components)
        {
            match found.get(&component.name) {
                Some(known) if known.healthy => {}
                _ => {
                    found.insert(component.name.clone(), component);
                }
            }
        }
        found.into_values().collect()
    }
}
