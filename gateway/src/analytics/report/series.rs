//! The timeline of a period, by hour or day.

use std::collections::HashMap;

use clickhouse::{Row, error::Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::analytics::{
    ANSWERED_CONDITION, ASKED_CONDITION, Analytics,
    filter::{PERIOD_CONDITION, ReportFilter, rfc3339},
};

#[derive(Debug, Row, Deserialize)]
struct BucketRow {
    start_ms: i64,
    questions: u64,
    conversations: u64,
    answered: u64,
    cached: u64,
    unanswered: u64,
    failed: u64,
    confidence: f64,
    expected_right: f64,
    p50_ms: u32,
    p95_ms: u32,
}

/// One hour or day.
#[derive(Debug, Serialize, ToSchema)]
pub struct Bucket {
    /// Its beginning.
    #[schema(format = "date-time")]
    pub start: String,
    /// Questions asked.
    pub questions: u64,
    /// Sessions that asked them.
    pub conversations: u64,
    /// Questions answered from the documents, the cache included.
    pub answered: u64,
    /// Answers from the cache.
    pub cached: u64,
    /// Questions that no document answers.
    pub unanswered: u64,
    /// Questions that could not be worked on.
    pub failed: u64,
    /// Mean confidence of the answers from documents; absent when there are none.
    pub confidence: Option<f64>,
    /// How many of the answers are right, as their confidence says.
    pub expected_right: f64,
    /// Time that half of the questions took, in milliseconds; absent when there are none.
    pub p50_ms: Option<u32>,
    /// Time that 19 of 20 took at most.
    pub p95_ms: Option<u32>,
}

impl Analytics {
    pub(super) async fn timeline(&self, filter: &ReportFilter) -> Result<Vec<Bucket>> {
        let sql = format!(
            "SELECT roundDown(toUnixTimestamp64Milli(at), {{starts:Array(Int64)}}) AS start_ms, \
             countIf({ASKED_CONDITION}) AS questions, uniqExactIf(session_id, {ASKED_CONDITION}) AS conversations, \
             countIf({ANSWERED_CONDITION}) AS answered, countIf(outcome = 'cached') AS cached, \
             countIf(outcome = 'unanswered') AS unanswered, countIf(outcome = 'failed') AS failed, \
             ifNotFinite(avgIf(toFloat64(chats.confidence), {ANSWERED_CONDITION}), 0) AS confidence, \
             sumIf(toFloat64(chats.confidence), {ANSWERED_CONDITION}) AS expected_right, \
             quantileExactIf(0.5)(took_ms, {ASKED_CONDITION}) AS p50_ms, quantileExactIf(0.95)(took_ms, {ASKED_CONDITION}) AS p95_ms \
             FROM chats FINAL WHERE {PERIOD_CONDITION} GROUP BY start_ms"
        );
        let starts = filter.starts();
        let query = self.query(&sql).param("starts", &starts);
        let found: Vec<BucketRow> = filter.bind(query).fetch_all().await?;
        let mut found: HashMap<i64, BucketRow> =
            found.into_iter().map(|found| (found.start_ms, found)).collect();
        Ok(starts.into_iter().map(|start| bucket(rfc3339(start), found.remove(&start))).collect())
    }
}

fn bucket(start: String, found: Option<BucketRow>) -> Bucket {
    let of = |pick: fn(&BucketRow) -> u64| found.as_ref().map_or(0, pick);
    let asked = found.as_ref().filter(|found| found.questions > 0);
    Bucket {
        start,
        questions: of(|found| found.questions),
        conversations: of(|found| found.conversations),
        answered: of(|found| found.answered),
        cached: of(|found| found.cached),
        unanswered: of(|found| found.unanswered),
        failed: of(|found| found.failed),
        confidence: asked.filter(|found| found.answered > 0).map(|found| found.confidence),
        expected_right: found.as_ref().map_or(0.0, |found| found.expected_right),
        p50_ms: asked.map(|found| found.p50_ms),
        p95_ms: asked.map(|found| found.p95_ms),
    }
}
