//! The age of the figures, and the fleet's queues now.

use clickhouse::{Row, error::Result};
use hoidap_shared::job::now_ms;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Analytics, filter::rfc3339};
use crate::broker_client::lag::{Lag, StageLag};

#[derive(Row, Deserialize)]
struct NewestRow {
    at_ms: i64,
    sequence: u64,
}

/// How old the figures are.
#[derive(Debug, Serialize, ToSchema)]
pub struct Freshness {
    /// When the newest chat or feedback in the figures was stored; absent when there is none.
    #[schema(format = "date-time")]
    pub newest: Option<String>,
    /// Events that wait to be counted; absent while the broker cannot be asked.
    pub waiting: Option<u64>,
    /// The figures hold all that happened up to this moment.
    #[schema(format = "date-time")]
    pub as_of: Option<String>,
    /// Seconds since then.
    pub age_seconds: Option<u64>,
}

/// What the broker counts now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Live {
    /// The work of each stage that was started once, in the order of the stages.
    pub stages: Vec<StageWork>,
    /// Dead letters of each stage that has any.
    pub dead_letters: Vec<DeadLetters>,
}

/// The work of one stage.
#[derive(Debug, Serialize, ToSchema)]
pub struct StageWork {
    /// The stage.
    pub stage: String,
    /// Jobs that wait for it.
    pub pending: u64,
    /// Jobs that its workers have.
    pub in_flight: u64,
    /// Jobs of those that were delivered before.
    pub redelivered: u64,
}

/// Dead letters of one stage.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadLetters {
    /// The stage.
    pub stage: String,
    /// How many.
    pub count: u64,
}

impl Live {
    /// The figures of the fleet's queues.
    pub(super) fn of(lag: Lag) -> Self {
        let work = |stage: StageLag| StageWork {
            stage: stage.stage.to_string(),
            pending: stage.pending,
            in_flight: stage.in_flight,
            redelivered: stage.redelivered,
        };
        Self {
            stages: lag.stages.into_iter().map(work).collect(),
            dead_letters: lag.dead.into_iter().map(|(stage, count)| DeadLetters { stage, count }).collect(),
        }
    }
}

impl Analytics {
    /// The age of the figures: zero when ClickHouse holds every event of the stream, else that of the newest row.
    pub(super) async fn freshness(&self, lag: Option<&Lag>) -> Result<Freshness> {
        let sql = "SELECT toUnixTimestamp64Milli(max(at)) AS at_ms, \
                   maxIf(stream_seq, {epoch:String} != '' AND startsWith(epoch, {epoch:String})) AS sequence FROM \
                   (SELECT at, stream_seq, epoch FROM chats UNION ALL SELECT at, stream_seq, epoch FROM feedback)";
        let epoch = lag.map_or("", |lag| &lag.events_created);
        let newest: NewestRow = self.query(sql).param("epoch", epoch).fetch_one().await?;
        let waiting = lag.map(|lag| lag.events_last.saturating_sub(newest.sequence));
        let now = i64::try_from(now_ms()).unwrap_or(i64::MAX);
        let as_of = if waiting == Some(0) { Some(now) } else { Some(newest.at_ms).filter(|at| *at > 0) };
        Ok(Freshness {
            newest: Some(newest.at_ms).filter(|at| *at > 0).map(rfc3339),
            waiting,
            as_of: as_of.map(rfc3339),
            age_seconds: as_of.map(|at| now.saturating_sub(at).max(0).unsigned_abs() / 1000),
        })
    }
}
