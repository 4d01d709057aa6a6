//! Expected right answers: the sum of the answers' confidences.

use clickhouse::{Row, error::Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::analytics::{
    ANSWERABLE_CONDITION, ANSWERED_CONDITION, Analytics,
    filter::{PERIOD_CONDITION, ReportFilter, rfc3339},
};

/// The right answers to be expected in one language.
#[derive(Debug, Row, Serialize, Deserialize, ToSchema)]
pub struct ExpectedByLanguage {
    /// The language.
    pub name: String,
    /// Questions that wanted an answer from the documents.
    pub wanted: u64,
    /// Those that got one.
    pub answered: u64,
    /// How many of the answers are right, as their confidence says.
    pub expected_right: f64,
    /// Answers that helped, as visitors say.
    pub up: u64,
    /// Answers that did not.
    pub down: u64,
}

#[derive(Row, Deserialize)]
struct VersionRow {
    stage: String,
    version: String,
    first_ms: i64,
    last_ms: i64,
    wanted: u64,
    answered: u64,
    expected_right: f64,
    up: u64,
    down: u64,
}

/// The right answers to be expected of one version of a stage: its settings, indices, models, prompts.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExpectedByVersion {
    /// The stage.
    pub stage: String,
    /// The version.
    pub name: String,
    /// When it answered first in the period.
    #[schema(format = "date-time")]
    pub first: String,
    /// When it answered last in the period.
    #[schema(format = "date-time")]
    pub last: String,
    /// Questions that wanted an answer from the documents.
    pub wanted: u64,
    /// Those that got one.
    pub answered: u64,
    /// How many of the answers are right, as their confidence says.
    pub expected_right: f64,
    /// Answers that helped, as visitors say.
    pub up: u64,
    /// Answers that did not.
    pub down: u64,
}

/// The columns of both statements.
fn figure_columns() -> String {
    format!(
        "count() AS wanted, countIf({ANSWERED_CONDITION}) AS answered, \
         sumIf(toFloat64(confidence), {ANSWERED_CONDITION}) AS expected_right, \
         countIf(rating = 'up') AS up, countIf(rating = 'down') AS down"
    )
}

/// Questions that needed an answer from the documents, each with its rating.
fn rated_chats(columns: &str) -> String {
    format!(
        "(SELECT job_id, at, outcome, confidence, {columns} FROM chats FINAL WHERE {PERIOD_CONDITION} AND {ANSWERABLE_CONDITION}) AS asked \
         LEFT JOIN (SELECT job_id, rating FROM feedback FINAL) AS said ON asked.job_id = said.job_id"
    )
}

impl Analytics {
    /// The languages, the one with most questions first.
    pub(super) async fn expected_by_language(
        &self,
        filter: &ReportFilter,
    ) -> Result<Vec<ExpectedByLanguage>> {
        let sql = format!(
            "SELECT toString(language) AS name, {} FROM {} WHERE language != '' \
             GROUP BY name ORDER BY wanted DESC, name LIMIT 12",
            figure_columns(),
            rated_chats("language")
        );
        filter.bind(self.query(&sql)).fetch_all().await
    }

    /// The versions of each stage, the latest first.
    pub(super) async fn expected_by_version(&self, filter: &ReportFilter) -> Result<Vec<ExpectedByVersion>> {
        let sql = format!(
            "SELECT kind.1 AS stage, kind.2 AS version, toUnixTimestamp64Milli(min(at)) AS first_ms, \
             toUnixTimestamp64Milli(max(at)) AS last_ms, {} FROM {} \
             GROUP BY stage, version ORDER BY stage, last_ms DESC, version LIMIT 5 BY stage LIMIT 20",
            figure_columns(),
            rated_chats("arrayJoin(arrayZip(mapKeys(versions), mapValues(versions))) AS kind")
        );
        let found: Vec<VersionRow> = filter.bind(self.query(&sql)).fetch_all().await?;
        let version = |found: VersionRow| ExpectedByVersion {
            stage: found.stage,
            name: found.version,
            first: rfc3339(found.first_ms),
            last: rfc3339(found.last_ms),
            wanted: found.wanted,
            answered: found.answered,
            expected_right: found.expected_right,
            up: found.up,
            down: found.down,
        };
        Ok(found.into_iter().map(version).collect())
    }
}
