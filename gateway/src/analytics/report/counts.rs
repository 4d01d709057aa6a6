//! Counts by outcome, intent, product, language, page and provider.

use std::collections::BTreeMap;

use clickhouse::{Row, error::Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::analytics::{
    ASKED_CONDITION, Analytics,
    filter::{PERIOD_CONDITION, ReportFilter},
};

/// How often something was.
#[derive(Debug, Row, Serialize, Deserialize, ToSchema)]
pub struct Count {
    /// What.
    pub name: String,
    /// How often.
    pub count: u64,
}

/// How often one page was cited.
#[derive(Debug, Row, Serialize, Deserialize, ToSchema)]
pub struct PageCount {
    /// Its address.
    pub url: String,
    /// Answers that cite it.
    pub cited: u64,
    /// Those that helped, as visitors say.
    pub up: u64,
    /// Those that did not.
    pub down: u64,
}

/// What one provider did.
#[derive(Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct ProviderShare {
    /// Its name in the configuration.
    pub provider: String,
    /// Questions that were answered in its words.
    pub answers: u64,
    /// Times it was asked.
    pub calls: u64,
    /// Times it gave no answer.
    pub failures: u64,
    /// Time that 19 of 20 of its calls took at most, in milliseconds.
    pub p95_ms: u32,
    /// What its answers cost in US dollars, where its prices are configured.
    pub cost_usd: f64,
}

#[derive(Row, Deserialize)]
struct ProviderAnswersRow {
    name: String,
    answers: u64,
    cost_usd: f64,
}

#[derive(Row, Deserialize)]
struct ProviderCallsRow {
    name: String,
    calls: u64,
    failures: u64,
    p95_ms: u32,
}

impl Analytics {
    /// The counts of a column's values, without the value `none`. At most the twelve most frequent.
    pub(super) async fn counts(
        &self,
        filter: &ReportFilter,
        column: &'static str,
        none: &'static str,
    ) -> Result<Vec<Count>> {
        let among = if column == "outcome" { "1" } else { ASKED_CONDITION };
        let sql = format!(
            "SELECT toString({column}) AS name, sum(times) AS count FROM chats FINAL \
             WHERE {PERIOD_CONDITION} AND {among} AND {column} != '{none}' GROUP BY name ORDER BY count DESC, name LIMIT 12"
        );
        filter.bind(self.query(&sql)).fetch_all().await
    }

    /// The pages that answers cite most.
    pub(super) async fn pages(&self, filter: &ReportFilter) -> Result<Vec<PageCount>> {
        let sql = format!(
            "SELECT url, count() AS cited, countIf(rating = 'up') AS up, countIf(rating = 'down') AS down FROM \
             (SELECT job_id, arrayJoin(arrayDistinct(sources)) AS url FROM chats FINAL WHERE {PERIOD_CONDITION}) AS cited \
             LEFT JOIN (SELECT job_id, rating FROM feedback FINAL) AS said ON cited.job_id = said.job_id \
             GROUP BY url ORDER BY cited DESC, url LIMIT 15"
        );
        filter.bind(self.query(&sql)).fetch_all().await
    }

    /// Who answered, the one with most answers first.
    pub(super) async fn providers(&self, filter: &ReportFilter) -> Result<Vec<ProviderShare>> {
        let answers = format!(
            "SELECT toString(provider) AS name, count() AS answers, sum(chats.cost_usd) AS cost_usd FROM chats FINAL \
             WHERE {PERIOD_CONDITION} AND provider != '' GROUP BY name"
        );
        let calls = format!(
            "SELECT toString(called) AS name, count() AS calls, countIf(error != '') AS failures, \
             quantileExact(0.95)(took) AS p95_ms FROM chats FINAL \
             ARRAY JOIN attempt_provider AS called, attempt_ms AS took, attempt_error AS error WHERE {PERIOD_CONDITION} GROUP BY name"
        );
        let (answers, calls) = futures::try_join!(
            filter.bind(self.query(&answers)).fetch_all::<ProviderAnswersRow>(),
            filter.bind(self.query(&calls)).fetch_all::<ProviderCallsRow>(),
        )?;
        Ok(join_shares(answers, calls))
    }
}

fn join_shares(answers: Vec<ProviderAnswersRow>, calls: Vec<ProviderCallsRow>) -> Vec<ProviderShare> {
    let mut shares: BTreeMap<String, ProviderShare> = BTreeMap::new();
    for found in answers {
        let share = shares.entry(found.name).or_default();
        (share.answers, share.cost_usd) = (found.answers, found.cost_usd);
    }
    for found in calls {
        let share = shares.entry(found.name).or_default();
        (share.calls, share.failures, share.p95_ms) = (found.calls, found.failures, found.p95_ms);
    }
    let named = shares.into_iter().map(|(provider, share)| ProviderShare { provider, ..share });
    let mut shares: Vec<ProviderShare> = named.collect();
    shares.sort_by_key(|share| std::cmp::Reverse((share.answers, share.calls)));
    shares
}
