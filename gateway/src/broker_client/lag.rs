//! The lengths of the fleet's queues.

use std::collections::BTreeMap;

use anyhow::Context as _;
use futures::{TryStreamExt as _, future::join_all};
use hoidap_shared::{broker::Broker, stage::STAGES};

/// The queue of one stage.
#[derive(Clone, Debug, PartialEq)]
pub struct StageLag {
    /// The stage.
    pub stage: &'static str,
    /// Jobs that wait.
    pub pending: u64,
    /// Jobs that a worker has.
    pub in_flight: u64,
    /// Jobs of those in flight that were delivered before.
    pub redelivered: u64,
}

/// The fleet's queues now.
#[derive(Clone, Debug)]
pub struct Lag {
    /// The stages that were ever started, in pipeline order.
    pub stages: Vec<StageLag>,
    /// Dead letters by stage.
    pub dead: BTreeMap<String, u64>,
    /// When the events stream was created, in nanoseconds since the Unix epoch: the prefix of its epochs.
    pub events_created: String,
    /// The sequence of the last event.
    pub events_last: u64,
}

impl Lag {
    /// Reads them from the broker.
    ///
    /// # Errors
    /// When a stream is not there, or this gateway's user may not see it.
    pub(super) async fn read(broker: &Broker) -> anyhow::Result<Self> {
        let (stages, dead, events) = futures::try_join!(
            async { Ok(join_all(STAGES.map(|stage| stage_lag(broker, stage))).await) },
            dead_letters(broker),
            async { Ok(broker.jetstream.get_stream(broker.subjects.stream("EVENTS")).await?) },
        )?;
        let events = events.cached_info();
        Ok(Self {
            stages: stages.into_iter().flatten().collect(),
            dead,
            events_created: events.created.unix_timestamp_nanos().to_string(),
            events_last: events.state.last_sequence,
        })
    }
}

/// `None` for a stage that was never started, or that this gateway's user may not see.
async fn stage_lag(broker: &Broker, stage: &'static str) -> Option<StageLag> {
    let jobs = broker.jetstream.get_stream_no_info(broker.subjects.stream("JOBS")).await.ok()?;
    let info = jobs.consumer_info(broker.subjects.consumer(stage)).await.ok()?;
    Some(StageLag {
        stage,
        pending: info.num_pending,
        in_flight: info.num_ack_pending as u64,
        redelivered: info.num_redelivered as u64,
    })
}

async fn dead_letters(broker: &Broker) -> anyhow::Result<BTreeMap<String, u64>> {
    let stream = broker.jetstream.get_stream(broker.subjects.stream("DEAD")).await?;
    let counts = stream.info_with_subjects(broker.subjects.dead("*")).await?;
    let counts: Vec<(String, usize)> =
        counts.try_collect().await.context("dead letters cannot be counted")?;
    let stage = |subject: &str| subject.rsplit('.').next().unwrap_or_default().to_string();
    Ok(counts.into_iter().map(|(subject, count)| (stage(&subject), count as u64)).collect())
}
