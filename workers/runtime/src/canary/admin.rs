//! What an operator may do with the canaries of a running fleet: read their reports, and have them forgotten.

use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt as _;
use hoidap_shared::{broker::Broker, fleet::CanaryReport, stage::STAGES};
use tokio::time::{Instant, timeout_at};

use super::{
    CanaryMessage,
    registry::{ANNOUNCE_INTERVAL, CanaryRegistry, encode},
};

/// The reports of the canaries of all stages, each with its stage, from the messages of two announce intervals.
///
/// # Errors
/// When NATS cannot be reached.
pub async fn collect_reports(broker: &Broker) -> anyhow::Result<Vec<(String, CanaryReport)>> {
    let subject = broker.subjects.canary_messages("*");
    let mut messages = broker.client.subscribe(subject).await?;
    let mut registries: BTreeMap<String, CanaryRegistry> = BTreeMap::new();
    let end = Instant::now() + 2 * ANNOUNCE_INTERVAL + Duration::from_millis(200);
    while let Ok(Some(message)) = timeout_at(end, messages.next()).await {
        let Some(stage) = message.subject.rsplit('.').nth(1).filter(|stage| STAGES.contains(stage)) else {
            continue;
        };
        if let Ok(message) = rmp_serde::from_slice(&message.payload) {
            registries.entry(stage.into()).or_insert_with(|| CanaryRegistry::new("")).receive(message);
        }
    }
    let of = |(stage, registry): (String, CanaryRegistry)| {
        registry.reports().into_iter().map(move |found| (stage.clone(), found))
    };
    Ok(registries.into_iter().flat_map(of).collect())
}

/// Makes the workers of a stage forget its canaries, so that one that stepped back is judged anew.
///
/// # Errors
/// When NATS cannot be reached.
pub async fn forget(broker: &Broker, stage: &str) -> anyhow::Result<()> {
    let subject = broker.subjects.canary_messages(stage);
    broker.client.publish(subject, encode(&CanaryMessage::Forget)).await?;
    broker.client.flush().await?;
    Ok(())
}
