//! All that the dashboard shows of a period, in one answer.

mod counts;
mod expected;
mod figures;
mod quality;
mod reliability;
mod series;

pub use counts::{Count, PageCount, ProviderShare};
pub use expected::{ExpectedByLanguage, ExpectedByVersion};
pub use figures::{StageTime, Totals};
use hoidap_shared::config::ProductConfig;
pub use quality::{Feedback, Gap};
pub use reliability::{Evaluation, Reliability};
use serde::Serialize;
pub use series::Bucket;
use utoipa::ToSchema;

use super::{
    Analytics,
    canaries::{CanaryFigures, canaries},
    filter::{ReportFilter, rfc3339},
    live::{Freshness, Live},
};
use crate::{broker_client::BrokerClient, error::ApiError};

/// The period that is counted.
#[derive(Debug, Serialize, ToSchema)]
pub struct Period {
    /// Its beginning.
    #[schema(format = "date-time")]
    pub from: String,
    /// Its end, not included.
    #[schema(format = "date-time")]
    pub to: String,
    /// The length of each part of the timeline: `hour` or `day`.
    pub bucket: &'static str,
}

/// What one may choose from.
#[derive(Debug, Serialize, ToSchema)]
pub struct Choices {
    /// The site's products.
    pub products: Vec<FilterChoice>,
    /// The languages that are answered in.
    pub locales: Vec<&'static str>,
}

/// One choice.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Choice)]
pub struct FilterChoice {
    /// Its name in requests and figures.
    pub id: String,
    /// Its name for people.
    pub name: String,
}

/// All that the dashboard shows of a period.
#[derive(Debug, Serialize, ToSchema)]
pub struct Report {
    /// The period.
    pub period: Period,
    /// The sums.
    pub totals: Totals,
    /// Every hour or day of the period, in order, the quiet ones as well.
    pub timeline: Vec<Bucket>,
    /// Time in each stage, in the order of the stages.
    pub stages: Vec<StageTime>,
    /// Every end of a chat, the most frequent first.
    pub outcomes: Vec<Count>,
    /// The intents asked for most.
    pub intents: Vec<Count>,
    /// The products asked about most.
    pub products: Vec<Count>,
    /// The languages of the answers.
    pub languages: Vec<Count>,
    /// The right answers to be expected, by language.
    pub expected_by_language: Vec<ExpectedByLanguage>,
    /// The same by version of each stage, the latest first.
    pub expected_by_version: Vec<ExpectedByVersion>,
    /// How true the confidence of answers was, as the visitors say who rated them.
    pub rated: Reliability,
    /// The same by labelled questions: the last run under each name, whatever the period.
    pub labelled: Reliability,
    /// Those runs, the latest first.
    pub evaluations: Vec<Evaluation>,
    /// Questions without a good answer, those asked most first.
    pub gaps: Vec<Gap>,
    /// The pages that answers cite most.
    pub pages: Vec<PageCount>,
    /// What visitors say of the answers.
    pub feedback: Feedback,
    /// Who answered.
    pub providers: Vec<ProviderShare>,
    /// How old the figures are.
    pub freshness: Freshness,
    /// What the broker counts now; absent while it cannot be asked.
    pub live: Option<Live>,
    /// The canaries that are known, in the order of the stages.
    pub canaries: Vec<CanaryFigures>,
    /// What one may choose from.
    pub choices: Choices,
}

impl Report {
    /// Reads everything.
    ///
    /// # Errors
    /// When ClickHouse does not give it.
    pub async fn read(
        analytics: &Analytics,
        broker: &BrokerClient,
        configured_products: &[ProductConfig],
        filter: &ReportFilter,
    ) -> Result<Self, ApiError> {
        let lag = broker.lag().await.ok();
        let figures = async {
            futures::try_join!(
                analytics.totals(filter),
                analytics.timeline(filter),
                analytics.stages(filter),
                analytics.counts(filter, "outcome", ""),
                analytics.counts(filter, "intent", "unknown"),
                analytics.counts(filter, "product", ""),
                analytics.counts(filter, "language", ""),
                analytics.expected_by_language(filter),
                analytics.expected_by_version(filter),
                analytics.rated(filter),
                analytics.labelled(),
                analytics.gaps(filter),
                analytics.pages(filter),
                analytics.feedback(filter),
                analytics.providers(filter),
                analytics.freshness(lag.as_ref()),
            )
        };
        let (
            totals,
            timeline,
            stages,
            outcomes,
            intents,
            products,
            languages,
            expected_by_language,
            expected_by_version,
            rated,
            (labelled, evaluations),
            gaps,
            pages,
            feedback,
            providers,
            freshness,
        ) = Box::pin(analytics.run("the figures", figures)).await?;
        let choices = configured_products
            .iter()
            .map(|product| FilterChoice { id: product.id.clone(), name: product.name.clone() });
        Ok(Self {
            period: Period {
                from: rfc3339(filter.from_ms),
                to: rfc3339(filter.to_ms),
                bucket: if filter.by_hour() { "hour" } else { "day" },
            },
            totals,
            timeline,
            stages,
            outcomes,
            intents,
            products,
            languages,
            expected_by_language,
            expected_by_version,
            rated,
            labelled,
            evaluations,
            gaps,
            pages,
            feedback,
            providers,
            freshness,
            live: lag.map(Live::of),
            canaries: broker.fleet().map(canaries).unwrap_or_default(),
            choices: Choices { products: choices.collect(), locales: vec!["vi", "en"] },
        })
    }
}
