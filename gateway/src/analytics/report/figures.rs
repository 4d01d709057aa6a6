//! Totals of a period, and times in the stages.

use clickhouse::{Row, error::Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::analytics::{
    ANSWERABLE_CONDITION, ANSWERED_CONDITION, ASKED_CONDITION, Analytics,
    filter::{PERIOD_CONDITION, ReportFilter},
};

/// The sums of a period.
#[derive(Debug, Row, Serialize, Deserialize, ToSchema)]
pub struct Totals {
    /// Questions asked, however they ended; requests that were refused for their form or number do not count.
    pub questions: u64,
    /// Sessions that asked them.
    pub conversations: u64,
    /// Questions that were answered from the documents, the cache included.
    pub answered: u64,
    /// `answered` by all answerable questions, 0 to 1: without small talk, out-of-scope questions and wishes for a person.
    pub answer_rate: f64,
    /// How many of the answers are right, as their confidence says: its sum over them.
    pub expected_right: f64,
    /// Those by all answerable questions, 0 to 1.
    pub expected_rate: f64,
    /// Questions that no document answers.
    pub unanswered: u64,
    /// Questions that could not be worked on.
    pub failed: u64,
    /// Answers that the visitor stopped.
    pub stopped: u64,
    /// Requests refused because there were too many.
    pub rate_limited: u64,
    /// Mean confidence of the answers from documents, 0 to 1; 0 when there are none.
    pub confidence: f64,
    /// Answers from the cache.
    pub cached: u64,
    /// Those by all questions, 0 to 1.
    pub cache_hit_rate: f64,
    /// Time from a question to its end that half of them took, in milliseconds.
    pub p50_ms: u32,
    /// Time that 19 of 20 took at most, in milliseconds.
    pub p95_ms: u32,
    /// Tokens read by the models.
    pub prompt_tokens: u64,
    /// Tokens written by the models.
    pub completion_tokens: u64,
    /// What the models cost in US dollars, where their prices are configured.
    pub cost_usd: f64,
    /// Questions whose cost is known.
    pub priced: u64,
}

/// Time in one stage.
#[derive(Debug, Row, Serialize, Deserialize, ToSchema)]
pub struct StageTime {
    /// The stage.
    pub stage: String,
    /// Questions that passed it.
    pub count: u64,
    /// Time waited for the stage by half of them, in milliseconds.
    pub waited_p50_ms: u32,
    /// Time waited by 19 of 20 at most.
    pub waited_p95_ms: u32,
    /// Time worked in the stage on half of them.
    pub worked_p50_ms: u32,
    /// Time worked on 19 of 20 at most.
    pub worked_p95_ms: u32,
}

impl Analytics {
    pub(super) async fn totals(&self, filter: &ReportFilter) -> Result<Totals> {
        let sql = format!(
            "SELECT countIf({ASKED_CONDITION}) AS questions, uniqExactIf(session_id, {ASKED_CONDITION}) AS conversations, \
             countIf({ANSWERED_CONDITION}) AS answered, ifNotFinite(countIf({ANSWERED_CONDITION}) / countIf({ANSWERABLE_CONDITION}), 0) AS answer_rate, \
             sumIf(toFloat64(chats.confidence), {ANSWERED_CONDITION}) AS expected_right, \
             ifNotFinite(expected_right / countIf({ANSWERABLE_CONDITION}), 0) AS expected_rate, \
             countIf(outcome = 'unanswered') AS unanswered, countIf(outcome = 'failed') AS failed, \
             countIf(outcome = 'stopped') AS stopped, sumIf(times, outcome = 'rate_limited') AS rate_limited, \
             ifNotFinite(avgIf(toFloat64(chats.confidence), {ANSWERED_CONDITION}), 0) AS confidence, \
             countIf(outcome = 'cached') AS cached, \
             ifNotFinite(countIf(outcome = 'cached') / countIf({ASKED_CONDITION}), 0) AS cache_hit_rate, \
             quantileExactIf(0.5)(took_ms, {ASKED_CONDITION}) AS p50_ms, quantileExactIf(0.95)(took_ms, {ASKED_CONDITION}) AS p95_ms, \
             sum(chats.prompt_tokens) AS prompt_tokens, sum(chats.completion_tokens) AS completion_tokens, \
             sum(chats.cost_usd) AS cost_usd, countIf(cost_known) AS priced \
             FROM chats FINAL WHERE {PERIOD_CONDITION}"
        );
        filter.bind(self.query(&sql)).fetch_one().await
    }

    pub(super) async fn stages(&self, filter: &ReportFilter) -> Result<Vec<StageTime>> {
        let sql = format!(
            "SELECT toString(name) AS stage, count() AS count, quantileExact(0.5)(waited) AS waited_p50_ms, \
             quantileExact(0.95)(waited) AS waited_p95_ms, quantileExact(0.5)(worked) AS worked_p50_ms, \
             quantileExact(0.95)(worked) AS worked_p95_ms \
             FROM chats FINAL ARRAY JOIN hop_stage AS name, hop_waited_ms AS waited, hop_worked_ms AS worked, \
             arrayEnumerate(hop_stage) AS hop_index WHERE {PERIOD_CONDITION} GROUP BY stage ORDER BY max(hop_index), stage"
        );
        filter.bind(self.query(&sql)).fetch_all().await
    }
}
