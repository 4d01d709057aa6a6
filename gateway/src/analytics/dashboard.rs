//! Figures of past chats, read from ClickHouse.

use clickhouse::{Row, query::Query};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ASKED_CONDITION, Analytics};
use crate::error::{ApiError, Code, FieldError};

/// Days that are counted when the request does not say, and at most.
const DEFAULT_DAYS: u16 = 30;
const MAX_DAYS: u16 = 365;

/// SQL condition: chats that got a reply, from the documents or not.
const REPLIED_CONDITION: &str =
    "outcome IN ('answered', 'cached', 'unanswered', 'small_talk', 'out_of_scope', 'human_agent')";

/// How often one intent was asked for.
#[derive(Debug, Row, Serialize, Deserialize, ToSchema)]
pub struct IntentCount {
    /// The intent.
    pub intent: String,
    /// Chats.
    pub count: u64,
}

/// How often one product was asked about.
#[derive(Debug, Row, Serialize, Deserialize, ToSchema)]
pub struct ProductCount {
    /// The product.
    pub product: String,
    /// Chats.
    pub count: u64,
}

/// How often chats ended in one way.
#[derive(Debug, Row, Serialize, Deserialize, ToSchema)]
pub struct OutcomeCount {
    /// The end, such as `answered`, `cached` or `rejected`.
    pub outcome: String,
    /// Chats.
    pub count: u64,
}

/// One day.
#[derive(Debug, Row, Serialize, Deserialize, ToSchema)]
pub struct DayCount {
    /// The day in UTC, as `2026-01-31`.
    #[schema(format = "date")]
    pub day: String,
    /// Chats that were asked.
    pub count: u64,
}

#[derive(Debug, Row, Deserialize)]
struct TotalsRow {
    conversations: u64,
    sessions: u64,
    mean_confidence: f64,
    mean_seconds: f64,
    cached: u64,
    spent_usd: f64,
}

/// Figures of past chats.
#[derive(Debug, Serialize, ToSchema)]
pub struct DashboardFigures {
    /// Questions asked, however they ended; requests that were refused for their form or their number do not count.
    pub total_conversations: u64,
    /// Sessions that asked them.
    pub total_sessions: u64,
    /// Mean confidence of the answers, 0 to 1; 0 when there are none.
    pub avg_confidence: f64,
    /// Mean time to an answer, in seconds; 0 when there are none.
    pub avg_processing_time: f64,
    /// The intents asked for most, at most ten.
    pub top_intents: Vec<IntentCount>,
    /// The products asked about most, at most ten.
    pub top_products: Vec<ProductCount>,
    /// Every end of a chat, the most frequent first.
    pub outcomes: Vec<OutcomeCount>,
    /// Answers from the cache by all questions asked, 0 to 1.
    pub cache_hit_rate: f64,
    /// What the models cost in US dollars, where their prices are configured.
    pub cost_usd: f64,
    /// Questions asked on each day that had any, in order.
    pub days: Vec<DayCount>,
    /// The days that are counted, up to now.
    pub period_days: u16,
}

impl Analytics {
    /// The figures of the days that a request's query asks for.
    ///
    /// # Errors
    /// When `days` is out of range, or ClickHouse does not give the figures.
    pub async fn dashboard(&self, query: &str) -> Result<DashboardFigures, ApiError> {
        let days = parse_days(query)?;
        self.run("the figures", self.figures(days)).await
    }

    async fn figures(&self, days: u16) -> Result<DashboardFigures, clickhouse::error::Error> {
        let totals = format!(
            "SELECT countIf({ASKED_CONDITION}) AS conversations, uniqExactIf(session_id, {ASKED_CONDITION}) AS sessions, \
             ifNotFinite(avgIf(toFloat64(confidence), {REPLIED_CONDITION}), 0) AS mean_confidence, \
             ifNotFinite(avgIf(toFloat64(took_ms), {REPLIED_CONDITION}) / 1000, 0) AS mean_seconds, \
             countIf(outcome = 'cached') AS cached, sum(cost_usd) AS spent_usd"
        );
        let top = |column: &str, unknown: &str| {
            let of = format!("SELECT toString({column}) AS {column}, count() AS count");
            (
                of,
                format!(
                    "{ASKED_CONDITION} AND {column} != '{unknown}' GROUP BY {column} ORDER BY count DESC, {column} LIMIT 10"
                ),
            )
        };
        let ((intents, by_intent), (products, by_product)) = (top("intent", "unknown"), top("product", ""));
        let outcomes = "SELECT toString(outcome) AS outcome, sum(times) AS count";
        let by_outcome = "1 GROUP BY outcome ORDER BY count DESC, outcome";
        let daily = "SELECT toString(toDate(at, 'UTC')) AS day, count() AS count";
        let by_day = format!("{ASKED_CONDITION} GROUP BY day ORDER BY day");
        let (totals, top_intents, top_products, outcomes, days_seen) = futures::try_join!(
            self.query_days(&totals, "1", days).fetch_one::<TotalsRow>(),
            self.query_days(&intents, &by_intent, days).fetch_all::<IntentCount>(),
            self.query_days(&products, &by_product, days).fetch_all::<ProductCount>(),
            self.query_days(outcomes, by_outcome, days).fetch_all::<OutcomeCount>(),
            self.query_days(daily, &by_day, days).fetch_all::<DayCount>(),
        )?;
        Ok(DashboardFigures {
            total_conversations: totals.conversations,
            total_sessions: totals.sessions,
            avg_confidence: totals.mean_confidence,
            avg_processing_time: totals.mean_seconds,
            top_intents,
            top_products,
            outcomes,
            cache_hit_rate: totals.cached as f64 / totals.conversations.max(1) as f64,
            cost_usd: totals.spent_usd,
            days: days_seen,
            period_days: days,
        })
    }

    /// A statement over the chats of the last days. `FINAL` merges rows that were written twice.
    fn query_days(&self, select: &str, rest: &str, days: u16) -> Query {
        let sql = format!("{select} FROM chats FINAL WHERE at >= now() - INTERVAL {days} DAY AND {rest}");
        self.query(&sql)
    }
}

fn parse_days(query: &str) -> Result<u16, ApiError> {
    let params = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "days");
    let Some((_, value)) = params else { return Ok(DEFAULT_DAYS) };
    value.parse().ok().filter(|days| (1..=MAX_DAYS).contains(days)).ok_or_else(|| {
        let detail = format!("must be a whole number from 1 to {}", MAX_DAYS);
        ApiError::of_field(Code::FieldsInvalid, FieldError::parameter("days", "out_of_range", detail))
    })
}
